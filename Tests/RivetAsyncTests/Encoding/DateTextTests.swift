// SPDX-License-Identifier: Apache-2.0
import Foundation
import Testing

@testable import RivetAsync

@Suite(.leavesNothing, .timeLimit(.minutes(3)))
struct DateTextTests {
    struct Row {
        var seconds: Double
        var text: String
    }

    @Test(arguments: [
        Row(seconds: 0, text: "1970-01-01T00:00:00.000Z"),
        Row(seconds: 1_754_512_646.123, text: "2025-08-06T20:37:26.123Z"),
        Row(seconds: -0.001, text: "1969-12-31T23:59:59.999Z"),
        Row(seconds: 951_782_400, text: "2000-02-29T00:00:00.000Z"),
        Row(seconds: -2_203_891_200, text: "1900-03-01T00:00:00.000Z"),
        Row(seconds: 253_402_300_799.999, text: "9999-12-31T23:59:59.999Z"),
        Row(seconds: 253_402_300_800, text: "+010000-01-01T00:00:00.000Z"),
        Row(seconds: -62_167_219_200, text: "0000-01-01T00:00:00.000Z"),
        Row(seconds: -62_167_219_200.001, text: "-000001-12-31T23:59:59.999Z"),
        Row(seconds: 8_640_000_000_000, text: "+275760-09-13T00:00:00.000Z"),
        Row(seconds: -8_640_000_000_000, text: "-271821-04-20T00:00:00.000Z"),
    ])
    func writtenAsJavaScriptDoes(_ row: Row) {
        #expect(DateText.write(secondsSince1970: row.seconds) == row.text)
        #expect(DateText.read(row.text) == row.seconds)
    }

    @Test(arguments: [
        Row(seconds: 1_754_512_646, text: "2025-08-06T20:37:26Z"),
        Row(seconds: 1_754_512_646, text: "2025-08-06t22:37:26+02:00"),
        Row(seconds: 1_754_512_646.5, text: "2025-08-06 15:07:26.5-05:30"),
        Row(seconds: 1_754_512_646.123456789, text: "2025-08-06T20:37:26.12345678900000z"),
        Row(seconds: 1_483_228_800, text: "2016-12-31T23:59:60Z"),
    ])
    func othersAreRead(_ row: Row) {
        #expect(DateText.read(row.text) == row.seconds)
    }

    @Test(arguments: [
        "", "2025-08-06", "2025-08-06T20:37:26", "2025-13-06T20:37:26Z", "2025-02-29T00:00:00Z", "1900-02-29T00:00:00Z",
        "2025-08-00T00:00:00Z", "2025-08-06T24:00:00Z", "2025-08-06T20:60:00Z", "2025-08-06T20:37:61Z",
        "2025-08-06T20:37:26.Z", "2025-08-06T20:37:26+2:00", "2025-08-06T20:37:26Zx", "25-08-06T20:37:26Z",
        "+2025-08-06T20:37:26Z", "２０２５-08-06T20:37:26Z",
    ])
    func othersAreRefused(_ text: String) {
        #expect(DateText.read(text) == nil)
    }

    @Test func beyondJavaScriptsRangeThereIsNoText() {
        #expect(DateText.write(secondsSince1970: 8_640_000_000_000.1) == nil)
        #expect(DateText.write(secondsSince1970: .nan) == nil)
    }

    @Test(
        "B117: a date is read from every form",
        arguments: [
            "c1fb41da24ef4187df3b", "c07818323032352d30382d30365432303a33373a32362e3132335a",
            "7818323032352d30382d30365432303a33373a32362e3132335a",
        ]
    )
    func everyFormIsTheSameMoment(_ bytes: String) throws {
        #expect(try ValueFormat.cbor.decode(Date.self, from: ByteChunk(unhex(bytes))) == Shape.moment)
    }
}
