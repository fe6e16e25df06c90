// SPDX-License-Identifier: Apache-2.0
import Synchronization

/// A task that waits to be resumed, counted by the gauge of who owns it from here until then.
///
/// It is counted off before it goes on, so whoever it wakes finds it gone. One that is lost stays counted, and the test
/// that looks at the gauge at its end fails.
package struct ParkedTask<Value, Ending: Error>: Sendable {
    private let continuation: CheckedContinuation<Value, Ending>
    private let gauge: ResourceGauge

    @inline(__always)
    init(_ continuation: CheckedContinuation<Value, Ending>, _ gauge: ResourceGauge) {
        self.continuation = continuation
        self.gauge = gauge
        gauge.waiters.add(1, ordering: .relaxed)
    }

    @inline(__always)
    package func resume(returning value: sending Value) {
        gauge.waiters.subtract(1, ordering: .relaxed)
        continuation.resume(returning: value)
    }

    package func resume(throwing error: Ending) {
        gauge.waiters.subtract(1, ordering: .relaxed)
        continuation.resume(throwing: error)
    }
}

extension ParkedTask where Ending == any Error {
    /// Parks the calling task; `start` takes it to whoever resumes it, once.
    ///
    /// When the task is cancelled, `cancel` runs, from anywhere and maybe before `start`; it sees to it that the task is
    /// resumed.
    package static func park(
        _ gauge: ResourceGauge,
        isolation: isolated (any Actor)? = #isolation,
        _ start: (Self) -> Void,
        onCancel cancel: @Sendable () -> Void = {}
    ) async throws -> Value where Value: Sendable {
        try await withTaskCancellationHandler {
            // A closure stays with the caller's actor only when it names it.
            _ = isolation
            return try await withCheckedThrowingContinuation { start(ParkedTask($0, gauge)) }
        } onCancel: {
            cancel()
        }
    }

    package func resume<E: Error>(with result: sending Result<Value, E>) {
        gauge.waiters.subtract(1, ordering: .relaxed)
        continuation.resume(with: result)
    }
}

extension ParkedTask where Ending == Never {
    /// The same for what cannot fail, whatever happens to the task.
    package static func park(
        _ gauge: ResourceGauge,
        isolation: isolated (any Actor)? = #isolation,
        _ start: (Self) -> Void
    ) async -> Value where Value: Sendable {
        await withCheckedContinuation { start(ParkedTask($0, gauge)) }
    }
}

extension ParkedTask where Value == Void {
    @inline(__always)
    package func resume() { resume(returning: ()) }
}
