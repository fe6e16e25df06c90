// SPDX-License-Identifier: Apache-2.0
import Synchronization

/// All deadlines of one client behind one sleeping task, so that a call with a deadline starts no task of its own.
package final class DeadlineScheduler: Sendable {
    package struct ID: Hashable, Sendable {
        fileprivate let number: UInt64
    }

    private struct State {
        var fires: [UInt64: @Sendable () -> Void] = [:]
        /// With an entry for each of them, and some that were cancelled.
        var heap = DeadlineHeap<UInt64>()
        var lastNumber: UInt64 = 0
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

    /// Calls `fire` once at `deadline`, on an arbitrary thread, unless `cancel` comes first.
    @discardableResult
    package func schedule(at deadline: TimePoint, _ fire: @escaping @Sendable () -> Void) -> ID {
        let (number, wakeUp): (UInt64, Signal?) = state.withLock { state in
            state.lastNumber += 1
            guard !state.isOver else { return (state.lastNumber, nil) }
            state.fires[state.lastNumber] = fire
            state.heap.add(state.lastNumber, deadline)
            let mustWake = state.sleepsUntil.map { deadline < $0 } ?? true
            return (state.lastNumber, mustWake ? state.wakeUp : nil)
        }
        wakeUp?.set()
        return ID(number: number)
    }

    /// The same, so long from now.
    package func schedule(after wait: Duration, _ fire: @escaping @Sendable () -> Void) -> ID {
        schedule(at: time.now.advanced(by: wait), fire)
    }

    package func cancel(_ id: ID) {
        _ = state.withLock { state in
            guard let fire = state.fires.removeValue(forKey: id.number) else { return nil as (@Sendable () -> Void)? }
            let fires = state.fires
            if state.heap.count > 2 * fires.count + 16 { state.heap.keep { fires[$0] != nil } }
            return fire
        }
    }

    /// Runs until the task is cancelled; what is still to come is let go of then.
    package func run() async {
        defer {
            // What they hold is let go of outside the lock.
            _ = state.withLock { state in
                state.isOver = true
                state.heap.removeAll()
                defer { state.fires = [:] }
                return state.fires
            }
        }
        while !Task.isCancelled {
            let now = time.now
            let (due, next, wakeUp) = state.withLock { state in
                var due: [@Sendable () -> Void] = []
                while let number = state.heap.removeFirst(dueAt: now) {
                    if let fire = state.fires.removeValue(forKey: number) { due.append(fire) }
                }
                // Nobody sleeps for one that was cancelled.
                while let first = state.heap.first, state.fires[first.id] == nil { state.heap.removeFirst() }
                let next = state.heap.first?.deadline
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
