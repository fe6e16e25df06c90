// SPDX-License-Identifier: Apache-2.0

/// Times the lone tries of one connection, and decides when a nudge leaves against the engine's 40 ms stall (PROTOCOL
/// h11; B226).
///
/// A lone try is an action with no other in flight, or the way from the 101 to `Init`. Whether it is nudged is what the
/// client's ``NudgeKnowledge`` says, which learns from how long it took.
struct ReplyNudgeStateMachine: Sendable {
    private struct Try: Sendable {
        /// The action's; nil for the way to `Init`.
        let id: UInt64?
        let lesson: SharedNudgeLesson
        let plan: NudgeLesson.Plan
        let sentAt: TimePoint
        var wasNudged = false
    }

    private static let delay = Duration.milliseconds(3)
    /// For how long a nudge may hold something up.
    private static let aftermath = Duration.milliseconds(60)

    private let knowledge: NudgeKnowledge
    private let actorName: String
    /// That of the last lone action, which usually is the next one's too.
    private var last: (name: String, lesson: SharedNudgeLesson)?
    /// Nothing else has left since it began.
    private var current: Try?
    private var lastNudge: TimePoint?

    init(_ knowledge: NudgeKnowledge, actorName: String) {
        self.knowledge = knowledge
        self.actorName = actorName
    }

    /// The 101 has come, and there is nothing to send behind it; whether a nudge leaves now.
    mutating func socketOpened(now: TimePoint) -> Bool {
        begin(nil, knowledge.lesson(actor: actorName, action: nil), now: now)
        return current?.plan == .nudged && nudge(now: now)
    }

    mutating func receivedInit(now: TimePoint) { ended(nil, now: now) }

    /// When to call `timePassed`; nil for not at all.
    mutating func actionSent(id: UInt64, name: String, inFlight: Int, now: TimePoint) -> TimePoint? {
        current = nil
        guard inFlight == 1 else { return nil }
        begin(id, lesson(of: name), now: now)
        return current?.plan == .nudged ? now.advanced(by: Self.delay) : nil
    }

    /// A subscription, say: it does what a nudge does.
    mutating func otherMessageSent() { current = nil }

    /// Whether a nudge for the last action leaves now.
    mutating func timePassed(now: TimePoint) -> Bool { current?.wasNudged == false && nudge(now: now) }

    mutating func answered(id: UInt64, now: TimePoint) { ended(id, now: now) }

    mutating func socketEnded() { (current, lastNudge) = (nil, nil) }

    private mutating func lesson(of name: String) -> SharedNudgeLesson {
        if let last, last.name.hasSameBytes(as: name) { return last.lesson }
        let lesson = knowledge.lesson(actor: actorName, action: name)
        last = (name, lesson)
        return lesson
    }

    private mutating func begin(_ id: UInt64?, _ lesson: SharedNudgeLesson, now: TimePoint) {
        current = lesson.begin().map { Try(id: id, lesson: lesson, plan: $0, sentAt: now) }
    }

    private mutating func nudge(now: TimePoint) -> Bool {
        current?.wasNudged = true
        lastNudge = now
        return true
    }

    private mutating func ended(_ id: UInt64?, now: TimePoint) {
        guard let ended = current, ended.id == id else { return }
        current = nil
        // Answered before its nudge was due, it says nothing.
        guard ended.wasNudged == (ended.plan == .nudged) else { return }
        ended.lesson.ended(
            ended.plan,
            took: ended.sentAt.duration(to: now),
            isNearNudge: lastNudge.map { $0.duration(to: now) <= Self.aftermath } ?? false
        )
    }
}
