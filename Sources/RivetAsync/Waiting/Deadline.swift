// SPDX-License-Identifier: Apache-2.0

/// Thrown by ``withDeadline(_:time:_:)``; callers turn it into their own error.
package struct DeadlinePassed: Error {}

/// Runs `body` and cancels it at `deadline`.
///
/// - Throws: ``DeadlinePassed`` when the deadline came first, otherwise what `body` throws.
package func withDeadline<R: Sendable>(
    _ deadline: TimePoint?,
    time: TimeSource,
    _ body: @escaping @Sendable () async throws -> R
) async throws -> R {
    guard let deadline else { return try await body() }
    return try await withThrowingTaskGroup(of: R?.self) { group in
        group.addTask { try await body() }
        group.addTask {
            try await time.sleep(until: deadline)
            return nil
        }
        defer { group.cancelAll() }
        guard let first = try await group.next(), let result = first else {
            try Task.checkCancellation()
            throw DeadlinePassed()
        }
        return result
    }
}
