// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import RivetAsync

/// Inputs that must be refused, each with its kind of error.
@Suite(.leavesNothing, .timeLimit(.minutes(3)))
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

    /// The check of a document steps over what has no items of its own by the first bytes.
    @Test(
        "every kind of element is stepped over whole, and refused at each place where it is cut",
        arguments: [
            ("small integer", "17"), ("one byte", "18ff"), ("two bytes", "39ffff"), ("four bytes", "1affffffff"),
            ("eight bytes", "1bffffffffffffffff"), ("null", "f6"), ("unassigned simple value", "f820"),
            ("half float", "f93e00"), ("float", "fa3f800000"), ("double", "fb3ff8000000000000"), ("empty text", "60"),
            ("short text", "63616263"), ("text with a count", "7803616263"), ("bytes with a count", "5803ffffff"),
            ("text with a long count", "790003616263"), ("text in chunks", "7f61616162ff"), ("tag", "c11a00000000"),
        ]
    )
    func elementsAreSteppedOver(_ name: String, _ hex: String) throws {
        let document = unhex("82\(hex)00")
        func skip(_ count: Int) throws -> Int {
            try document.withUnsafeBytes { document in
                var reader = CBORReader(UnsafeRawBufferPointer(rebasing: document[..<count]))
                try reader.skipItem(depth: 0)
                return reader.position
            }
        }
        #expect(try skip(document.count) == document.count)
        for count in 0..<document.count {
            let failure = #expect(throws: CodingError.self) { try skip(count) }
            #expect(failure?.kind == .truncated || failure?.kind == .lengthExceedsInput, "\(count)")
        }
    }

    private func expectRefusal(_ format: ValueFormat, _ vector: Vector) throws {
        // No bytes at all are nothing to a format, but not an item to a reader.
        if vector.bytes.isEmpty {
            let failure = #expect(throws: CodingError.self) {
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
        let failure = #expect(throws: CodingError.self) {
            try format.decode(RivetValue.self, from: ByteChunk(vector.bytes))
        }
        #expect(failure?.kind.rawValue == vector["error"]?.text)
    }
}
