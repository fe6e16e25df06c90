// SPDX-License-Identifier: Apache-2.0

/// How a task elsewhere waits for what a lane does.
extension Lane {
    /// Starts something on the lane and waits for its one result, which `start`'s task is resumed with.
    ///
    /// When the waiting task is cancelled, or its deadline comes, `end` runs on the lane, with `CancellationError` or
    /// ``DeadlinePassedError``, maybe before `start` or behind the result; it sees to it that a result comes.
    package func result<Value: Sendable>(
        by deadline: Deadline? = nil,
        starting start: @escaping @Sendable (ParkedTask<Value, any Error>) -> Void,
        ending end: @escaping @Sendable (any Error) -> Void = { _ in }
    ) async throws -> Value {
        let timer = deadline.map { deadline in
            deadline.scheduler.schedule(at: deadline.time) { self.run { end(DeadlinePassedError()) } }
        }
        defer { if let deadline, let timer { deadline.scheduler.cancel(timer) } }
        return try await ParkedTask.park(gauge) { task in
            run { start(task) }
        } onCancel: {
            run { end(CancellationError()) }
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
