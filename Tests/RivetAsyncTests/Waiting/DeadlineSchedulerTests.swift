// SPDX-License-Identifier: Apache-2.0
import RivetAsyncLocal
import Testing

@testable import RivetAsync

/// All deadlines of a client, on a clock that the test moves.
@Suite(.leavesNothing, .timeLimit(.minutes(3)))
struct DeadlineSchedulerTests {
    private final class Holder: Sendable {
        let scheduler: DeadlineScheduler

        init(_ scheduler: DeadlineScheduler) { self.scheduler = scheduler }
    }

    @Test(
        "what is still to come when its task ends is let go of, and so is what comes later",
        arguments: [false, true]
    )
    func ended(isLate: Bool) async {
        weak var held: Holder?
        do {
            let scheduler = DeadlineScheduler(time: TimeSource(TestClock()), gauge: ResourceGauge())
            let holder = Holder(scheduler)
            held = holder
            let running = Task { await scheduler.run() }
            if !isLate { _ = scheduler.schedule(after: .seconds(1)) { _ = holder.scheduler } }
            running.cancel()
            await running.value
            if isLate { _ = scheduler.schedule(after: .seconds(1)) { _ = holder.scheduler } }
        }
        #expect(held == nil)
    }
}
