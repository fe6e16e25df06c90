// SPDX-License-Identifier: Apache-2.0

/// An actor whose `unownedExecutor` is a lane runs on it, and is isolated already in what its sockets call. The actor
/// has to keep the lane.
extension Lane: SerialExecutor {
    package func enqueue(_ job: UnownedJob) {
        enqueue(.actor(job))
    }

    package func enqueue(_ job: consuming ExecutorJob) {
        enqueue(.actor(UnownedJob(job)))
    }

    package func asUnownedSerialExecutor() -> UnownedSerialExecutor {
        unsafe UnownedSerialExecutor(ordinary: self)
    }

    package func isIsolatingCurrentContext() -> Bool? { isCurrent }

    package func checkIsolated() {
        precondition(isCurrent, "not on the lane \(label)")
    }

    /// For tasks that prefer to run on this lane: what the sockets bring wakes them without a change of thread.
    ///
    /// Where they go on behind a wait, code that belongs to no actor goes on without another job; a call of an actor of
    /// the lane is one more.
    package var taskExecutor: LaneTaskExecutor { LaneTaskExecutor(lane: self, isIsolated: false) }

    /// The same for tasks that are mostly code of actors on this lane: that goes on without another job, and all other code
    /// is one more behind each wait.
    package var isolatedTaskExecutor: LaneTaskExecutor { LaneTaskExecutor(lane: self, isIsolated: true) }
}

extension Actor {
    /// `assumeIsolated` for what comes often.
    ///
    /// A closure that captures has two allocations there; one that is given what it needs, and captures nothing, has none.
    /// That it captures nothing is only asked for.
    @inline(__always)
    nonisolated func assumeIsolated<Argument: Sendable>(
        with argument: Argument,
        _ body: @escaping (isolated Self, Argument) -> Void
    ) {
        preconditionIsolated()
        // As the standard library has it: that the actor has the executor was asked above.
        let plain = unsafe unsafeBitCast(body, to: ((Self, Argument) -> Void).self)
        plain(self, argument)
    }
}

/// A lane as the preferred executor of tasks.
///
/// It is a type of its own because an executor is not told whether a job is an actor's or a task's, and the two are
/// run in different ways. The runtime compares what a job was run as with what the code that follows belongs to, and enqueues
/// it anew where they differ, although it would come to the same thread: so the job of a task is run as code of nobody,
/// or, where it `isIsolated`, as code of the lane's actors.
package final class LaneTaskExecutor: TaskExecutor {
    private let lane: Lane
    private let isIsolated: Bool

    init(lane: Lane, isIsolated: Bool) {
        self.lane = lane
        self.isIsolated = isIsolated
    }

    func run(_ job: UnownedJob) {
        if isIsolated {
            unsafe job.runSynchronously(
                isolatedTo: lane.asUnownedSerialExecutor(),
                taskExecutor: asUnownedTaskExecutor()
            )
        } else {
            unsafe job.runSynchronously(on: asUnownedTaskExecutor())
        }
    }

    package func enqueue(_ job: UnownedJob) {
        lane.enqueue(.task(job, self))
    }

    package func enqueue(_ job: consuming ExecutorJob) {
        lane.enqueue(.task(UnownedJob(job), self))
    }
}
