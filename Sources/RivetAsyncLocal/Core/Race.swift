// SPDX-License-Identifier: Apache-2.0
import RivetAsync
import Synchronization

/// One result that several may bring; the first counts, and one task waits for it.
final class Race<Value: Sendable>: Sendable {
    private struct State {
        var result: Result<Value, any Error>?
        var waiter: ParkedTask<Value, any Error>?
    }

    private let state = Mutex(State())
    private let gauge: ResourceGauge

    /// `gauge` counts the task that waits.
    init(gauge: ResourceGauge) { self.gauge = gauge }

    /// Whether this was the first result.
    @discardableResult
    func finish(_ result: Result<Value, any Error>) -> Bool {
        let (isFirst, waiter): (Bool, ParkedTask<Value, any Error>?) = state.withLock { state in
            guard state.result == nil else { return (false, nil) }
            state.result = result
            return (true, state.waiter.take())
        }
        waiter?.resume(with: result)
        return isFirst
    }

    /// Waits for the result.
    ///
    /// One task only; cancellation is a result like another, for whoever owns the race to bring.
    func value(isolation: isolated (any Actor)? = #isolation) async throws -> Value {
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation(isolation: isolation) { continuation in
                let result: Result<Value, any Error>? = state.withLock { state in
                    if state.result == nil { state.waiter = ParkedTask(continuation, gauge) }
                    return state.result
                }
                if let result { continuation.resume(with: result) }
            }
        } onCancel: {
            finish(.failure(CancellationError()))
        }
    }
}
