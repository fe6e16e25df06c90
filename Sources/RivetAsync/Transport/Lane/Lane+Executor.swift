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
    package var taskExecutor: LaneTaskExecutor { LaneTaskExecutor(lane: self) }
}

/// A lane as the preferred executor of tasks.
///
/// It is a type of its own because an executor is not told whether a job is an actor's or a task's, and the two are
/// run in different ways: an actor's by `runSynchronously(on:)`, a task's also as isolated to the lane, so that its
/// calls of the lane's actors are no change of executor.
package final class LaneTaskExecutor: TaskExecutor {
    private let lane: Lane

    init(lane: Lane) { self.lane = lane }

    package func enqueue(_ job: UnownedJob) {
        lane.enqueue(.task(job, self))
    }

    package func enqueue(_ job: consuming ExecutorJob) {
        lane.enqueue(.task(UnownedJob(job), self))
    }
}
