// SPDX-License-Identifier: Apache-2.0

/// What is known about one kind of try: whether its answers stall in the engine, and whether nudges help (PROTOCOL h11;
/// B226).
struct NudgeLesson: Sendable {
    /// How a try goes, and so what its end says.
    enum Plan: Sendable {
        /// Without a nudge, as long as no stall is known.
        case plain
        /// Without one although the stall is known, to find out whether it is still there.
        case test
        /// With one.
        case nudged
    }

    private static let stall = Duration.milliseconds(32)...Duration.milliseconds(75)
    private static let noStall = Duration.milliseconds(20)
    /// How many plain tries without a stall forget the one before them, so that rare slow answers never add up.
    private static let forgetfulness = 8
    /// The first test, and the first rest, after so many tries; each that repeats itself after four times as many.
    private static let interval = 64
    private static let maxTestInterval = 1_024
    private static let maxRest = 16_384

    private(set) var isMarked = false
    private var plainStalls = 0
    private var plainSinceStall = 0
    /// Near a nudge, in a row.
    private var doubtfulStalls = 0
    /// Of the last nudged tries; the older ones count half.
    private var nudged = (stalled: 0, helped: 0)
    /// The last test had no stall: the next try is one too.
    private var isInDoubt = false
    private var testInterval = interval
    private var untilTest = interval
    private var nextRest = interval
    private var restLeft = 0

    /// A lone try begins; nil where there is nothing to do for it and nothing to learn from it.
    mutating func begin() -> Plan? {
        if restLeft > 0 {
            restLeft -= 1
            return nil
        }
        guard isMarked else { return .plain }
        untilTest -= 1
        guard untilTest <= 0 else { return .nudged }
        untilTest = testInterval
        return .test
    }

    /// A try that stayed alone has its answer, and has left with the nudge that was planned, if any.
    ///
    /// `isNearNudge`: a nudge left shortly before its end, for whatever. Where nothing stalls a nudge makes a stall, so one
    /// that is near it proves nothing, unless there is nothing but such stalls: what is tried right behind a nudged try of
    /// another kind would never be learned.
    mutating func ended(_ plan: Plan, took: Duration, isNearNudge: Bool) {
        let hasStalled = Self.stall.contains(took)
        switch plan {
        case .plain:
            // Race: a try on another connection has marked it, or has begun a rest.
            guard !isMarked, restLeft == 0 else { return }
            if !hasStalled {
                (plainSinceStall, doubtfulStalls) = (plainSinceStall + 1, 0)
                if plainSinceStall >= Self.forgetfulness { plainStalls = 0 }
            } else if isNearNudge {
                doubtfulStalls += 1
                if doubtfulStalls == 4 { mark() }
            } else {
                (plainStalls, plainSinceStall) = (plainStalls + 1, 0)
                if plainStalls == 2 { mark() }
            }
        case .test:
            guard isMarked else { return }  // Race: as above.
            if took <= Self.noStall {
                // Where answers stall, some do not: behind such a one the next does.
                if isInDoubt { unmark() } else { (isInDoubt, untilTest) = (true, 1) }
            } else if hasStalled {
                isInDoubt = false
                testInterval = min(testInterval * 4, Self.maxTestInterval)
                (untilTest, nextRest) = (testInterval, Self.interval)
            }
        case .nudged:
            guard isMarked else { return }  // Race: as above.
            if hasStalled {
                nudged.stalled += 1
            } else if took < Self.stall.lowerBound {
                nudged.helped += 1
            }
            // A third of them may stall where all do without.
            if nudged.stalled >= 16, nudged.stalled > nudged.helped {
                unmark()
                restLeft = nextRest
                nextRest = min(nextRest * 4, Self.maxRest)
            } else if nudged.stalled + nudged.helped >= Self.interval {
                nudged = (nudged.stalled / 2, nudged.helped / 2)
            }
        }
    }

    private mutating func mark() {
        isMarked = true
        nudged = (0, 0)
        (testInterval, untilTest) = (Self.interval, Self.interval)
    }

    private mutating func unmark() {
        isMarked = false
        (plainStalls, plainSinceStall, doubtfulStalls, isInDoubt) = (0, 0, 0, false)
    }
}
