// SPDX-License-Identifier: Apache-2.0

/// What only makes scanning quicker: without it `scanString` takes the same steps byte by byte.
extension JSONReader {
    /// Eight bytes at a time, as long as none is a quote, a backslash or a control character.
    @inline(__always)
    mutating func stepOverPlainBytes() {
        let ones: UInt64 = 0x0101_0101_0101_0101
        let tops: UInt64 = 0x8080_8080_8080_8080
        while position &+ 8 <= end {
            let word = unsafe base.loadUnaligned(fromByteOffset: position, as: UInt64.self)
            let quotes = word ^ (ones &* 0x22)
            let slashes = word ^ (ones &* 0x5c)
            // A byte that is zero, or below 0x20, borrows into its top bit; so may one above it, never one below.
            let found =
                ((quotes &- ones) & ~quotes) | ((slashes &- ones) & ~slashes) | ((word &- ones &* 0x20) & ~word)
            guard found & tops == 0 else {
                position &+= (found & tops).littleEndian.trailingZeroBitCount / 8
                return
            }
            position &+= 8
        }
    }
}
