// SPDX-License-Identifier: Apache-2.0

extension UnsafeRawBufferPointer {
    @inline(__always)
    func hasSameBytes(as other: UnsafeRawBufferPointer) -> Bool {
        guard count == other.count else { return false }
        func isSame<Word: FixedWidthInteger & BitwiseCopyable>(_ index: Int, _: Word.Type) -> Bool {
            unsafe loadUnaligned(fromByteOffset: index, as: Word.self)
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
        func word(_ index: Int) -> UInt64 { unsafe loadUnaligned(fromByteOffset: index, as: UInt64.self) }
        func half(_ index: Int) -> UInt32 { unsafe loadUnaligned(fromByteOffset: index, as: UInt32.self) }
        // What is left at the end overlaps with what was looked at before.
        guard count >= 8 else {
            if count >= 4 { return (half(0) | half(count &- 4)) & 0x8080_8080 == 0 }
            return unsafe allSatisfy { $0 < 0x80 }
        }
        var all = word(count &- 8)
        var index = 0
        while index < count &- 8 {
            all |= word(index)
            index &+= 8
        }
        return all & 0x8080_8080_8080_8080 == 0
    }
}

/// Text from short ASCII, which names and most other texts are; nil for all else.
@inline(__always)
func makeShortText(_ bytes: UnsafeRawBufferPointer) -> String? {
    guard bytes.count <= 64, unsafe bytes.isASCII() else { return nil }
    return String(copying: unsafe UTF8Span(unchecked: Span(_unsafeBytes: bytes), isKnownASCII: true))
}

/// Text from bytes that must be UTF-8.
func makeText(_ bytes: UnsafeRawBufferPointer, at offset: Int) throws(CodingError) -> String {
    if let text = unsafe makeShortText(bytes) { return text }
    guard let text = try? unsafe UTF8Span(validating: Span(_unsafeBytes: bytes)) else {
        throw CodingError(.invalidUTF8, at: offset)
    }
    return String(copying: text)
}
