// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import RivetAsync

/// Inputs that must be refused, each with its kind of error.
@Suite(.timeLimit(.minutes(1)))
struct InvalidInputTests {
    private static func vectors(_ decoder: String) -> [Vector] {
        VectorFile.group("invalid").filter { $0["decoder"]?.text == decoder }
    }

    @Test func allVectorsAreThere() {
        #expect(Self.vectors("cbor").count == 61)
        #expect(Self.vectors("json").count == 12)
    }

    @Test("B115, B120: malformed CBOR is refused", arguments: vectors("cbor"))
    func cborIsRefused(_ vector: Vector) throws {
        try expectRefusal(.cbor, vector)
        try expectRefusal(.nativeCBOR, vector)
    }

    @Test("B115, B120, B230: malformed JSON is refused", arguments: vectors("json"))
    func jsonIsRefused(_ vector: Vector) throws {
        try expectRefusal(.json, vector)
    }

    private func expectRefusal(_ format: ValueFormat, _ vector: Vector) throws {
        // No bytes at all are nothing to a format, but not an item to a reader.
        if vector.bytes.isEmpty {
            let failure = #expect(throws: CodingFailure.self) {
                try [UInt8]().withUnsafeBytes { bytes in
                    if format == .json {
                        var reader = JSONReader(bytes)
                        try reader.skipItem(depth: 0)
                    } else {
                        var reader = CBORReader(bytes)
                        try reader.skipItem(depth: 0)
                    }
                }
            }
            #expect(failure?.kind.rawValue == vector["error"]?.text)
            return
        }
        let failure = #expect(throws: CodingFailure.self) {
            try format.decode(RivetValue.self, from: ByteChunk(vector.bytes))
        }
        #expect(failure?.kind.rawValue == vector["error"]?.text)
    }
}
