// SPDX-License-Identifier: Apache-2.0
import Foundation
import Testing

@testable import RivetAsync

/// Lists of arguments (PROTOCOL h5).
@Suite(.leavesNothing, .timeLimit(.minutes(3)))
struct ArgumentTests {
    struct Join: Codable, Equatable {
        var room: String, nick: String?, age: Int
    }
    struct Optional2: Codable, Equatable { var a: Int?, b: String? }
    struct Row: CustomTestStringConvertible {
        var testDescription: String
        var bytes: @Sendable () throws -> ByteChunk
        var json: String
    }

    @Test(arguments: [
        Row(
            testDescription: "object",
            bytes: { try json.encodeArgument(Join(room: "a", nick: nil, age: 1)) },
            json: #"[{"room":"a","age":1}]"#
        ),
        Row(
            testDescription: "object, no properties",
            bytes: { try json.encodeArgument(Empty()) },
            json: "[]"
        ),
        Row(
            testDescription: "object, no property that is not nil",
            bytes: { try json.encodeArgument(Optional2()) },
            json: "[{}]"
        ),
        Row(
            testDescription: "object, an empty dictionary",
            bytes: { try json.encodeArgument([String: Int]()) },
            json: "[{}]"
        ),
        Row(
            testDescription: "object, no properties, but a form of its own",
            bytes: { try json.encodeArgument(Always7()) },
            json: "[7]"
        ),
        Row(
            testDescription: "positional",
            bytes: { try json.encodePositionalArguments(Join(room: "a", nick: nil, age: 1)) },
            json: #"["a",null,1]"#
        ),
        Row(
            testDescription: "positional, pair to escape",
            bytes: { try json.encodePositionalArguments(Point2(x: "$x", y: 1)) },
            json: #"["$$x",1]"#
        ),
        Row(
            testDescription: "positional, no properties",
            bytes: { try json.encodePositionalArguments(Empty()) },
            json: "[]"
        ),
        Row(
            testDescription: "positional, one value",
            bytes: { try json.encodePositionalArguments(Wrapper(3)) },
            json: "[3]"
        ),
        Row(
            testDescription: "positional, a scalar",
            bytes: { try json.encodePositionalArguments("a") },
            json: #"["a"]"#
        ),
        Row(
            testDescription: "positional, an array is spread",
            bytes: { try json.encodePositionalArguments([1, 2, 3]) },
            json: "[1,2,3]"
        ),
        Row(
            testDescription: "positional, nested containers",
            bytes: { try json.encodePositionalArguments(Interleaved(a: [1], b: ["x"], c: 2)) },
            json: #"[[1],["x"],2]"#
        ),
        Row(testDescription: "none", bytes: { try json.encodeArguments() }, json: "[]"),
        Row(
            testDescription: "several",
            bytes: { try json.encodeArguments(1, "a", Int?.none, [true]) },
            json: #"[1,"a",null,[true]]"#
        ),
        Row(testDescription: "two to escape", bytes: { try json.encodeArguments("$x", 1) }, json: #"["$$x",1]"#),
    ])
    func listIsWritten(_ row: Row) throws {
        #expect(String(decoding: try row.bytes(), as: UTF8.self) == row.json)
    }

    /// A type without properties that is no unit.
    struct Always7: Encodable {
        func encode(to encoder: any Encoder) throws {
            var container = encoder.singleValueContainer()
            try container.encode(7)
        }
    }
    struct Point2: Codable { var x: String, y: Int }

    @Test("B47: a value without properties is no argument", arguments: ValueFormat.allCases)
    func unitIsNoArgument(_ format: ValueFormat) throws {
        let none: [UInt8] = format.isJSON ? Array("[]".utf8) : [0x80]
        #expect(try Array(format.encodeArgument(Empty())) == none)
        #expect(try Array(format.encodePositionalArguments(Empty())) == none)
        #expect(try Array(format.encodeArguments()) == none)
    }

    private static let json = ValueFormat.json

    @Test("B109, B110, B111: one argument", arguments: ValueFormat.allCases)
    func oneArgumentIsRead(_ format: ValueFormat) throws {
        func decode<T: Decodable>(_: T.Type, _ arguments: RivetValue) throws -> T {
            try format.decodeArgument(T.self, from: format.encode(arguments))
        }
        #expect(try decode(Int.self, [5]) == 5)
        #expect(try decode(Int.self, [5, "extra"]) == 5)
        #expect(try decode(Int.self, 5) == 5)
        #expect(try decode(Int?.self, []) == nil)
        #expect(try decode(NoValue.self, []) == NoValue())
        #expect(try decode(Empty.self, []) == Empty())
        #expect(try decode(Optional2.self, []) == Optional2())
        #expect(try decode(RivetValue.self, []) == .null)
        #expect(try decode([String: Int].self, [["a": 1]]) == ["a": 1])
        #expect(try decode([Int].self, [[1, 2]]) == [1, 2])
        #expect(throws: CodingError.self) { try decode(Int.self, []) }
    }

    @Test("B109, B111: a value's properties by position", arguments: ValueFormat.allCases)
    func propertiesAreReadByPosition(_ format: ValueFormat) throws {
        func decode<T: Decodable>(_: T.Type, _ arguments: RivetValue) throws -> T {
            try format.decodePositionalArguments(T.self, from: format.encode(arguments))
        }
        #expect(try decode(Join.self, ["a", nil, 3]) == Join(room: "a", nick: nil, age: 3))
        #expect(try decode(Join.self, ["a", "b", 3, "extra"]) == Join(room: "a", nick: "b", age: 3))
        #expect(try decode(Optional2.self, []) == Optional2())
        #expect(try decode(Optional2.self, [1]) == Optional2(a: 1))
        #expect(try decode(Optional2.self, 1) == Optional2(a: 1))
        #expect(try decode(Wrapper.self, [3]) == Wrapper(3))
        #expect(try decode([Int].self, [1, 2]) == [1, 2])
        #expect(try decode(String.self, ["a"]) == "a")
        // A pair that is escaped on the wire.
        #expect(try decode(Point2.self, ["$x", 1]).x == "$x")
        let failure = #expect(throws: CodingError.self) { try decode(Join.self, ["a", "b"]) }
        #expect(failure?.kind == .missingField)
        let mismatch = #expect(throws: CodingError.self) { try decode(Join.self, ["a", "b", ["c"]]) }
        #expect(mismatch?.path == "[2]")
    }

    @Test("B109, B110, B111: several arguments", arguments: ValueFormat.allCases)
    func severalArgumentsAreRead(_ format: ValueFormat) throws {
        func bytes(_ arguments: RivetValue) throws -> ByteChunk { try format.encode(arguments) }
        let (a, b) = try format.decodeArguments(as: (Int, String?).self, from: bytes([1, "x", "extra"]))
        #expect(a == 1 && b == "x")
        let (c, d) = try format.decodeArguments(as: (Int, String?).self, from: bytes([1]))
        #expect(c == 1 && d == nil)
        let (e, f) = try format.decodeArguments(as: (Int, String?).self, from: bytes(7))
        #expect(e == 7 && f == nil)
        let (g, h) = try format.decodeArguments(as: (String, Int).self, from: bytes(["$x", 1]))
        #expect(g == "$x" && h == 1)
        try format.decodeArguments(as: Void.self, from: bytes([1]))
        try format.decodeArguments(as: Void.self, from: ByteChunk([UInt8]()))
        let failure = #expect(throws: CodingError.self) {
            try format.decodeArguments(as: (Int, String).self, from: bytes([1]))
        }
        #expect(failure?.kind == .missingField)
        #expect(failure?.path == "[1]")
    }

    @Test(
        "B119: nothing decodes to nothing",
        arguments: ["null", #"["$Undefined",0]"#, #"[ "$Undefined" , null ]"#, ""]
    )
    func nothingIsRead(_ text: String) throws {
        let bytes = ByteChunk(text.utf8)
        #expect(try Self.json.decode(NoValue.self, from: bytes) == NoValue())
        #expect(try Self.json.decode(Int?.self, from: bytes) == nil)
        #expect(try Self.json.decode([Int]?.self, from: bytes) == nil)
        #expect(throws: CodingError.self) { try Self.json.decode(Int.self, from: bytes) }
        guard !text.isEmpty else { return }
        let member = ByteChunk(#"{"a":\#(text)}"#.utf8)
        #expect(try Self.json.decode(Optional2.self, from: member) == Optional2())
        #expect(try Self.json.decode([String: Int?].self, from: member) == ["a": nil])
    }

    @Test(
        "B119: nothing in CBOR",
        arguments: ["f6", "f7", "826a24556e646566696e656400", "9f6a24556e646566696e656400ff", ""]
    )
    func nothingIsReadFromCBOR(_ bytes: String) throws {
        let bytes = ByteChunk(unhex(bytes))
        #expect(try ValueFormat.cbor.decode(NoValue.self, from: bytes) == NoValue())
        #expect(try ValueFormat.cbor.decode(Int?.self, from: bytes) == nil)
        #expect(try ValueFormat.cbor.decode(String??.self, from: bytes) == .none)
    }
}
