// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import RivetAsync

/// What is learned from how long tries take.
@Suite(.leavesNothing, .timeLimit(.minutes(3)))
struct NudgeLessonTests {
    /// So many tries in a row, and after how many milliseconds each is answered.
    struct Tries: Sendable {
        var count: Int
        var plain = 45
        var nudged = 6
        var isNearNudge = false
    }

    struct Row: Sendable, CustomTestStringConvertible {
        var name: String
        var tries: [Tries]
        /// How the tries went, those that went alike counted together.
        var expected: String
        var testDescription: String { name }
    }

    static let marking = Tries(count: 2)
    /// Up to the first test, which is the next one.
    static let untilTest = [marking, Tries(count: 63)]
    static let stalling = Tries(count: 18, nudged: 45)

    static let rows = [
        Row(name: "two stalls mark", tries: [Tries(count: 3)], expected: "plain 2, nudged 1"),
        Row(
            name: "one does not",
            tries: [Tries(count: 1), Tries(count: 100, plain: 5)],
            expected: "plain 101"
        ),
        Row(
            name: "a few without a stall between the two change nothing",
            tries: [Tries(count: 1), Tries(count: 7, plain: 5), Tries(count: 2)],
            expected: "plain 9, nudged 1"
        ),
        Row(
            name: "after eight without one the stall before them is forgotten",
            tries: [Tries(count: 1), Tries(count: 8, plain: 5), Tries(count: 3)],
            expected: "plain 11, nudged 1"
        ),
        Row(
            name: "a stall is not shorter than 32 ms, nor longer than 75",
            tries: [Tries(count: 50, plain: 31), Tries(count: 50, plain: 76)],
            expected: "plain 100"
        ),
        Row(name: "32 ms are one", tries: [Tries(count: 3, plain: 32)], expected: "plain 2, nudged 1"),
        Row(name: "75 ms are one", tries: [Tries(count: 3, plain: 75)], expected: "plain 2, nudged 1"),
        Row(
            name: "near a nudge a stall is no evidence, alone or with others that are not",
            tries: (0..<20).flatMap { _ in
                [Tries(count: 3, isNearNudge: true), Tries(count: 1, plain: 31, isNearNudge: true)]
            },
            expected: "plain 80"
        ),
        Row(
            name: "four in a row near nudges, and nothing else, mark too",
            tries: [Tries(count: 5, isNearNudge: true)],
            expected: "plain 4, nudged 1"
        ),
        Row(
            name: "one near a nudge does not make one that is not a second",
            tries: [Tries(count: 1, isNearNudge: true), Tries(count: 3)],
            expected: "plain 3, nudged 1"
        ),
        Row(
            name: "a test every 64th time, rarer as long as it confirms",
            tries: [Tries(count: 3_000)],
            expected:
                "plain 2, nudged 63, test 1, nudged 255, test 1, nudged 1023, test 1, nudged 1023, test 1, nudged 630"
        ),
        Row(
            name: "two tests in a row that are answered within 20 ms unmark",
            tries: untilTest + [Tries(count: 2, plain: 20), Tries(count: 3)],
            expected: "plain 2, nudged 63, test 2, plain 2, nudged 1"
        ),
        Row(
            name: "one does not, where the one behind it stalls",
            tries: untilTest + [Tries(count: 1, plain: 20), Tries(count: 257)],
            expected: "plain 2, nudged 63, test 2, nudged 255, test 1"
        ),
        Row(
            name: "tests are as frequent again for what is marked again",
            tries: untilTest + [Tries(count: 256), Tries(count: 2, plain: 20), Tries(count: 66)],
            expected: "plain 2, nudged 63, test 1, nudged 255, test 2, plain 2, nudged 63, test 1"
        ),
        Row(
            name: "one that takes from 21 to 31 ms, or more than 75, says nothing",
            tries: untilTest + [Tries(count: 1, plain: 21)] + [Tries(count: 64, plain: 31)]
                + [Tries(count: 64, plain: 76), Tries(count: 1)],
            expected: "plain 2, nudged 63, test 1, nudged 63, test 1, nudged 63, test 1, nudged 1"
        ),
        Row(
            name: "a test right behind a nudge confirms as any other",
            tries: untilTest + [Tries(count: 1, isNearNudge: true), Tries(count: 256)],
            expected: "plain 2, nudged 63, test 1, nudged 255, test 1"
        ),
        Row(
            name: "sixteen nudged tries that stall unmark for 64 tries, then for four times as many",
            tries: [Tries(count: 18 + 64 + 18 + 256 + 18 + 1_024 + 3, nudged: 45)],
            expected: "plain 2, nudged 16, rest 64, plain 2, nudged 16, rest 256, plain 2, nudged 16, rest 1024, "
                + "plain 2, nudged 1"
        ),
        Row(
            name: "they must be more than those that do not",
            tries: [marking, Tries(count: 20), Tries(count: 22, nudged: 45)],
            expected: "plain 2, nudged 41, rest 1"
        ),
        Row(
            name: "those that take longer than a stall are neither",
            tries: [marking, Tries(count: 60, nudged: 76), Tries(count: 3), Tries(count: 1, plain: 20)],
            expected: "plain 2, nudged 63, test 1"
        ),
        Row(
            name: "those of long ago count half",
            tries: untilTest + [Tries(count: 2), Tries(count: 34, nudged: 45)],
            expected: "plain 2, nudged 63, test 1, nudged 34, rest 1"
        ),
        Row(
            name: "after a test that confirms, the next rest is short again",
            tries: [stalling, Tries(count: 64)] + untilTest + [Tries(count: 1), Tries(count: 33 + 64 + 1, nudged: 45)],
            expected: "plain 2, nudged 16, rest 64, plain 2, nudged 63, test 1, nudged 33, rest 64, plain 1"
        ),
    ]

    @Test(
        "B226: marks after two plain stalls, stops after a prompt test or stalls that nudges do not help",
        arguments: rows
    )
    func learns(_ row: Row) {
        var lesson = NudgeLesson()
        var runs: [(name: String, count: Int)] = []
        for tries in row.tries {
            for _ in 0..<tries.count {
                let plan = lesson.begin()
                let name = plan.map { "\($0)" } ?? "rest"
                if runs.last?.name == name { runs[runs.count - 1].count += 1 } else { runs.append((name, 1)) }
                guard let plan else { continue }
                let took = plan == .nudged ? tries.nudged : tries.plain
                lesson.ended(plan, took: .milliseconds(took), isNearNudge: tries.isNearNudge)
            }
        }
        #expect(runs.map { "\($0.name) \($0.count)" }.joined(separator: ", ") == row.expected)
    }

    @Test("B226: what began before another connection marked it, or unmarked it, changes nothing")
    func concurrent() {
        var lesson = NudgeLesson()
        for _ in 0..<2 { lesson.ended(.plain, took: .milliseconds(45), isNearNudge: false) }
        #expect(lesson.isMarked)
        for _ in 0..<8 { lesson.ended(.plain, took: .milliseconds(5), isNearNudge: false) }
        #expect(lesson.isMarked)
        for _ in 0..<16 { lesson.ended(.nudged, took: .milliseconds(45), isNearNudge: true) }
        #expect(!lesson.isMarked)
        for plan in [NudgeLesson.Plan.plain, .plain, .test, .nudged] {
            lesson.ended(plan, took: .milliseconds(45), isNearNudge: false)
        }
        #expect(lesson.begin() == nil)
    }
}
