// SPDX-License-Identifier: Apache-2.0

/// Brings a connection's events to the feeds of their names, and keeps those that were read before it was seen that a
/// feed which holds up the socket has no room for them.
///
/// These are the events of one read: the socket is not read while any wait. What comes after a loss waits behind them.
/// So do the events that an actor sends while a lost connection opens again, ahead of its `Init`, which says what the
/// loss is to be told with.
///
/// `@unchecked Sendable`: touched on the connection's lane only.
final class EventDispatcher: @unchecked Sendable {
    private enum Held {
        case event(EventMessage)
        case reconnected(ConnectionInfo)
    }

    private let book: Subscriptions
    // `@safe`: nothing that an access calls changes the same variable.
    @safe @exclusivity(unchecked) private var listeners = Subscriptions.Copy()
    /// What has come last and is of one name.
    @safe @exclusivity(unchecked) private var run: EventRun
    /// The feeds whose readers are to be woken at the end of the turn.
    @safe @exclusivity(unchecked) private var touched: [EventFeed] = []
    /// Those that have ended by their policy, which is told at the end of the turn.
    @safe @exclusivity(unchecked) private var finished: [EventFeed] = []
    @safe @exclusivity(unchecked) private var held = RingBuffer<Held>()
    /// Whether a lost connection opens again, whose loss has not been told.
    @safe @exclusivity(unchecked) private var isReopening = false
    /// What came meanwhile, and how large it is; what exceeds the bounds stands before the loss, with all of these.
    @safe @exclusivity(unchecked) private var early = RingBuffer<EventMessage>()
    @safe @exclusivity(unchecked) private var earlySize = 0
    private static let mostEarlyEvents = 256
    private static let mostEarlyBytes = 1 << 20

    /// Called with a feed that has ended by its policy.
    var onFinish: (EventFeed) -> Void = { _ in }

    private let tally: EventTally
    @safe @exclusivity(unchecked) private var received = 0

    /// `format` is that of the events' arguments.
    init(_ book: Subscriptions, _ tally: EventTally, format: ValueFormat) {
        self.book = book
        self.tally = tally
        run = EventRun(format: format)
    }

    /// Whether events wait for room, and the socket is not to be read.
    var isHolding: Bool { !held.isEmpty }

    func deliver(_ event: EventMessage) {
        received &+= 1
        if isReopening { keep(event) } else { pass(event) }
    }

    private func pass(_ event: EventMessage) {
        if run.isFull { settle() }
        if unsafe !run.isOf(event.nameBytes) { flush() }
        if isHolding { held.append(.event(event)) } else { run.append(event) }
    }

    private func keep(_ event: EventMessage) {
        early.append(event)
        earlySize += event.size
        if early.count > Self.mostEarlyEvents || earlySize > Self.mostEarlyBytes { passEarly() }
    }

    private func passEarly() {
        (isReopening, earlySize) = (false, 0)
        while let event = early.popFirst() { pass(event) }
    }

    /// Called at the end of a turn: the feeds get what was gathered, and their readers are woken.
    func settle() {
        flush()
        for feed in touched { feed.wakeReader() }
        touched.removeAll(keepingCapacity: true)
        while let feed = finished.popLast() { onFinish(feed) }
    }

    /// A lost connection opens again: what comes from here on stands behind the loss.
    func reopens() { isReopening = true }

    /// Each feed learns that events may have been missed, behind those that came before.
    func reconnected(_ info: ConnectionInfo) {
        defer { passEarly() }
        // What there is no room for waits from here on, and the loss behind it.
        flush()
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
    func finish() {
        passEarly()
        _ = release(whateverRoom: true)
    }

    private func release(whateverRoom: Bool) -> Bool {
        flush()
        defer { settle() }
        while let first = held.first {
            switch first {
            case .event(let event):
                run.append(event)
                defer { run.removeAll() }
                guard handOver(whateverRoom: whateverRoom) > 0 else { return false }
            case .reconnected(let info): mark(info)
            }
            _ = held.popFirst()
        }
        return true
    }

    /// The feeds get the run; what they have no room for is held.
    func flush() {
        // Before those that are taken or dropped.
        tally.note(received: received)
        guard !run.isEmpty else { return }
        for event in run.events.dropFirst(handOver()) { held.append(.event(event)) }
        run.removeAll()
    }

    /// Gives the feeds as many events of the run as all of them have room for, and returns how many these are.
    private func handOver(whateverRoom: Bool = false) -> Int {
        listeners.refresh(from: book)
        let feeds = listeners.table.feeds(of: run)
        var count = run.count
        if listeners.table.holdsReading, !whateverRoom { for feed in feeds { count = min(count, feed.room(for: run)) } }
        if !feeds.isEmpty { run.copySmallEvents() }
        for feed in feeds {
            if !touched.contains(where: { $0 === feed }) { touched.append(feed) }
            if feed.append(run, first: count) { finished.append(feed) }
        }
        return count
    }

    private func mark(_ info: ConnectionInfo) {
        settle()
        for feed in book.current.feeds { feed.appendGap(.reconnected(info)) }
    }
}
