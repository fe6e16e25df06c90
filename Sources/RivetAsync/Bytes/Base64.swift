// SPDX-License-Identifier: Apache-2.0

/// Base 64 (RFC 4648 §4), and its form for URLs (§5).
package enum Base64 {
    private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
    /// The value of each character; 0xff for what is none.
    private static let values: [UInt8] = {
        var values = [UInt8](repeating: 0xff, count: 256)
        for (value, character) in alphabet.enumerated() { values[Int(character)] = UInt8(value) }
        return values
    }()

    package static func encode(_ bytes: some Collection<UInt8>) -> String {
        unsafe bytes.withContiguousStorageIfAvailable { unsafe encode(UnsafeRawBufferPointer($0)) }
            ?? Array(bytes).withUnsafeBytes { unsafe encode($0) }
    }

    package static func encode(_ bytes: UnsafeRawBufferPointer) -> String {
        let count = (bytes.count + 2) / 3 * 4
        return unsafe String(unsafeUninitializedCapacity: count) { text in
            unsafe alphabet.withUnsafeBufferPointer { alphabet in
                var read = 0
                var write = 0
                while read < bytes.count {
                    let left = bytes.count - read
                    var bits = unsafe UInt32(bytes[read]) << 16
                    if left > 1 { unsafe bits |= UInt32(bytes[read + 1]) << 8 }
                    if left > 2 { unsafe bits |= UInt32(bytes[read + 2]) }
                    unsafe text[write] = alphabet[Int(bits >> 18)]
                    unsafe text[write + 1] = alphabet[Int(bits >> 12 & 63)]
                    unsafe text[write + 2] = left > 1 ? alphabet[Int(bits >> 6 & 63)] : UInt8(ascii: "=")
                    unsafe text[write + 3] = left > 2 ? alphabet[Int(bits & 63)] : UInt8(ascii: "=")
                    read += 3
                    write += 4
                }
            }
            return count
        }
    }

    /// The bytes of `text`, or nil unless it is canonical: full groups, padding only at the end, unused bits zero.
    package static func decode(_ text: some Collection<UInt8>) -> [UInt8]? {
        unsafe text.withContiguousStorageIfAvailable { unsafe decode(UnsafeRawBufferPointer($0)) }
            ?? Array(text).withUnsafeBytes { unsafe decode($0) }
    }

    package static func decode(_ text: UnsafeRawBufferPointer) -> [UInt8]? {
        guard text.count % 4 == 0 else { return nil }
        let padding = unsafe text.suffix(2).reversed().prefix { $0 == UInt8(ascii: "=") }.count
        let digits = text.count - padding
        var isCanonical = true
        let bytes = unsafe [UInt8](unsafeUninitializedCapacity: text.count / 4 * 3) { bytes, filled in
            unsafe values.withUnsafeBufferPointer { values in
                var bits: UInt32 = 0
                var bitCount: UInt32 = 0
                // The top bit of what is no digit stays in here.
                var seen: UInt8 = 0
                for index in 0..<digits {
                    let value = unsafe values[Int(text[index])]
                    seen |= value
                    bits = bits << 6 | UInt32(value & 63)
                    bitCount += 6
                    if bitCount >= 8 {
                        bitCount -= 8
                        unsafe bytes[filled] = UInt8(truncatingIfNeeded: bits >> bitCount)
                        filled += 1
                    }
                }
                isCanonical = seen < 64 && bits & ((1 << bitCount) - 1) == 0
            }
        }
        return isCanonical ? bytes : nil
    }

    /// The same for URLs: with `-` and `_`, without padding (RFC 4648 §5).
    package static func encodeURL(_ bytes: some Collection<UInt8>) -> String {
        let digits = encode(bytes).utf8.compactMap { byte -> UInt8? in
            switch byte {
            case UInt8(ascii: "+"): UInt8(ascii: "-")
            case UInt8(ascii: "/"): UInt8(ascii: "_")
            case UInt8(ascii: "="): nil
            default: byte
            }
        }
        return String(decoding: digits, as: UTF8.self)
    }

    /// The bytes of a text of that form, or nil.
    package static func decodeURL(_ text: some Collection<UInt8>) -> [UInt8]? {
        var standard: [UInt8] = []
        for byte in text {
            switch byte {
            case UInt8(ascii: "-"): standard.append(UInt8(ascii: "+"))
            case UInt8(ascii: "_"): standard.append(UInt8(ascii: "/"))
            case UInt8(ascii: "+"), UInt8(ascii: "/"), UInt8(ascii: "="): return nil
            default: standard.append(byte)
            }
        }
        while standard.count % 4 != 0 { standard.append(UInt8(ascii: "=")) }
        return decode(standard)
    }
}
