// SPDX-License-Identifier: Apache-2.0
import RivetAsync

/// Time that moves only when told, for both ends.
///
/// Give the same clock to a client and to a ``LocalEngine``; then no test sleeps. `now` changes only in
/// ``advance(by:)``. Safe to use from any number of tasks; sleepers with the same deadline wake in the order in which
/// they began to sleep.
public final class TestClock: Clock, Sendable {
    /// A point on this clock's time line.
    public struct Instant: InstantProtocol {
        /// The time since the clock was made.
        package let sinceStart: Duration

        package init(_ sinceStart: Duration) { self.sinceStart = sinceStart.withinReach }

        /// The point that lies `duration` later, but none beyond 100 years from the clock's beginning.
        public func advanced(by duration: Duration) -> Self { Self(sinceStart + duration.withinReach) }
        /// The time from this point to `other`, negative if `other` is earlier.
        public func duration(to other: Self) -> Duration { other.sinceStart - sinceStart }
        /// Whether `a` is earlier than `b`.
        public static func < (a: Self, b: Self) -> Bool { a.sinceStart < b.sinceStart }
    }

    private struct Sleeper {
        let deadline: Instant
        let wakeUp: Promise<Void>
    }

    private struct State {
        var now = Instant(.zero)
        var lastID: UInt64 = 0
        var sleepers: [UInt64: Sleeper] = [:]
        /// How many were woken and do not run yet.
        var waking = 0

        mutating func add(_ sleeper: Sleeper) -> UInt64 {
            lastID += 1
            sleepers[lastID] = sleeper
            return lastID
        }

        /// The sleeper that is due first, removed, if it is due by `target`; otherwise the time has come to `target`.
        mutating func step(to target: Instant) -> Sleeper? {
            let due = sleepers.filter { $0.value.deadline <= target }
            guard let first = due.min(by: { ($0.value.deadline, $0.key) < ($1.value.deadline, $1.key) }) else {
                now = max(now, target)
                return nil
            }
            sleepers[first.key] = nil
            waking += 1
            now = max(now, first.value.deadline)
            return first.value
        }
    }

    private let gauge = ResourceGauge()
    private let state: Monitor<State>

    /// A clock at its beginning, with nobody asleep.
    public init() { state = Monitor(State(), gauge: gauge) }

    /// The time on this clock.
    public var now: Instant { state.access { $0.now } }

    /// Zero: any two different instants can be told apart.
    public var minimumResolution: Duration { .zero }

    /// How many tasks sleep now.
    package var sleeperCount: Int { state.access { $0.sleepers.count } }

    /// Returns when ``advance(by:)`` has brought the clock to `deadline`, at once if it is there already.
    ///
    /// - Throws: `CancellationError` when the task is cancelled before.
    public func sleep(until deadline: Instant, tolerance: Duration? = nil) async throws {
        try Task.checkCancellation()
        let sleeper = Sleeper(deadline: deadline, wakeUp: Promise(gauge: gauge))
        guard let id = state.update({ deadline <= $0.now ? nil : $0.add(sleeper) }) else { return }
        try await withTaskCancellationHandler {
            try await sleeper.wakeUp.valueUncancellably()
        } onCancel: {
            // Once the clock has come to its deadline it has slept to the end.
            guard state.access({ $0.sleepers.removeValue(forKey: id) }) != nil else { return }
            sleeper.wakeUp.finish(.failure(CancellationError()))
        }
        state.update { $0.waking -= 1 }
    }

    /// Returns when ``advance(by:)`` has brought the clock `duration` further, on the caller's actor all the while.
    ///
    /// `Clock`'s own, which generic code gets, leaves the actor: its caller may be back only after ``advance(by:)``.
    ///
    /// - Throws: `CancellationError` when the task is cancelled before.
    public func sleep(for duration: Duration, tolerance: Duration? = nil) async throws {
        try await sleep(until: now.advanced(by: duration), tolerance: tolerance)
    }

    /// Moves the clock by `duration`: wakes who is due, in order, each at its own time, and lets them run.
    ///
    /// A task that goes to sleep again within `duration` is woken again in the same call. That is certain where the
    /// sleepers share the caller's actor and sleep by this clock's own methods. What runs on other threads (the pool's, a
    /// socket's lane) may need longer than this call; await its effect, or ``waitForSleepers(_:)``, before the next step. A
    /// negative `duration` moves nothing.
    public func advance(by duration: Duration) async {
        let target = now.advanced(by: max(duration, .zero))
        await letOthersRun()
        while let sleeper = state.access({ $0.step(to: target) }) {
            sleeper.wakeUp.finish(.success(()))
            // On a thread that has to be woken too, that takes longer than any number of turns here.
            _ = await state.firstUncancellably { $0.waking == 0 ? true : nil }
            await letOthersRun()
        }
        await letOthersRun()
    }

    /// Returns when at least `count` tasks sleep on this clock, or the waiting task is cancelled.
    public func waitForSleepers(_ count: Int = 1) async {
        _ = await state.first { $0.sleepers.count >= count ? true : nil }
    }

    private func letOthersRun() async {
        for _ in 0..<20 { await Task.yield() }
    }
}
