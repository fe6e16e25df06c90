// SPDX-License-Identifier: Apache-2.0

/// JSON as we write it: no blanks, escapes only where RFC 8259 §7 wants them, as the server writes it (PROTOCOL j5).
extension ByteOutput where Self: ~Copyable {
    package mutating func appendJSON(_ text: String) {
        unsafe withUTF8(of: text) { unsafe appendJSON(text: $0) }
    }

    package mutating func appendJSON(text: UnsafeRawBufferPointer) {
        append(UInt8(ascii: "\""))
        var start = 0
        for index in 0..<text.count {
            let byte = unsafe text[index]
            guard byte < 0x20 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") else { continue }
            unsafe append(UnsafeRawBufferPointer(rebasing: text[start..<index]))
            start = index &+ 1
            append(UInt8(ascii: "\\"))
            switch byte {
            case 0x08: append(UInt8(ascii: "b"))
            case 0x09: append(UInt8(ascii: "t"))
            case 0x0a: append(UInt8(ascii: "n"))
            case 0x0c: append(UInt8(ascii: "f"))
            case 0x0d: append(UInt8(ascii: "r"))
            case 0..<0x20:
                append("u00")
                append(byte >> 4 | 0x30)
                append(byte & 15 < 10 ? byte & 15 | 0x30 : byte & 15 &+ 0x57)
            default: append(byte)
            }
        }
        unsafe append(UnsafeRawBufferPointer(rebasing: text[start...]))
        append(UInt8(ascii: "\""))
    }

    /// The digits alone, whatever the size: not every reader takes a number so (see `appendJSONBigInt`).
    package mutating func appendJSON(digits value: some FixedWidthInteger) {
        if let small = UInt64(exactly: value.magnitude) {
            if value < 0 { append(UInt8(ascii: "-")) }
            appendDecimal(small)
        } else {
            append(utf8: value.description)
        }
    }

    private mutating func appendDecimal(_ value: UInt64) {
        if value < 10 { return append(UInt8(truncatingIfNeeded: value) | 0x30) }
        unsafe withUnsafeTemporaryAllocation(byteCount: 20, alignment: 1) { digits in
            var start = 20
            var rest = value
            repeat {
                start &-= 1
                unsafe digits[start] = UInt8(truncatingIfNeeded: rest % 10) | 0x30
                rest /= 10
            } while rest > 0
            unsafe append(UnsafeRawBufferPointer(rebasing: digits[start...]))
        }
    }

    /// `["$BigInt","7"]`: how ids are written always (PROTOCOL g5), and integers that a JavaScript number cannot hold.
    package mutating func appendJSONBigInt(_ value: some FixedWidthInteger) {
        append("[\"$BigInt\",\"")
        appendJSON(digits: value)
        append("\"]")
    }

    package mutating func appendJSON(_ value: Bool) {
        append(value ? "true" : "false")
    }

    package mutating func appendJSONNull() {
        append("null")
    }
}
