// SPDX-License-Identifier: Apache-2.0
#if os(Linux)
import Foundation
import Glibc
import Testing

@testable import RivetAsync

/// What the kernel counted as this process's greatest size, before and behind documents made to be costly.
@Suite(.leavesNothing, .timeLimit(.minutes(3)))
struct MemoryTests {
    /// A quarter of a megabyte each: the same few bytes over and over, between a head and an end.
    struct Document {
        var name: String
        var format: ValueFormat
        var bytes: ByteChunk

        init(_ name: String, cbor head: String, _ unit: String, _ end: String = "") {
            let unit = unhex(unit)
            let body = repeatElement(unit, count: 250_000 / unit.count).joined()
            (self.name, format) = (name + ", cbor", .nativeCBOR)
            bytes = ByteChunk(unhex(head) + Array(body) + unhex(end))
        }

        init(_ name: String, json head: String, _ unit: String, _ end: String) {
            let text = head + String(repeating: unit, count: 250_000 / unit.utf8.count) + end
            (self.name, format, bytes) = (name + ", json", .json, ByteChunk(text.utf8))
        }
    }

    /// The costliest first.
    static var documents: [Document] {
        [
            Document("members without name", cbor: "ba0001e848", "6000"),
            Document("maps of one", cbor: "9a00014585", "a16000"),
            Document("arrays of one", cbor: "9a0001e848", "8100"),
            Document("integers without count", cbor: "9f", "00", "ff"),
            Document("members without name", json: "{", #""":0,"#, #""":0}"#),
            Document("tags", cbor: "9a0001e848", "c100"),
            Document("integers", cbor: "9a0003d090", "00"),
            Document("empty arrays", cbor: "9a0003d090", "80"),
            Document("empty texts", cbor: "9a0003d090", "60"),
            Document("empty bytes", cbor: "9a0003d090", "40"),
            Document("chunks of bytes", cbor: "5f", "40", "ff"),
            Document("chunks of text", cbor: "7f", "6161", "ff"),
            Document("texts of 16 bytes", cbor: "9a0000396c", "70" + String(repeating: "61", count: 16)),
            Document("a count beyond the input", cbor: "9b00007fffffffffff", "00"),
            Document("a length beyond the input", cbor: "5b00007fffffffffff", "00"),
            Document("integers", json: "[", "0,", "0]"),
            Document("empty arrays", json: "[", "[],", "[]]"),
            Document("arrays of one", json: "[", "[0],", "0]"),
            Document("escapes", json: #"""#, #"\u0041"#, #"""#),
            Document("digits", json: "", "9", "9"),
            Document("digits of a pair", json: #"["$BigInt","#, "9", #""]"#),
            Document("pairs", json: "[", #"["$$",0],"#, "0]"),
            Document("Base64", json: #"["$Uint8Array",""#, "AAAA", #""]"#),
        ]
    }

    /// Each in a process of its own, where nothing else allocates or has left room behind.
    @Test(
        "B120: a document costs a small multiple of its size, whatever it is and whatever is wanted",
        arguments: documents.prefix(TestScale.count(full: 23, byDefault: 3)).map(\.name)
    )
    func documentCostsASmallMultiple(_ name: String) async {
        await #expect(processExitsWith: .success) { [name] in
            let document = try #require(MemoryTests.documents.first { $0.name == name })
            let (format, bytes) = (document.format, document.bytes)
            let readers: [(ByteChunk) throws -> Void] = [
                { _ = try format.decode([User].self, from: $0) }, { _ = try format.decode(Data.self, from: $0) },
                { _ = try format.decode([String: Either].self, from: $0) },
                { _ = try format.decode(String.self, from: $0) }, { _ = try format.decode([Int].self, from: $0) },
                { _ = try format.decodeArgument(Optionals.self, from: $0) },
                { _ = try format.decode(RivetValue.self, from: $0) },
            ]
            for read in readers {
                // What is allocated once does not count.
                try? read(ByteChunk(format == .json ? Array("[".utf8) : [0x81]))
                let cost = try await ProcessMemory.growth { try? read(bytes) }
                // Most by the standard library: a dictionary lists its keys first, and a member may be two bytes.
                #expect(cost <= 72 * bytes.count, "\(cost) bytes for \(bytes.count)")
            }
        }
    }
}
#endif
