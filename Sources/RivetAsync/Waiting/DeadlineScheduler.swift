// SPDX-License-Identifier: Apache-2.0
import Synchronization

/// A point in time, and who notices that it has come.
package struct Deadline: Sendable {
    package let time: TimePoint
    let scheduler: DeadlineScheduler

    package init(_ time: TimePoint, _ scheduler: DeadlineScheduler) {
        (self.time, self.scheduler) = (time, scheduler)
    }
}

/// All deadlines of one client behind one sleeping task, so that a call with a deadline starts no task of its own.
package final class DeadlineScheduler: Sendable {
    package struct ID: Hashable, Sendable {
        fileprivate let number: UInt64
    }

    private struct State {
        var fires = DeadlineTable<@Sendable () -> Void>()
        /// Until when the task sleeps; nil while it waits for a first entry or is about to look again.
        var sleepsUntil: TimePoint?
        var wakeUp: Signal
        /// Nothing fires any more, so that nothing is kept: what it would call may hold the scheduler.
        var isOver = false
    }

    private let state: Mutex<State>
    private let time: TimeSource
    private let gauge: ResourceGauge

    package init(time: TimeSource, gauge: ResourceGauge) {
        self.time = time
        self.gauge = gauge
        state = Mutex(State(wakeUp: Signal(gauge: gauge)))
    }

    /// Calls `fire` once at `deadline`, on an arbitrary thread, unless `cancel` comes first; never once `run` is over.
    @discardableResult
    package func schedule(at deadline: TimePoint, _ fire: @escaping @Sendable () -> Void) -> ID {
        let (number, wakeUp): (UInt64, Signal?) = state.withLock { state in
            guard !state.isOver else { return (0, nil) }
            let mustWake = state.sleepsUntil.map { deadline < $0 } ?? true
            return (state.fires.add(fire, deadline), mustWake ? state.wakeUp : nil)
        }
        wakeUp?.set()
        return ID(number: number)
    }

    /// The same, so long from now.
    package func schedule(after wait: Duration, _ fire: @escaping @Sendable () -> Void) -> ID {
        schedule(at: time.now.advanced(by: wait), fire)
    }

    package func cancel(_ id: ID) {
        // What it holds is let go of outside the lock.
        _ = state.withLock { $0.fires.remove(id.number) }
    }

    /// Runs until the task is cancelled; what is still to come is let go of then.
    package func run() async {
        defer {
            _ = state.withLock { state in
                state.isOver = true
                return state.fires.removeAll()
            }
        }
        while !Task.isCancelled {
            let now = time.now
            let (due, next, wakeUp) = state.withLock { state in
                let due = state.fires.removeAll(dueAt: now)
                let next = state.fires.nextDeadline()
                state.sleepsUntil = next
                state.wakeUp = Signal(gauge: gauge)
                return (due, next, state.wakeUp)
            }
            for fire in due { fire() }
            guard let next else {
                await wakeUp.wait()
                continue
            }
            await withTaskGroup { group in
                group.addTask { [time] in try? await time.sleep(until: next) }
                group.addTask { await wakeUp.wait() }
                await group.next()
                group.cancelAll()
            }
        }
    }
}
