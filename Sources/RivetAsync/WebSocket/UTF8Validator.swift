// SPDX-License-Identifier: Apache-2.0

/// Checks UTF-8 that comes in parts, and fails at the first byte that no valid text can have there (RFC 3629 §4).
package struct UTF8Validator: Sendable {
    /// Continuation bytes that the open sequence still needs.
    private var missing: UInt8 = 0
    /// What the next continuation byte may be; only the first one after E0, ED, F0 and F4 is narrowed.
    private var lower: UInt8 = 0x80
    private var upper: UInt8 = 0xBF

    package init() {}

    /// Whether the text may end here.
    package var isComplete: Bool { missing == 0 }

    /// Whether the text can still be valid after these bytes.
    ///
    /// After `false` the validator is spent.
    package mutating func accepts(_ bytes: UnsafeRawBufferPointer) -> Bool {
        var start = 0
        while missing > 0, start < bytes.count {
            guard unsafe step(bytes[start]) else { return false }
            start &+= 1
        }
        let end = unsafe bytes.count &- Self.openTail(of: bytes, from: start)
        guard unsafe Self.isValid(UnsafeRawBufferPointer(rebasing: bytes[start..<end])) else { return false }
        for index in end..<bytes.count {
            guard unsafe step(bytes[index]) else { return false }
        }
        return true
    }

    /// Whether the bytes are UTF-8 as a whole.
    @inline(__always)
    package static func isValid(_ bytes: UnsafeRawBufferPointer) -> Bool {
        guard bytes.count > 0 else { return true }
        do {
            _ = try unsafe UTF8Span(validating: bytes.assumingMemoryBound(to: UInt8.self).span)
            return true
        } catch {
            return false
        }
    }

    /// How many bytes at the end belong to a sequence that is not complete.
    private static func openTail(of bytes: UnsafeRawBufferPointer, from start: Int) -> Int {
        for length in 1...3 {
            let index = bytes.count &- length
            guard index >= start else { return 0 }
            let needed =
                switch unsafe bytes[index] {
                case 0x80...0xBF: 0
                case 0xC0...0xDF: 2
                case 0xE0...0xEF: 3
                case 0xF0...0xFF: 4
                default: 1
                }
            if needed > 0 { return needed > length ? length : 0 }
        }
        return 0
    }

    private mutating func step(_ byte: UInt8) -> Bool {
        if missing > 0 {
            guard byte >= lower, byte <= upper else { return false }
            missing &-= 1
            (lower, upper) = (0x80, 0xBF)
            return true
        }
        switch byte {
        case 0x00...0x7F: return true
        case 0xC2...0xDF: missing = 1
        case 0xE0: (missing, lower) = (2, 0xA0)  // Shorter forms exist.
        case 0xED: (missing, upper) = (2, 0x9F)  // Surrogates.
        case 0xE1...0xEF: missing = 2
        case 0xF0: (missing, lower) = (3, 0x90)  // Shorter forms exist.
        case 0xF1...0xF3: missing = 3
        case 0xF4: (missing, upper) = (3, 0x8F)  // Above U+10FFFF.
        default: return false
        }
        return true
    }
}
