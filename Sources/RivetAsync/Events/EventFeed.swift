// SPDX-License-Identifier: Apache-2.0
import Synchronization

/// The ring between the lane, which brings slices of the receive buffer, and one iterator, which takes everything that
/// is there at once and decodes it in its own task.
///
/// The lane gathers what arrives in a turn without a lock and hands it over in one step (`deliver`), which also wakes
/// the reader: once for a turn, never once for an event. The reader is parked by hand, as the `WebSocketInbox` tells.
///
/// `@unchecked Sendable`: everything but `arrived` is behind `state`; `arrived` is touched on the connection's lane only.
final class EventFeed: @unchecked Sendable {
    enum Entry: Sendable {
        case event(EncodedValue)
        /// Elsewhere in memory, so that it does not make the many events large.
        indirect case gap(EventGap)
    }

    struct State {
        var ring = RingBuffer<Entry>()
        var events = 0
        var bytes = 0
        /// Bytes of receive buffers that the ring keeps alive; a buffer counts once for a run of its slices.
        var pinned = 0
        var lastBuffer: ObjectIdentifier?
        var dropped = 0
        /// Of these, those that were not told of yet.
        var untold = 0
        var isEnded = false
        var error: RivetError?
        var holdsReading = false
        /// Whether its reader loads a snapshot, and what comes meanwhile must not hold up the socket.
        var isLoading = false
        /// Whether events were dropped since the load began.
        var hasOverflowed = false
        /// Whom the end wakes, and a gap where that is wanted, beside the readers.
        var interruption: (signal: Signal, isForGaps: Bool)?
        /// The readers that wait, in the order in which they came.
        ///
        /// Plain continuations, counted by `park` and `resume`: a `ParkedTask` references the gauge, whose references two
        /// cores would then count for each batch.
        var waiters = WaitingLine<CheckedContinuation<Bool, Never>>()

        var hasNews: Bool { !ring.isEmpty || isEnded || dropped > 0 }

        mutating func drop() {
            dropped += 1
            untold += 1
            hasOverflowed = true
        }

        /// Nothing is in the ring any more.
        mutating func forget() { (events, bytes, pinned, lastBuffer) = (0, 0, 0, nil) }
    }

    /// Beyond this many gathered events the lane delivers at once, so that one turn cannot gather without bound.
    private static let maxGathered = 64

    let name: String
    let buffering: EventBuffering
    let state = Mutex(State())
    let gauge: ResourceGauge
    /// Told of each event that the listener does not get.
    let losses: EventLosses?
    // No access lasts longer than a statement, and none calls the user's code.
    @exclusivity(unchecked) private var arrived: [EncodedValue] = []
    /// How much more it takes, at least, where it holds up the socket; a reader may have made more room.
    @exclusivity(unchecked) private var room = (events: 0, bytes: 0)
    /// Called, from the reader's task, when a reader made room in a feed that held up the socket.
    let resumeReading: @Sendable () -> Void

    init(
        name: String,
        buffering: EventBuffering,
        gauge: ResourceGauge,
        losses: EventLosses? = nil,
        resumeReading: @escaping @Sendable () -> Void
    ) {
        self.gauge = gauge
        self.losses = losses
        self.name = name
        self.buffering = buffering
        self.resumeReading = resumeReading
    }

    // MARK: The lane's side

    /// Whether the socket is not read while it is full.
    var holdsReading: Bool { buffering.overflow == .suspendReading }

    /// Whether one that holds up the socket takes this event; where not, it does so from now on, until somebody reads.
    func hasRoom(for event: EncodedValue) -> Bool {
        guard holdsReading else { return true }
        let size = event.bytes.count
        if room.events <= 0 || room.bytes < size, !findRoom(for: size) { return false }
        room = (room.events &- 1, room.bytes &- size)
        return true
    }

    private func findRoom(for size: Int) -> Bool {
        let gathered = arrived.reduce(0) { $0 + $1.bytes.count }
        return state.withLock { state in
            let (events, bytes) = (state.events + arrived.count, state.bytes + gathered)
            // A single event is never refused.
            room = (
                buffering.capacity - events, events == 0 ? max(buffering.maxBytes, size) : buffering.maxBytes - bytes
            )
            let hasRoom = state.isEnded || state.isLoading || room.events > 0 && room.bytes >= size
            if state.isEnded { room = (.max, .max) }
            if !hasRoom { state.holdsReading = true }
            return hasRoom
        }
    }

    /// Returns true when the lane should deliver now and not only at the end of its turn.
    func gather(_ event: EncodedValue) -> Bool {
        arrived.append(event)
        return arrived.count >= Self.maxGathered
    }

    /// Hands over what was gathered, by the feed's policy, and wakes the reader.
    ///
    /// Returns true when the feed has ended by its policy; its listener counts no more.
    func deliver() -> Bool {
        guard !arrived.isEmpty else { return false }
        let (hasFinished, dropped, waiter, interruption) = state.withLock { state in
            var hasFinished = false
            for event in arrived where !state.isEnded { hasFinished = append(event, &state) }
            defer { state.untold = 0 }
            let interruption = hasFinished ? state.interruption.take() : nil
            return (hasFinished, state.untold, state.hasNews ? state.waiters.popFirst() : nil, interruption)
        }
        arrived.removeAll(keepingCapacity: true)
        resume(waiter)
        interruption?.signal.set()
        if dropped > 0 { losses?.note(.dropped, dropped) }
        if hasFinished { losses?.note(.finished) }
        return hasFinished
    }

    func appendGap(_ gap: EventGap) {
        let (waiter, interruption) = state.withLock { state -> (CheckedContinuation<Bool, Never>?, Signal?) in
            guard !state.isEnded else { return (nil, nil) }
            flushDroppedNewest(&state)
            if case .reconnected = gap, case .gap(.reconnected)? = state.ring.last {
                // Nobody has read since: one gap says as much, and many losses gather nothing.
                state.ring.replaceLast(with: .gap(gap))
            } else {
                state.ring.append(.gap(gap))
            }
            return (state.waiters.popFirst(), state.interruption?.isForGaps == true ? state.interruption?.signal : nil)
        }
        resume(waiter)
        interruption?.set()
        if case .reconnected = gap { losses?.note(.reconnected) }
    }

    /// What is in the ring can still be read, then every reader learns the end.
    func end(_ error: RivetError?) {
        let interruption = state.withLock { state -> Signal? in
            guard !state.isEnded else { return nil }
            state.isEnded = true
            state.error = error
            return state.interruption.take()?.signal
        }
        interruption?.set()
        while let waiter = state.withLock({ $0.waiters.popFirst() }) { resume(waiter) }
    }

    /// For a listener that is gone: whether its feed held up the socket, which it does no more.
    func releaseHold() -> Bool {
        state.withLock { state in
            defer { state.holdsReading = false }
            return state.holdsReading
        }
    }

    // MARK: The reader's side

    enum Taken {
        case taken
        /// The end, whose error is `failure`, or the task is cancelled.
        case ended
        /// Another task waits already, and this one wants to be the only one.
        case busy
    }

    /// Moves everything that is there into `batch`, which is empty, waiting until there is something.
    ///
    /// Of several tasks that wait, the one that came first gets what comes next. One that is `alone` does not wait beside
    /// another.
    func take(into batch: inout RingBuffer<Entry>, alone: Bool = false) async -> Taken {
        while true {
            let (resumes, isEnded) = state.withLock { state in (take(into: &batch, &state), state.isEnded) }
            if resumes { resumeReading() }
            if !batch.isEmpty { return .taken }
            if isEnded || Task.isCancelled { return .ended }
            guard await park(alone: alone) else { return .busy }
            if Task.isCancelled {
                passOn()
                return .ended
            }
        }
    }

    private func resume(_ waiter: CheckedContinuation<Bool, Never>?) {
        guard let waiter else { return }
        gauge.waiters.subtract(1, ordering: .relaxed)
        waiter.resume(returning: true)
    }

    /// The task that was woken takes nothing: the next one that waits does.
    private func passOn() {
        resume(state.withLock { $0.hasNews ? $0.waiters.popFirst() : nil })
    }

    /// Why it has ended; nil while it has not, and after `disconnect`.
    var failure: RivetError? { state.withLock { $0.error } }

    /// Returns true when the socket is to be read again.
    private func take(into batch: inout RingBuffer<Entry>, _ state: inout State) -> Bool {
        flushDroppedNewest(&state)
        if state.dropped > 0 {
            batch.append(.gap(.overflowed(dropped: state.dropped)))
            state.dropped = 0
            while let entry = state.ring.popFirst() { batch.append(entry) }
        } else {
            // The reader's memory is what the lane fills next.
            swap(&batch, &state.ring)
        }
        guard !batch.isEmpty else { return false }
        losses?.tally.note(delivered: state.events)
        state.forget()
        defer { state.holdsReading = false }
        return state.holdsReading
    }

    /// Returns false at once where it would not be `alone`.
    private func park(alone: Bool) async -> Bool {
        let id = state.withLock { $0.waiters.nextID() }
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let answer: Bool? = state.withLock { state in
                    if state.hasNews || Task.isCancelled { return true }
                    if alone, !state.waiters.isEmpty { return false }
                    gauge.waiters.add(1, ordering: .relaxed)
                    state.waiters.append(continuation, id: id)
                    return nil
                }
                if let answer { continuation.resume(returning: answer) }
            }
        } onCancel: {
            resume(state.withLock { $0.waiters.remove(id) })
        }
    }
}
