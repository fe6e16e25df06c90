// SPDX-License-Identifier: Apache-2.0
import RivetAsync

/// Values as Rivet's server writes those that pass through its JSON value: outputs over HTTP in json and cbor, and all
/// metadata.
///
/// Members come sorted, floats in the shortest exact form (PROTOCOL e1, j3).
enum ServerValue {
    /// - Throws: `CodingError`, when `bytes` is not one value of the format.
    static func normalized(_ bytes: ByteChunk, isJSON: Bool) throws -> ByteChunk {
        guard bytes.count > 0 else { return bytes }
        return try bytes.withUnsafeBytes { document in
            var output: [UInt8] = []
            if isJSON {
                var reader = unsafe JSONReader(document)
                _ = try reader.readItem()
                reader.position = 0
                try writeJSON(&reader, bytes, &output)
            } else {
                var reader = unsafe CBORReader(document)
                _ = try reader.readItem()
                reader.position = 0
                try writeCBOR(&reader, bytes, &output)
            }
            return ByteChunk(output)
        }
    }

    /// Whether CBOR holds nothing that JSON cannot: no byte strings and no tags (PROTOCOL e1, g6).
    static func isPlainCBOR(_ bytes: ByteChunk) -> Bool {
        bytes.withUnsafeBytes { document in
            var reader = unsafe CBORReader(document)
            var ignored: [UInt8] = []
            var isPlain = true
            do {
                try writeCBOR(&reader, bytes, &ignored) { isPlain = false }
                return isPlain
            } catch {
                return false
            }
        }
    }

    // The readers have checked the document's depth before, so the recursion is bounded by it.

    private static func writeJSON(
        _ reader: inout JSONReader,
        _ document: ByteChunk,
        _ output: inout [UInt8]
    ) throws(CodingError) {
        switch try reader.peekKind() {
        case .map:
            let members = try members(of: &reader) { (reader) throws(CodingError) in
                var value: [UInt8] = []
                try writeJSON(&reader, document, &value)
                return value
            }
            output.append(UInt8(ascii: "{"))
            for (index, (key, value)) in members.enumerated() {
                if index > 0 { output.append(UInt8(ascii: ",")) }
                output.appendJSON(key)
                output.append(UInt8(ascii: ":"))
                output.append(contentsOf: value)
            }
            output.append(UInt8(ascii: "}"))
        case .array:
            output.append(UInt8(ascii: "["))
            var remaining = try reader.beginArray()
            var isFirst = true
            while try reader.hasNext(&remaining) {
                if !isFirst { output.append(UInt8(ascii: ",")) }
                isFirst = false
                try writeJSON(&reader, document, &output)
            }
            output.append(UInt8(ascii: "]"))
        default:
            output.append(document.slice(try reader.readItem()))
        }
    }

    private static func writeCBOR(
        _ reader: inout CBORReader,
        _ document: ByteChunk,
        _ output: inout [UInt8],
        foundUnplain: () -> Void = {}
    ) throws(CodingError) {
        if reader.position < document.count, document[reader.position] >> 5 == 6 {
            // An output that JSON cannot hold becomes null, without an error (PROTOCOL e1).
            foundUnplain()
            try reader.skipItem(depth: 0)
            return output.appendCBORNull()
        }
        switch try reader.peekKind() {
        case .map:
            let members = try members(of: &reader) { (reader) throws(CodingError) in
                var value: [UInt8] = []
                try writeCBOR(&reader, document, &value, foundUnplain: foundUnplain)
                return value
            }
            output.appendCBORMapHead(members.count)
            for (key, value) in members {
                output.appendCBOR(key)
                output.append(contentsOf: value)
            }
        case .array:
            var remaining = try reader.beginArray()
            var elements: [UInt8] = []
            var count = 0
            while try reader.hasNext(&remaining) {
                try writeCBOR(&reader, document, &elements, foundUnplain: foundUnplain)
                count += 1
            }
            output.appendCBORArrayHead(count)
            output.append(contentsOf: elements)
        case .float:
            let value = try reader.readDouble()
            // JSON has no form of NaN and the infinities (PROTOCOL j5).
            if value.isFinite { appendShortest(value, to: &output) } else { output.appendCBORNull() }
        case .bytes:
            foundUnplain()
            try reader.skipItem(depth: 0)
            output.appendCBORNull()
        default:
            output.append(document.slice(try reader.readItem()))
        }
    }

    private static func members<Reader: ItemReader>(
        of reader: inout Reader,
        _ value: (inout Reader) throws(CodingError) -> [UInt8]
    ) throws(CodingError) -> [(key: String, value: [UInt8])] {
        var members: [ExactName: [UInt8]] = [:]
        try reader.readMembers { (key, reader) throws(CodingError) in members[ExactName(key)] = try value(&reader) }
        return members.map { ($0.key.text, $0.value) }.sorted { $0.0.utf8.lexicographicallyPrecedes($1.0.utf8) }
    }

    /// The shortest of half, single and double that is exact (RFC 8949 §4.2.1).
    static func appendShortest(_ value: Double, to output: inout [UInt8]) {
        if Double(Float(value)) != value {
            output.append(0xFB)
            output.append(bigEndian: value.bitPattern, count: 8)
        } else if let half = halfBits(Float(value)) {
            output.append(0xF9)
            output.append(bigEndian: UInt64(half), count: 2)
        } else {
            output.append(0xFA)
            output.append(bigEndian: UInt64(Float(value).bitPattern), count: 4)
        }
    }

    /// IEEE 754 binary16, if that is exact.
    private static func halfBits(_ value: Float) -> UInt16? {
        let sign = UInt16(value.bitPattern >> 16 & 0x8000)
        if value.isZero { return sign }
        if value.isInfinite { return sign | 0x7C00 }
        let exponent = Int(value.exponentBitPattern) - 127
        let fraction = value.significandBitPattern
        if (-14...15).contains(exponent), fraction & 0x1FFF == 0 {
            return sign | UInt16(exponent + 15) << 10 | UInt16(fraction >> 13)
        }
        // Subnormal halves are multiples of 2^-24.
        guard (-24 ... -15).contains(exponent) else { return nil }
        let significand = fraction | 0x80_0000
        let shift = UInt32(-exponent - 1)
        guard significand & (1 << shift - 1) == 0 else { return nil }
        return sign | UInt16(significand >> shift)
    }
}
