// SPDX-License-Identifier: Apache-2.0

/// Reads BARE, strictly (PROTOCOL j1): shortest integers, `bool` 0 or 1, checked UTF-8, nothing left over.
///
/// It gives strings and data as places in the document, so nothing is copied and no memory is taken on a length's
/// word. Not an owner: the bytes must outlive it. Every access is checked against `end`.
///
/// `@safe`: who makes one vouches that the bytes outlive it; from then on every access is checked.
@safe package struct BAREReader {
    private let base: UnsafeRawPointer
    private let end: Int
    package private(set) var position = 0

    package init(_ bytes: UnsafeRawBufferPointer) {
        unsafe base = bytes.baseAddress ?? UnsafeRawPointer(bitPattern: 1).unsafelyUnwrapped
        end = bytes.count
    }

    package mutating func readEnd() throws(CodingError) {
        guard position == end else { throw CodingError(.trailingBytes, at: position) }
    }

    @inline(__always)
    package mutating func readByte() throws(CodingError) -> UInt8 {
        guard position < end else { throw CodingError(.truncated, at: position) }
        defer { position &+= 1 }
        return unsafe base.load(fromByteOffset: position, as: UInt8.self)
    }

    /// A fixed-width integer, little-endian.
    @inline(__always)
    package mutating func readFixed<T: FixedWidthInteger & BitwiseCopyable>(as _: T.Type) throws(CodingError) -> T {
        let width = MemoryLayout<T>.size
        guard end &- position >= width else { throw CodingError(.truncated, at: position) }
        defer { position &+= width }
        return unsafe T(littleEndian: base.loadUnaligned(fromByteOffset: position, as: T.self))
    }

    @inline(__always)
    package mutating func readUInt() throws(CodingError) -> UInt64 {
        let first = try readByte()
        if first < 0x80 { return UInt64(first) }
        return try readLongUInt(first)
    }

    private mutating func readLongUInt(_ first: UInt8) throws(CodingError) -> UInt64 {
        let start = position &- 1
        var value = UInt64(first & 0x7F)
        var shift: UInt64 = 7
        while true {
            let byte = try readByte()
            // Nine bytes carry 63 bits, so of the tenth one bit is left.
            if shift == 63, byte > 1 { throw CodingError(.integerOverflow, at: start) }
            value |= UInt64(byte & 0x7F) << shift
            if byte < 0x80 {
                if byte == 0 { throw CodingError(.overlongInteger, at: start) }
                return value
            }
            shift &+= 7
        }
    }

    @inline(__always)
    package mutating func readBool() throws(CodingError) -> Bool {
        let byte = try readByte()
        guard byte <= 1 else { throw CodingError(.invalidBool, at: position &- 1) }
        return byte == 1
    }

    /// The place of the bytes of a `data`.
    @inline(__always)
    package mutating func readData() throws(CodingError) -> Range<Int> {
        let start = position
        let count = try readUInt()
        guard count <= UInt64(end &- position) else { throw CodingError(.lengthExceedsInput, at: start) }
        defer { position &+= Int(count) }
        return position..<(position &+ Int(count))
    }

    /// The bytes of a place that was read.
    @inline(__always)
    private func bytes(_ place: Range<Int>) -> UnsafeRawBufferPointer {
        assert(place.lowerBound >= 0 && place.upperBound <= end)
        return unsafe UnsafeRawBufferPointer(start: base + place.lowerBound, count: place.count)
    }

    /// The place of the bytes of a `str`, which are UTF-8.
    @inline(__always)
    package mutating func readText() throws(CodingError) -> Range<Int> {
        let range = try readData()
        guard unsafe (try? UTF8Span(validating: Span(_unsafeBytes: bytes(range)))) != nil else {
            throw CodingError(.invalidUTF8, at: range.lowerBound)
        }
        return range
    }

    package mutating func readString() throws(CodingError) -> String {
        let range = try readData()
        return try unsafe makeText(bytes(range), at: range.lowerBound)
    }

    package mutating func readOptional<T>(_ body: (inout Self) throws(CodingError) -> T) throws(CodingError) -> T? {
        try readBool() ? try body(&self) : nil
    }
}
