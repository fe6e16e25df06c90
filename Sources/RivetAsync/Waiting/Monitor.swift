// SPDX-License-Identifier: Apache-2.0
import Synchronization

/// State behind a lock, and tasks that wait until it suits them.
///
/// Whoever changes the state finds, under the lock, whom the change lets go on, in the order in which they came, and
/// resumes them outside it. A waiting task is counted by the gauge, and is let go of when it is cancelled.
package final class Monitor<State: Sendable>: Sendable {
    /// A task that waits.
    private struct Waiter: Sendable {
        let id: UInt64
        /// Takes from the state what the task waits for, and gives what resumes it; nil where it has to wait on.
        let take: @Sendable (inout State) -> (@Sendable () -> Void)?
        let cancel: @Sendable () -> Void

        init<R: Sendable>(
            _ id: UInt64,
            _ condition: @escaping @Sendable (inout State) -> R?,
            resume: @escaping @Sendable (R) -> Void,
            cancel: @escaping @Sendable () -> Void = {}
        ) {
            self.id = id
            self.cancel = cancel
            take = { (state: inout State) -> (@Sendable () -> Void)? in
                guard let value = condition(&state) else { return nil }
                return { resume(value) }
            }
        }
    }

    private struct Guarded: Sendable {
        var state: State
        var waiters: [Waiter] = []
        private var lastID: UInt64 = 0

        init(state: State) { self.state = state }

        mutating func nextID() -> UInt64 {
            lastID += 1
            return lastID
        }
    }

    private let guarded: Mutex<Guarded>
    private let gauge: ResourceGauge

    /// `gauge` counts the tasks that wait.
    package init(_ state: State, gauge: ResourceGauge) {
        guarded = Mutex(Guarded(state: state))
        self.gauge = gauge
    }

    /// The state now.
    package var current: State { guarded.withLock { $0.state } }

    /// Changes the state, and lets go on who waited for that.
    @discardableResult
    package func update<R: Sendable>(_ body: (inout State) -> R) -> R {
        var resumed: [@Sendable () -> Void] = []
        let result = guarded.withLock { guarded in
            let result = body(&guarded.state)
            guarded.waiters.removeAll { waiter in
                guard let resume = waiter.take(&guarded.state) else { return false }
                resumed.append(resume)
                return true
            }
            return result
        }
        for resume in resumed { resume() }
        return result
    }

    /// What `condition` takes from the state, at once or after a change; nil where the task was cancelled first.
    ///
    /// `condition` runs under the lock, also for a change that another task makes.
    package func first<R: Sendable>(_ condition: @escaping @Sendable (inout State) -> R?) async -> R? {
        let id = guarded.withLock { $0.nextID() }
        return await withTaskCancellationHandler {
            await withCheckedContinuation { (continuation: CheckedContinuation<R?, Never>) in
                let step: Step<R?> = guarded.withLock { guarded in
                    if let value = condition(&guarded.state) { return .goOn(value) }
                    // The handler has run already, and found nobody.
                    if Task.isCancelled { return .goOn(nil) }
                    let task = ParkedTask<R?, Never>(continuation, gauge)
                    let resume: @Sendable (R) -> Void = { task.resume(returning: $0) }
                    guarded.waiters.append(Waiter(id, condition, resume: resume) { task.resume(returning: nil) })
                    return .wait
                }
                if case .goOn(let value) = step { continuation.resume(returning: value) }
            }
        } onCancel: {
            cancel(id)
        }
    }

    /// The same, whatever happens to the task; only for what is sure to come.
    package func firstUncancellably<R: Sendable>(_ condition: @escaping @Sendable (inout State) -> R?) async -> R {
        await withCheckedContinuation { (continuation: CheckedContinuation<R, Never>) in
            let step: Step<R> = guarded.withLock { guarded in
                if let value = condition(&guarded.state) { return .goOn(value) }
                let task = ParkedTask<R, Never>(continuation, gauge)
                let resume: @Sendable (R) -> Void = { task.resume(returning: $0) }
                guarded.waiters.append(Waiter(guarded.nextID(), condition, resume: resume))
                return .wait
            }
            if case .goOn(let value) = step { continuation.resume(returning: value) }
        }
    }

    private enum Step<R: Sendable> {
        case goOn(R)
        case wait
    }

    private func cancel(_ id: UInt64) {
        let waiter: Waiter? = guarded.withLock { guarded in
            guard let index = guarded.waiters.firstIndex(where: { $0.id == id }) else { return nil }
            return guarded.waiters.remove(at: index)
        }
        waiter?.cancel()
    }
}
