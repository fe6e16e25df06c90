// SPDX-License-Identifier: Apache-2.0
import Synchronization

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

        package init(_ sinceStart: Duration) { self.sinceStart = sinceStart }

        /// The point that lies `duration` later.
        public func advanced(by duration: Duration) -> Self { Self(sinceStart + duration) }
        /// The time from this point to `other`, negative if `other` is earlier.
        public func duration(to other: Self) -> Duration { other.sinceStart - sinceStart }
        /// Whether `a` is earlier than `b`.
        public static func < (a: Self, b: Self) -> Bool { a.sinceStart < b.sinceStart }
    }

    private struct Sleeper {
        let deadline: Instant
        let continuation: CheckedContinuation<Void, any Error>
    }

    private struct Observer {
        let count: Int
        let continuation: CheckedContinuation<Void, Never>
    }

    private struct State {
        var now = Instant(.zero)
        var lastID: UInt64 = 0
        var sleepers: [UInt64: Sleeper] = [:]
        var observers: [UInt64: Observer] = [:]

        mutating func nextID() -> UInt64 {
            lastID += 1
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
            now = max(now, first.value.deadline)
            return first.value
        }

        mutating func takeSatisfiedObservers() -> [Observer] {
            let satisfied = observers.filter { $0.value.count <= sleepers.count }
            for id in satisfied.keys { observers[id] = nil }
            return Array(satisfied.values)
        }
    }

    private let state = Mutex(State())

    /// A clock at its beginning, with nobody asleep.
    public init() {}

    /// The time on this clock.
    public var now: Instant { state.withLock { $0.now } }

    /// Zero: any two different instants can be told apart.
    public var minimumResolution: Duration { .zero }

    /// How many tasks sleep now.
    package var sleeperCount: Int { state.withLock { $0.sleepers.count } }

    /// Returns when ``advance(by:)`` has brought the clock to `deadline`, at once if it is there already.
    ///
    /// - Throws: `CancellationError` when the task is cancelled before.
    public func sleep(until deadline: Instant, tolerance: Duration? = nil) async throws {
        let id = state.withLock { $0.nextID() }
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                enum Outcome { case wait([Observer]), done, cancelled }
                let outcome: Outcome = state.withLock { state in
                    if Task.isCancelled { return .cancelled }
                    if deadline <= state.now { return .done }
                    state.sleepers[id] = Sleeper(deadline: deadline, continuation: continuation)
                    return .wait(state.takeSatisfiedObservers())
                }
                switch outcome {
                case .wait(let observers): for observer in observers { observer.continuation.resume() }
                case .done: continuation.resume()
                case .cancelled: continuation.resume(throwing: CancellationError())
                }
            }
        } onCancel: {
            let sleeper = state.withLock { $0.sleepers.removeValue(forKey: id) }
            sleeper?.continuation.resume(throwing: CancellationError())
        }
    }

    /// Moves the clock by `duration`: wakes who is due, in order, each at its own time, and lets them run.
    ///
    /// A task that goes to sleep again within `duration` is woken again in the same call. What runs on threads of
    /// its own (a socket's lane) may need longer than this call; await its effect, or ``waitForSleepers(_:)``, before
    /// the next step. A negative `duration` moves nothing.
    public func advance(by duration: Duration) async {
        let target = now.advanced(by: max(duration, .zero))
        await letOthersRun()
        while let sleeper = state.withLock({ $0.step(to: target) }) {
            sleeper.continuation.resume()
            await letOthersRun()
        }
        await letOthersRun()
    }

    /// Returns when at least `count` tasks sleep on this clock, or the waiting task is cancelled.
    public func waitForSleepers(_ count: Int = 1) async {
        let id = state.withLock { $0.nextID() }
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let mustWait = state.withLock { state in
                    if state.sleepers.count >= count || Task.isCancelled { return false }
                    state.observers[id] = Observer(count: count, continuation: continuation)
                    return true
                }
                if !mustWait { continuation.resume() }
            }
        } onCancel: {
            state.withLock { $0.observers.removeValue(forKey: id) }?.continuation.resume()
        }
    }

    private func letOthersRun() async {
        for _ in 0..<20 { await Task.yield() }
    }
}
