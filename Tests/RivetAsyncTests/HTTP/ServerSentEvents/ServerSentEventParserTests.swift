// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import RivetAsync

/// The rules of the HTML standard, each for the bytes whole, one by one, and cut in two at every place.
@Suite(.leavesNothing, .timeLimit(.minutes(3)))
struct ServerSentEventParserTests {
    struct Row: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let bytes: [UInt8]
        let events: [ServerSentEvent]
        var lastID: String?
        var retry: Duration?

        init(
            _ name: String,
            _ bytes: [UInt8],
            _ events: [ServerSentEvent],
            lastID: String? = nil,
            retry: Duration? = nil
        ) {
            (testDescription, self.bytes, self.events) = (name, bytes, events)
            (self.lastID, self.retry) = (lastID, retry)
        }

        init(
            _ name: String,
            _ text: String,
            _ events: [ServerSentEvent],
            lastID: String? = nil,
            retry: Duration? = nil
        ) {
            self.init(name, Array(text.utf8), events, lastID: lastID, retry: retry)
        }
    }

    static func event(
        _ data: String,
        _ event: String = "message",
        id: String? = nil,
        retry: Duration? = nil
    ) -> ServerSentEvent {
        ServerSentEvent(event: event, data: data, id: id, retry: retry)
    }

    static let mark: [UInt8] = [0xef, 0xbb, 0xbf]

    static let lines = [
        Row("one event", "data: a\n\n", [event("a")]),
        Row("the standard's first example", "data: YHOO\ndata: +2\ndata: 10\n\n", [event("YHOO\n+2\n10")]),
        Row(
            "the standard's second example",
            ": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event\n\n",
            [event("first event", id: "1"), event("second event"), event(" third event")]
        ),
        Row("the standard's third example", "data\n\ndata\ndata\n\ndata:\n", [event(""), event("\n")]),
        Row("the standard's fourth example", "data:test\n\ndata: test\n\n", [event("test"), event("test")]),
        Row("lines that end by CR", "data: a\rdata: b\r\rdata: c\r\r", [event("a\nb"), event("c")]),
        Row("lines that end by CRLF", "data: a\r\ndata: b\r\n\r\ndata: c\r\n\r\n", [event("a\nb"), event("c")]),
        Row("all line ends", "data: a\rdata: b\ndata: c\r\n\ndata: d\n\r", [event("a\nb\nc"), event("d")]),
        Row("LF CR is two ends", "data: a\n\rdata: b\n\n", [event("a"), event("b")]),
        Row("a mark at the start", mark + Array("data: a\n\n".utf8), [event("a")]),
        Row("two marks at the start", mark + mark + Array("data: a\n\ndata: b\n\n".utf8), [event("b")]),
        Row("a mark later", Array("data: a\n".utf8) + mark + Array("data: b\n\n".utf8), [event("a")]),
        Row("what begins like a mark", [0xef, 0xbb] + Array("data: a\n\ndata: b\n\n".utf8), [event("b")]),
        Row("only the beginning of a mark", [0xef], []),
        Row("nothing", "", []),
        Row("empty lines", "\n\r\n\r\n\n\n", []),
        Row("comments", ":\n: a\n:data: b\ndata: c\n:\n\n:data: d\n\n", [event("c")]),
        Row("unknown fields", "datas: a\n data: b\nDATA: c\n\tdata: d\ndata : e\n\n", []),
        Row("only one blank is dropped", "data:  a\ndata:\tb\ndata: \ndata:c \n\n", [event(" a\n\tb\n\nc ")]),
        Row("colons in a value", "data:: a:b\nevent::\n\n", [event(": a:b", ":")]),
        Row("no data, no event", "event: a\nid: 1\n\ndata: b\n\n", [event("b", id: "1")], lastID: "1"),
        Row("the event is reset, data or not", "event: a\n\ndata: b\n\n", [event("b")]),
        Row(
            "the last event name counts, and an empty one is message",
            "event: a\nevent: b\ndata: 1\n\nevent: a\nevent\ndata: 2\n\nevent\ndata: 3\n\n",
            [event("1", "b"), event("2"), event("3")]
        ),
        Row("what stands behind the last empty line", "data: a\n\ndata: b\nid: 2\n", [event("a")]),
        Row("what stands behind it, cut in a line", "data: a\n\ndata: b", [event("a")]),
    ]

    static let fields = [
        Row(
            "an id lasts until the next",
            "id: 1\ndata: a\n\ndata: b\n\nid: 2\ndata: c\n\n",
            [event("a", id: "1"), event("b", id: "1"), event("c", id: "2")],
            lastID: "2"
        ),
        Row("an empty id clears it", "id: 1\ndata: a\n\nid:\ndata: b\n\n", [event("a", id: "1"), event("b")]),
        Row("an id alone counts", "id: 1\ndata: a\n\nid: 2\n\n", [event("a", id: "1")], lastID: "2"),
        Row("an id that was cut does not", "id: 1\ndata: a\n\nid: 2\n", [event("a", id: "1")], lastID: "1"),
        Row(
            "an id with NUL is ignored",
            "id: 1\ndata: a\n\nid: 2\0\ndata: b\n\nid: \0\ndata: c\n\n",
            [event("a", id: "1"), event("b", id: "1"), event("c", id: "1")],
            lastID: "1"
        ),
        Row("NUL elsewhere is a character", "event: a\0\ndata: b\0\n\n", [event("b\0", "a\0")]),
        Row(
            "retry",
            "retry: 1500\ndata: a\n\ndata: b\n\nretry: 007\n",
            [event("a", retry: .milliseconds(1_500)), event("b")],
            retry: .milliseconds(7)
        ),
        Row(
            "what is no retry",
            "retry: 1\nretry: +2\nretry: 2.0\nretry: \nretry\nretry:  2\nretry: 2 \nretry: a\nretry: 0x2\nretry: \u{662}\n"
                + "data: a\n\n",
            [event("a", retry: .milliseconds(1))],
            retry: .milliseconds(1)
        ),
        Row(
            "a retry of any length",
            "retry: 99999999999999999999999999999999\ndata: a\n\nretry: 0\n",
            [event("a", retry: .milliseconds(Int64.max))],
            retry: .zero
        ),
    ]

    static func damaged(_ name: String, _ bytes: [UInt8], _ text: String) -> Row {
        Row(name, Array("data: <".utf8) + bytes + Array(">\n\n".utf8), [event("<\(text)>")])
    }

    static let wrong = "\u{fffd}"
    static let characters = [
        damaged("two bytes", [0xc3, 0xa9], "\u{e9}"),
        damaged("three bytes", [0xe2, 0x82, 0xac], "\u{20ac}"),
        damaged("four bytes", [0xf0, 0x9f, 0x98, 0x80], "\u{1f600}"),
        damaged("a byte that continues nothing", [0x80], wrong),
        damaged("two of them", [0x80, 0xbf], wrong + wrong),
        damaged("two bytes, cut", [0xc3], wrong),
        damaged("three bytes, cut", [0xe2, 0x82], wrong),
        damaged("four bytes, cut", [0xf0, 0x9f, 0x98], wrong),
        damaged("cut and begun again", [0xf0, 0x9f, 0xf0, 0x9f, 0x98, 0x80], wrong + "\u{1f600}"),
        damaged("overlong, two bytes", [0xc0, 0x80], wrong + wrong),
        damaged("overlong, three bytes", [0xe0, 0x80, 0x80], wrong + wrong + wrong),
        damaged("overlong, four bytes", [0xf0, 0x80, 0x80, 0x80], wrong + wrong + wrong + wrong),
        damaged("a surrogate", [0xed, 0xa0, 0x80], wrong + wrong + wrong),
        damaged("beyond the last", [0xf4, 0x90, 0x80, 0x80], wrong + wrong + wrong + wrong),
        damaged("what begins nothing", [0xf5, 0xff], wrong + wrong),
        Row(
            "cut by the end of a line",
            Array("data: ".utf8) + [0xe2, 0x82] + Array("\ndata: ".utf8) + [0xac] + Array("\n\n".utf8),
            [event(wrong + "\n" + wrong)]
        ),
        Row(
            "in an id and a name",
            Array("id: ".utf8) + [0xff] + Array("\nevent: ".utf8) + [0xe2, 0x82] + Array("\ndata: a\n\n".utf8),
            [event("a", wrong, id: wrong)],
            lastID: wrong
        ),
        Row("in a field's name", Array("dat".utf8) + [0xc3] + Array("a: a\n\n".utf8), []),
    ]

    @Test("B270: lines, comments and events", arguments: lines)
    func readLines(_ row: Row) throws { try Self.check(row) }

    @Test("B271: event, id and retry", arguments: fields)
    func readFields(_ row: Row) throws { try Self.check(row) }

    @Test("B272: what is not UTF-8", arguments: characters)
    func readCharacters(_ row: Row) throws { try Self.check(row) }

    static func check(_ row: Row) throws {
        let one = try read([row.bytes])
        #expect(one.events == row.events)
        #expect(one.parser.lastEventID == row.lastID ?? row.events.last?.id)
        #expect(one.parser.retry == row.retry ?? row.events.last?.retry)
        var cuts = (0...row.bytes.count).map { [Array(row.bytes[..<$0]), Array(row.bytes[$0...])] }
        cuts.append(row.bytes.map { [$0] })
        for pieces in cuts {
            let read = try read(pieces)
            #expect(read.events == row.events, "\(pieces.map(\.count))")
            #expect(read.parser.lastEventID == one.parser.lastEventID, "\(pieces.map(\.count))")
            #expect(read.parser.retry == one.parser.retry, "\(pieces.map(\.count))")
        }
    }

    /// Each piece lies between bytes that are not its own.
    static func read(
        _ pieces: [[UInt8]],
        _ parser: ServerSentEventParser = .init()
    ) throws(HTTPError) -> (events: [ServerSentEvent], parser: ServerSentEventParser) {
        var parser = parser
        var events: [ServerSentEvent] = []
        for piece in pieces {
            let chunk = ByteChunk([0x0a, 0x0a] + piece + [0x0a, 0x0a]).slice(2..<(2 + piece.count))
            var position = 0
            while let event = try parser.next(in: chunk, from: &position) { events.append(event) }
            #expect(position == chunk.count)
        }
        return (events, parser)
    }

    // MARK: Limits

    struct Limit: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let text: String
        /// Nil where it is within the limits, of 10 bytes for a line and 12 for an event.
        var error: HTTPError?
    }

    static let limits = [
        Limit(testDescription: "a line at the limit", text: "data: 7890\n\n"),
        Limit(testDescription: "behind a mark", text: "\u{feff}data: 7890\n\n"),
        Limit(
            testDescription: "a line above it",
            text: "data: 78901\n\n",
            error: .tooLarge(.eventLine, limit: 10, actual: 11)
        ),
        Limit(
            testDescription: "a line without end",
            text: "data: 78901",
            error: .tooLarge(.eventLine, limit: 10, actual: 11)
        ),
        Limit(testDescription: "a comment", text: ":2345678901\n", error: .tooLarge(.eventLine, limit: 10, actual: 11)),
        Limit(testDescription: "an event at the limit", text: "data:12345\ndata:12345\ndata\n\n"),
        Limit(
            testDescription: "an event above it",
            text: "data:12345\ndata:12345\ndata:1\n",
            error: .tooLarge(.event, limit: 12, actual: 13)
        ),
        Limit(testDescription: "each event anew", text: "data:12345\ndata:12345\n\ndata:12345\ndata:12345\n\n"),
    ]

    @Test("B273: the limits of lines and events", arguments: limits)
    func atTheLimits(_ row: Limit) throws {
        let parser = ServerSentEventParser(maxLineSize: 10, maxEventSize: 12)
        for pieces in [[Array(row.text.utf8)], row.text.utf8.map { [$0] }] {
            #expect(Result { () throws(HTTPError) in try Self.read(pieces, parser).events.count }.failure == row.error)
        }
    }

    @Test("B273: without other limits, 1 MiB a line and 4 MiB an event")
    func defaults() throws {
        let line = Array("data:".utf8) + [UInt8](repeating: 0x61, count: (1 << 20) - 5)
        #expect(try Self.read([line, [0x0a, 0x0a]]).events.first?.data.utf8.count == (1 << 20) - 5)
        #expect(throws: HTTPError.tooLarge(.eventLine, limit: 1 << 20, actual: (1 << 20) + 1)) {
            _ = try Self.read([line + [0x61]])
        }
        let quarter = line + [0x0a]
        let rest = Array("data:".utf8) + [UInt8](repeating: 0x61, count: 16) + [0x0a]
        let event = try Self.read([quarter, quarter, quarter, quarter, rest, [0x0a]]).events.first
        #expect(event?.data.utf8.count == 4 << 20)
        #expect(throws: HTTPError.tooLarge(.event, limit: 4 << 20, actual: (4 << 20) + 1)) {
            _ = try Self.read([quarter, quarter, quarter, quarter, Array("data:".utf8) + rest.dropFirst(4)])
        }
    }

    /// Everything the standard splits and joins, in random order: the same events, however it is cut.
    @Test("B270: random bytes in random pieces", arguments: 1...20 as ClosedRange<UInt64>)
    func random(_ seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let parts = [
            "data", "event", "id", "retry", ":", ":", " ", "\n", "\n", "\r", "\r\n", "a", "\u{20ac}", "7", "\0",
        ]
        var bytes: [UInt8] = []
        for _ in 0..<2_000 { bytes += parts.randomElement(using: &random)?.utf8.map { $0 } ?? [] }
        for _ in 0..<40 {
            bytes[Int.random(in: 0..<bytes.count, using: &random)] = .random(in: 0...255, using: &random)
        }
        let whole = try Self.read([bytes])
        for _ in 0..<20 {
            var rest = bytes[...]
            var pieces: [[UInt8]] = []
            while !rest.isEmpty {
                let count = min(Int.random(in: 1...17, using: &random), rest.count)
                pieces.append(Array(rest.prefix(count)))
                rest = rest.dropFirst(count)
            }
            let read = try Self.read(pieces)
            #expect(read.events == whole.events)
            #expect(read.parser.lastEventID == whole.parser.lastEventID)
            #expect(read.parser.retry == whole.parser.retry)
        }
    }
}
