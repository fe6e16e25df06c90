// SPDX-License-Identifier: Apache-2.0

/// BARE, written straight into its destination (PROTOCOL j1).
extension ByteOutput where Self: ~Copyable {
    @inline(__always)
    package mutating func appendBARE(uint value: UInt64) {
        var rest = value
        while rest >= 0x80 {
            append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        append(UInt8(truncatingIfNeeded: rest))
    }

    package mutating func appendBARE(int value: Int64) {
        appendBARE(uint: UInt64(bitPattern: value << 1 ^ value >> 63))
    }

    package mutating func appendBARE<T: FixedWidthInteger & BitwiseCopyable>(fixed value: T) {
        unsafe withUnsafeBytes(of: value.littleEndian) { unsafe append($0) }
    }

    package mutating func appendBARE(_ value: Bool) {
        append(value ? 1 : 0)
    }

    package mutating func appendBARE(data: UnsafeRawBufferPointer) {
        appendBARE(uint: UInt64(data.count))
        unsafe append(data)
    }

    package mutating func appendBARE(_ text: String) {
        unsafe withUTF8(of: text) { unsafe appendBARE(data: $0) }
    }

    package mutating func appendBARE<T>(optional value: T?, _ body: (inout Self, T) -> Void) {
        appendBARE(value != nil)
        if let value { body(&self, value) }
    }
}
