// SPDX-License-Identifier: Apache-2.0
import Synchronization

/// What the event sequences have in common: a subscription that exists from the moment it is made, for one loop.
final class EventSubscription: Sendable {
    private let unclaimed: Mutex<EventReader?>
    private let subscribe: @Sendable () -> EventReader
    let connection: any ResyncedConnection

    init(on connection: any ResyncedConnection, _ subscribe: @escaping @Sendable () -> EventReader) {
        self.connection = connection
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
    /// Holds the connection.
    private let remove: @Sendable (EventFeed) -> Void
    private let isSubscribed = Atomic<Bool>(true)

    /// A listener of `feed`, which `remove` takes away from its connection.
    init(feed: EventFeed, remove: @escaping @Sendable (EventFeed) -> Void) {
        self.feed = feed
        self.remove = remove
    }

    deinit { unsubscribe() }

    func unsubscribe() {
        guard isSubscribed.exchange(false, ordering: .relaxed) else { return }
        remove(feed)
        feed.losses?.flush()
    }
}

/// The part of an iterator that does not depend on the type: takes batches from the feed, gives out their entries.
struct EventCursor {
    private var reader: EventReader
    private var batch = RingBuffer<EventFeed.Entry>()
    private var isOver = false
    /// Why it has ended.
    private var failure: RivetError?

    init(_ reader: EventReader) { self.reader = reader }

    /// The next event or gap; nil at the end, and where another task waits for it already.
    mutating func next() async -> EventFeed.Entry? {
        repeat {
            if let entry = nextHere() { return entry }
        } while await fill(alone: true)
        return nil
    }

    /// Puts the next event that is here and decodes into `place`, passing over gaps; false where `fill` has to bring more.
    ///
    /// An `Optional` would be looked up for each event, its type not being known here.
    @inline(__always)
    mutating func takeValueHere<Value>(
        into place: UnsafeMutableBufferPointer<Value>,
        _ decode: (EncodedValue) throws -> Value
    ) -> Bool {
        while let entry = nextHere() {
            guard case .event(let encoded) = entry else { continue }
            do {
                let value = try decode(encoded)
                unsafe place.initializeElement(at: 0, to: value)
                return true
            } catch {
                reader.feed.losses?.note(.undecodable)
            }
        }
        return false
    }

    /// Why it has ended or cannot be read; nil where it was closed or cancelled, and from the second time on.
    mutating func takeFailure() -> RivetError? { failure.take() }

    // MARK: Around a load

    /// The listener's feed.
    var feed: EventFeed { reader.feed }

    /// A snapshot is loaded from now on, which covers the gaps until here.
    ///
    /// Returns how many events are here already.
    mutating func beginLoad() -> Int { reader.feed.beginLoad(behind: &batch) }

    /// The load is over.
    ///
    /// Returns true when events were dropped meanwhile. Those before them are dropped too, since no snapshot goes before
    /// them: the next load gets the room.
    mutating func endLoad() -> Bool {
        guard reader.feed.endLoad() else { return false }
        if batch.count > 0 { reader.feed.losses?.note(.dropped, batch.count, isCounted: false) }
        batch.removeAll()
        return true
    }

    /// The reader wants no more.
    mutating func leave() {
        isOver = true
        batch.removeAll()
        reader.unsubscribe()
    }

    private mutating func nextHere() -> EventFeed.Entry? {
        Task.isCancelled ? nil : batch.popFirst()
    }

    /// Waits for more; false at the end, when the task is cancelled, and where another task waits and this one would be
    /// `alone`.
    mutating func fill(alone: Bool = false) async -> Bool {
        if isOver { return false }
        switch Task.isCancelled ? .ended : await reader.feed.take(into: &batch, alone: alone) {
        case .taken:
            return true
        case .busy:
            failure = .readTwice("another task is reading these deliveries")
            return false
        case .ended:
            isOver = true
            if !Task.isCancelled { failure = reader.feed.failure }
            batch.removeAll()
            // Where an iterator was copied, the last of the copies ends the subscription.
            if isKnownUniquelyReferenced(&reader) { reader.unsubscribe() }
            return false
        }
    }
}

extension RivetError {
    /// Two tasks read at the same time what is for one.
    static func readTwice(_ what: String, underlying: (any Error)? = nil) -> RivetError {
        RivetError(.invalidArgument, what, fault: .caller, underlying: underlying)
    }
}
