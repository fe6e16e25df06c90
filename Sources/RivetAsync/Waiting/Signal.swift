// SPDX-License-Identifier: Apache-2.0
import Synchronization

/// Something that happens once; any number of tasks may wait for it.
package final class Signal: Sendable {
    private struct State {
        var isSet = false
        var waiters: [UInt64: ParkedTask<Void, Never>] = [:]
        var lastID: UInt64 = 0
    }

    private let state = Mutex(State())

    private let gauge: ResourceGauge

    /// `gauge` counts the tasks that wait.
    package init(gauge: ResourceGauge) { self.gauge = gauge }

    package var isSet: Bool { state.withLock { $0.isSet } }

    package func set() {
        let waiters = state.withLock { state in
            state.isSet = true
            defer { state.waiters = [:] }
            return state.waiters
        }
        for waiter in waiters.values { waiter.resume() }
    }

    /// Returns when the signal is set or the task is cancelled.
    package func wait() async {
        let id = state.withLock { state in
            state.lastID += 1
            return state.lastID
        }
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let mustWait = state.withLock { state in
                    if state.isSet || Task.isCancelled { return false }
                    state.waiters[id] = ParkedTask(continuation, gauge)
                    return true
                }
                if !mustWait { continuation.resume() }
            }
        } onCancel: {
            state.withLock { $0.waiters.removeValue(forKey: id) }?.resume()
        }
    }

    /// Returns when the signal is set, whatever happens to the task.
    ///
    /// Only for signals that are sure to come.
    package func waitUncancellably() async {
        let id = state.withLock { state in
            state.lastID += 1
            return state.lastID
        }
        await withCheckedContinuation { continuation in
            let mustWait = state.withLock { state in
                if state.isSet { return false }
                state.waiters[id] = ParkedTask(continuation, gauge)
                return true
            }
            if !mustWait { continuation.resume() }
        }
    }
}
