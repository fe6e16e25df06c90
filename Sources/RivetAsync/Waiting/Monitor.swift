// SPDX-License-Identifier: Apache-2.0
import Synchronization

/// State behind a lock, and tasks that wait until it suits them.
///
/// Whoever changes the state finds, under the lock, whom the change lets go on, in the order in which they came, and
/// resumes them outside it. A waiting task is counted by the gauge, and is let go of when it is cancelled.
package final class Monitor<State: ~Copyable & Sendable>: Sendable {
    /// What a task that waits is resumed with.
    private enum Outcome<R: Sendable>: Sendable {
        case value(R)
        case cancelled
        /// Another task waits, and this one wanted to be the only one.
        case occupied
    }

    private struct Waiter: Sendable {
        /// Takes from the state what the task waits for, and gives what resumes it; nil where it has to wait on.
        let take: @Sendable (inout State) -> (@Sendable () -> Void)?
        let cancel: @Sendable () -> Void

        init<R: Sendable>(
            _ task: ParkedTask<Outcome<R>, Never>,
            _ condition: @escaping @Sendable (inout State) -> R?
        ) {
            cancel = { task.resume(returning: .cancelled) }
            take = { (state: inout State) -> (@Sendable () -> Void)? in
                guard let value = condition(&state) else { return nil }
                return { task.resume(returning: .value(value)) }
            }
        }
    }

    private struct Guarded: ~Copyable {
        var state: State
        var waiters = WaitingLine<Waiter>()

        init(_ state: consuming State) { self.state = state }
    }

    private let guarded: Mutex<Guarded>
    private let gauge: ResourceGauge

    /// `gauge` counts the tasks that wait.
    package init(_ state: consuming sending State, gauge: ResourceGauge) {
        guarded = Mutex(Guarded(state))
        self.gauge = gauge
    }

    /// Reads the state, or changes it in a way that lets nobody go on.
    package func access<R: Sendable>(_ body: (inout State) -> R) -> R {
        guarded.withLock { body(&$0.state) }
    }

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
        guard case .value(let value) = await wait(alone: false, condition) else { return nil }
        return value
    }

    /// The same for a task that does not wait beside another: then it throws `misuse`.
    package func first<R: Sendable, Misuse: Error>(
        orThrow misuse: @autoclosure () -> Misuse,
        _ condition: @escaping @Sendable (inout State) -> R?
    ) async throws(Misuse) -> R? {
        switch await wait(alone: true, condition) {
        case .value(let value): return value
        case .cancelled: return nil
        case .occupied: throw misuse()
        }
    }

    /// The same as the first, whatever happens to the task; only for what is sure to come.
    package func firstUncancellably<R: Sendable>(_ condition: @escaping @Sendable (inout State) -> R?) async -> R {
        while true {
            if case .value(let value) = await park(nil, alone: false, condition) { return value }
        }
    }

    private func wait<R: Sendable>(
        alone: Bool,
        _ condition: @escaping @Sendable (inout State) -> R?
    ) async -> Outcome<R> {
        let (value, id) = guarded.withLock { guarded in (condition(&guarded.state), guarded.waiters.nextID()) }
        if let value { return .value(value) }
        return await withTaskCancellationHandler {
            await park(id, alone: alone, condition)
        } onCancel: {
            guarded.withLock { $0.waiters.remove(id) }?.cancel()
        }
    }

    /// Without an `id` the task is not let go of when it is cancelled.
    private func park<R: Sendable>(
        _ id: UInt64?,
        alone: Bool,
        _ condition: @escaping @Sendable (inout State) -> R?
    ) async -> Outcome<R> {
        await withCheckedContinuation { continuation in
            let outcome: Outcome<R>? = guarded.withLock { guarded in
                if let value = condition(&guarded.state) { return .value(value) }
                if alone, !guarded.waiters.isEmpty { return .occupied }
                // Where it is cancelled, the handler has run already, and found nobody.
                if id != nil, Task.isCancelled { return .cancelled }
                let waiter = Waiter(ParkedTask(continuation, gauge), condition)
                guarded.waiters.append(waiter, id: id ?? guarded.waiters.nextID())
                return nil
            }
            if let outcome { continuation.resume(returning: outcome) }
        }
    }
}

extension Monitor where State: Copyable {
    /// The state now.
    package var current: State { access { $0 } }
}
