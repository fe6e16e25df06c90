// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import RivetAsync

/// What is wrong inside a value spoils that value; the message around it is read.
@Suite(.leavesNothing, .timeLimit(.minutes(3)))
struct FaultyValueTests {
    /// A list of arguments with a fault in it, and the failure of reading it.
    struct Fault: CustomTestStringConvertible, Sendable {
        var testDescription: String
        var encoding: WireEncoding
        var arguments: [UInt8]
        var kind: CodingError.Kind

        init(_ name: String, _ encoding: WireEncoding, _ arguments: [UInt8], _ kind: CodingError.Kind) {
            testDescription = "\(name) in \(encoding)"
            (self.encoding, self.arguments, self.kind) = (encoding, arguments, kind)
        }
    }

    private static func deep(_ open: [UInt8], _ depth: Int, _ middle: [UInt8], _ close: [UInt8] = []) -> [UInt8] {
        Array([[UInt8]](repeating: open, count: depth).joined()) + middle
            + Array([[UInt8]](repeating: close, count: depth).joined())
    }

    private static func json(_ text: String) -> [UInt8] { Array(text.utf8) }

    static let faults: [Fault] =
        [
            Fault("129 arrays", .json, deep(json("["), 129, [], json("]")), .depthLimit),
            Fault("129 maps", .json, deep(json(#"{"a":"#), 129, json("1"), json("}")), .depthLimit),
            Fault(
                "both, with more in them",
                .json,
                deep(json(#"[1, {"a" : ["#), 100, [], json(#"], "b":"\n]"}, {}, []]"#)),
                .depthLimit
            ),
            Fault("100,000 arrays", .json, deep(json("["), 100_000, [], json("]")), .depthLimit),
            Fault("a number beyond Double", .json, json("[1e999]"), .integerOverflow),
            Fault("an unknown pair", .json, json(#"[["$pw-hunter2",1]]"#), .unknownCompatTag),
            Fault("digits that are none", .json, json(#"[["$BigInt","12x"]]"#), .invalidCompatValue),
        ]
        + [WireEncoding.cbor, .bare].flatMap { encoding in
            [
                Fault("129 arrays", encoding, deep([0x81], 129, [0x80]), .depthLimit),
                Fault("129 indefinite arrays", encoding, deep([0x9f], 129, [], [0xff]), .depthLimit),
                Fault("129 maps", encoding, deep([0xa1, 0x61, 0x61], 129, [0xa0]), .depthLimit),
                Fault("129 indefinite maps", encoding, deep([0xbf, 0x61, 0x61], 129, [0x01], [0xff]), .depthLimit),
                Fault("129 tags", encoding, deep([0xc1], 129, [0x00]), .depthLimit),
                Fault("100,000 arrays", encoding, deep([0x81], 100_000, [0x80]), .depthLimit),
                Fault(
                    "arrays with more in them",
                    encoding,
                    deep([0x83, 0x01], 100_000, [0x80], [0xbf, 0x61, 0x61, 0x82, 0x01, 0x02, 0x01, 0xf6, 0xff]),
                    .depthLimit
                ),
                Fault("text that is not UTF-8", encoding, [0x81, 0x62, 0xff, 0xfe], .invalidUTF8),
                Fault(
                    "an unknown pair",
                    encoding,
                    unhex("8182") + [0x65] + Array("$Nope".utf8) + [1],
                    .unknownCompatTag
                ),
            ]
        }

    private func check(_ value: ByteChunk?, _ fault: Fault) {
        #expect(value.map(Array.init) == fault.arguments)
        guard let value else { return }
        let failure = #expect(throws: CodingError.self) {
            try fault.encoding.valueFormat.decode(RivetValue.self, from: value)
        }
        #expect(failure?.kind == fault.kind)
    }

    private func message(_ write: (inout [UInt8]) -> Void) -> ByteChunk {
        var bytes: [UInt8] = []
        write(&bytes)
        return ByteChunk(bytes)
    }

    @Test("B305: a faulty value spoils its event, its answer or its metadata only", arguments: faults)
    func faultStaysInItsValue(_ fault: Fault) throws {
        let codec = MessageCodec(fault.encoding)
        let value = ByteChunk(fault.arguments)
        let event = message { codec.writeEvent(name: "changed", arguments: value, to: &$0) }
        guard case .event(let read) = try codec.readServerMessage(event) else {
            return #expect(Bool(false))
        }
        #expect(read.name.string == "changed")
        check(read.arguments, fault)

        let answer = message { codec.writeActionResponse(id: 7, output: value, to: &$0) }
        guard case .actionResponse(7, let output) = try codec.readServerMessage(answer) else {
            return #expect(Bool(false))
        }
        check(output, fault)

        let written = ErrorMessage(
            group: "user",
            code: "full",
            message: "no room",
            metadata: EncodedValue(bytes: value, format: fault.encoding.valueFormat),
            actionID: 7
        )
        guard case .error(let error) = try codec.readServerMessage(message { codec.writeError(written, to: &$0) })
        else {
            return #expect(Bool(false))
        }
        #expect(error.code == "full" && error.actionID == 7)
        check(error.metadata?.bytes, fault)

        // Over HTTP.
        check(try codec.readActionResult(message { codec.writeActionResult(output: value, to: &$0) }), fault)
        let body = try codec.readErrorBody(message { codec.writeErrorBody(written, to: &$0) })
        #expect(body.message == "no room")
        check(body.metadata?.bytes, fault)
    }

    @Test("B305: members that nobody knows may be too deep, and a value may come before its tag")
    func unknownMembers() throws {
        let arrays = String(repeating: "[", count: 200) + String(repeating: "]", count: 200)
        let text =
            #"{"x":\#(arrays),"body":{"y":\#(arrays),"val":{"z":\#(arrays),"args":\#(arrays),"name":"a"},"tag":"Event"}}"#
        guard case .event(let event) = try MessageCodec(.json).readServerMessage(ByteChunk(text.utf8)) else {
            return #expect(Bool(false))
        }
        #expect(Array(event.arguments) == Array(arrays.utf8))
    }

    @Test(
        "B122, B305: an envelope that cannot be read is no message",
        arguments: [
            String(repeating: "[", count: 200),
            String(repeating: "[", count: 200) + String(repeating: "]", count: 199) + "}",
            String(repeating: #"{"a":"#, count: 200) + "}", String(repeating: "[", count: 200) + "1 2",
            String(repeating: "[", count: 200) + ",",
        ]
    )
    func unsoundJSON(_ value: String) {
        let text = #"{"body":{"tag":"Event","val":{"name":"a","args":\#(value)}}}"#
        let failure = #expect(throws: CodingError.self) {
            try MessageCodec(.json).readServerMessage(ByteChunk(text.utf8))
        }
        #expect(failure?.kind == .malformed)
    }

    @Test(
        "B122, B305: the same in CBOR",
        arguments: [([0x81], []), ([0x9f], []), ([0x82], [0x80]), ([0xbf, 0x00], [0xff]), ([0xc1], [0xff])]
            as [([UInt8], [UInt8])]
    )
    func unsoundCBOR(_ open: [UInt8], _ end: [UInt8]) {
        let bytes = message {
            MessageCodec(.cbor).writeEvent(name: "a", arguments: ByteChunk(Self.deep(open, 200, end)), to: &$0)
        }
        #expect(throws: CodingError.self) { try MessageCodec(.cbor).readServerMessage(bytes) }
    }

    @Test(
        "B305: a lone surrogate is read as U+FFFD",
        arguments: [
            (#""\ud83d""#, "\u{fffd}"), (#""a\ud83db""#, "a\u{fffd}b"), (#""\ude00""#, "\u{fffd}"),
            (#""\ude00\ud83d""#, "\u{fffd}\u{fffd}"), (#""\ud83d\u0041""#, "\u{fffd}A"),
            (#""\ud83d\n""#, "\u{fffd}\n"), (#""\ud83d\ud83d\ude00""#, "\u{fffd}\u{1f600}"),
            (#""\uD83D\uDE00""#, "\u{1f600}"), (#""\ud83d\\ude00""#, #"\#u{fffd}\ude00"#),
        ]
    )
    func loneSurrogates(_ json: String, _ text: String) throws {
        #expect(try ValueFormat.json.decode(String.self, from: ByteChunk(json.utf8)) == text)
        let message = #"{"body":{"tag":"Event","val":{"name":\#(json),"args":[1,\#(json),{\#(json):2}]}}}"#
        guard case .event(let event) = try MessageCodec(.json).readServerMessage(ByteChunk(message.utf8)) else {
            return #expect(Bool(false))
        }
        #expect(event.name.string == text)
        let expected: RivetValue = [1, .string(text), .map([.init(.string(text), 2)])]
        #expect(try ValueFormat.json.decode(RivetValue.self, from: event.arguments) == expected)
    }

    @Test(
        "B305: an escape that is cut is no text",
        arguments: [#""\ud83d\u""#, #""\ud83d\u00""#, #""\ud83""#, #""\ud83d\""#]
    )
    func cutEscapes(_ json: String) {
        let failure = #expect(throws: CodingError.self) {
            try ValueFormat.json.decode(String.self, from: ByteChunk(json.utf8))
        }
        #expect(failure?.kind == .malformed)
    }
}
