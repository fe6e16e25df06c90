// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import RivetAsync

/// The fast paths of the encodings beside plain ones, on bytes of which many are nearly right.
@Suite(.leavesNothing, .timeLimit(.minutes(3)))
struct EncodingTwinTests {
    /// Bytes that begin many items and end few.
    private static func document(_ generator: inout SeededGenerator) -> [UInt8] {
        let heads: [UInt8] = [
            0x00, 0x17, 0x18, 0x1b, 0x20, 0x41, 0x58, 0x60, 0x61, 0x63, 0x78, 0x7f, 0x82, 0x9f,
            0xa1, 0xa3, 0xb7, 0xb8, 0xbf, 0xc0, 0xd8, 0xf4, 0xf6, 0xf8, 0xf9, 0xfb, 0xff,
        ]
        return (0..<Int.random(in: 0...40, using: &generator)).map { _ in
            Bool.random(using: &generator)
                ? heads.randomElement(using: &generator) ?? 0 : UInt8.random(in: 0...255, using: &generator)
        }
    }

    /// Where a reader stands afterwards, or what it says.
    private static func outcome(
        _ bytes: [UInt8],
        _ read: (inout CBORReader) throws(CodingError) -> Void
    ) -> String {
        bytes.withUnsafeBytes { bytes in
            var reader = CBORReader(bytes, position: 0)
            do throws(CodingError) {
                try read(&reader)
                return "at \(reader.position)"
            } catch {
                return "\(error)"
            }
        }
    }

    @Test func steppingOverCBORIsReadingItemByItem() {
        var generator = SeededGenerator(seed: 8949)
        var whole = 0
        for _ in 0..<TestScale.count(full: 200_000, byDefault: 10_000) {
            let (bytes, count) = (Self.document(&generator), Int.random(in: 1...5, using: &generator))
            let plain = Self.outcome(bytes) { (reader) throws(CodingError) in
                for _ in 0..<count { try reader.skipItem(depth: 0) }
            }
            let elements = Self.outcome(bytes) { (reader) throws(CodingError) in
                for _ in 0..<count { try reader.skipElement(depth: 0) }
            }
            let runs = Self.outcome(bytes) { (reader) throws(CodingError) in
                var remaining = count
                while remaining > 0 {
                    remaining -= reader.skipPlain(remaining)
                    guard remaining > 0 else { return }
                    try reader.skipItem(depth: 0)
                    remaining -= 1
                }
            }
            if plain.hasPrefix("at ") { whole += 1 }
            #expect(elements == plain, "\(count) of \(bytes)")
            #expect(runs == plain, "\(count) of \(bytes)")
        }
        #expect(whole > 1_000, "too few are right")
    }

    @Test func shortTextsAndMapsOfCBORAreWhatTheirHeadsSay() {
        var generator = SeededGenerator(seed: 3)
        var (texts, maps) = (0, 0)
        for _ in 0..<TestScale.count(full: 200_000, byDefault: 10_000) {
            let bytes = Self.document(&generator)
            bytes.withUnsafeBytes { memory in
                var plain = CBORReader(memory, position: 0)
                let head = try? plain.readHead()
                let rest = bytes.dropFirst(plain.position)

                var fast = CBORReader(memory, position: 0)
                if let text = fast.readShortText() {
                    texts += 1
                    #expect(head?.major == 3 && head?.isIndefinite == false, "\(bytes)")
                    #expect(Array(text.utf8) == Array(rest.prefix(Int(head?.argument ?? 0))), "\(bytes)")
                    #expect(fast.position == plain.position + text.utf8.count, "\(bytes)")
                } else {
                    #expect(fast.position == 0)
                }

                fast = CBORReader(memory, position: 0)
                if let count = fast.readShortMapHead() {
                    maps += 1
                    #expect(head?.major == 5 && head?.isIndefinite == false, "\(bytes)")
                    #expect(head?.argument == UInt64(count), "\(bytes)")
                    #expect(fast.position == plain.position && count * 2 <= rest.count, "\(bytes)")
                } else {
                    #expect(fast.position == 0)
                }
            }
        }
        #expect(texts > 100 && maps > 100, "too few are right")
    }

    @Test func scanningJSONByEightStopsAtTheFirstByteThatMatters() {
        var generator = SeededGenerator(seed: 8259)
        let matters: [UInt8] = [0x00, 0x1f, 0x22, 0x5c]
        for _ in 0..<TestScale.count(full: 200_000, byDefault: 10_000) {
            let bytes = (0..<Int.random(in: 0...40, using: &generator)).map { _ in
                Int.random(in: 0..<12, using: &generator) == 0
                    ? matters.randomElement(using: &generator) ?? 0 : UInt8.random(in: 0...255, using: &generator)
            }
            let start = Int.random(in: 0...bytes.count, using: &generator)
            // As far as there are eight bytes, and not beyond one that matters.
            let words = start + (bytes.count - start) / 8 * 8
            let found = bytes[start..<words].firstIndex { $0 < 0x20 || $0 == 0x22 || $0 == 0x5c }
            bytes.withUnsafeBytes {
                var reader = JSONReader($0, position: start)
                reader.stepOverPlainBytes()
                #expect(reader.position == found ?? words, "from \(start) of \(bytes)")
            }
        }
    }

    @Test func numbersOfJSONAreTheNearest() {
        var generator = SeededGenerator(seed: 754)
        func digits(_ count: ClosedRange<Int>) -> String {
            String(
                (0..<Int.random(in: count, using: &generator)).map { _ in
                    "0123456789".randomElement(using: &generator) ?? "0"
                }
            )
        }
        for _ in 0..<TestScale.count(full: 500_000, byDefault: 20_000) {
            var text = Bool.random(using: &generator) ? "-" : ""
            text +=
                Bool.random(using: &generator) ? "0" : "\(Int.random(in: 1...9, using: &generator))" + digits(0...19)
            if Bool.random(using: &generator) { text += "." + digits(1...20) }
            if Bool.random(using: &generator) { text += "e\(Int.random(in: -60...60, using: &generator))" }
            Array(text.utf8).withUnsafeBytes {
                var reader = JSONReader($0, position: 0)
                let double = try? reader.readDouble()
                #expect(double?.bitPattern == Double(text)?.bitPattern, "\(text)")
                reader.position = 0
                let float = try? reader.readFloat()
                let nearest = Float(text).flatMap { $0.isFinite ? $0 : nil }
                #expect(float?.bitPattern == nearest?.bitPattern, "\(text)")
            }
        }
    }

    /// One argument has a quick way; of a list of several types the first is read by the plain one.
    @Test func theOneArgumentIsTheFirstOfAList() {
        var generator = SeededGenerator(seed: 110)
        let texts = [
            "", "[]", "[1]", "1", "null", "[null]", #"["a","b"]"#, "[[1,2]]", #"{"a":1}"#, #"[{"a":[1]},2]"#, "[1",
            "[1,]",
            #"["$BigInt","5"]"#, #"["$$x",1]"#, #"["$$x"]"#, #"["$Uint8Array","AQ=="]"#, #"["$Odd",1]"#,
            #"["$Undefined",0]"#,
            #"[["$BigInt","5"],2]"#, #"["$Set",[1]]"#,
        ]
        var documents = texts.map { ([UInt8]($0.utf8), ValueFormat.json) }
        for _ in 0..<TestScale.count(full: 100_000, byDefault: 5_000) {
            let head = [UInt8]([0x80, 0x81, 0x82, 0x9f]).randomElement(using: &generator) ?? 0x81
            documents.append(([head] + Self.document(&generator), .cbor))
        }
        // Of the members on its way a path shows the names that types declare, and which those are depends on what a session
        // was used for before, by other tests too.
        func outcome(_ read: () throws -> RivetValue) -> String {
            String(describing: Result { try read() }).replacing(/\.[^ .\[]+(?=[^ ]* \(byte)/, with: ".*")
        }
        var whole = 0
        for (bytes, format) in documents {
            let one = outcome { try format.decodeArgument(from: ByteChunk(bytes)) }
            let list = outcome { try format.decodeArguments(as: (RivetValue).self, from: ByteChunk(bytes)) }
            if one.hasPrefix("success") { whole += 1 }
            #expect(one == list, "\(format) \(bytes)")
        }
        #expect(whole > 50)
    }

    /// Members with names of like lengths, in CBOR or JSON; the value of each is its place.
    private static func map(_ names: [String], _ syntax: DocumentSyntax, isCounted: Bool) -> [UInt8] {
        if syntax == .json {
            return Array(("{" + names.enumerated().map { "\"\($1)\" : \($0)" }.joined(separator: " , ") + "}").utf8)
        }
        let members = names.enumerated().flatMap { place, name in
            [0x60 + UInt8(name.utf8.count)] + Array(name.utf8) + [UInt8(place)]
        }
        return isCounted ? [0xa0 + UInt8(names.count)] + members : [0xbf] + members + [0xff]
    }

    @Test(arguments: [DocumentSyntax.cbor, .json])
    func membersAreFoundAsInADictionary(_ syntax: DocumentSyntax) throws {
        var generator = SeededGenerator(seed: 307)
        let all = ["a", "b", "c", "ab", "ba", "abc", "count", "total", "timestamp", ""]
        for _ in 0..<TestScale.count(full: 50_000, byDefault: 5_000) {
            let names = Array(all.shuffled(using: &generator).prefix(Int.random(in: 0...8, using: &generator)))
            let places = Dictionary(uniqueKeysWithValues: zip(names, names.indices))
            let asked = (0..<8).map { index in
                // In the order of the document, as `Codable` mostly asks, or in any.
                Bool.random(using: &generator) && index < names.count
                    ? names[index] : all.randomElement(using: &generator) ?? ""
            }
            let bytes = Self.map(names, syntax, isCounted: Bool.random(using: &generator))
            let reads = (0..<8).map { _ in Bool.random(using: &generator) }
            try DecodingSession.decode(ByteChunk(bytes), syntax) { root in
                let fast = MapDecoder(root.session)
                try fast.enter(root)
                var reader = root.reader
                var remaining = try reader.beginMap()
                var plain = MapMembers(in: root.session)
                plain.enter(
                    root.session,
                    first: try reader.hasNext(&remaining) ? .init(reader.position, remaining) : .nowhere
                )
                for (name, isRead) in zip(asked, reads) {
                    let place = fast.find(name)
                    let twin = withUTF8(of: name) { plain.find($0) }
                    #expect(place == twin, "\(name) of \(names), asked for \(asked)")
                    #expect((place != nil) == (places[name] != nil), "\(name) of \(names), asked for \(asked)")
                    guard isRead, let place, let twin else { continue }
                    #expect(try fast.integer(at: place) == places[name])
                    let value = try plain.read(at: twin) { (reader) throws(CodingError) in
                        try reader.readInteger(as: Int.self)
                    }
                    #expect(value == places[name])
                }
                let hasMissed = try plain.hasMissedRepeats()
                #expect(!plain.mayHaveMissedRepeats || !hasMissed)
            }
        }
    }

    /// RFC 4648 §4, bit by bit.
    private static func base64(_ bytes: [UInt8]) -> String {
        let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")
        var bits = bytes.flatMap { byte in (0..<8).map { byte >> (7 - $0) & 1 } }
        while bits.count % 6 != 0 { bits.append(0) }
        var text = ""
        for place in stride(from: 0, to: bits.count, by: 6) {
            text.append(alphabet[bits[place..<place + 6].reduce(0) { $0 << 1 | Int($1) }])
        }
        while text.count % 4 != 0 { text.append("=") }
        return text
    }

    @Test func base64IsTheBitsInSixes() {
        var generator = SeededGenerator(seed: 4648)
        for count in Array(0...70) + [255, 256, 1_000] {
            let bytes = (0..<count).map { _ in UInt8.random(in: 0...255, using: &generator) }
            let text = Self.base64(bytes)
            #expect(Base64.encode(bytes) == text)
            #expect(Base64.decode(text.utf8) == bytes)
            // What is read at all is the one text of its bytes.
            for _ in 0..<20 where count > 0 {
                var other = Array(text.utf8)
                let place = Int.random(in: 0..<other.count, using: &generator)
                other[place] = UInt8.random(in: 0x20...0x7e, using: &generator)
                if let read = Base64.decode(other) { #expect(Self.base64(read).utf8.elementsEqual(other)) }
            }
        }
    }
}
