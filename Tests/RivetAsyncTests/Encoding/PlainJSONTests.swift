// SPDX-License-Identifier: Apache-2.0
import Foundation
import Testing

@testable import RivetAsync

/// JSON that is the user's own.
@Suite(.leavesNothing, .timeLimit(.minutes(3)))
struct PlainJSONTests {
    struct Row: CustomTestStringConvertible, Sendable {
        var testDescription: String
        var json: String
        /// Written, and read into the same type.
        var written: @Sendable () throws -> String
        var isReadBack: @Sendable (String) throws -> Bool

        init<T: Codable & Sendable & Equatable>(_ name: String, _ value: T, _ json: String) {
            (testDescription, self.json) = (name, json)
            written = { String(decoding: try ValueFormat.plainJSON.encode(value), as: UTF8.self) }
            isReadBack = { try ValueFormat.plainJSON.decode(T.self, from: ByteChunk($0.utf8)) == value }
        }
    }

    struct Everything: Codable, Equatable { var list: [String], data: Data, bytes: [UInt8], date: Date, id: UInt64 }

    static let rows = [
        Row("what would be an unknown pair", ["$a", "b"], #"["$a","b"]"#),
        Row("what would be an escaped pair", ["$$a", "b"], #"["$$a","b"]"#),
        Row("what would be a number", ["$BigInt", "7"], #"["$BigInt","7"]"#),
        Row("what would be a set", [["$Set"], ["b"]], #"[["$Set"],["b"]]"#),
        Row("what would be nothing", ["$Undefined", "0"] as RivetValue, #"["$Undefined","0"]"#),
        Row(
            "pairs of any value",
            ["$Set", ["a", ["$Uint8Array", "AA=="]]] as RivetValue,
            #"["$Set",["a",["$Uint8Array","AA=="]]]"#
        ),
        Row("keys that begin so", ["$set": 1], #"{"$set":1}"#),
        Row("the largest integer", UInt64.max, "18446744073709551615"),
        Row("beyond 53 bits", [Int64.min, 1 << 60], "[-9223372036854775808,1152921504606846976]"),
        Row("128 bits", Int128.min, "-170141183460469231731687303715884105728"),
        Row(
            "more digits than any type has",
            RivetValue.bigInteger(String(repeating: "9", count: 60)),
            String(repeating: "9", count: 60)
        ),
        Row("bytes", [0, 127, 255] as [UInt8], "[0,127,255]"),
        Row("no bytes", [] as [UInt8], "[]"),
        Row("a chunk", ByteChunk([1, 2]), "[1,2]"),
        Row("data", Data([0, 127, 255]), #""AH//""#),
        Row("a date", Date(timeIntervalSince1970: 1_754_512_646.123), #""2025-08-06T20:37:26.123Z""#),
        Row(
            "a decimal of many digits",
            Decimal(string: "0.12345678901234567890123456789") ?? 0,
            "0.12345678901234567890123456789"
        ),
        Row("a URL", URL(fileURLWithPath: "/a"), #""file:///a""#),
        Row("null", RivetValue.null, "null"),
        Row(
            "a structure",
            Everything(list: ["$", "x"], data: Data([1]), bytes: [2], date: Date(timeIntervalSince1970: 0), id: .max),
            #"{"list":["$","x"],"data":"AQ==","bytes":[2],"date":"1970-01-01T00:00:00.000Z","id":18446744073709551615}"#
        ),
    ]

    @Test("B303: plain JSON goes and comes unchanged, with and without a byte order mark", arguments: rows)
    func unchanged(_ row: Row) throws {
        #expect(try row.written() == row.json)
        #expect(try row.isReadBack(row.json))
        #expect(try row.isReadBack("\u{feff}" + row.json))
        #expect(try row.isReadBack("\u{feff} " + row.json + "\n"))
    }

    @Test(
        "B303: what Foundation's own encoder writes is read, and what is written it reads",
        arguments: [[["$a", "b"], ["$$a", "b"]], [["$BigInt", "7"]], [[], ["$"]]]
    )
    func foundation(_ value: [[String]]) throws {
        struct Both: Codable, Equatable { var texts: [[String]], bytes: [UInt8], data: Data, id: UInt64, ratio: Double }
        let both = Both(texts: value, bytes: [0, 255], data: Data([0, 255]), id: .max, ratio: 0.1)
        let theirs = ByteChunk(try JSONEncoder().encode(both))
        #expect(try ValueFormat.plainJSON.decode(Both.self, from: theirs) == both)
        #expect(try JSONDecoder().decode(Both.self, from: Data(ValueFormat.plainJSON.encode(both))) == both)
    }

    @Test("B303: bytes are read from both of their forms")
    func bothFormsOfBytes() throws {
        for json in ["[0,127,255]", #""AH//""#] {
            let bytes = ByteChunk(json.utf8)
            #expect(try ValueFormat.plainJSON.decode([UInt8].self, from: bytes) == [0, 127, 255])
            #expect(try ValueFormat.plainJSON.decode(Data.self, from: bytes) == Data([0, 127, 255]))
            #expect(try ValueFormat.plainJSON.decode(ByteChunk.self, from: bytes) == ByteChunk([0, 127, 255]))
        }
        let undefined: RivetValue = ["a": .undefined, "b": .bytes([1])]
        #expect(String(decoding: try ValueFormat.plainJSON.encode(undefined), as: UTF8.self) == #"{"a":null,"b":[1]}"#)
    }

    @Test(
        "B303: what is no plain JSON is refused",
        arguments: [
            #"["$BigInt","7"]"#, #""7""#, "\u{feff}\u{feff}7", "NaN", #"["$Undefined",0]"#, "[7", "7 8",
            #"["$Uint8Array","AA=="]"#,
        ]
    )
    func refused(_ json: String) {
        #expect(throws: CodingError.self) { try ValueFormat.plainJSON.decode(Int.self, from: ByteChunk(json.utf8)) }
        #expect(throws: CodingError.self) { try ValueFormat.plainJSON.encode(Double.nan) }
    }
}
