// SPDX-License-Identifier: Apache-2.0
import Synchronization

/// What a client has learned about the engine's 40 ms stall: a lesson for each action name of each actor name, and for
/// the way to `Init` (PROTOCOL h11; B226).
///
/// It belongs to the client, so that new connections start with what is known.
final class NudgeKnowledge: Sendable {
    private struct Kind: Hashable, Sendable {
        let actor: ExactName
        /// Nil for the way from the 101 to `Init`.
        let action: ExactName?
    }

    private struct State {
        var lessons: [Kind: (lesson: SharedNudgeLesson, lastUse: UInt64)] = [:]
        var uses: UInt64 = 0
    }

    /// Names come from users' code, so there is no end to them; of more, the one is forgotten that was asked for the
    /// longest time ago.
    static let maxCount = 256

    private let state = Mutex(State())
    private let nudgesAlways: Bool

    /// `nudgesAlways`: instead of learning anything, for measurements.
    init(nudgesAlways: Bool = false) { self.nudgesAlways = nudgesAlways }

    /// The same one for all who ask with these names, until it is forgotten.
    func lesson(actor: String, action: String?) -> SharedNudgeLesson {
        let kind = Kind(actor: ExactName(actor), action: action.map(ExactName.init))
        return state.withLock { state in
            state.uses += 1
            let lesson = state.lessons[kind]?.lesson ?? SharedNudgeLesson(nudgesAlways: nudgesAlways)
            state.lessons[kind] = (lesson, state.uses)
            if state.lessons.count > Self.maxCount,
                let oldest = state.lessons.min(by: { $0.value.lastUse < $1.value.lastUse })
            {
                state.lessons[oldest.key] = nil
            }
            return lesson
        }
    }

    var count: Int { state.withLock { $0.lessons.count } }
}

/// A lesson that connections on several lanes learn together.
final class SharedNudgeLesson: Sendable {
    private let lesson = Mutex(NudgeLesson())
    private let nudgesAlways: Bool

    init(nudgesAlways: Bool = false) { self.nudgesAlways = nudgesAlways }

    func begin() -> NudgeLesson.Plan? { nudgesAlways ? .nudged : lesson.withLock { $0.begin() } }

    func ended(_ plan: NudgeLesson.Plan, took: Duration, isNearNudge: Bool) {
        lesson.withLock { $0.ended(plan, took: took, isNearNudge: isNearNudge) }
    }
}
