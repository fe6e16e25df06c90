// SPDX-License-Identifier: Apache-2.0
import RivetAsync
import Testing

@Suite(.leavesNothing) struct HTTPFieldsTests {
    @Test func namesCompareWithoutCase() {
        let fields: HTTPFields = ["Content-Type": "text/plain", "X-A": "1"]
        #expect(fields["content-type"] == "text/plain")
        #expect(fields["CONTENT-TYPE"] == "text/plain")
        #expect(fields["content-typ"] == nil)
        #expect(fields == ["content-type": "text/plain", "x-a": "1"])
        #expect(fields.hashValue == (["CONTENT-type": "text/plain", "x-A": "1"] as HTTPFields).hashValue)
        // Only ASCII letters have a case here: the Kelvin sign is no k, and "[" is no "{".
        #expect(HTTPFields.Field("\u{212a}", "") != HTTPFields.Field("k", ""))
        #expect(HTTPFields.Field("[", "") != HTTPFields.Field("{", ""))
    }

    @Test func orderIsKeptAndCounts() {
        var fields: HTTPFields = ["B": "1", "A": "2"]
        fields.append(HTTPFields.Field("b", "3"))
        #expect(fields.map(\.value) == ["1", "2", "3"])
        #expect(fields != ["A": "2", "B": "1", "b": "3"])
        #expect(fields["b"] == "1, 3")
    }

    @Test func settingReplacesInPlaceAndNilRemoves() {
        var fields: HTTPFields = ["B": "1", "A": "2", "b": "3"]
        fields["b"] = "4"
        #expect(fields.map(\.name) == ["b", "A"])
        fields["C"] = "5"
        #expect(fields.map(\.name) == ["b", "A", "C"])
        fields["B"] = nil
        #expect(fields == ["A": "2", "C": "5"])
    }

    @Test func listsAreSplitAtCommas() {
        let fields: HTTPFields = ["Connection": " keep-alive,\tUpgrade ,,", "connection": "x"]
        #expect(fields.list("connection") == ["keep-alive", "Upgrade", "x"])
        #expect(fields.list("connection", contains: "upgrade"))
        #expect(!fields.list("connection", contains: "grade"))
        // A comma is one whatever follows it.
        #expect(HTTPFields(dictionaryLiteral: ("a", "b,\u{301}c")).list("a") == ["b", "\u{301}c"])
    }

    @Test func valuesAreNotShown() {
        let fields: HTTPFields = ["authorization": "Bearer sesame"]
        #expect("\(fields)" == "[authorization: (13 bytes)]")
        var dumped = ""
        dump(fields, to: &dumped)
        #expect(!dumped.contains("sesame"))
        #expect(!String(reflecting: fields).contains("sesame"))
    }
}
