// SPDX-License-Identifier: Apache-2.0
import RivetAsync
import Synchronization

/// The tasks of an engine, so that `stop` can end them all and wait for it.
final class TaskTracker: Sendable {
    private struct State {
        var tasks: [UInt64: Task<Void, Never>?] = [:]
        var lastID: UInt64 = 0
        var isStopped = false
        /// Set by the last task to end, for who waits for that.
        var lastEnded: Signal?
    }

    private let state = Mutex(State())
    private let gauge: ResourceGauge

    init(gauge: ResourceGauge) { self.gauge = gauge }

    /// Call before the task is made; `ended` when its body is over; `started` with the task itself.
    ///
    /// Nil once the engine stops: then no task begins.
    func begin() -> UInt64? {
        state.withLock { state in
            guard !state.isStopped else { return nil }
            gauge.tasks.add(1, ordering: .relaxed)
            state.lastID += 1
            state.tasks[state.lastID] = .some(nil)
            return state.lastID
        }
    }

    func started(_ id: UInt64, _ task: Task<Void, Never>) {
        let isStopped = state.withLock { state in
            // It may be over already.
            if state.tasks[id] != nil { state.tasks[id] = task }
            return state.isStopped
        }
        if isStopped { task.cancel() }
    }

    func ended(_ id: UInt64) {
        gauge.tasks.subtract(1, ordering: .relaxed)
        let lastEnded: Signal? = state.withLock { state in
            state.tasks[id] = nil
            return state.tasks.isEmpty ? state.lastEnded.take() : nil
        }
        lastEnded?.set()
    }

    /// Starts `body`, on `executor` where one is named.
    func spawn(on executor: (any TaskExecutor)? = nil, _ body: @escaping @Sendable () async -> Void) {
        guard let id = begin() else { return }
        let task = Task(executorPreference: executor) {
            await body()
            self.ended(id)
        }
        started(id, task)
    }

    /// From now on no task begins; what runs goes on.
    func close() {
        state.withLock { $0.isStopped = true }
    }

    /// Cancels what runs, and returns when nothing runs any more, at the end of `limit` at the latest.
    ///
    /// The limit is one of real time: the engine's clock may stand. The caller's cancellation changes nothing. Returns how
    /// many tasks are left running.
    @discardableResult
    func stop(within limit: Duration) async -> Int {
        close()
        let (tasks, lastEnded) = state.withLock { state in
            let lastEnded = state.lastEnded ?? Signal(gauge: gauge)
            if !state.tasks.isEmpty { state.lastEnded = lastEnded }
            return (state.tasks, lastEnded)
        }
        if tasks.isEmpty { lastEnded.set() }
        for task in tasks.values { task?.cancel() }
        await lastEnded.waitUncancellably(atMost: limit)
        return state.withLock(\.tasks.count)
    }
}

extension Signal {
    /// Returns when the signal is set or so much real time has passed, whatever happens to the task.
    func waitUncancellably(atMost limit: Duration) async {
        await Task {
            await withTaskGroup { group in
                group.addTask { await self.wait() }
                group.addTask { try? await Task.sleep(for: limit) }
                await group.next()
                group.cancelAll()
            }
        }.value
    }
}
