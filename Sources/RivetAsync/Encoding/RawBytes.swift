// SPDX-License-Identifier: Apache-2.0

extension UnsafeRawBufferPointer {
    @inline(__always)
    func hasSameBytes(as other: UnsafeRawBufferPointer) -> Bool {
        guard count == other.count else { return false }
        var index = 0
        while index &+ 8 <= count {
            guard
                loadUnaligned(fromByteOffset: index, as: UInt64.self)
                    == other.loadUnaligned(fromByteOffset: index, as: UInt64.self)
            else { return false }
            index &+= 8
        }
        while index < count {
            guard self[index] == other[index] else { return false }
            index &+= 1
        }
        return true
    }
}

/// Text from bytes that must be UTF-8.
func makeText(_ bytes: UnsafeRawBufferPointer, at offset: Int) throws(CodingFailure) -> String {
    guard let text = try? UTF8Span(validating: Span(_unsafeBytes: bytes)) else {
        throw CodingFailure(.invalidUTF8, at: offset)
    }
    return String(copying: text)
}
