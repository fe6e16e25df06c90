// SPDX-License-Identifier: Apache-2.0

/// One call of an action on its way to the connection's lane, which its task's cancellation may overtake.
///
/// One object takes all of it there and waits there for the answer, so that neither the closures that take it are
/// allocated nor the continuation copied, of whose kind the runtime has to look up how. `@unchecked Sendable`: what
/// changes is touched on the lane only, but `task`, which is set before the call goes there.
final class ActionSubmission: @unchecked Sendable {
    let name: String
    let arguments: ByteChunk
    let limit: Duration
    /// Its time runs from here, whenever the lane comes to it.
    let calledAt: TimePoint
    /// What it hears where it would wait for the connection to open: that waits for it (B318).
    let cannotWait: RivetError?
    private let driver: ConnectionDriver
    private let share: ConnectionShare?
    private var task: ParkedTask<EncodedValue, any Error>?
    private var id: UInt64?
    private var isCancelled = false

    init(
        _ driver: ConnectionDriver,
        name: String,
        _ arguments: ByteChunk,
        _ limit: Duration,
        calledAt: TimePoint,
        cannotWait: RivetError?,
        _ share: ConnectionShare?
    ) {
        (self.driver, self.share) = (driver, share)
        (self.name, self.arguments, self.limit, self.calledAt) = (name, arguments, limit, calledAt)
        self.cannotWait = cannotWait
    }

    // MARK: The caller's task

    func start(_ task: ParkedTask<EncodedValue, any Error>) {
        self.task = task
        driver.lane.visit { self.submit() }
    }

    func cancel() {
        driver.lane.run { self.withdraw() }
    }

    func ended() {
        if share != nil { driver.lane.run { self.leaveShare() } }
    }

    // MARK: The lane

    private func submit() { driver.assumeIsolated(with: self) { $0.submit($1) } }

    func resume(returning value: EncodedValue) { task.take()?.resume(returning: value) }
    func resume(throwing error: any Error) { task.take()?.resume(throwing: error) }

    /// - Throws: why the action is not to begin.
    func begin(_ id: UInt64) throws {
        if isCancelled { throw CancellationError() }
        try share?.checkOpen()
        self.id = id
        share?.actions.insert(id)
    }

    private func withdraw() {
        isCancelled = true
        guard let id else { return }
        driver.assumeIsolated { $0.withdraw(id) }
    }

    private func leaveShare() {
        if let id { share?.actions.remove(id) }
    }
}
