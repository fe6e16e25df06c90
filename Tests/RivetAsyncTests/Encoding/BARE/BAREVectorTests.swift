// SPDX-License-Identifier: Apache-2.0
import RivetAsync
import Testing

/// The groups `bare.*` but `bare.message`: each value written and read.
@Suite(.leavesNothing, .timeLimit(.minutes(3)))
struct BAREVectorTests {
    private func check<T: Equatable>(
        _ vector: Vector,
        _ value: T?,
        write: (inout [UInt8], T) -> Void,
        read: (inout BAREReader) throws -> T
    ) throws {
        let value = try #require(value, "\(vector.id)")
        #expect(written { write(&$0, value) } == vector.bytes, "\(vector.id)")
        try vector.bytes.withUnsafeBytes { bytes in
            var reader = BAREReader(bytes)
            #expect(try read(&reader) == value, "\(vector.id)")
            try reader.readEnd()
        }
    }

    private func checkFixed<T: FixedWidthInteger & BitwiseCopyable>(
        _ vector: Vector,
        _: T.Type,
        bits: UInt64? = nil
    ) throws {
        let value = bits.map { T(truncatingIfNeeded: $0) } ?? (vector["value"]?.text).flatMap { T($0) }
        try check(vector, value) {
            $0.appendBARE(fixed: $1)
        } read: {
            try $0.readFixed(as: T.self)
        }
    }

    @Test func unsignedIntegersAreWrittenAndRead() throws {
        let vectors = VectorFile.group("bare.uint")
        for vector in vectors {
            try check(vector, (vector["value"]?.text).flatMap { UInt64($0) }) {
                $0.appendBARE(uint: $1)
            } read: {
                try $0.readUInt()
            }
        }
        #expect(vectors.count == 28)
    }

    @Test func signedIntegersAreWrittenAndRead() throws {
        let vectors = VectorFile.group("bare.int")
        for vector in vectors {
            try check(vector, (vector["value"]?.text).flatMap { Int64($0) }) {
                $0.appendBARE(int: $1)
            } read: {
                try $0.readInt()
            }
        }
        #expect(vectors.count == 15)
    }

    @Test func fixedWidthNumbersAreWrittenAndRead() throws {
        let vectors = VectorFile.group("bare.fixed")
        for vector in vectors {
            let bits = (vector["bits"]?.text).flatMap { UInt64($0, radix: 16) }
            switch vector["type"]?.text {
            case "u8": try checkFixed(vector, UInt8.self)
            case "u16": try checkFixed(vector, UInt16.self)
            case "u32": try checkFixed(vector, UInt32.self)
            case "u64": try checkFixed(vector, UInt64.self)
            case "i8": try checkFixed(vector, Int8.self)
            case "i16": try checkFixed(vector, Int16.self)
            case "i32": try checkFixed(vector, Int32.self)
            case "i64": try checkFixed(vector, Int64.self)
            case "f64": try checkFixed(vector, UInt64.self, bits: bits)
            case "f32": try checkFixed(vector, UInt32.self, bits: bits)
            case "bool":
                try check(vector, vector["value"]?.bool ?? (vector["value"]?.text).map { $0 == "true" }) {
                    $0.appendBARE($1)
                } read: {
                    try $0.readBool()
                }
            case let type: Issue.record("\(vector.id): unknown type \(type ?? "nil")")
            }
        }
        #expect(vectors.count == 39)
    }

    @Test func stringsAreWrittenAndRead() throws {
        let vectors = VectorFile.group("bare.str")
        for vector in vectors {
            // Foundation, which read the file, drops a byte order mark at the start of a text.
            let value = vector.id == "bare.str.bom" ? "\u{FEFF}" : ""
            try check(vector, value + (vector["value"]?.text ?? "?")) {
                $0.appendBARE($1)
            } read: {
                try $0.readString()
            }
        }
        #expect(vectors.count == 11)
    }

    @Test func dataIsWrittenAndRead() throws {
        let vectors = VectorFile.group("bare.data")
        for vector in vectors {
            let value = (vector["value"]?.text ?? vector["value"]?["hex"]?.text).map { unhex($0) }
            let bytes = vector.bytes
            try check(vector, value) { output, value in
                value.withUnsafeBytes { output.appendBARE(data: $0) }
            } read: {
                Array(bytes[try $0.readData()])
            }
        }
        #expect(vectors.count == 4)
    }

    @Test func optionalsAreWrittenAndRead() throws {
        let vectors = VectorFile.group("bare.optional")
        for vector in vectors {
            let value = vector["value"]
            switch vector["type"]?.text {
            case "optional<str>":
                try check(vector, .some(value?.text)) {
                    $0.appendBARE(optional: $1) { $0.appendBARE($1) }
                } read: {
                    try $0.readOptional { (reader) throws(CodingError) in try reader.readString() }
                }
            case "optional<bool>":
                try check(vector, .some(value?.bool)) {
                    $0.appendBARE(optional: $1) { $0.appendBARE($1) }
                } read: {
                    try $0.readOptional { (reader) throws(CodingError) in try reader.readBool() }
                }
            case "optional<uint>":
                try check(vector, .some((value?.text).flatMap { UInt64($0) })) {
                    $0.appendBARE(optional: $1) { $0.appendBARE(uint: $1) }
                } read: {
                    try $0.readOptional { (reader) throws(CodingError) in try reader.readUInt() }
                }
            case "optional<u64>":
                try check(vector, .some((value?.text).flatMap { UInt64($0) })) {
                    $0.appendBARE(optional: $1) { $0.appendBARE(fixed: $1) }
                } read: {
                    try $0.readOptional { (reader) throws(CodingError) in try reader.readFixed(as: UInt64.self) }
                }
            case let type: Issue.record("\(vector.id): unknown type \(type ?? "nil")")
            }
        }
        #expect(vectors.count == 6)
    }

    /// The client protocol has no lists; a count and the items are all there is to one.
    @Test func listsAreWrittenAndRead() throws {
        let vectors = VectorFile.group("bare.list")
        for vector in vectors {
            let texts = (vector["value"]?.array ?? []).compactMap(\.text)
            let isText = vector["type"]?.text == "list<str>"
            #expect(isText || vector["type"]?.text == "list<uint>")
            try check(vector, texts) { output, texts in
                output.appendBARE(uint: UInt64(texts.count))
                for text in texts {
                    if isText { output.appendBARE(text) } else { output.appendBARE(uint: UInt64(text) ?? 0) }
                }
            } read: { reader in
                var texts: [String] = []
                for _ in 0..<(try reader.readUInt()) {
                    texts.append(isText ? try reader.readString() : "\(try reader.readUInt())")
                }
                return texts
            }
        }
        #expect(vectors.count == 3)
    }
}

/// BARE's signed integer, which no message of Rivet's has.
extension BAREReader {
    /// Zigzag, then uint.
    fileprivate mutating func readInt() throws(CodingError) -> Int64 {
        let zigzag = try readUInt()
        return Int64(bitPattern: zigzag >> 1) ^ -Int64(bitPattern: zigzag & 1)
    }
}
