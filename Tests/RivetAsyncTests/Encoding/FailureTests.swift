// SPDX-License-Identifier: Apache-2.0
import Foundation
import Testing

@testable import RivetAsync

/// A failure says where, what was wanted and what was there.
@Suite(.leavesNothing, .timeLimit(.minutes(3)))
struct FailureTests {
    struct Row: CustomTestStringConvertible {
        var json: String
        var decode: @Sendable (ValueFormat, ByteChunk) throws -> Void
        var kind: CodingError.Kind
        var path: String, wanted: String, found: String
        var testDescription: String { json }

        init<T: Decodable & SendableMetatype>(
            _ json: String,
            _: T.Type,
            _ kind: CodingError.Kind,
            _ path: String,
            wanted: String = "",
            found: String = ""
        ) {
            self.json = json
            (self.kind, self.path, self.wanted, self.found) = (kind, path, wanted, found)
            decode = { format, bytes in _ = try format.decode(T.self, from: bytes) }
        }
    }

    static let rows = [
        Row(#"[{},{},{"user":{"name":5}}]"#, [Group].self, .missingField, "[0].user", wanted: "a value", found: "none"),
        Row(
            #"[{"user":{"name":"a"}},{"user":{"name":5}}]"#,
            [Group].self,
            .typeMismatch,
            "[1].user.name",
            wanted: "text",
            found: "an integer"
        ),
        Row(#"{"user":{"name":null}}"#, Group.self, .typeMismatch, "user.name", wanted: "text", found: "null"),
        Row(#"{"pw-hunter2":[1,2,"x"]}"#, [String: [Int]].self, .typeMismatch, "*[2]", wanted: "Int", found: "text"),
        Row(#"{"hunter2":300}"#, [String: UInt8].self, .integerOverflow, "*", wanted: "UInt8", found: "an integer"),
        Row(
            #"{"hunter2":1.5}"#,
            [String: Int].self,
            .typeMismatch,
            "*",
            wanted: "Int",
            found: "a floating-point number"
        ),
        Row(
            #"{"hunter2":1e39}"#,
            [String: Float].self,
            .integerOverflow,
            "*",
            wanted: "Float",
            found: "a floating-point number"
        ),
        Row(#"{"hunter2":true}"#, [String: String].self, .typeMismatch, "*", wanted: "text", found: "a boolean"),
        Row(#"{"hunter2":[]}"#, [String: Group].self, .typeMismatch, "*", wanted: "a map", found: "an array"),
        Row(#"[[["$Nope",1]]]"#, [[Int]].self, .unknownCompatTag, "[0][0][0]", found: "an unknown tag"),
        Row(#"["purple"]"#, [Color].self, .refusedByType, "[0]"),
        Row(
            #"{"hunter2":"yesterday"}"#,
            [String: Date].self,
            .typeMismatch,
            "*",
            wanted: "Date",
            found: "text that is no ISO 8601 date"
        ),
        Row(
            #"{"hunter2":"2025-02-29T00:00:00Z"}"#,
            [String: Date].self,
            .typeMismatch,
            "*",
            wanted: "Date",
            found: "text that is no ISO 8601 date"
        ),
        Row(#"{"hunter2":5}"#, [String: Date].self, .typeMismatch, "*", wanted: "Date", found: "an integer"),
        Row(#"{"hunter2":""}"#, [String: URL].self, .refusedByType, "*", wanted: "URL"),
        Row(#"{"hunter2":"x"}"#, [String: UUID].self, .refusedByType, "*"),
        Row(#"[1,2]"#, Nested3.self, .missingField, "[2]", wanted: "Int", found: "the array's end"),
    ]

    struct Group: Codable { var user: Name }
    struct Name: Codable { var name: String }
    struct Nested3: Decodable {
        init(from decoder: any Decoder) throws {
            var container = try decoder.unkeyedContainer()
            for _ in 0..<3 { _ = try container.decode(Int.self) }
        }
    }

    @Test("B115: the failure names the place", arguments: rows)
    func failureNamesThePlace(_ row: Row) throws {
        let json = #expect(throws: CodingError.self) { try row.decode(.json, ByteChunk(row.json.utf8)) }
        check(json, row)
        // The same as CBOR, where the document allows.
        guard row.kind != .unknownCompatTag else { return }
        let value = try ValueFormat.json.decode(RivetValue.self, from: ByteChunk(row.json.utf8))
        let bytes = try ValueFormat.nativeCBOR.encode(value)
        check(#expect(throws: CodingError.self) { try row.decode(.nativeCBOR, bytes) }, row)
    }

    private func check(_ failure: CodingError?, _ row: Row) {
        #expect(failure?.kind == row.kind)
        #expect(failure?.path == row.path)
        #expect(failure?.wanted == row.wanted)
        #expect(failure?.found == row.found)
    }

    @Test func unsoundDocumentNamesThePlace() {
        let failure = #expect(throws: CodingError.self) {
            try ValueFormat.json.decode(RivetValue.self, from: ByteChunk(#"{"~":[1,{"%":tru}]}"#.utf8))
        }
        #expect(failure?.description == "malformed at *[1].* (byte 13)")
    }

    @Test func writingNamesThePlace() {
        let failure = #expect(throws: CodingError.self) {
            try ValueFormat.json.encode(["hunter2": [Point(x: 1, y: .nan)]])
        }
        #expect(failure?.path == "*[0].y")
        #expect(failure?.kind == .notRepresentable)
    }

    @Test func failureHoldsNoValue() {
        let failure = #expect(throws: CodingError.self) {
            try ValueFormat.json.decode([Color].self, from: ByteChunk(#"["secret"]"#.utf8))
        }
        #expect(failure?.description.contains("secret") == false)
    }

    @Test func whatAnOwnTypeThrowsPassesThrough() {
        struct Own: Decodable {
            struct Failure: Error {}
            init(from decoder: any Decoder) throws { throw Failure() }
        }
        #expect(throws: Own.Failure.self) { try ValueFormat.json.decode([Own].self, from: ByteChunk("[1]".utf8)) }
    }

    @Test func codableErrorsAreTheStandardOnes() throws {
        struct Probe: Decodable {
            var kinds: [String] = []
            enum CodingKeys: CodingKey { case text, missing, null }
            init(from decoder: any Decoder) throws {
                let container = try decoder.container(keyedBy: CodingKeys.self)
                do { _ = try container.decode(Int.self, forKey: .text) } catch DecodingError.typeMismatch {
                    kinds.append("typeMismatch")
                }
                do { _ = try container.decode(Int.self, forKey: .missing) } catch DecodingError.keyNotFound {
                    kinds.append("keyNotFound")
                }
                do { _ = try container.decode(Int.self, forKey: .null) } catch DecodingError.valueNotFound(
                    _,
                    let context
                ) {
                    kinds.append(
                        "valueNotFound \(context.codingPath.map { $0.intValue.map(\.description) ?? $0.stringValue })"
                    )
                }
            }
        }
        let bytes = ByteChunk(#"[{"text":"a","null":null}]"#.utf8)
        #expect(
            try ValueFormat.json.decode([Probe].self, from: bytes)[0].kinds == [
                "typeMismatch", "keyNotFound", #"valueNotFound ["0", "null"]"#,
            ]
        )
    }

    @Test("B120: depth is bounded on writing too", arguments: ValueFormat.allCases)
    func depthIsBoundedOnWriting(_ format: ValueFormat) throws {
        func nested(_ depth: Int) -> RivetValue { depth == 0 ? 1 : [nested(depth - 1)] }
        let bytes = try format.encode(nested(128))
        #expect(try format.decode(RivetValue.self, from: bytes) == nested(128))
        let failure = #expect(throws: CodingError.self) { try format.encode(nested(129)) }
        #expect(failure?.kind == .depthLimit)
        func chain(_ depth: Int) -> Tree { depth == 0 ? .leaf : .branch(left: .leaf, right: chain(depth - 1)) }
        #expect(throws: CodingError.self) { try format.encode(chain(200)) }
    }

    @Test func anEndlessValueIsRefused() {
        struct Endless: Encodable {
            func encode(to encoder: any Encoder) throws {
                var container = encoder.singleValueContainer()
                try container.encode(self)
            }
        }
        #expect(throws: CodingError.self) { try ValueFormat.json.encode(Endless()) }
    }

    @Test func aContainerThatOutlivesItsValueWritesNowhere() throws {
        final class Keeper: @unchecked Sendable { var container: (any UnkeyedEncodingContainer)? }
        struct Leaky: Encodable {
            let keeper: Keeper
            func encode(to encoder: any Encoder) throws {
                var container = encoder.unkeyedContainer()
                try container.encode(1)
                keeper.container = container
            }
        }
        struct Both: Encodable {
            let keeper = Keeper()
            func encode(to encoder: any Encoder) throws {
                var container = encoder.unkeyedContainer()
                try container.encode(Leaky(keeper: keeper))
                #expect(throws: EncodingError.self) { try keeper.container?.encode(2) }
            }
        }
        #expect(String(decoding: try ValueFormat.json.encode(Both()), as: UTF8.self) == "[[1]]")
    }

    @Test func aFailedElementLeavesNothingBehind() throws {
        struct Lenient: Encodable {
            func encode(to encoder: any Encoder) throws {
                var container = encoder.unkeyedContainer()
                try container.encode(1)
                try? container.encode(["a": Double.nan])
                try container.encode(2)
            }
        }
        #expect(String(decoding: try ValueFormat.json.encode(Lenient()), as: UTF8.self) == "[1,2]")
    }
}
