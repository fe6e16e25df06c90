// SPDX-License-Identifier: Apache-2.0
import RivetAsync
import Testing

/// The kill test's judgement, with faults planted: it runs without an engine.
@Suite
struct KillVerdictTests {
    private static func call(
        _ tag: String,
        _ word: KillCall.Word?,
        way: KillCall.Way = .http(5),
        took: Duration? = .seconds(1)
    ) -> KillCall {
        KillCall(
            tag: tag,
            way: way,
            began: .seconds(10),
            limit: .seconds(3),
            ended: took.map { .seconds(10) + $0 },
            word: word
        )
    }

    private static func verdict(_ calls: [KillCall], _ log: String) -> KillVerdict {
        KillVerdict(calls, KillRunLog(log, tags: Set(calls.map(\.tag))), grace: .seconds(2))
    }

    struct Row: Sendable, CustomTestStringConvertible {
        let word: KillCall.Word
        let hasRun: Bool
        let isLie: Bool
        var testDescription: String { "\(word), ran: \(hasRun)" }
    }

    static let rows = [
        Row(word: .ok, hasRun: true, isLie: false),
        Row(word: .ok, hasRun: false, isLie: true),
        Row(word: .failed(.notSent, "e"), hasRun: false, isLie: false),
        Row(word: .failed(.notSent, "e"), hasRun: true, isLie: true),
        Row(word: .failed(.mayHaveRun, "e"), hasRun: false, isLie: false),
        Row(word: .failed(.mayHaveRun, "e"), hasRun: true, isLie: false),
        Row(word: .failed(.ran, "e"), hasRun: true, isLie: false),
        Row(word: .failed(.ran, "e"), hasRun: false, isLie: true),
        Row(word: .cancelled, hasRun: true, isLie: false),
        Row(word: .cancelled, hasRun: false, isLie: false),
    ]

    @Test(arguments: rows)
    func wordAgainstLog(_ row: Row) {
        let log = "1795 70 work k-2 1\n" + (row.hasRun ? "1795 71 work k-1 1\n1796 71 done k-1 1\n" : "")
        let verdict = Self.verdict([Self.call("k-1", row.word)], log)
        #expect(verdict.lies.count == (row.isLie ? 1 : 0))
        #expect(verdict.lies.allSatisfy { $0.contains("k-1 over HTTP to actor 5") })
        #expect(verdict.hangs.isEmpty && verdict.strangers.isEmpty)
    }

    struct End: Sendable {
        let took: Duration?
        let isHang: Bool
    }

    @Test(arguments: [
        End(took: .seconds(3), isHang: false),
        End(took: .seconds(5), isHang: false),
        End(took: .milliseconds(5_001), isHang: true),
        End(took: nil, isHang: true),
    ])
    func deadlines(_ end: End) {
        let word: KillCall.Word? = end.took == nil ? nil : .failed(.mayHaveRun, "e")
        let verdict = Self.verdict([Self.call("k-1", word, way: .connection(7), took: end.took)], "")
        #expect(verdict.hangs.count == (end.isHang ? 1 : 0))
        #expect(verdict.hangs.allSatisfy { $0.contains("k-1 over connection 7") })
        #expect(verdict.lies.isEmpty)
    }

    @Test func errorOfSomebodyElseIsShown() {
        let verdict = Self.verdict([Self.call("k-1", .stranger("POSIX 5"))], "")
        #expect(verdict.strangers.count == 1)
    }

    @Test func countsAreThoseOfTheSummary() {
        let calls = [
            Self.call("k-1", .ok), Self.call("k-2", .ok, way: .connection(0)),
            Self.call("k-3", .failed(.notSent, "e")), Self.call("k-4", .failed(.mayHaveRun, "e"), way: .connection(1)),
            Self.call("k-5", .failed(.ran, "e")), Self.call("k-6", .ok), Self.call("k-7", nil, took: nil),
        ]
        let log = """
            1795 70 work k-1 1
            1795 70 work k-2 1
            1795 71 work k-2 1
            1795 71 work k-4 1
            1795 71 work k-4 2
            1795 71 work k-4 3
            1795 71 work k-5 1

            """
        #expect(
            Self.verdict(calls, log).summary == """
                7 calls (5 over HTTP, 2 over connections): 3 ok, 1 notSent, 1 mayHaveRun, 1 ran with an error, 1 lies, \
                1 hangs, 2 tags that Rivet ran more than once
                """
        )
    }
}

/// What counts as a start in the actors' log.
@Suite
struct KillRunLogTests {
    private func starts(_ text: String) -> [String: Int] {
        KillRunLog(text, tags: ["k-1", "k-12", "k-2"]).starts
    }

    @Test func startsAreCountedByTag() {
        #expect(starts("1 70 work k-1 1\n2 70 done k-1 1\n3 71 work k-1 1\n3 71 work k-2 1\n") == ["k-1": 2, "k-2": 1])
        #expect(starts("") == [:])
    }

    @Test func foreignLinesAreNothing() {
        #expect(starts("1 70 start\n\n \n2 70 slow-wake k-1 1\n3 70 work k-9 1\n4 70 done k-2 1\n") == [:])
        #expect(starts("work\n\u{FFFD}\u{0}\n") == [:])
        #expect(starts("k-1\nwork k-1\n  k-1 work\n") == [:])
    }

    @Test(arguments: ["1", "1 70", "1 70 wo", "1 70 work", "1 70 work k-", "1 70 work k-1", "1 70 work k-12"])
    func tornLastLineIsNothing(_ torn: String) {
        // "k-1" may be the begin of "k-12".
        #expect(starts("0 70 work k-2 1\n" + torn) == ["k-2": 1])
    }

    @Test func wholeTagInATornLineHasRun() {
        #expect(starts("1 70 work k-1 ") == ["k-1": 1])
    }

    @Test(arguments: ["1 70 work k-", "1 70 wo", "1 70 work k-3", "1 70 ", "1 70 work "])
    func lineBehindATornOneCounts(_ torn: String) {
        #expect(starts(torn + "1795853683492 71 work k-12 1\n") == ["k-12": 1])
    }
}
