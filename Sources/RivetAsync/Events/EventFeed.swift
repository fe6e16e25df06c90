// SPDX-License-Identifier: Apache-2.0
import Synchronization

/// The ring between the lane, which brings runs of events, and one iterator, which takes everything that is there at
/// once and decodes it in its own task.
///
/// The lane wakes the reader once for a turn or a full run, never once for an event. The reader is parked by hand, as the
/// `WebSocketInbox` tells.
final class EventFeed: Sendable {
    enum Entry: Sendable {
        case event(EncodedValue)
        /// Elsewhere in memory, so that it does not make the many events large.
        indirect case gap(EventGap)
    }

    struct State {
        var ring = RingBuffer<Entry>()
        var events = 0
        var bytes = 0
        var pinned = PinnedBuffers()
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
        mutating func forget() { (events, bytes, pinned) = (0, 0, PinnedBuffers()) }
    }

    let name: String
    let buffering: EventBuffering
    let state = Mutex(State())
    let gauge: ResourceGauge
    /// Told of each event that the listener does not get.
    let losses: EventLosses?
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

    /// How many events of `run`, from its first on, it has room for.
    ///
    /// One that has no room for all holds up the socket from now on, until somebody reads.
    func room(for run: EventRun) -> Int {
        guard holdsReading else { return run.count }
        return state.withLock { state in
            guard !state.isEnded, !state.isLoading else { return run.count }
            var (events, bytes) = (state.events, state.bytes)
            for (index, event) in run.events.enumerated() {
                let size = event.argumentsSize
                // A single event is never refused.
                guard events == 0 || events < buffering.capacity && bytes + size <= buffering.maxBytes else {
                    state.holdsReading = true
                    return index
                }
                (events, bytes) = (events + 1, bytes + size)
            }
            return run.count
        }
    }

    /// Takes the first `count` events of `run`, by the feed's policy; the reader learns of them when it is woken.
    ///
    /// Returns true when the feed has ended by that; its listener counts no more.
    func append(_ run: EventRun, first count: Int) -> Bool {
        let (hasFinished, dropped, interruption) = state.withLock { state in
            var hasFinished = false
            run.forEach(first: count) { event in
                if !state.isEnded { hasFinished = append(event, &state) }
            }
            defer { state.untold = 0 }
            return (hasFinished, state.untold, hasFinished ? state.interruption.take() : nil)
        }
        interruption?.signal.set()
        if dropped > 0 { losses?.note(.dropped, dropped) }
        if hasFinished { losses?.note(.finished) }
        return hasFinished
    }

    /// The reader that has waited longest gets what has come.
    func wakeReader() { resume(state.withLock { $0.hasNews ? $0.waiters.popFirst() : nil }) }

    func appendGap(_ gap: EventGap) {
        let (waiter, interruption) = state.withLock { state -> (CheckedContinuation<Bool, Never>?, Signal?) in
            guard !state.isEnded else { return (nil, nil) }
            if case .reconnected = gap, case .gap(.reconnected)? = state.ring.last {
                // Nobody has read since: one gap says as much, and many losses gather nothing.
                state.ring.removeLast()
                if state.dropped > 0, case .gap(.overflowed(let dropped))? = state.ring.last {
                    state.ring.removeLast()
                    state.dropped += dropped
                }
            }
            flushDroppedNewest(&state)
            state.ring.append(.gap(gap))
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
                // It takes nothing: the next one that waits does.
                wakeReader()
                return .ended
            }
        }
    }

    private func resume(_ waiter: CheckedContinuation<Bool, Never>?) {
        guard let waiter else { return }
        gauge.waiters.subtract(1, ordering: .relaxed)
        waiter.resume(returning: true)
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
