// SPDX-License-Identifier: Apache-2.0

/// SHA-1 (FIPS 180-4 §6.1), only for the accept key of RFC 6455 §4.2.2, which needs no collision resistance.
package enum SHA1 {
    /// The 20-byte digest of `message`.
    package static func digest(_ message: some Collection<UInt8>) -> [UInt8] {
        let count = message.count
        var padded: [UInt8] = []
        padded.reserveCapacity((count + 72) / 64 * 64)
        padded.append(contentsOf: message)
        padded.append(0x80)
        while padded.count % 64 != 56 { padded.append(0) }
        padded.append(bigEndian: UInt64(count) &* 8, count: 8)

        var hash: InlineArray<5, UInt32> = [0x6745_2301, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476, 0xc3d2_e1f0]
        for block in stride(from: 0, to: padded.count, by: 64) { mix(padded, from: block, into: &hash) }
        var digest: [UInt8] = []
        digest.reserveCapacity(20)
        for index in hash.indices { digest.append(bigEndian: UInt64(hash[index]), count: 4) }
        return digest
    }

    private static func mix(_ bytes: [UInt8], from start: Int, into hash: inout InlineArray<5, UInt32>) {
        var schedule = InlineArray<80, UInt32>(repeating: 0)
        for t in 0..<16 {
            for index in start + 4 * t..<start + 4 * t + 4 { schedule[t] = schedule[t] << 8 | UInt32(bytes[index]) }
        }
        for t in 16..<80 {
            schedule[t] = rotate(schedule[t - 3] ^ schedule[t - 8] ^ schedule[t - 14] ^ schedule[t - 16], by: 1)
        }
        var (a, b, c, d, e) = (hash[0], hash[1], hash[2], hash[3], hash[4])
        for t in 0..<80 {
            let (f, k): (UInt32, UInt32) =
                switch t {
                case ..<20: ((b & c) | (~b & d), 0x5a82_7999)
                case ..<40: (b ^ c ^ d, 0x6ed9_eba1)
                case ..<60: ((b & c) | (b & d) | (c & d), 0x8f1b_bcdc)
                default: (b ^ c ^ d, 0xca62_c1d6)
                }
            let next = rotate(a, by: 5) &+ f &+ e &+ k &+ schedule[t]
            (a, b, c, d, e) = (next, a, rotate(b, by: 30), c, d)
        }
        hash[0] &+= a
        hash[1] &+= b
        hash[2] &+= c
        hash[3] &+= d
        hash[4] &+= e
    }

    private static func rotate(_ word: UInt32, by count: UInt32) -> UInt32 { word << count | word >> (32 - count) }
}
