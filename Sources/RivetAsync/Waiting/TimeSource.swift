// SPDX-License-Identifier: Apache-2.0

extension Duration {
    /// A hundred years: what is longer is no bound to anything, and is reckoned as this.
    ///
    /// A user's `Duration` may be near the ends of its 128 bits, where a sum traps, and from 292 years on a clock's
    /// nanoseconds leave their 64 bits.
    package static var longest: Duration { .seconds(3_155_760_000) }

    /// The nearest duration that can be reckoned with.
    package var withinReach: Duration { Swift.min(Swift.max(self, .zero - .longest), .longest) }
}

/// A point on the time line of one ``TimeSource``: the time since it was made, not farther away than
/// `Duration.longest`.
package struct TimePoint: InstantProtocol, Sendable {
    package let sinceStart: Duration

    package init(_ sinceStart: Duration) { self.sinceStart = sinceStart.withinReach }

    package func advanced(by duration: Duration) -> TimePoint { TimePoint(sinceStart + duration.withinReach) }
    package func duration(to other: TimePoint) -> Duration { other.sinceStart - sinceStart }
    package static func < (a: TimePoint, b: TimePoint) -> Bool { a.sinceStart < b.sinceStart }
}

/// The injected clock with its type put away, so that machines and tables can hold plain ``TimePoint``s.
package struct TimeSource: Sendable {
    private let read: @Sendable () -> TimePoint
    private let pause: @Sendable (TimePoint) async throws -> Void
    private let readCalendar: @Sendable () -> Int64

    package init(_ clock: some Clock<Duration>) {
        let start = clock.now
        let read = { @Sendable in TimePoint(start.duration(to: clock.now)) }
        self.read = read
        let sleep = { @Sendable (deadline: TimePoint) async throws in
            try await clock.sleep(until: start.advanced(by: deadline.sinceStart), tolerance: nil)
        }
        if clock is ContinuousClock || clock is SuspendingClock {
            let timers = SleepTimers(now: read) { try? await sleep($0) }
            pause = { try await timers.sleep(until: $0) }
            readCalendar = { WallClock.milliseconds }
        } else {
            pause = sleep
            let startOfTime = WallClock.milliseconds
            readCalendar = {
                let elapsed = read().sinceStart.components
                return startOfTime + elapsed.seconds * 1_000 + elapsed.attoseconds / 1_000_000_000_000_000
            }
        }
    }

    package var now: TimePoint { read() }

    /// The time of day in milliseconds since 1970: the system's, and for a clock of a test one that goes with it.
    package var calendarMilliseconds: Int64 { readCalendar() }

    /// Returns at `deadline`, or throws `CancellationError` when the task is cancelled before.
    package func sleep(until deadline: TimePoint) async throws { try await pause(deadline) }
}

/// Thrown by ``withDeadline(_:time:_:)``; callers turn it into their own error.
package struct DeadlinePassedError: Error {}

/// Runs `body` and cancels it at `deadline`.
///
/// - Throws: ``DeadlinePassedError`` when the deadline came first, otherwise what `body` throws.
package func withDeadline<R: Sendable>(
    _ deadline: TimePoint?,
    time: TimeSource,
    _ body: @escaping @Sendable () async throws -> R
) async throws -> R {
    guard let deadline else { return try await body() }
    return try await withThrowingTaskGroup(of: R?.self) { group in
        group.addTask { try await body() }
        group.addTask {
            try await time.sleep(until: deadline)
            return nil
        }
        defer { group.cancelAll() }
        guard let first = try await group.next(), let result = first else {
            try Task.checkCancellation()
            throw DeadlinePassedError()
        }
        return result
    }
}
