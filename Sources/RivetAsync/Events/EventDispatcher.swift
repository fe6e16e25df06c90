// SPDX-License-Identifier: Apache-2.0

/// Brings a connection's events to the feeds of their names, and keeps those that were read before it was seen that a
/// feed which holds up the socket has no room for them.
///
/// These are the events of one read: the socket is not read while any wait. What comes after a loss waits behind them.
/// So do the events that an actor sends while a lost connection opens again, ahead of its `Init`, which says what the
/// loss is to be told with. Where it does not come they are lost with their socket: what stands between two losses came
/// on one socket.
///
/// `@unchecked Sendable`: touched on the connection's lane only.
final class EventDispatcher: @unchecked Sendable {
    private enum Held {
        case event(EventMessage)
        case reconnected(ConnectionInfo)
    }

    private struct State {
        var listeners = Subscriptions.Copy()
        /// What has come last and is of one name.
        var run: EventRun
        /// The feeds whose readers are to be woken at the end of the turn.
        var touched: [EventFeed] = []
        /// Those that have ended by their policy, which is told at the end of the turn.
        var finished: [EventFeed] = []
        var held = RingBuffer<Held>()
        /// Whether a socket is lost, and that is not told.
        var isReopening = false
        /// What came meanwhile on the socket that is to open, and how large it is; beyond the bounds the oldest go, as
        /// the loss tells.
        var early = RingBuffer<EventMessage>()
        var earlySize = 0
        var earlyPinned = PinnedBuffers()
        var received = 0
    }

    private static let mostEarlyEvents = 256
    private static let mostEarlyBytes = 1 << 20

    private let book: Subscriptions
    private let tally: EventTally
    private let state: Unchecked<State>

    /// Called with a feed that has ended by its policy.
    var onFinish: (EventFeed) -> Void = { _ in }

    /// `format` is that of the events' arguments.
    init(_ book: Subscriptions, _ tally: EventTally, format: ValueFormat) {
        self.book = book
        self.tally = tally
        state = Unchecked(State(run: EventRun(format: format)))
    }

    deinit { state.deallocate() }

    /// Whether events wait for room, and the socket is not to be read.
    var isHolding: Bool { !state.value.held.isEmpty }

    /// Whether more than is kept anyway came ahead of the first `Init`.
    ///
    /// What did keeps nothing of the messages that it came in.
    func isFullAheadOfInit() -> Bool {
        guard !isReopening, isHolding else { return false }
        var size = 0
        state.value.held.mutateEach { held in
            guard case .event(var event) = held else { return }
            event.copyOut()
            size += event.size
            held = .event(event)
        }
        return state.value.held.count > Self.mostEarlyEvents || size > Self.mostEarlyBytes
    }

    /// Whether a loss is to be told when the connection is open.
    var isReopening: Bool { state.value.isReopening }

    func deliver(_ event: EventMessage) {
        state.value.received &+= 1
        if state.value.isReopening { keep(event) } else { pass(event) }
    }

    private func pass(_ event: EventMessage) {
        if state.value.run.isFull { settle() }
        if unsafe !state.value.run.isOf(event.nameBytes) { flush() }
        if isHolding { state.value.held.append(.event(event)) } else { state.value.run.append(event) }
    }

    private func keep(_ event: EventMessage) {
        state.value.early.append(event)
        state.value.earlySize += event.size
        while state.value.early.count > Self.mostEarlyEvents || state.value.earlySize > Self.mostEarlyBytes,
            let oldest = state.value.early.popFirst()
        {
            state.value.earlySize -= oldest.size
        }
        if state.value.earlyPinned.note(event.message, queueSize: state.value.earlySize) {
            state.value.early.mutateEach { $0.copyOut() }
        }
    }

    private func passEarly() {
        while let event = state.value.early.popFirst() { pass(event) }
        forgetEarly()
    }

    private func forgetEarly() {
        state.value.early.removeAll()
        (state.value.isReopening, state.value.earlySize, state.value.earlyPinned) = (false, 0, PinnedBuffers())
    }

    /// Called at the end of a turn: the feeds get what was gathered, and their readers are woken.
    func settle() {
        flush()
        for feed in state.value.touched { feed.wakeReader() }
        state.value.touched.removeAll(keepingCapacity: true)
        while let feed = state.value.finished.popLast() { onFinish(feed) }
    }

    /// A socket is lost, which is told when the next one has opened; `wasOpen`: this one or one before it was.
    ///
    /// It is told too where events came on one that never was.
    func socketEnded(wasOpen: Bool) {
        forgetEarly()
        state.value.isReopening = wasOpen || state.value.received > 0
    }

    /// Each feed learns that events may have been missed, behind those that came before.
    func reconnected(_ info: ConnectionInfo) {
        defer { passEarly() }
        // What there is no room for waits from here on, and the loss behind it.
        flush()
        guard isHolding else { return mark(info) }
        // Of what waits behind an earlier loss the new one tells too: it may have been missed.
        var kept = RingBuffer<Held>()
        while case .event? = state.value.held.first, let event = state.value.held.popFirst() { kept.append(event) }
        state.value.held = kept
        state.value.held.append(.reconnected(info))
    }

    /// A feed has room again.
    ///
    /// Returns true when nothing waits any more, and the socket may be read.
    func release() -> Bool { release(whateverRoom: false) }

    /// No event follows the end of the last socket: what waits goes to the feeds, room or not.
    func finish() {
        _ = release(whateverRoom: true)
    }

    private func release(whateverRoom: Bool) -> Bool {
        flush()
        defer { settle() }
        while let first = state.value.held.first {
            switch first {
            case .event(let event):
                state.value.run.append(event)
                defer { state.value.run.removeAll() }
                guard handOver(whateverRoom: whateverRoom) > 0 else { return false }
            case .reconnected(let info): mark(info)
            }
            _ = state.value.held.popFirst()
        }
        return true
    }

    /// The feeds get the run; what they have no room for is held.
    func flush() {
        // Before those that are taken or dropped.
        tally.note(received: state.value.received)
        guard !state.value.run.isEmpty else { return }
        let taken = handOver()
        for event in state.value.run.events.dropFirst(taken) { state.value.held.append(.event(event)) }
        state.value.run.removeAll()
    }

    /// Lets go of feeds that have been removed.
    func refresh() { state.value.listeners.refresh(from: book) }

    /// Gives the feeds as many events of the run as all of them have room for, and returns how many these are.
    private func handOver(whateverRoom: Bool = false) -> Int {
        state.value.listeners.refresh(from: book)
        let feeds = state.value.listeners.table.feeds(of: state.value.run)
        var count = state.value.run.count
        if state.value.listeners.table.holdsReading, !whateverRoom {
            for feed in feeds { count = min(count, feed.room(for: state.value.run)) }
        }
        if !feeds.isEmpty { state.value.run.copySmallEvents() }
        for feed in feeds {
            if !state.value.touched.contains(where: { $0 === feed }) { state.value.touched.append(feed) }
            if feed.append(state.value.run, first: count) { state.value.finished.append(feed) }
        }
        return count
    }

    private func mark(_ info: ConnectionInfo) {
        settle()
        for feed in book.current.feeds { feed.appendGap(.reconnected(info)) }
    }
}
