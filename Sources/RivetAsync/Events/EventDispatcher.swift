// SPDX-License-Identifier: Apache-2.0

/// Brings a connection's events to the feeds of their names, and keeps those that were read before it was seen that a
/// feed which holds up the socket has no room for them.
///
/// These are the events of one read: the socket is not read while any wait. What comes after a loss waits behind them.
///
/// `@unchecked Sendable`: touched on the connection's lane only.
final class EventDispatcher: @unchecked Sendable {
    private enum Held {
        case event(name: ByteChunk, EncodedValue)
        case reconnected(ConnectionInfo)
    }

    private let book: Subscriptions
    // Nothing that an access calls changes the same variable.
    @exclusivity(unchecked) private var listeners = Subscriptions.Copy()
    /// The feeds that have gathered events in this turn.
    @exclusivity(unchecked) private var touched: [EventFeed] = []
    @exclusivity(unchecked) private var held = RingBuffer<Held>()
    /// Called with a feed that has ended by its policy.
    var onFinish: (EventFeed) -> Void = { _ in }

    private let tally: EventTally
    @exclusivity(unchecked) private var received = 0

    init(_ book: Subscriptions, _ tally: EventTally) { (self.book, self.tally) = (book, tally) }

    /// Whether events wait for room, and the socket is not to be read.
    var isHolding: Bool { !held.isEmpty }

    func deliver(_ event: EncodedValue, to name: ByteChunk) {
        listeners.refresh(from: book)
        received &+= 1
        if held.isEmpty, hasRoom(for: event, name) { return gather(event, name) }
        settle()
        held.append(.event(name: name, event))
    }

    /// Called at the end of a turn: the feeds get what was gathered.
    func settle() {
        tally.note(received: received)
        for feed in touched { settle(feed) }
        touched.removeAll(keepingCapacity: true)
    }

    /// Each feed learns that events may have been missed, behind those that came before.
    func reconnected(_ info: ConnectionInfo) {
        guard isHolding else { return mark(info) }
        // Of what waits behind an earlier loss the new one tells too: it may have been missed.
        var kept = RingBuffer<Held>()
        while case .event? = held.first, let event = held.popFirst() { kept.append(event) }
        held = kept
        held.append(.reconnected(info))
    }

    /// A feed has room again.
    ///
    /// Returns true when nothing waits any more, and the socket may be read.
    func release() -> Bool { release(whateverRoom: false) }

    /// No event follows: what waits goes to the feeds, room or not.
    func finish() { _ = release(whateverRoom: true) }

    private func release(whateverRoom: Bool) -> Bool {
        listeners.refresh(from: book)
        while let first = held.first {
            switch first {
            case .event(let name, let event):
                guard whateverRoom || hasRoom(for: event, name) else {
                    settle()
                    return false
                }
                gather(event, name)
            case .reconnected(let info): mark(info)
            }
            _ = held.popFirst()
        }
        settle()
        return true
    }

    @inline(__always)
    private func hasRoom(for event: EncodedValue, _ name: ByteChunk) -> Bool {
        !listeners.table.holdsReading || listeners.table.hasRoom(for: event, of: name)
    }

    @inline(__always)
    private func gather(_ event: EncodedValue, _ name: ByteChunk) {
        listeners.table.forEachFeed(of: name) { feed in
            if feed.gather(event) {
                settle(feed)
            } else if touched.last !== feed, !touched.contains(where: { $0 === feed }) {
                touched.append(feed)
            }
        }
    }

    private func mark(_ info: ConnectionInfo) {
        settle()
        for feed in book.current.feeds { feed.appendGap(.reconnected(info)) }
    }

    private func settle(_ feed: EventFeed) {
        // Before those that are taken or dropped.
        tally.note(received: received)
        if feed.deliver() { onFinish(feed) }
    }
}
