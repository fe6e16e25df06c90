// SPDX-License-Identifier: Apache-2.0
import RivetAsyncLocal
import Testing

/// All on one actor, where turns are taken in order: what a sleeper does next comes before the next step.
@MainActor @Suite(.leavesNothing, .timeLimit(.minutes(3)))
struct TestClockTests {
    private let clock = TestClock()

    @Test func wakesInOrderOfDeadlineEachAtItsOwnTime() async throws {
        let woken = Recorder<Duration>()
        let start = clock.now
        let sleepers = [3, 1, 2].map { seconds in
            Task {
                try await clock.sleep(for: .seconds(seconds))
                woken.add(start.duration(to: clock.now))
            }
        }
        await clock.waitForSleepers(3)
        await clock.advance(by: .milliseconds(2_500))
        #expect(woken.all == [.seconds(1), .seconds(2)])
        #expect(start.duration(to: clock.now) == .milliseconds(2_500))
        await clock.advance(by: .seconds(1))
        #expect(woken.all == [.seconds(1), .seconds(2), .seconds(3)])
        for sleeper in sleepers { try await sleeper.value }
    }

    @Test func oneAdvanceWakesATaskThatSleepsAgainWithinIt() async throws {
        let ticks = Recorder<Duration>()
        let sleeper = Task {
            for _ in 0..<5 {
                try await clock.sleep(for: .seconds(1))
                ticks.add(clock.now.duration(to: clock.now))
            }
        }
        await clock.waitForSleepers()
        await clock.advance(by: .seconds(5))
        #expect(ticks.all.count == 5)
        // Where it has missed one, it would wait for ever.
        sleeper.cancel()
        try await sleeper.value
    }

    @Test func aPastDeadlineReturnsAtOnce() async throws {
        try await clock.sleep(until: clock.now)
        await clock.advance(by: .seconds(-1))
        #expect(clock.now == TestClock().now)
    }

    @Test func cancellationEndsASleep() async {
        let task = Task { [clock] in try await clock.sleep(for: .seconds(1)) }
        await clock.waitForSleepers()
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
        await #expect(throws: CancellationError.self) {
            try await Task { [clock] in
                withUnsafeCurrentTask { $0?.cancel() }
                try await clock.sleep(for: .seconds(1))
            }.value
        }
    }

    @Test func cancellationEndsTheWaitForSleepers() async {
        let task = Task { [clock] in await clock.waitForSleepers() }
        task.cancel()
        await task.value
    }
}
