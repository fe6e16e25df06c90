// SPDX-License-Identifier: Apache-2.0
import RivetAsyncLocal

@testable import RivetAsync

/// Lets others run until `condition` holds.
///
/// - Throws: `CancellationError` when the test is over before that.
func until(_ condition: () async -> Bool) async throws {
    while await !condition() {
        try Task.checkCancellation()
        await Task.yield()
    }
}

/// Runs `body` while the time of `clock` passes, in small steps.
func passingTime<R: Sendable>(
    of clock: TestClock,
    _ body: @escaping @Sendable () async throws -> R
) async throws -> R {
    let ended = Signal(gauge: ResourceGauge())
    let running = Task {
        defer { ended.set() }
        return try await body()
    }
    while !ended.isSet {
        try Task.checkCancellation()
        await clock.advance(by: .milliseconds(10))
    }
    return try await running.value
}
