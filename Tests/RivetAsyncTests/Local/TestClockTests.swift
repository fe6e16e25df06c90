// SPDX-License-Identifier: Apache-2.0
import RivetAsyncLocal
import Testing

@Suite(.leavesNothing, .timeLimit(.minutes(3)))
struct TestClockTests {
    private let clock = TestClock()

    @Test func wakesInOrderOfDeadlineEachAtItsOwnTime() async {
        let woken = Recorder<Duration>()
        let start = clock.now
        await withTaskGroup { group in
            for seconds in [3, 1, 2] {
                group.addTask { [clock] in
                    try? await clock.sleep(for: .seconds(seconds))
                    woken.add(start.duration(to: clock.now))
                }
            }
            await clock.waitForSleepers(3)
            await clock.advance(by: .milliseconds(2_500))
            #expect(woken.all == [.seconds(1), .seconds(2)])
            #expect(start.duration(to: clock.now) == .milliseconds(2_500))
            await clock.advance(by: .seconds(1))
            #expect(woken.all == [.seconds(1), .seconds(2), .seconds(3)])
        }
    }

    @Test func oneAdvanceWakesATaskThatSleepsAgainWithinIt() async {
        let ticks = Recorder<Duration>()
        await withTaskGroup { group in
            group.addTask { [clock] in
                for _ in 0..<5 {
                    try? await clock.sleep(for: .seconds(1))
                    ticks.add(clock.now.duration(to: clock.now))
                }
            }
            await clock.waitForSleepers()
            await clock.advance(by: .seconds(5))
        }
        #expect(ticks.all.count == 5)
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
