// SPDX-License-Identifier: Apache-2.0
import Synchronization

/// Runs code of the user's that may never return and may not hear its cancellation: who waits here goes when its own
/// task is cancelled, and a late result is dropped (B317).
///
/// The code runs in a task of its own, with the caller's task-locals and priority. That task is cancelled with the
/// caller's.
///
/// - Parameters:
///   - gauge: counts that task, for as long as it runs.
///   - abandoned: called where the code had not ended.
///   - body: the user's code.
/// - Returns: what it returns.
/// - Throws: what it throws, or `CancellationError`.
package func abandonable<R: Sendable>(
    _ gauge: ResourceGauge,
    abandoned: () -> Void = {},
    _ body: @escaping @Sendable () async throws -> R
) async throws -> R {
    let promise = Promise<R>(gauge: gauge)
    let task = gauge.task(body) { promise.finish($0) }
    return try await withTaskCancellationHandler {
        do {
            return try await promise.value()
        } catch {
            if !promise.isFinished { abandoned() }
            throw error
        }
    } onCancel: {
        task.cancel()
    }
}

extension ResourceGauge {
    /// A task of the user's code, with the caller's task-locals and priority, counted for as long as it runs.
    ///
    /// It is counted off before `ended` is called, so whoever that wakes finds it gone.
    package func task<R: Sendable>(
        _ body: @escaping @Sendable () async throws -> R,
        ended: @escaping @Sendable (Result<R, any Error>) -> Void
    ) -> Task<Void, Never> {
        tasks.add(1, ordering: .relaxed)
        return Task {
            let result: Result<R, any Error>
            do { result = .success(try await body()) } catch { result = .failure(error) }
            self.tasks.subtract(1, ordering: .relaxed)
            ended(result)
        }
    }
}
