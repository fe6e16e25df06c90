// SPDX-License-Identifier: Apache-2.0
import RivetAsync
import Synchronization

/// The tasks of an engine, so that `stop` can end them all and wait for it.
final class TaskTracker: Sendable {
    private struct State {
        var tasks: [UInt64: Task<Void, Never>?] = [:]
        var lastID: UInt64 = 0
        var isStopped = false
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
        _ = state.withLock { $0.tasks.removeValue(forKey: id) }
    }

    /// Starts `body` anywhere.
    func spawn(_ body: @escaping @Sendable () async -> Void) {
        guard let id = begin() else { return }
        let task = Task {
            await body()
            ended(id)
        }
        started(id, task)
    }

    /// From now on no task begins; what runs goes on.
    func close() {
        state.withLock { $0.isStopped = true }
    }

    /// Cancels what runs, and returns when nothing runs any more.
    func stop() async {
        close()
        while true {
            let tasks = state.withLock { $0.tasks.values.compactMap { $0 } }
            for task in tasks { task.cancel() }
            guard let first = tasks.first else {
                if state.withLock({ $0.tasks.isEmpty }) { return }
                await Task.yield()
                continue
            }
            await first.value
            await Task.yield()
        }
    }
}
