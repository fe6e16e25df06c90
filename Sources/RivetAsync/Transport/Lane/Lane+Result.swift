// SPDX-License-Identifier: Apache-2.0

/// How a task elsewhere waits for what a lane does.
extension Lane {
    /// Starts something on the lane and waits for its one result, which `start`'s task is resumed with.
    ///
    /// When the waiting task is cancelled, `cancel` runs on the lane, maybe before `start`; it sees to it that a result
    /// comes.
    package func result<Value: Sendable>(
        starting start: @escaping @Sendable (ParkedTask<Value, any Error>) -> Void,
        cancelling cancel: @escaping @Sendable () -> Void = {}
    ) async throws -> Value {
        try await ParkedTask.park(gauge) { task in
            run { start(task) }
        } onCancel: {
            run(cancel)
        }
    }

    /// The same for what ends soon, whatever happens to the waiting task.
    package func result<Value: Sendable, Ending: Error>(
        _ body: @escaping @Sendable () throws(Ending) -> Value
    ) async throws(Ending) -> Value {
        let result = await value { $0.resume(returning: Result(catching: body)) }
        return try result.get()
    }

    /// What `start`'s task is resumed with, whatever happens to the waiting task.
    package func value<Value: Sendable>(
        starting start: @escaping @Sendable (ParkedTask<Value, Never>) -> Void
    ) async -> Value {
        await ParkedTask.park(gauge) { task in visit { start(task) } }
    }
}
