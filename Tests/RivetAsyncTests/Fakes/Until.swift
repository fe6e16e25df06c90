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

/// Starts `body`, and returns its task when that waits for something of `client`'s.
///
/// Nobody else does meanwhile, but the task of the client's deadlines, which now and then looks for the next one: so both
/// have to be there, or who has just come back would be taken for the other.
func waiting<R: Sendable>(
    for client: RivetClient,
    _ body: @escaping @Sendable () async throws -> R
) async throws -> Task<R, any Error> {
    let gauge = client.context.gauge
    try await until { gauge.counts.waiters == 1 }
    let task = Task { try await body() }
    try await until { gauge.counts.waiters == 2 }
    return task
}

/// Runs `body` while the time of `clock` passes in the pauses before `client` repeats a call, and at no other time, so that
/// each try has all the time that it needs.
func passingPauses<R: Sendable>(
    of client: RivetClient,
    _ clock: TestClock,
    _ body: @escaping @Sendable () async throws -> R
) async throws -> R {
    // Made here, since a reader sees the lines that come after it was made.
    let diagnostics = client.diagnostics.makeAsyncIterator()
    let passing = Task {
        var lines = diagnostics
        while let line = await lines.next() {
            guard line.message == "a call is repeated after a pause" else { continue }
            let longest = line.fields.first { $0.name == "wait" }.flatMap { Double($0.value.prefix { $0 != " " }) }
            // The call's deadline sleeps, and the pause beside it.
            await clock.waitForSleepers(2)
            await clock.advance(by: .seconds(longest ?? 0))
        }
    }
    let result: Result<R, any Error>
    do { result = .success(try await body()) } catch { result = .failure(error) }
    passing.cancel()
    await passing.value
    return try result.get()
}
