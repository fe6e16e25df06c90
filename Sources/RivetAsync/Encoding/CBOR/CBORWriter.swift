// SPDX-License-Identifier: Apache-2.0

/// CBOR as we write it (PROTOCOL j2): definite lengths, shortest heads, floats always 64 bits.
extension ByteOutput where Self: ~Copyable {
    @inline(__always)
    package mutating func appendCBORHead(major: UInt8, _ argument: UInt64) {
        let major = major << 5
        switch argument {
        case 0..<24: append(major | UInt8(truncatingIfNeeded: argument))
        case 24..<0x100:
            append(bigEndian: UInt64(major | 24) << 8 | argument, count: 2)
        case 0x100..<0x1_0000:
            append(bigEndian: UInt64(major | 25) << 16 | argument, count: 3)
        case 0x1_0000..<0x1_0000_0000:
            append(bigEndian: UInt64(major | 26) << 32 | argument, count: 5)
        default:
            append(major | 27)
            append(bigEndian: argument, count: 8)
        }
    }

    package mutating func appendCBORArrayHead(_ count: Int) {
        appendCBORHead(major: 4, UInt64(count))
    }

    package mutating func appendCBORMapHead(_ count: Int) {
        appendCBORHead(major: 5, UInt64(count))
    }

    package mutating func appendCBOR(_ value: UInt64) {
        appendCBORHead(major: 0, value)
    }

    @inline(__always)
    package mutating func appendCBOR(_ value: Int64) {
        // A negative number n is written as -1 - n (RFC 8949 §3.1), which is its complement.
        if value < 0 {
            appendCBORHead(major: 1, UInt64(~value))
        } else {
            appendCBORHead(major: 0, UInt64(value))
        }
    }

    /// Always nine bytes: JavaScript tells a BigInt from a number by this head (PROTOCOL g6).
    package mutating func appendCBORWide(_ value: UInt64) {
        append(0x1b)
        append(bigEndian: value, count: 8)
    }

    @inline(__always)
    package mutating func appendCBOR(_ text: String) {
        unsafe withUTF8(of: text) { unsafe appendCBOR(text: $0) }
    }

    /// A member of a map.
    package mutating func appendCBOR(_ key: String, _ text: String) {
        appendCBOR(key)
        appendCBOR(text)
    }

    @inline(__always)
    package mutating func appendCBOR(text: UnsafeRawBufferPointer) {
        if text.count < 24 { return unsafe append(0x60 | UInt8(truncatingIfNeeded: text.count), text) }
        appendCBORHead(major: 3, UInt64(text.count))
        unsafe append(text)
    }

    package mutating func appendCBOR(bytes: UnsafeRawBufferPointer) {
        appendCBORHead(major: 2, UInt64(bytes.count))
        unsafe append(bytes)
    }

    package mutating func appendCBOR(_ value: Bool) {
        append(value ? 0xf5 : 0xf4)
    }

    package mutating func appendCBOR(_ value: Double) {
        append(0xfb)
        append(bigEndian: value.isNaN ? 0x7ff8_0000_0000_0000 : value.bitPattern, count: 8)
    }

    package mutating func appendCBORNull() {
        append(0xf6)
    }
}
