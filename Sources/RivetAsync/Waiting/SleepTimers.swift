// SPDX-License-Identifier: Apache-2.0
import Synchronization

/// Sleeps on a system's clock of which nothing is left when they are cancelled.
///
/// The runtime keeps the memory of a cancelled `Task.sleep` until its deadline, 3 KB for each connection that opens. Here
/// who sleeps waits in a table, behind timers that are never cancelled: one is started where the others come too late, so
/// that there are few of them, and one that finds nobody has cost nothing more.
final class SleepTimers: Sendable {
    private struct State {
        var sleepers = DeadlineTable<Promise<Void>>()
        /// When they fire, the last one first.
        var timers: [TimePoint] = []

        /// When a timer is to be started that fires for `deadline`; nil where one fires before.
        mutating func timer(for deadline: TimePoint) -> TimePoint? {
            if let next = timers.last, next <= deadline { return nil }
            timers.append(deadline)
            return deadline
        }
    }

    private let state = Mutex(State())
    /// Of tasks that sleep nobody is told, as before.
    private let gauge = ResourceGauge()
    private let now: @Sendable () -> TimePoint
    private let sleep: @Sendable (TimePoint) async -> Void

    /// `sleep` returns when its time has come.
    init(now: @escaping @Sendable () -> TimePoint, sleep: @escaping @Sendable (TimePoint) async -> Void) {
        (self.now, self.sleep) = (now, sleep)
    }

    /// Returns at `deadline`, or throws `CancellationError` when the task is cancelled before.
    func sleep(until deadline: TimePoint) async throws {
        try Task.checkCancellation()
        guard deadline > now() else { return }
        let promise = Promise<Void>(gauge: gauge)
        let (id, timer) = state.withLock { state in
            (state.sleepers.add(promise, deadline), state.timer(for: deadline))
        }
        if let timer { start(timer) }
        defer { _ = state.withLock { $0.sleepers.remove(id) } }
        try await promise.value()
    }

    /// Detached, since it belongs to nobody: the task that happens to start it may be gone long before.
    private func start(_ deadline: TimePoint) {
        Task.detached { [self] in
            await sleep(deadline)
            fired(deadline)
        }
    }

    private func fired(_ deadline: TimePoint) {
        let now = now()
        let (due, timer) = state.withLock { state in
            if let index = state.timers.firstIndex(of: deadline) { state.timers.remove(at: index) }
            let due = state.sleepers.removeAll(dueAt: now)
            return (due, state.sleepers.nextDeadline().flatMap { state.timer(for: $0) })
        }
        if let timer { start(timer) }
        for sleeper in due { sleeper.finish(.success(())) }
    }

    /// Who sleeps, and how many timers there are, for tests.
    var counts: (sleepers: Int, timers: Int) { state.withLock { ($0.sleepers.count, $0.timers.count) } }
}
