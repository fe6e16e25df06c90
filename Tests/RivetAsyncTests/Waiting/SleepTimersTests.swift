// SPDX-License-Identifier: Apache-2.0
import RivetAsyncLocal
import Testing

@testable import RivetAsync

/// Sleeps of which nothing is left, on a clock that the test moves.
@Suite(.leavesNothing, .timeLimit(.minutes(3)))
struct SleepTimersTests {
    private let clock = TestClock()
    private let timers: SleepTimers

    init() {
        let (clock, start) = (clock, clock.now)
        timers = SleepTimers(now: { TimePoint(start.duration(to: clock.now)) }) {
            try? await clock.sleep(until: start.advanced(by: $0.sinceStart))
        }
    }

    private func sleeper(_ seconds: Int) -> Task<Void, any Error> {
        Task.immediate { [timers] in try await timers.sleep(until: TimePoint(.seconds(seconds))) }
    }

    /// Moves the clock when so many timers sleep on it.
    private func advance(_ seconds: Int, timers count: Int) async {
        await clock.waitForSleepers(count)
        await clock.advance(by: .seconds(seconds))
    }

    @Test("each sleeps to its deadline, behind as many timers as deadlines came before all others")
    func deadlines() async throws {
        let sleepers = [30, 10, 20, 40].map { sleeper($0) }
        #expect(timers.counts == (4, 2))
        await advance(10, timers: 2)
        try await sleepers[1].value
        try await until { timers.counts == (3, 2) }
        await advance(10, timers: 2)
        try await sleepers[2].value
        try await until { timers.counts == (2, 1) }
        await advance(10, timers: 1)
        try await sleepers[0].value
        try await until { timers.counts == (1, 1) }
        await advance(10, timers: 1)
        try await sleepers[3].value
        try await until { timers.counts == (0, 0) }
    }

    @Test("of sleepers that were cancelled nothing is left, and their timer serves who comes next")
    func cancelled() async throws {
        for _ in 0..<100 {
            let task = sleeper(10)
            task.cancel()
            await #expect(throws: CancellationError.self) { try await task.value }
        }
        try #require(timers.counts == (0, 1))
        let later = sleeper(15)
        #expect(timers.counts == (1, 1))
        await advance(10, timers: 1)
        try await until { clock.sleeperCount == 1 && timers.counts == (1, 1) }
        await advance(5, timers: 1)
        try await later.value
        try await until { timers.counts == (0, 0) }
    }

    @Test("a deadline that has passed, and a task that was cancelled before, do not sleep")
    func atOnce() async throws {
        try await timers.sleep(until: TimePoint(.zero))
        let task = Task { [timers] in
            withUnsafeCurrentTask { $0?.cancel() }
            try await timers.sleep(until: TimePoint(.seconds(1)))
        }
        await #expect(throws: CancellationError.self) { try await task.value }
        #expect(timers.counts == (0, 0))
    }
}
