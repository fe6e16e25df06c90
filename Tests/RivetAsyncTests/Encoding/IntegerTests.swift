// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import RivetAsync

/// What integers look like to JavaScript (PROTOCOL j4).
@Suite(.leavesNothing, .timeLimit(.minutes(3)))
struct IntegerTests {
    struct Row {
        var value: Int
        /// By default, and with the option for JavaScript numbers.
        var cbor: String, cborNumber: String, json: String, jsonNumber: String
    }

    @Test(arguments: [
        Row(value: 7, cbor: "07", cborNumber: "07", json: "7", jsonNumber: "7"),
        Row(
            value: 4_294_967_295,
            cbor: "1affffffff",
            cborNumber: "1affffffff",
            json: "4294967295",
            jsonNumber: "4294967295"
        ),
        Row(
            value: 4_294_967_296,
            cbor: "1b0000000100000000",
            cborNumber: "fb41f0000000000000",
            json: "4294967296",
            jsonNumber: "4294967296.0"
        ),
        Row(
            value: -4_294_967_296,
            cbor: "3affffffff",
            cborNumber: "3affffffff",
            json: "-4294967296",
            jsonNumber: "-4294967296"
        ),
        Row(
            value: -4_294_967_297,
            cbor: "3b0000000100000000",
            cborNumber: "fbc1f0000000100000",
            json: "-4294967297",
            jsonNumber: "-4294967297.0"
        ),
        Row(
            value: 1_754_512_646_123,
            cbor: "1b00000198811a5feb",
            cborNumber: "fb42798811a5feb000",
            json: "1754512646123",
            jsonNumber: "1754512646123.0"
        ),
        Row(
            value: 9_007_199_254_740_992,
            cbor: "1b0020000000000000",
            cborNumber: "1b0020000000000000",
            json: #"["$BigInt","9007199254740992"]"#,
            jsonNumber: #"["$BigInt","9007199254740992"]"#
        ),
        Row(
            value: .min,
            cbor: "3b7fffffffffffffff",
            cborNumber: "3b7fffffffffffffff",
            json: #"["$BigInt","-9223372036854775808"]"#,
            jsonNumber: #"["$BigInt","-9223372036854775808"]"#
        ),
    ])
    func integersAreWritten(_ row: Row) throws {
        let numbers = ValueEncodingOptions(javaScriptNumbers: true)
        for format in [ValueFormat.cbor, .nativeCBOR] {
            #expect(hex(try format.encode(row.value)) == row.cbor)
            #expect(hex(try format.encode(row.value, options: numbers)) == row.cborNumber)
            // Nested in the same way.
            #expect(hex(try format.encode([row.value], options: numbers)) == "81" + row.cborNumber)
        }
        #expect(String(decoding: try ValueFormat.json.encode(row.value), as: UTF8.self) == row.json)
        #expect(
            String(decoding: try ValueFormat.json.encode(row.value, options: numbers), as: UTF8.self) == row.jsonNumber
        )
        for (format, options) in [(ValueFormat.json, numbers), (.cbor, numbers), (.json, .init())] {
            #expect(
                try format.decode(Int.self, from: format.encode(row.value, options: options)) == row.value
            )
        }
    }

    @Test("B118: beyond 64 bits the server's JSON gets a pair, BARE a tag")
    func wideIntegersAreWritten() throws {
        let wide = Int128(UInt64.max) + 1
        #expect(hex(try ValueFormat.nativeCBOR.encode(wide)) == "c249010000000000000000")
        #expect(hex(try ValueFormat.nativeCBOR.encode(-wide - 1)) == "c349010000000000000000")
        #expect(hex(try ValueFormat.nativeCBOR.encode(-wide)) == "3bffffffffffffffff")
        let pair = "826724426967496e74743138343436373434303733373039353531363136"
        #expect(hex(try ValueFormat.cbor.encode(wide)) == pair)
        #expect(hex(try ValueFormat.cbor.encode(UInt64.max)) == "1bffffffffffffffff")
    }

    @Test(
        "B118, B230: a number that does not fit is an error",
        arguments: [
            "18446744073709551616", "-1", "1e20", "1e400", #"["$BigInt","18446744073709551616"]"#, #"["$BigInt","-1"]"#,
        ]
    )
    func numbersThatDoNotFitAreRefused(_ json: String) {
        let failure = #expect(throws: CodingError.self) {
            try ValueFormat.json.decode(UInt64.self, from: ByteChunk(json.utf8))
        }
        #expect(failure?.kind == .integerOverflow)
    }

    @Test(
        "B230: digits of a BigInt are nothing but digits",
        arguments: ["", "-", "+1", " 1", "1 ", "0x1", "1.0", "1e3", "１"]
    )
    func digitsAreChecked(_ digits: String) {
        for type in [Int.self, RivetValue.self] as [any Decodable.Type] {
            let failure = #expect(throws: CodingError.self) {
                _ = try ValueFormat.json.decode(type, from: ByteChunk(#"["$BigInt","\#(digits)"]"#.utf8)) as Any
            }
            #expect(failure?.kind == .invalidCompatValue)
        }
    }
}
