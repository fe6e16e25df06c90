// SPDX-License-Identifier: Apache-2.0

/// How an engine makes ids, of actors, rays and namespaces (PROTOCOL b7): the 19 bytes 01, UUID, datacenter label,
/// read as one little-endian number and written in base 36, lowest digit first.
package struct EngineID: Sendable, Equatable {
    package var uuid: UInt128
    package var label: UInt16

    package init(uuid: UInt128, label: UInt16) {
        self.uuid = uuid
        self.label = label
    }

    /// Sets the bits of a version 4 UUID (RFC 9562 §5.4) in 128 random ones.
    package init(random: UInt128, label: UInt16) {
        let version = random & ~(UInt128(0xF) << 76) | UInt128(4) << 76
        self.init(uuid: version & ~(UInt128(3) << 62) | UInt128(2) << 62, label: label)
    }

    private static let digitCount = 30
    private static let byteCount = 19
    private static let digits = Array("0123456789abcdefghijklmnopqrstuvwxyz".utf8)
    /// So many digits are taken at once: 36 to the power of their number.
    private static let (chunk, chunkValue): (Int, UInt64) = (5, 60_466_176)

    package var text: String {
        var bytes: [UInt8] = [1]
        bytes.append(bigEndian: UInt64(truncatingIfNeeded: uuid >> 64), count: 8)
        bytes.append(bigEndian: UInt64(truncatingIfNeeded: uuid), count: 8)
        bytes.append(bigEndian: UInt64(label), count: 2)
        var text: [UInt8] = []
        text.reserveCapacity(Self.digitCount)
        while text.count < Self.digitCount {
            // Long division, from the highest byte, which is the last.
            var remainder: UInt64 = 0
            for index in bytes.indices.reversed() {
                let value = remainder << 8 | UInt64(bytes[index])
                bytes[index] = UInt8(truncatingIfNeeded: value / Self.chunkValue)
                remainder = value % Self.chunkValue
            }
            for _ in 0..<Self.chunk {
                text.append(Self.digits[Int(remainder % 36)])
                remainder /= 36
            }
        }
        return String(decoding: text, as: UTF8.self)
    }

    /// Nil for what no engine gave out.
    package init?(text: String) {
        guard text.utf8.count == Self.digitCount else { return nil }
        var bytes = [UInt8](repeating: 0, count: Self.byteCount)
        var (carry, taken): (UInt64, Int) = (0, 0)
        for digit in text.utf8.reversed() {
            guard let value = Self.value(of: digit) else { return nil }
            carry = carry * 36 + value
            taken += 1
            guard taken % Self.chunk == 0 else { continue }
            for index in bytes.indices {
                let value = UInt64(bytes[index]) * Self.chunkValue + carry
                bytes[index] = UInt8(truncatingIfNeeded: value)
                carry = value >> 8
            }
            if carry > 0 { return nil }
        }
        guard bytes[0] == 1 else { return nil }
        self.init(
            uuid: bytes[1...16].reduce(0) { $0 << 8 | UInt128($1) },
            label: UInt16(bytes[17]) << 8 | UInt16(bytes[18])
        )
    }

    private static func value(of digit: UInt8) -> UInt64? {
        switch digit {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt64(digit - UInt8(ascii: "0"))
        case UInt8(ascii: "a")...UInt8(ascii: "z"): UInt64(digit - UInt8(ascii: "a") + 10)
        default: nil
        }
    }
}
