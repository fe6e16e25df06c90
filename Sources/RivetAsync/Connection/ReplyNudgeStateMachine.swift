// SPDX-License-Identifier: Apache-2.0

/// Decides when a lone action is followed by a nudge against the engine's 40 ms stall (PROTOCOL h11; B226).
///
/// Nothing is nudged until a lone action has shown the stall; then each lone action is that has no answer in time, except
/// every 64th, which tests whether the stall is still there.
struct ReplyNudgeStateMachine: Sendable {
    private struct Lone: Sendable {
        let id: UInt64
        let sentAt: TimePoint
        /// Nothing else has left since.
        var isAlone = true
        var wasNudged = false
        let isTest: Bool
    }

    private static let delay = Duration.milliseconds(3)
    private static let stall = Duration.milliseconds(35)...Duration.milliseconds(70)
    private static let noStall = Duration.milliseconds(20)
    private static let testInterval = 64

    private var isMarked = false
    private var loneActions = 0
    private var lone: Lone?

    /// When to call `timePassed`; nil for not at all.
    mutating func actionSent(id: UInt64, inFlight: Int, now: TimePoint) -> TimePoint? {
        lone = nil
        guard inFlight == 1 else { return nil }
        loneActions += isMarked ? 1 : 0
        let isTest = isMarked && loneActions % Self.testInterval == 0
        lone = Lone(id: id, sentAt: now, isTest: isTest)
        return isMarked && !isTest ? now.advanced(by: Self.delay) : nil
    }

    mutating func otherMessageSent() {
        lone?.isAlone = false
    }

    /// Whether a nudge for the last action leaves now.
    mutating func timePassed() -> Bool {
        guard let current = lone, current.isAlone, !current.wasNudged else { return false }
        lone?.wasNudged = true
        return true
    }

    mutating func answered(id: UInt64, now: TimePoint) {
        guard let lone, lone.id == id else { return }
        self.lone = nil
        guard lone.isAlone, !lone.wasNudged else { return }
        let took = lone.sentAt.duration(to: now)
        if Self.stall.contains(took) {
            isMarked = true
        } else if lone.isTest, took <= Self.noStall {
            isMarked = false
        }
    }
}
