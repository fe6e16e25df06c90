// SPDX-License-Identifier: Apache-2.0
import Synchronization

/// Messages on their way from the lane to one reader, handed over in batches with one wake-up each.
///
/// The reader is parked by hand: a `Monitor`'s closures make 10 allocations of the 4.6 of a round trip and cost it 6 % of
/// its CPU (benchmark `loopback/round trip, 64 bytes, consumer on the lane`).
package final class WebSocketInbox: Sendable {
    enum Taken {
        case taken(mustResumeReading: Bool)
        case empty(mustResumeReading: Bool)
        case ended
    }

    private struct State {
        var queue = RingBuffer<WebSocketReceivedMessages>()
        var size = 0
        var pinned = PinnedBuffers()
        var hasEnded = false
        /// One at most.
        var waiters = WaitingLine<CheckedContinuation<Void, any Error>>()
        var isSuspended = false
        /// More was put back than is read ahead: who takes that does not make the lane read on.
        var isPutBack = false

        mutating func append(_ element: WebSocketReceivedMessages) {
            queue.append(element)
            size &+= WebSocketInbox.size(of: element)
            guard pinned.note(element.bytes, queueSize: size) else { return }
            queue.mutateEach { $0.copyOut() }
        }
    }

    /// What an element costs besides its bytes, so that empty messages are bounded too.
    private static let elementSize = 64

    private let state = Mutex(State())
    private let gauge: ResourceGauge
    /// Half of what may be read ahead: the reader's batch may hold as much again.
    let limit: Int

    /// - Parameters:
    ///   - readAhead: a bound in bytes; one message may exceed it.
    ///   - gauge: counts the reader while it waits.
    init(readAhead: Int, gauge: ResourceGauge) {
        self.gauge = gauge
        limit = max(readAhead / 2, 1)
    }

    // MARK: Lane

    /// Adds everything in `batch` and wakes the reader.
    ///
    /// Returns true when reading must be suspended.
    func push(_ batch: inout RingBuffer<WebSocketReceivedMessages>) -> Bool {
        let (waiter, isFull) = state.withLock { state in
            while let element = batch.popFirst() { state.append(element) }
            if state.size > limit { state.isSuspended = true }
            return (state.waiters.popFirst(), state.isSuspended)
        }
        resume(waiter, .success(()))
        return isFull
    }

    static func size(of messages: WebSocketReceivedMessages) -> Int { messages.size &+ elementSize }

    /// What was pushed can still be read; then `take` says that it has ended.
    func finish() {
        let waiter = state.withLock { state in
            state.hasEnded = true
            return state.waiters.popFirst()
        }
        resume(waiter, .success(()))
    }

    // MARK: Reader

    /// Moves everything into `batch`, which is empty.
    func take(into batch: inout RingBuffer<WebSocketReceivedMessages>) -> Taken {
        state.withLock { state in
            let resumes = state.isSuspended && !state.isPutBack
            if resumes { state.isSuspended = false }
            state.isPutBack = false
            guard !state.queue.isEmpty else { return state.hasEnded ? .ended : .empty(mustResumeReading: resumes) }
            swap(&state.queue, &batch)
            (state.size, state.pinned) = (0, PinnedBuffers())
            return .taken(mustResumeReading: resumes)
        }
    }

    /// Puts what a reader had taken and left in front of what came since, for the next one, which may wait already.
    ///
    /// Returns true where reading goes on, since that is not much.
    func putBack(_ first: WebSocketReceivedMessages, _ rest: RingBuffer<WebSocketReceivedMessages>) -> Bool {
        let (waiter, resumes) = state.withLock { state in
            if !first.isEmpty || !rest.isEmpty {
                var (rest, newer) = (rest, state.queue)
                (state.queue, state.size, state.pinned) = (RingBuffer(), 0, PinnedBuffers())
                if !first.isEmpty { state.append(first) }
                while let element = rest.popFirst() ?? newer.popFirst() { state.append(element) }
            }
            state.isPutBack = state.size > limit
            let resumes = state.isSuspended && !state.isPutBack
            // Where the lane still reads, what it pushes next is the last.
            state.isSuspended = state.isPutBack
            return (state.queue.isEmpty ? nil : state.waiters.popFirst(), resumes)
        }
        resume(waiter, .success(()))
        return resumes
    }

    /// Returns when there is something to take.
    func wait() async throws {
        let id = state.withLock { $0.waiters.nextID() }
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let outcome: Result<Void, any Error>? = state.withLock { state in
                    if Task.isCancelled { return .failure(CancellationError()) }
                    if !state.queue.isEmpty || state.hasEnded { return .success(()) }
                    if !state.waiters.isEmpty { return .failure(WebSocketError.readTwice) }
                    gauge.waiters.add(1, ordering: .relaxed)
                    state.waiters.append(continuation, id: id)
                    return nil
                }
                if let outcome { continuation.resume(with: outcome) }
            }
        } onCancel: {
            resume(state.withLock { $0.waiters.remove(id) }, .failure(CancellationError()))
        }
    }

    /// Counted here and in `wait`, without a `ParkedTask`: that references the gauge, whose references two cores would
    /// then count for each batch.
    private func resume(_ waiter: CheckedContinuation<Void, any Error>?, _ result: Result<Void, any Error>) {
        guard let waiter else { return }
        gauge.waiters.subtract(1, ordering: .relaxed)
        waiter.resume(with: result)
    }
}
