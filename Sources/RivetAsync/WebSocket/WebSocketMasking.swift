// SPDX-License-Identifier: Apache-2.0

/// The XOR of RFC 6455 §5.3, on vectors and words over raw memory.
package enum WebSocketMasking {
    private typealias Vector = SIMD4<UInt64>

    /// Writes `count` bytes of `source`, masked (or unmasked, it is the same), to `destination`.
    ///
    /// `destination` may be the same memory but may not overlap it in another way. `key` is the four key bytes as they
    /// stand on the wire, loaded as one word of this machine; `phase` is how many bytes of the payload came before.
    @inline(__always)
    package static func apply(
        key: UInt32,
        phase: Int = 0,
        from source: UnsafeRawPointer,
        to destination: UnsafeMutableRawPointer,
        count: Int
    ) {
        let word = UInt64(rotated(key, by: phase)) &* 0x1_0000_0001
        var offset = 0
        if count >= 32 {
            let vector = Vector(repeating: word)
            while offset &+ 128 <= count {
                let a = source.loadUnaligned(fromByteOffset: offset, as: Vector.self) ^ vector
                let b = source.loadUnaligned(fromByteOffset: offset &+ 32, as: Vector.self) ^ vector
                let c = source.loadUnaligned(fromByteOffset: offset &+ 64, as: Vector.self) ^ vector
                let d = source.loadUnaligned(fromByteOffset: offset &+ 96, as: Vector.self) ^ vector
                destination.storeBytes(of: a, toByteOffset: offset, as: Vector.self)
                destination.storeBytes(of: b, toByteOffset: offset &+ 32, as: Vector.self)
                destination.storeBytes(of: c, toByteOffset: offset &+ 64, as: Vector.self)
                destination.storeBytes(of: d, toByteOffset: offset &+ 96, as: Vector.self)
                offset &+= 128
            }
            while offset &+ 32 <= count {
                let a = source.loadUnaligned(fromByteOffset: offset, as: Vector.self) ^ vector
                destination.storeBytes(of: a, toByteOffset: offset, as: Vector.self)
                offset &+= 32
            }
        }
        while offset &+ 8 <= count {
            let masked = source.loadUnaligned(fromByteOffset: offset, as: UInt64.self) ^ word
            destination.storeBytes(of: masked, toByteOffset: offset, as: UInt64.self)
            offset &+= 8
        }
        // Each step above moved by a multiple of four, so the rest begins with the word's first byte again.
        if count &- offset >= 4 {
            let half = UInt32(truncatingIfNeeded: word)
            let masked = source.loadUnaligned(fromByteOffset: offset, as: UInt32.self) ^ half
            destination.storeBytes(of: masked, toByteOffset: offset, as: UInt32.self)
            offset &+= 4
        }
        var rest = UInt32(truncatingIfNeeded: word).littleEndian
        while offset < count {
            let masked = source.load(fromByteOffset: offset, as: UInt8.self) ^ UInt8(truncatingIfNeeded: rest)
            destination.storeBytes(of: masked, toByteOffset: offset, as: UInt8.self)
            rest >>= 8
            offset &+= 1
        }
    }

    /// The key with its first `phase & 3` bytes moved to the end.
    @inline(__always)
    private static func rotated(_ key: UInt32, by phase: Int) -> UInt32 {
        let bits = UInt32(truncatingIfNeeded: phase & 3) &* 8
        guard bits != 0 else { return key }
        let wire = key.littleEndian
        return UInt32(littleEndian: wire >> bits | wire << (32 &- bits))
    }
}
