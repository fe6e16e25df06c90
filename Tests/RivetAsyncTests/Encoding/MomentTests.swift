// SPDX-License-Identifier: Apache-2.0
import Foundation
import Testing

@testable import RivetAsync

/// Dates and durations that no type of theirs makes itself.
@Suite(.leavesNothing, .timeLimit(.minutes(3)))
struct MomentTests {
    /// The moment as seconds, so that a wrong one is not printed by Foundation, which may trap.
    struct Moment: Decodable, CustomStringConvertible {
        var date: Date
        init(from decoder: any Decoder) throws { date = try decoder.singleValueContainer().decode(Date.self) }
        var description: String { "\(date.timeIntervalSince1970)" }
    }

    @Test(
        "B299: a date is a moment that Date can tell, or an error",
        arguments: [
            NumberTests.Row(cbor: "c1fb41da24ef4187df3b", Moment.self, "1754512646.123"),
            NumberTests.Row(cbor: "c100", Moment.self, "0.0"),
            NumberTests.Row(cbor: "c1fb429f6ea086000000", Moment.self, "8640000000000.0"),
            NumberTests.Row(cbor: "c1fb7ff8000000000000", Moment.self, "typeMismatch"),
            NumberTests.Row(cbor: "c1f97e00", Moment.self, "typeMismatch"),
            NumberTests.Row(cbor: "c1fa7fc00000", Moment.self, "typeMismatch"),
            NumberTests.Row(cbor: "c1fb7ff0000000000000", Moment.self, "typeMismatch"),
            NumberTests.Row(cbor: "c1f9fc00", Moment.self, "typeMismatch"),
            NumberTests.Row(cbor: "c1fb7fefffffffffffff", Moment.self, "typeMismatch"),
            NumberTests.Row(cbor: "c1fbffefffffffffffff", Moment.self, "typeMismatch"),
            NumberTests.Row(cbor: "c11bffffffffffffffff", Moment.self, "typeMismatch"),
            NumberTests.Row(cbor: "c13b7fffffffffffffff", Moment.self, "typeMismatch"),
            NumberTests.Row(cbor: "d9d9f7c1fb7ff8000000000000", Moment.self, "typeMismatch"),
            NumberTests.Row(cbor: "c0634e614e", Moment.self, "typeMismatch"),
            NumberTests.Row(#""+275760-09-13T00:00:00.000Z""#, Moment.self, "8640000000000.0"),
            NumberTests.Row(#""+275760-09-13T00:00:00.001Z""#, Moment.self, "typeMismatch"),
            NumberTests.Row(#""-271821-04-19T23:59:59.999Z""#, Moment.self, "typeMismatch"),
            NumberTests.Row(#""+999999-01-01T00:00:00Z""#, Moment.self, "typeMismatch"),
            NumberTests.Row(#""NaN""#, Moment.self, "typeMismatch"),
            NumberTests.Row("1e999", Moment.self, "typeMismatch"),
            NumberTests.Row(cbor: "81c1fb7ff8000000000000", [Moment].self, "typeMismatch"),
        ]
    )
    func dates(_ row: NumberTests.Row) throws { try row.check() }

    @Test(
        "B299: a moment or a length that no decoder takes is not written",
        arguments: ValueFormat.allCases,
        [Double.nan, .infinity, -.infinity, 1e300, -1e300, 8_640_000_000_001]
    )
    func datesAreNotWritten(_ format: ValueFormat, _ seconds: Double) {
        let failure = #expect(throws: CodingError.self) { try format.encode([Date(timeIntervalSince1970: seconds)]) }
        #expect(failure?.kind == .notRepresentable)
    }

    @Test(
        "B299: a duration of more seconds than 64 bits hold is an error",
        arguments: [
            NumberTests.Row("[0,5]", Duration.self, "5e-18 seconds"),
            NumberTests.Row("[499999999999999999,0]", Duration.self, "9.223372036854776e+18 seconds"),
            NumberTests.Row("[500000000000000000,0]", Duration.self, "integerOverflow"),
            NumberTests.Row(#"[["$BigInt","9223372036854775807"],0]"#, Duration.self, "integerOverflow"),
            NumberTests.Row(#"[["$BigInt","-9223372036854775808"],0]"#, Duration.self, "integerOverflow"),
            NumberTests.Row("[1]", Duration.self, "missingField"),
            NumberTests.Row(#""5 seconds""#, Duration.self, "typeMismatch"),
        ]
    )
    func durations(_ row: NumberTests.Row) throws { try row.check() }

    @Test("B299: such a duration is not written either", arguments: ValueFormat.allCases)
    func durationsAreNotWritten(_ format: ValueFormat) throws {
        for attoseconds in [Int128.min, .max] {
            let failure = #expect(throws: CodingError.self) { try format.encode(Duration(attoseconds: attoseconds)) }
            #expect(failure?.kind == .notRepresentable)
        }
        let longest = Duration.seconds(Int64.max)
        #expect(try format.decode(Duration.self, from: format.encode(longest)) == longest)
    }
}
