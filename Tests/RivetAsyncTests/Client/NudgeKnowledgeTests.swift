// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import RivetAsync

/// Whose lesson is whose, and how many are kept.
@Suite(.leavesNothing, .timeLimit(.minutes(3)))
struct NudgeKnowledgeTests {
    @Test("B226: one lesson for each action name of each actor name, byte by byte, and one for Init")
    func apart() {
        let knowledge = NudgeKnowledge()
        let names: [(String, String?)] = [
            ("a", "x"), ("a", "y"), ("b", "x"), ("a", nil), ("b", nil), ("a", "Init"), ("a", "\u{e9}"),
            ("a", "e\u{301}"),
        ]
        let lessons = names.map { knowledge.lesson(actor: $0, action: $1) }
        #expect(Set(lessons.map(ObjectIdentifier.init)).count == 8)
        for (name, lesson) in zip(names, lessons) {
            #expect(knowledge.lesson(actor: name.0, action: name.1) === lesson)
        }
    }

    @Test("B226: of more than 256 kinds, the one is forgotten that was asked for the longest time ago")
    func bounded() {
        let knowledge = NudgeKnowledge()
        let first = knowledge.lesson(actor: "a", action: "first")
        let second = knowledge.lesson(actor: "a", action: "second")
        for number in 0..<254 { _ = knowledge.lesson(actor: "a", action: "\(number)") }
        #expect(knowledge.lesson(actor: "a", action: "first") === first)
        #expect(knowledge.count == 256)
        _ = knowledge.lesson(actor: "a", action: "one more")
        #expect(knowledge.count == 256)
        #expect(knowledge.lesson(actor: "a", action: "first") === first)
        #expect(knowledge.lesson(actor: "a", action: "second") !== second)
        for number in 0..<10_000 { _ = knowledge.lesson(actor: "\(number)", action: nil) }
        #expect(knowledge.count == 256)
    }
}

extension NudgeKnowledge {
    /// Two plain tries have stalled; `action` is nil for the way to `Init`.
    func mark(actor: String, action: String?) {
        let lesson = lesson(actor: actor, action: action)
        for _ in 0..<2 { lesson.ended(.plain, took: .milliseconds(45), isNearNudge: false) }
    }
}
