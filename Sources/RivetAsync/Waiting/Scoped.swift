// SPDX-License-Identifier: Apache-2.0

/// Runs `body`, then `close`, whether `body` returns, throws or is cancelled: what every `with…` does.
nonisolated(nonsending) func scoped<R>(
    closing close: () async -> Void,
    _ body: () async throws -> R
) async throws -> R {
    do {
        let result = try await body()
        await close()
        return result
    } catch {
        await close()
        throw error
    }
}
