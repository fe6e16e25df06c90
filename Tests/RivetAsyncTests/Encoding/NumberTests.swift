// SPDX-License-Identifier: Apache-2.0
import Foundation
import Testing

@testable import RivetAsync

/// Numbers at their ends: exact, the nearest, or an error; never another value in silence.
@Suite(.leavesNothing, .timeLimit(.minutes(3)))
struct NumberTests {
    /// A document, what it is asked for, and what comes of it: the value's text, or the kind of failure.
    struct Row: CustomTestStringConvertible, Sendable {
        var testDescription: String
        var result: String
        var decode: @Sendable () throws -> String

        init<T: Decodable & SendableMetatype>(_ json: String, _: T.Type, _ result: String) {
            testDescription = "\(json.prefix(60)) as \(T.self)"
            self.result = result
            decode = { "\(try ValueFormat.json.decode(T.self, from: ByteChunk(json.utf8)))" }
        }

        init<T: Decodable & SendableMetatype>(cbor hex: String, _: T.Type, _ result: String) {
            testDescription = "CBOR \(hex) as \(T.self)"
            self.result = result
            decode = { "\(try ValueFormat.nativeCBOR.decode(T.self, from: ByteChunk(unhex(hex))))" }
        }

        func check() throws {
            do {
                #expect(try decode() == result)
            } catch let failure as CodingError {
                #expect(failure.kind.rawValue == result)
            }
        }
    }

    private static let zeros = String(repeating: "0", count: 100_000)

    @Test(
        "B300: a JSON number is an integer by its digits",
        arguments: [
            Row("1754512646123.0", Int.self, "1754512646123"),
            Row("5.0", Int.self, "5"),
            Row("-5.0", Int.self, "-5"),
            Row("-0.0", Int.self, "0"),
            Row("0e999999999", Int.self, "0"),
            Row("1e3", Int.self, "1000"),
            Row("1E+3", UInt16.self, "1000"),
            Row("1200e-2", Int8.self, "12"),
            Row("1e16", Int.self, "10000000000000000"),
            Row("9007199254740993.0", Int.self, "9007199254740993"),
            Row("9223372036854775807.0", Int64.self, "9223372036854775807"),
            Row("-9223372036854775808.0", Int64.self, "-9223372036854775808"),
            Row("9223372036854775808.0", Int64.self, "integerOverflow"),
            Row("-9223372036854775809.0", Int64.self, "integerOverflow"),
            Row("18446744073709551615.0", UInt64.self, "18446744073709551615"),
            Row("18446744073709551616.0", UInt64.self, "integerOverflow"),
            Row("-1.0", UInt64.self, "integerOverflow"),
            Row("170141183460469231731687303715884105727.00", Int128.self, "170141183460469231731687303715884105727"),
            Row("-170141183460469231731687303715884105728.0", Int128.self, "-170141183460469231731687303715884105728"),
            Row("-170141183460469231731687303715884105729.0", Int128.self, "integerOverflow"),
            Row("340282366920938463463374607431768211455.0", UInt128.self, "340282366920938463463374607431768211455"),
            Row("340282366920938463463374607431768211456.0", UInt128.self, "integerOverflow"),
            Row("34028236692093846346337460743176821145.5e1", UInt128.self, "340282366920938463463374607431768211455"),
            Row("1\(zeros)e-100000", Int.self, "1"),
            Row("0.\(zeros)5e100001", Int.self, "5"),
            Row("7.\(zeros)", Int.self, "7"),
            Row("7.\(zeros)1", Int.self, "typeMismatch"),
            Row("1.5", Int.self, "typeMismatch"),
            Row("4503599627370496.9999", Int.self, "typeMismatch"),
            Row("9007199254740993.00000000000000000001", Int.self, "typeMismatch"),
            Row("1e-400", Int.self, "typeMismatch"),
            Row("1e-999999999", Int.self, "typeMismatch"),
            Row("1e999999999", Int.self, "integerOverflow"),
            Row("1e99999999999999999999999", Int128.self, "integerOverflow"),
            Row("1e-99999999999999999999999", Int128.self, "typeMismatch"),
            Row(#"{"a":9007199254740993.0}"#, [String: UInt64].self, #"["a": 9007199254740993]"#),
        ]
    )
    func integersByDigits(_ row: Row) throws { try row.check() }

    @Test(
        "B301: a number asked for as a floating-point number is the nearest one, rounded once",
        arguments: [
            Row("1754512646123000000", Double.self, "1.754512646123e+18"),
            Row("9007199254740993", Double.self, "9007199254740992.0"),
            Row("18446744073709551616", Double.self, "1.8446744073709552e+19"),
            Row("\"$BigInt\"", Double.self, "typeMismatch"),
            Row(#"["$BigInt","9007199254740993"]"#, Double.self, "9007199254740992.0"),
            Row(#"["$BigInt","1\#(zeros.prefix(309))"]"#, Double.self, "integerOverflow"),
            Row("1.00000017881393432617187499", Float.self, "1.0000001"),
            Row("1.00000017881393432617187501", Float.self, "1.0000002"),
            Row("0", Float.self, "0.0"),
            Row("-0.1", Float.self, "-0.1"),
            Row("1e-45", Float.self, "1e-45"),
            Row("3.4028235e38", Float.self, "3.4028235e+38"),
            Row("1e39", Float.self, "integerOverflow"),
            Row("1e999", Double.self, "integerOverflow"),
            Row("-1e999999999", Double.self, "integerOverflow"),
            Row("1e-400", Double.self, "0.0"),
            Row(cbor: "1b0020000000000001", Double.self, "9007199254740992.0"),
            Row(cbor: "1bffffffffffffffff", Float.self, "1.8446744e+19"),
            // Between two Floats, and a little more than that.
            Row(cbor: "1b0000000001000003", Float.self, "1.677722e+07"),
            Row(cbor: "1b4000004000000001", Float.self, "4.6116866e+18"),
            Row(cbor: "fb3ff0000030000000", Float.self, "1.0000002"),
            Row(cbor: "fb7fefffffffffffff", Float.self, "integerOverflow"),
            Row(cbor: "fa7f800000", Float.self, "inf"),
            Row(cbor: "f93e00", Float.self, "1.5"),
            Row(cbor: "c249010000000000000000", Float.self, "1.8446744e+19"),
            Row(cbor: "c349010000000000000000", Double.self, "-1.8446744073709552e+19"),
            Row(cbor: "c25101\(zeros.prefix(32))", Double.self, "integerOverflow"),
            Row(cbor: "6131", Float.self, "typeMismatch"),
        ]
    )
    func floatingPointNumbers(_ row: Row) throws { try row.check() }

    @Test(
        "B301: a Decimal has all the digits, or is an error",
        arguments: [
            Row("12345678901234.56789012", Decimal.self, "12345678901234.56789012"),
            Row("-0.1", Decimal.self, "-0.1"),
            Row("1.10", Decimal.self, "1.1"),
            Row("1E+3", Decimal.self, "1000"),
            Row("9007199254740993", Decimal.self, "9007199254740993"),
            Row("0e999999999", Decimal.self, "0"),
            Row("0.\(zeros)5e100001", Decimal.self, "5"),
            Row(
                "99999999999999999999999999999999999999",
                Decimal.self,
                "99999999999999999999999999999999999999"
            ),
            Row(
                "0.12345678901234567890123456789012345678",
                Decimal.self,
                "0.12345678901234567890123456789012345678"
            ),
            Row("0.1234567890123456789012345678901234567890123", Decimal.self, "integerOverflow"),
            Row("1e-400", Decimal.self, "integerOverflow"),
            Row("1e400", Decimal.self, "integerOverflow"),
            Row("1e999999999999999999", Decimal.self, "integerOverflow"),
            Row(cbor: "1bffffffffffffffff", Decimal.self, "18446744073709551615"),
            Row(cbor: "fb3fb999999999999a", Decimal.self, "0.1"),
            Row(cbor: "fb7ff8000000000000", Decimal.self, "integerOverflow"),
            Row(cbor: "fbfff0000000000000", Decimal.self, "integerOverflow"),
            Row(#""nan""#, Decimal.self, "integerOverflow"),
            // Forms of its own: as it writes one, and as it never does.
            Row(own(exponent: 0, length: 1, negative: false, "7,0,0,0,0,0,0,0"), Decimal.self, "7"),
            Row(own(exponent: -1, length: 1, negative: true, "7,0,0,0,0,0,0,0"), Decimal.self, "-0.7"),
            Row(own(exponent: 0, length: 0, negative: true, "0,0,0,0,0,0,0,0"), Decimal.self, "integerOverflow"),
            Row(own(exponent: 0, length: 15, negative: false, "1,0,0,0,0,0,0,1"), Decimal.self, "integerOverflow"),
            Row(own(exponent: 0, length: -1, negative: false, "1,0,0,0,0,0,0,1"), Decimal.self, "integerOverflow"),
            Row(own(exponent: 4_000, length: 1, negative: false, "1,0,0,0,0,0,0,0"), Decimal.self, "integerOverflow"),
            Row(own(exponent: 0, length: 8, negative: false, "1,0,0,0,0,0,0,0,9"), Decimal.self, "integerOverflow"),
        ]
    )
    func decimals(_ row: Row) throws { try row.check() }

    private static func own(exponent: Int, length: Int, negative: Bool, _ mantissa: String) -> String {
        #"{"exponent":\#(exponent),"length":\#(length),"isNegative":\#(negative),"isCompact":true,"#
            + #""mantissa":[\#(mantissa)]}"#
    }

    @Test("B301: a CBOR integer beyond what a Float holds is an error, as in JSON")
    func beyondFloat() throws {
        let most = "ffffffffffffffffffffffffffffffff"
        for (format, document) in [(ValueFormat.cbor, unhex("c250" + most)), (.json, Array("\(UInt128.max)".utf8))] {
            let failure = #expect(throws: CodingError.self) {
                _ = try format.decode(Float.self, from: ByteChunk(document))
            }
            #expect(failure?.kind == .integerOverflow)
            #expect(try format.decode(Double.self, from: ByteChunk(document)) == 0x1p128)
        }
    }

    @Test("B113: the pair for nothing is that in any form of its head")
    func undefinedInAnyForm() throws {
        for head in ["82", "9802", "990002", "9a00000002", "9b0000000000000002"] {
            let document = ByteChunk(unhex(head + "6a24556e646566696e656400"))
            #expect(try ValueFormat.cbor.decode(Int?.self, from: document) == nil)
        }
    }
}
