// SPDX-License-Identifier: Apache-2.0

extension UnsafeRawBufferPointer {
    @inline(__always)
    func hasSameBytes(as other: UnsafeRawBufferPointer) -> Bool {
        guard count == other.count else { return false }
        func isSame<Word: FixedWidthInteger & BitwiseCopyable>(_ index: Int, _: Word.Type) -> Bool {
            loadUnaligned(fromByteOffset: index, as: Word.self)
                == other.loadUnaligned(fromByteOffset: index, as: Word.self)
        }
        // What is left at the end overlaps with what was compared before.
        switch count {
        case 8...:
            var index = 0
            while index < count &- 8 {
                guard isSame(index, UInt64.self) else { return false }
                index &+= 8
            }
            return isSame(count &- 8, UInt64.self)
        case 4...: return isSame(0, UInt32.self) && isSame(count &- 4, UInt32.self)
        case 2...: return isSame(0, UInt16.self) && isSame(count &- 2, UInt16.self)
        case 1: return isSame(0, UInt8.self)
        default: return true
        }
    }

    /// Whether all bytes are ASCII.
    @inline(__always)
    func isASCII() -> Bool {
        func word(_ index: Int) -> UInt64 { loadUnaligned(fromByteOffset: index, as: UInt64.self) }
        guard count >= 8 else {
            var all: UInt8 = 0
            for byte in self { all |= byte }
            return all < 0x80
        }
        // What is left at the end overlaps with what was looked at before.
        var all = word(count &- 8)
        var index = 0
        while index < count &- 8 {
            all |= word(index)
            index &+= 8
        }
        return all & 0x8080_8080_8080_8080 == 0
    }
}

/// Text from bytes that must be UTF-8.
func makeText(_ bytes: UnsafeRawBufferPointer, at offset: Int) throws(CodingFailure) -> String {
    // Short ASCII is what names and most other texts are.
    if bytes.count <= 64, bytes.isASCII() {
        return String(copying: unsafe UTF8Span(unchecked: Span(_unsafeBytes: bytes), isKnownASCII: true))
    }
    guard let text = try? UTF8Span(validating: Span(_unsafeBytes: bytes)) else {
        throw CodingFailure(.invalidUTF8, at: offset)
    }
    return String(copying: text)
}
