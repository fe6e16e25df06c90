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
    package init(_ continuation: CheckedContinuation<Value, Ending>, _ gauge: ResourceGauge) {
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

extension ParkedTask where Value == Void {
    @inline(__always)
    package func resume() { resume(returning: ()) }
}

extension ParkedTask where Ending == any Error {
    package func resume<E: Error>(with result: sending Result<Value, E>) {
        gauge.waiters.subtract(1, ordering: .relaxed)
        continuation.resume(with: result)
    }
}
