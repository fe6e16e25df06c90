// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import RivetAsync

@Suite(.leavesNothing, .timeLimit(.minutes(3)))
struct CBORVectorTests {
    private static let appendixA = VectorFile.group("cbor.rfc8949")
    private static let values = VectorFile.group("cbor.value")

    @Test func allVectorsAreThere() {
        #expect(Self.appendixA.count == 81)
        #expect(Self.values.count == 98)
        #expect(Self.appendixA.count { $0["roundtrip"]?.bool == true } == 64)
    }

    /// The item as it stands, without any interpretation.
    private static func raw(_ bytes: [UInt8]) throws -> TypedValue {
        try bytes.withUnsafeBytes { bytes in
            var reader = CBORReader(bytes)
            let value = try TypedValue(&reader)
            try reader.readEnd()
            return value
        }
    }

    @Test("B117: every example of RFC 8949 is read", arguments: appendixA)
    func appendixAIsRead(_ vector: Vector) throws {
        let expected = try #require(TypedValue(vector["value"]))
        #expect(try Self.raw(vector.bytes) == expected)
        let value = try ValueFormat.nativeCBOR.decode(RivetValue.self, from: ByteChunk(vector.bytes))
        #expect(TypedValue(value) == TypedValue(expected.meaning))
        if let integer = vector["integer"]?.text { #expect(value == .bigInteger(integer)) }
        if let integer = vector["integer"]?.text, let wide = Int128(integer) {
            #expect(try ValueFormat.cbor.decode(Int128.self, from: ByteChunk(vector.bytes)) == wide)
        }
    }

    /// Ours differ on purpose in two: floats are always 64 bits (PROTOCOL j2), `undefined` is a pair (j4).
    @Test(arguments: appendixA.filter { $0["roundtrip"]?.bool == true })
    func appendixAIsWritten(_ vector: Vector) throws {
        let value = try #require(TypedValue(vector["value"]))
        let written = try ValueFormat.nativeCBOR.encode(value.meaning)
        if vector["value"]?["t"] == .text("float") {
            #expect(written.count == 9 && written[0] == 0xfb)
            #expect(try Self.raw(Array(written)) == value)
        } else if value == .undefined {
            #expect(hex(written) == "826a24556e646566696e656400")
        } else {
            #expect(hex(written) == vector["hex"]?.text)
        }
    }

    @Test("B113, B116: values are read as each writer writes them", arguments: values)
    func valuesAreRead(_ vector: Vector) throws {
        let bytes = ByteChunk(vector.bytes)
        let value = try ValueFormat.cbor.decode(RivetValue.self, from: bytes)
        if let expected = TypedValue(vector["value"]) {
            #expect(try Self.raw(vector.bytes) == expected)
            if vector["means"] == nil, !vector.id.hasPrefix("cbor.value.js.arraybuffer"),
                vector.id != "cbor.value.js.set"
            {
                #expect(TypedValue(value) == TypedValue(expected.meaning))
            }
        }
        if let means = TypedValue(vector["means"]) { #expect(TypedValue(value) == means) }
        if let integer = vector["reads_as_integer"]?.text {
            #expect(try ValueFormat.cbor.decode(Int.self, from: bytes).description == integer)
            let nested = ByteChunk([0x81, 0xa1, 0x61, 0x6b] + vector.bytes)
            #expect(try ValueFormat.cbor.decode([[String: Int64]].self, from: nested)[0]["k"]?.description == integer)
        }
    }

    @Test(arguments: values.filter { ($0["writer"]?.array ?? []).contains(.text("ours")) })
    func oursAreWritten(_ vector: Vector) throws {
        let value = try #require(TypedValue(vector["value"]))
        #expect(hex(try ValueFormat.nativeCBOR.encode(value.meaning)) == hex(vector.bytes))
    }

    struct Meaning {
        var id: String
        var value: RivetValue
    }

    @Test(arguments: [
        Meaning(id: "cbor.value.js.arraybuffer", value: .bytes([0, 1, 255])),
        Meaning(id: "cbor.value.js.set", value: ["a", "b"]),
        Meaning(id: "cbor.value.js.map", value: ["k": 1]),
        Meaning(id: "cbor.value.js.nativeBytes", value: .bytes([1, 2, 3])),
        Meaning(id: "cbor.value.js.nativeSet", value: [1, 2]),
        Meaning(id: "cbor.value.js.regexp", value: .tag(27, ["RegExp", "a", "g"])),
    ])
    func noteIsWhatIsRead(_ meaning: Meaning) throws {
        let vector = try #require(Self.values.first { $0.id == meaning.id })
        #expect(try ValueFormat.cbor.decode(RivetValue.self, from: ByteChunk(vector.bytes)) == meaning.value)
    }
}
