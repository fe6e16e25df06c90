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

    package var text: String {
        var bytes: [UInt8] = [1]
        bytes.append(bigEndian: UInt64(truncatingIfNeeded: uuid >> 64), count: 8)
        bytes.append(bigEndian: UInt64(truncatingIfNeeded: uuid), count: 8)
        bytes.append(bigEndian: UInt64(label), count: 2)
        var text: [UInt8] = []
        for _ in 0..<Self.digitCount {
            // Long division by 36, from the highest byte, which is the last.
            var remainder: UInt32 = 0
            for index in bytes.indices.reversed() {
                let value = remainder << 8 | UInt32(bytes[index])
                bytes[index] = UInt8(truncatingIfNeeded: value / 36)
                remainder = value % 36
            }
            text.append(Self.digits[Int(remainder)])
        }
        return String(decoding: text, as: UTF8.self)
    }

    /// Nil for what no engine gave out.
    package init?(text: String) {
        guard text.utf8.count == Self.digitCount else { return nil }
        var bytes = [UInt8](repeating: 0, count: Self.byteCount)
        for digit in text.utf8.reversed() {
            guard var carry = Self.digits.firstIndex(of: digit) else { return nil }
            for index in bytes.indices {
                let value = Int(bytes[index]) * 36 + carry
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
}
