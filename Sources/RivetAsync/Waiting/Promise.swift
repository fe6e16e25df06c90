// SPDX-License-Identifier: Apache-2.0

/// One result, from whoever brings the first; any number of tasks may wait for it.
package final class Promise<Value: Sendable>: Sendable {
    private let result: Monitor<Result<Value, any Error>?>

    /// `gauge` counts the tasks that wait.
    package init(gauge: ResourceGauge) { result = Monitor(nil, gauge: gauge) }

    package var isFinished: Bool { result.access { $0 != nil } }

    /// Whether this was the first result.
    @discardableResult
    package func finish(_ result: Result<Value, any Error>) -> Bool {
        self.result.update { current in
            guard current == nil else { return false }
            current = result
            return true
        }
    }

    /// The result; `CancellationError` where the task was cancelled first, which leaves the promise to the others.
    package func value() async throws -> Value {
        guard let result = await result.first({ $0 }) else { throw CancellationError() }
        return try result.get()
    }

    /// The result, whatever happens to the task; only where it is sure to come.
    package func valueUncancellably() async throws -> Value {
        try await result.firstUncancellably { $0 }.get()
    }
}
