// SPDX-License-Identifier: Apache-2.0
import Synchronization

/// Encoded frames on their way from any task to the lane.
///
/// What was gathered leaves in one go.
final class WebSocketOutbox: Sendable {
    private typealias Waiter = ParkedTask<Void, any Error>

    private struct State: ~Copyable {
        var frames = ByteBuffer()
        var maskingKeys: WebSocketMaskingKeys?
        /// The lane will take what is gathered, because it was asked to or when its stream has room.
        var isTakeComing = false
        var isClosed = false
        var waiters: [(id: UInt64, task: Waiter)] = []
        var lastID: UInt64 = 0
    }

    enum Accepted {
        /// `mustTake`: the lane must be asked to take it.
        case accepted(mustTake: Bool)
        case full
        case closed
    }

    private let state: Mutex<State>
    private let gauge: ResourceGauge

    /// `gauge` counts the senders that wait.
    init(maskingKeys: WebSocketMaskingKeys?, gauge: ResourceGauge) {
        self.gauge = gauge
        state = Mutex(State(maskingKeys: maskingKeys))
    }

    // MARK: Senders

    func append(_ opcode: WebSocketOpcode, _ payload: UnsafeRawBufferPointer) -> Accepted {
        state.withLock { state in
            if state.isClosed { return .closed }
            if state.frames.count > highWaterMark { return .full }
            let key = state.maskingKeys?.next()
            WebSocketFrameEncoder.encode(opcode, payload, maskingKey: key, into: &state.frames)
            defer { state.isTakeComing = true }
            return .accepted(mustTake: !state.isTakeComing)
        }
    }

    /// Returns when there is room again, or it is closed.
    func waitForRoom() async throws {
        let id = state.withLock { state in
            state.lastID &+= 1
            return state.lastID
        }
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let outcome: Result<Void, any Error>? = state.withLock { state in
                    if Task.isCancelled { return .failure(CancellationError()) }
                    if state.isClosed || state.frames.count <= highWaterMark { return .success(()) }
                    state.waiters.append((id, Waiter(continuation, gauge)))
                    return nil
                }
                if let outcome { continuation.resume(with: outcome) }
            }
        } onCancel: {
            let waiter: Waiter? = state.withLock { state in
                guard let index = state.waiters.firstIndex(where: { $0.id == id }) else { return nil }
                return state.waiters.remove(at: index).task
            }
            waiter?.resume(throwing: CancellationError())
        }
    }

    // MARK: Lane

    /// Exchanges what was gathered for `buffer`, which is empty, and lets senders go on.
    func take(into buffer: inout ByteBuffer) {
        let waiters = state.withLock { state in
            swap(&state.frames, &buffer)
            state.isTakeComing = false
            defer { state.waiters = [] }
            return state.waiters
        }
        for waiter in waiters { waiter.task.resume() }
    }

    /// Nothing is accepted any more; what was can still be taken.
    func close() {
        let waiters = state.withLock { state in
            state.isClosed = true
            defer { state.waiters = [] }
            return state.waiters
        }
        for waiter in waiters { waiter.task.resume() }
    }
}
