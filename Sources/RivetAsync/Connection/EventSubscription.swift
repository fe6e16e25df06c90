// SPDX-License-Identifier: Apache-2.0
import Synchronization

/// What the event sequences have in common: a subscription that exists from the moment it is made, for one loop.
final class EventSubscription: Sendable {
    private let unclaimed: Mutex<EventReader?>
    private let subscribe: @Sendable () -> EventReader

    init(_ subscribe: @escaping @Sendable () -> EventReader) {
        self.subscribe = subscribe
        unclaimed = Mutex(subscribe())
    }

    /// The reader that was subscribed first, once; after that a new one each time.
    func claim() -> EventReader {
        unclaimed.withLock { $0.take() } ?? subscribe()
    }
}

/// One listener: unsubscribes when its loop has ended or it is released, and keeps its connection alive until then.
final class EventReader: Sendable {
    let feed: EventFeed
    private let lifetime: ConnectionLifetime
    private let isSubscribed = Atomic<Bool>(true)

    init(feed: EventFeed, lifetime: ConnectionLifetime) {
        self.feed = feed
        self.lifetime = lifetime
    }

    deinit { unsubscribe() }

    func unsubscribe() {
        if isSubscribed.exchange(false, ordering: .relaxed) { lifetime.core.removeFeed(feed) }
    }
}

/// The part of an iterator that does not depend on the type: takes batches from the feed, gives out their entries.
struct EventCursor {
    private let reader: EventReader
    private var batch = RingBuffer<EventFeed.Entry>()
    private var isOver = false

    init(_ reader: EventReader) { self.reader = reader }

    enum Step {
        case entry(EventFeed.Entry)
        case end(RivetError?)
    }

    mutating func next(isolation: isolated (any Actor)?) async -> Step {
        if isOver { return .end(nil) }
        if Task.isCancelled { return end(nil) }
        if let entry = batch.popFirst() { return .entry(entry) }
        switch await reader.feed.next(isolation: isolation) {
        case .entries(let entries):
            batch = entries
            guard let entry = batch.popFirst() else { return .end(nil) }
            return .entry(entry)
        case .ended(let error):
            return end(error)
        }
    }

    /// The next event that decodes, passing over gaps; nil at the end.
    mutating func nextValue<Value>(
        isolation: isolated (any Actor)?,
        _ decode: (EncodedValue) throws -> Value
    ) async -> Value? {
        while case .entry(let entry) = await next(isolation: isolation) {
            if case .event(let encoded) = entry, let value = try? decode(encoded) { return value }
        }
        return nil
    }

    private mutating func end(_ error: RivetError?) -> Step {
        isOver = true
        batch.removeAll()
        reader.unsubscribe()
        return .end(error)
    }
}
