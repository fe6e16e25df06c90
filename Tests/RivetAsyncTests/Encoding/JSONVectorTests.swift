// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import RivetAsync

@Suite(.leavesNothing, .timeLimit(.minutes(3)))
struct JSONVectorTests {
    private static let pairs = VectorFile.group("json.compat")
    private static let numbers = VectorFile.group("json.number")

    @Test func allVectorsAreThere() {
        #expect(Self.pairs.count == 20)
        #expect(Self.numbers.count == 13)
    }

    @Test("B113, B114: tagged pairs are revived, and escaped on writing", arguments: pairs)
    func pairsAreReadAndWritten(_ vector: Vector) throws {
        let expected = try #require(TypedValue(vector["value"]))
        let value = try ValueFormat.json.decode(RivetValue.self, from: ByteChunk(vector.bytes))
        #expect(TypedValue(value) == expected)
        guard vector["decode_only"]?.bool != true else { return }
        #expect(String(decoding: try ValueFormat.json.encode(value), as: UTF8.self) == vector["json"]?.text)
    }

    @Test("B116, B118: numbers are exact or refused", arguments: numbers)
    func numbersAreRead(_ vector: Vector) throws {
        let bytes = ByteChunk(vector.bytes)
        let value = try ValueFormat.json.decode(RivetValue.self, from: bytes)
        #expect(TypedValue(value) == TypedValue(vector["value"]))
        if let integer = vector["reads_as_integer"]?.text {
            #expect(try ValueFormat.json.decode(Int128.self, from: bytes).description == integer)
        } else {
            #expect(throws: CodingError.self) { try ValueFormat.json.decode(Int128.self, from: bytes) }
            #expect(throws: CodingError.self) { try ValueFormat.json.decode(Int.self, from: bytes) }
        }
    }
}
