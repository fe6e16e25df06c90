// SPDX-License-Identifier: Apache-2.0
import Synchronization

/// All deadlines of one client behind one sleeping task, so that a call with a deadline starts no task of its own.
package final class DeadlineScheduler: Sendable {
    package struct ID: Hashable, Sendable {
        fileprivate let number: UInt64
    }

    private struct Entry {
        let deadline: TimePoint
        let fire: @Sendable () -> Void
    }

    private struct State {
        var entries: [UInt64: Entry] = [:]
        var lastNumber: UInt64 = 0
        /// Until when the task sleeps; nil while it waits for a first entry or is about to look again.
        var sleepsUntil: TimePoint?
        var wakeUp: Signal
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
            state.entries[state.lastNumber] = Entry(deadline: deadline, fire: fire)
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
        _ = state.withLock { $0.entries.removeValue(forKey: id.number) }
    }

    /// Runs until the task is cancelled.
    package func run() async {
        while !Task.isCancelled {
            let now = time.now
            let (due, next, wakeUp) = state.withLock { state -> ([Entry], TimePoint?, Signal) in
                let due = state.entries.filter { $0.value.deadline <= now }
                for number in due.keys { state.entries[number] = nil }
                let next = state.entries.values.map(\.deadline).min()
                state.sleepsUntil = next
                state.wakeUp = Signal(gauge: gauge)
                let ordered = due.sorted { ($0.value.deadline, $0.key) < ($1.value.deadline, $1.key) }
                return (ordered.map(\.value), next, state.wakeUp)
            }
            for entry in due { entry.fire() }
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
