// SPDX-License-Identifier: Apache-2.0
import Foundation
import Testing

@testable import RivetAsync

/// What a JavaScript actor on a running engine answered and broadcast, read as what it is.
@Suite(.leavesNothing, .timeLimit(.minutes(3)))
struct RecordedValueTests {
    /// One of the actor's values, by the name it was asked with.
    struct Recorded: CustomTestStringConvertible {
        var testDescription: String
        /// JSON cannot hold it: over HTTP it arrives as null, in a JSON event or answer not at all.
        var isLossy = false
        var check: @Sendable (ValueFormat, ByteChunk) throws -> Void

        init<T: Decodable & Sendable & Equatable>(_ name: String, _ value: T, lossy: Bool = false) {
            testDescription = name
            isLossy = lossy
            check = { format, bytes in
                let read = try format.decode(T.self, from: bytes)
                #expect(read == value)
                // As an element and a member, too.
                let array = format == .json ? [0x5b] + Array(bytes) + [0x5d] : [0x81] + Array(bytes)
                let elements = try format.decode([T].self, from: ByteChunk(array))
                #expect(elements == [value])
            }
        }
    }

    struct UndefinedMember: Decodable, Equatable {
        var a: Int?
        var b: Int
    }
    struct Unsorted: Decodable, Equatable {
        struct A: Decodable, Equatable { var z: Int, y: Int }
        struct Q: Decodable, Equatable { var q: Int, p: Int }
        struct C: Decodable, Equatable {
            var first: Int, second: Q
            init(from decoder: any Decoder) throws {
                var container = try decoder.unkeyedContainer()
                first = try container.decode(Int.self)
                second = try container.decode(Q.self)
            }
            init(first: Int, second: Q) { (self.first, self.second) = (first, second) }
        }
        var b: Int, a: A, c: C
    }
    struct Nested: Decodable, Equatable {
        var list: [RivetValue], text: String, empty: [String: Int]
    }
    struct Same: Decodable, Equatable {
        var value: Double
        init(_ value: Double) { self.value = value }
        init(from decoder: any Decoder) throws { value = try decoder.singleValueContainer().decode(Double.self) }
        static func == (a: Same, b: Same) -> Bool { a.value == b.value || a.value.isNaN && b.value.isNaN }
    }

    static let deep: RivetValue = ["deep": [[[0]]]]
    static let values: [Recorded] = [
        Recorded("date", Date(timeIntervalSince1970: 1_754_512_646.123), lossy: true),
        Recorded("dateWhole", Date(timeIntervalSince1970: 1_754_512_646), lossy: true),
        Recorded("bytes", [0, 0, 0] as [UInt8]), Recorded("bytesFull", Data([0, 1, 254, 255])),
        Recorded("arrayBuffer", ByteChunk([1, 2, 3])), Recorded("bigSmall", 7),
        Recorded("bigWide", 9_007_199_254_740_993),
        Recorded("bigNegative", -9_007_199_254_740_993),
        Recorded("bigHuge", Int128("123456789012345678901234567890").unsafelyUnwrapped),
        Recorded("map", ["b": 1, "a": 2], lossy: true), Recorded("mapNumbers", [1: "one", 2: "two"], lossy: true),
        Recorded("set", Set([1, 2, 3])), Recorded("undefined", Int?.none),
        Recorded("undefinedMember", UndefinedMember(a: nil, b: 1)), Recorded("null", NoValue()),
        Recorded("nan", Same(.nan), lossy: true), Recorded("infinity", Double.infinity, lossy: true),
        Recorded("minusZero", 0), Recorded("half", 0.5), Recorded("third", 1.0 / 3), Recorded("int31", 2_147_483_647),
        Recorded("int32", UInt32(4_294_967_295)), Recorded("int33", 4_294_967_296),
        Recorded("millis", 1_754_512_646_123),
        Recorded("minusMillis", -1_754_512_646_123), Recorded("maxSafe", UInt64(9_007_199_254_740_991)),
        Recorded("e16", 10_000_000_000_000_000),
        Recorded("unsorted", Unsorted(b: 1, a: .init(z: 1, y: 2), c: .init(first: 3, second: .init(q: 1, p: 2)))),
        Recorded("nested", Nested(list: [1, "two", nil, true, deep], text: "ä€😀", empty: [:])),
        Recorded("tagLike", ["$BigInt", "12"]), Recorded("tagLikeOther", ["$other", 1] as RivetValue),
        Recorded("regexp", RivetValue.tag(27, ["RegExp", "a+", "gi"]), lossy: true),
        Recorded("error", RivetValue.tag(27, ["Error", "an error as a value"]), lossy: true), Recorded("emptyText", ""),
        Recorded("typed", RivetValue.tag(86, .bytes(unhex("000000000000f83f00000000000000c0"))), lossy: true),
    ]

    struct Conversation: Sendable {
        var name: String, format: ValueFormat, answers: Int, events: Int
    }

    @Test(
        "B113, B116, B117: recorded values are read as what they are",
        arguments: [
            Conversation(name: "bare", format: .nativeCBOR, answers: 35, events: 35),
            Conversation(name: "cbor", format: .cbor, answers: 35, events: 35),
            // Seven dates, maps and the like close the socket; NaN and infinity come as null.
            Conversation(name: "json", format: .json, answers: 28, events: 28),
        ]
    )
    func recordedValuesAreRead(_ conversation: Conversation) throws {
        var waiting: [String: String] = [:]
        var event: [Int: ByteChunk] = [:]
        var answers = 0
        var events = 0
        func check(_ name: String, _ bytes: ByteChunk) throws {
            let value = try #require(Self.values.first { $0.testDescription == name })
            if conversation.format == .json, value.isLossy {
                #expect(try conversation.format.decode(Int?.self, from: bytes) == nil)
            } else {
                try value.check(conversation.format, bytes)
            }
        }
        for step in VectorFile.recording("scripted-values-\(conversation.name)") where step["kind"]?.text == "ws-frame"
        {
            let note = step["note"]?.text ?? ""
            let connection = step["conn"]?.int ?? -1
            let bytes = ByteChunk(unhex(step["hex"]?.text ?? ""))
            let words = note.split(whereSeparator: { " '[]=".contains($0) }).map(String.init)
            switch words.first {
            case "action" where words.count == 4:
                waiting["\(connection) \(words[1])"] = "\(words[2]) \(words[3])"
            case "event":
                event[connection] = try payload(bytes, conversation.format)
            case "response":
                let call = waiting["\(connection) \(words[2])"]?.split(separator: " ").map(String.init) ?? []
                guard call.count == 2 else { continue }
                if call[0] == "get" {
                    try check(call[1], try payload(bytes, conversation.format))
                    answers += 1
                } else if let arguments = event.removeValue(forKey: connection) {
                    // One argument: the value.
                    let list = try conversation.format.decode([RivetValue].self, from: arguments)
                    #expect(list.count == 1)
                    try check(call[1], try conversation.format.element(of: arguments))
                    events += 1
                }
            default: break
            }
        }
        #expect(answers == conversation.answers)
        #expect(events == conversation.events)
    }

    /// Over HTTP in cbor the value passed through the server's JSON.
    @Test("B117: recorded HTTP answers are read as what they are")
    func recordedHTTPAnswersAreRead() throws {
        let answers = VectorFile.recording("scripted-values-cbor").filter {
            $0["kind"]?.text == "http-response" && $0["note"]?.text?.hasPrefix("{\"output\"") == true
        }
        #expect(answers.count == Self.values.count)
        for (value, answer) in zip(Self.values, answers) {
            let message = unhex(answer["hex"]?.text ?? "")
            let body = try #require(
                (0..<message.count - 3).first { message[$0..<$0 + 4].elementsEqual([13, 10, 13, 10]) }
            )
            let bytes = ByteChunk(message[(body + 4)...])
            let output = try bytes.withUnsafeBytes { raw in
                var reader = CBORReader(raw)
                var range = 0..<0
                try reader.readMembers { (_, reader) throws(CodingError) in range = try reader.readItem() }
                return ByteChunk(raw[range])
            }
            if value.isLossy {
                #expect(try ValueFormat.cbor.decode(Int?.self, from: output) == nil)
            } else {
                try value.check(.cbor, output)
            }
        }
    }

    /// The output or the arguments of a message.
    private func payload(_ message: ByteChunk, _ format: ValueFormat) throws -> ByteChunk {
        try message.withUnsafeBytes { raw in
            switch format {
            case .nativeCBOR:
                // Version, union tag; then id or the event's name, of one byte's length each; then the data's length.
                let name = raw[2] == 3 ? Int(raw[3]) : 0
                return ByteChunk(raw[(4 + name + (raw[4 + name] < 0x80 ? 1 : 2))...])
            case .cbor:
                var reader = CBORReader(raw)
                return try ByteChunk(raw[item(&reader)])
            case .json, .plainJSON:
                var reader = JSONReader(raw)
                return try ByteChunk(raw[item(&reader)])
            }
        }
    }

    /// The member `output` or `args`, wherever it is.
    private func item(_ reader: inout some ItemReader) throws(CodingError) -> Range<Int> {
        var found = 0..<0
        try reader.readMembers { (key, reader) throws(CodingError) in
            switch key {
            case "body", "val": found = try item(&reader)
            case "output", "args": found = try reader.readItem()
            default: _ = try reader.readItem()
            }
        }
        return found
    }
}

extension ValueFormat {
    /// The first element's bytes.
    fileprivate func element(of list: ByteChunk) throws -> ByteChunk {
        try list.withUnsafeBytes { raw in
            func first(_ reader: inout some ItemReader) throws -> ByteChunk {
                var remaining = try reader.beginArray()
                _ = try reader.hasNext(&remaining)
                return try ByteChunk(raw[reader.readItem()])
            }
            if self == .json {
                var reader = JSONReader(raw)
                return try first(&reader)
            }
            var reader = CBORReader(raw)
            return try first(&reader)
        }
    }
}
