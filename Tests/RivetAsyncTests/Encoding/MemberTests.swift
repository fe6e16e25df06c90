// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import RivetAsync

/// A map's members are found however the map is written, and in whatever order they are asked for.
@Suite(.leavesNothing, .timeLimit(.minutes(3)))
struct MemberTests {
    private struct Name: CodingKey {
        var stringValue: String
        var intValue: Int? { nil }

        init(stringValue: String) { self.stringValue = stringValue }
        init?(intValue: Int) { nil }
    }

    /// Asks for members as the test says; `-` is one that is not there.
    private struct Asked: Decodable {
        @TaskLocal static var names: [String] = []
        var found: [String] = []

        init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: Name.self)
            for name in Self.names.map(Name.init) {
                if name.stringValue.hasPrefix("list") {
                    found.append(try container.decode([Int].self, forKey: name).map(\.description).joined())
                } else {
                    found.append(try container.decodeIfPresent(String.self, forKey: name) ?? "-")
                }
            }
        }
    }

    /// `{"a": "1", "bb": "2", "list": [3, 4], "cc": "5", "sixth": "6"}` without its head.
    private static let members = "6161 6131 626262 6132 646c697374 820304 626363 6135 657369787468 6136"

    private static func found(_ names: [String], in document: ByteChunk) throws -> [String] {
        try Asked.$names.withValue(names) { try ValueFormat.nativeCBOR.decode(Asked.self, from: document).found }
    }

    private static func bytes(_ document: String) -> ByteChunk { ByteChunk(unhex(document.filter { $0 != " " })) }

    @Test(
        "members are found",
        arguments: [
            ("count in the head", "a5 \(members)"),
            ("count in a byte", "b805 \(members)"),
            ("count in eight bytes", "bb0000000000000005 \(members)"),
            ("indefinite length", "bf \(members) ff"),
            ("tag in front", "d90103 a5 \(members)"),
            (
                "lengths of names in a byte",
                "a5 780161 6131 78026262 6132 78046c697374 820304 78026363 6135 78057369787468 6136"
            ),
            (
                "names in chunks",
                "a5 7f6161ff 6131 7f61626162ff 6132 7f646c697374ff 820304 7f61636163ff 6135 7f657369787468ff 6136"
            ),
        ]
    )
    func membersAreFound(_ name: String, _ document: String) throws {
        let orders: [(asked: [String], found: [String])] = [
            (["a", "bb", "list", "cc", "sixth"], ["1", "2", "34", "5", "6"]),
            (["sixth", "cc", "list", "bb", "a"], ["6", "5", "34", "2", "1"]),
            (["a", "a", "cc", "cc", "a", "sixth", "sixth", "bb"], ["1", "1", "5", "5", "1", "6", "6", "2"]),
            (["none", "a", "dd", "bb", "", "list", "cc"], ["-", "1", "-", "2", "-", "34", "5"]),
            (["a", "bb", "list", "cc", "sixth", "dd", "seventh", "a"], ["1", "2", "34", "5", "6", "-", "-", "1"]),
            (["list", "list", "bb", "list"], ["34", "34", "2", "34"]),
            (["a name of more than thirty-one bytes", "bb"], ["-", "2"]),
        ]
        let bytes = Self.bytes(document)
        for (asked, found) in orders {
            #expect(try Self.found(asked, in: bytes) == found, "\(asked)")
        }
    }

    @Test(
        "every member of a map of any size is found, and once more",
        arguments: [("a1", 1), ("a2", 2), ("b7", 23), ("b818", 24), ("b819", 25), ("b8ff", 255), ("b90100", 256)]
    )
    func sizesOfMaps(_ head: String, _ count: Int) throws {
        let names = (0..<count).map { "\($0)" }
        let text = names.map { name in [0x60 | UInt8(name.utf8.count)] + name.utf8 }
        let document = unhex(head) + text.flatMap { $0 + $0 }
        let asked = names + [names[0], "name", names[count - 1]]
        let found = try Self.found(asked, in: ByteChunk(document))
        #expect(found == names + [names[0], "-", names[count - 1]])
    }

    @Test(
        "what stands behind a map is no member of it",
        arguments: ["83 a2 6161 6131 6162 6132 626262 6133", "83 bf 6161 6131 6162 6132 ff 626262 6133"]
    )
    func behindAMap(_ document: String) throws {
        struct First: Decodable {
            var members: Asked

            init(from decoder: any Decoder) throws {
                var list = try decoder.unkeyedContainer()
                members = try list.decode(Asked.self)
            }
        }
        let result = try Asked.$names.withValue(["a", "b", "bb", "a"]) {
            try ValueFormat.nativeCBOR.decode(First.self, from: Self.bytes(document))
        }
        #expect(result.members.found == ["1", "2", "-", "1"])
    }

    @Test("a map without members has none", arguments: ["a0", "b800", "bfff", "d90103a0"])
    func emptyMap(_ document: String) throws {
        #expect(try Self.found(["", "a"], in: Self.bytes(document)) == ["-", "-"])
    }

    @Test("texts of every length are read, ASCII or not", arguments: ["x", "é", "💡"])
    func textsAreRead(_ character: String) throws {
        let format = ValueFormat.nativeCBOR
        for length in 0...260 {
            let ascii = String(repeating: "x", count: length)
            // The character at the start, within and at the end.
            for text in [ascii, character + ascii, ascii + character + "x", ascii + character] {
                let bytes = try format.encode(["a": text, "b": text])
                #expect(try format.decode([String: String].self, from: bytes) == ["a": text, "b": text])
                #expect(try Self.found(["a", "b"], in: bytes) == [text, text], "\(length)")
            }
        }
    }

    @Test(
        "a byte that is no UTF-8 is refused wherever it stands in a text",
        arguments: [1, 2, 3, 4, 7, 8, 9, 23, 24, 64, 65]
    )
    func invalidTextIsRefused(_ length: Int) throws {
        for place in 0..<length {
            var text = [UInt8](repeating: 0x78, count: length)
            text[place] = 0xff
            let document = [0xa1, 0x61, 0x7e, 0x78, UInt8(length)] + text
            let failure = #expect(throws: CodingError.self) { try Self.found(["~"], in: ByteChunk(document)) }
            #expect(failure?.kind == .invalidUTF8 && failure?.path == "*", "\(place)")
        }
    }

    struct Maybe: Decodable { var a: Int? }
    struct Surely: Decodable { var a: Int }

    @Test("B305: a key that is not UTF-8 is an error, and hides nothing behind it")
    func invalidKey() {
        let rows: [(ValueFormat, String, any Decodable.Type)] = [
            (.cbor, "a3 6161 01 61ff 02 6162 03", [String: Int].self),
            (.cbor, "a3 01 01 61ff 02 02 03", [Int: Int].self),
            (.cbor, "a2 7f61ffff 00 6161 05", Maybe.self),
            (.cbor, "a3 6161 01 61ff 00 6161 02", Surely.self),
            (.cbor, "a2 6161 05 61ff 00", Surely.self),
            (.cbor, "bf 61ff 00 6161 05 ff", Maybe.self),
            (.cbor, "bf 6161 05 61ff 00 ff", Surely.self),
            (.cbor, "a1 6178 a2 61ff 00 6161 05", [String: Maybe].self),
            (.json, "7b 22 5c6e ff 22 3a 30 2c 22 61 22 3a 35 7d", Maybe.self),
            (.json, "7b 22 ff 22 3a 30 2c 22 61 22 3a 35 7d", [String: Int].self),
        ]
        for (format, document, type) in rows {
            let failure = #expect(throws: CodingError.self, "\(document)") {
                _ = try format.decode(type, from: Self.bytes(document)) as Any
            }
            #expect(failure?.kind == .invalidUTF8, "\(document)")
        }
    }

    @Test("bytes that are decoded from a slice are the slice's own, and outlive the document")
    func bytesOfASlice() throws {
        struct Blob: Decodable { var bytes: ByteChunk }
        let blob: ByteChunk = try {
            let document = ByteChunk([0xff, 0xff, 0xff] + unhex("a1656279746573430a0b0c") + [0xff])
            return try ValueFormat.nativeCBOR.decode(Blob.self, from: document.slice(3..<document.count - 1)).bytes
        }()
        #expect(Array(blob) == [10, 11, 12])
    }
}
