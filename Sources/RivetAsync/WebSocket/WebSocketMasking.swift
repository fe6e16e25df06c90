// SPDX-License-Identifier: Apache-2.0

/// The XOR of RFC 6455 §5.3, on vectors and words over raw memory.
package enum WebSocketMasking {
    /// Writes `count` bytes of `source`, masked (or unmasked, it is the same), to `destination`.
    ///
    /// `destination` may be the same memory but may not overlap it in another way. `key` is the four key bytes as they
    /// stand on the wire, loaded as one word of this machine; `phase` is how many bytes of the payload came before.
    ///
    /// What is left behind whole vectors is done by one more that ends where the bytes end and covers some of them
    /// twice: a loop over the rest would take a turn more or less for each length, which no processor foresees. Both
    /// are read before either is written, so it is right in place too.
    @inline(__always)
    package static func apply(
        key: UInt32,
        phase: Int = 0,
        from source: UnsafeRawPointer,
        to destination: UnsafeMutableRawPointer,
        count: Int
    ) {
        let first = pattern(key, at: phase)
        switch count {
        case 32...:
            let end = count &- 32
            let last =
                unsafe source.loadUnaligned(fromByteOffset: end, as: SIMD4<UInt64>.self)
                ^ pattern(key, at: phase &+ end)
            unsafe apply(first, from: source, to: destination, blocksBefore: end)
            unsafe destination.storeBytes(of: last, toByteOffset: end, as: SIMD4<UInt64>.self)
        case 16...:
            let end = count &- 16
            let head = unsafe source.loadUnaligned(as: SIMD2<UInt64>.self) ^ first
            let last =
                unsafe source.loadUnaligned(fromByteOffset: end, as: SIMD2<UInt64>.self)
                ^ pattern(key, at: phase &+ end)
            unsafe destination.storeBytes(of: head, as: SIMD2<UInt64>.self)
            unsafe destination.storeBytes(of: last, toByteOffset: end, as: SIMD2<UInt64>.self)
        case 8...:
            let end = count &- 8
            let head = unsafe source.loadUnaligned(as: UInt64.self) ^ first
            let last =
                unsafe source.loadUnaligned(fromByteOffset: end, as: UInt64.self) ^ pattern(key, at: phase &+ end)
            unsafe destination.storeBytes(of: head, as: UInt64.self)
            unsafe destination.storeBytes(of: last, toByteOffset: end, as: UInt64.self)
        default:
            var rest = first.littleEndian
            for offset in 0..<max(count, 0) {
                let masked =
                    unsafe source.load(fromByteOffset: offset, as: UInt8.self) ^ UInt8(truncatingIfNeeded: rest)
                unsafe destination.storeBytes(of: masked, toByteOffset: offset, as: UInt8.self)
                rest >>= 8
            }
        }
    }

    /// Whole vectors one behind another, as long as they begin before `end`; 32 bytes more can be read and written.
    @inline(__always)
    private static func apply(
        _ word: UInt64,
        from source: UnsafeRawPointer,
        to destination: UnsafeMutableRawPointer,
        blocksBefore end: Int
    ) {
        typealias Vector = SIMD4<UInt64>
        var offset = 0
        while offset &+ 96 < end {
            let a = unsafe source.loadUnaligned(fromByteOffset: offset, as: Vector.self) ^ word
            let b = unsafe source.loadUnaligned(fromByteOffset: offset &+ 32, as: Vector.self) ^ word
            let c = unsafe source.loadUnaligned(fromByteOffset: offset &+ 64, as: Vector.self) ^ word
            let d = unsafe source.loadUnaligned(fromByteOffset: offset &+ 96, as: Vector.self) ^ word
            unsafe destination.storeBytes(of: a, toByteOffset: offset, as: Vector.self)
            unsafe destination.storeBytes(of: b, toByteOffset: offset &+ 32, as: Vector.self)
            unsafe destination.storeBytes(of: c, toByteOffset: offset &+ 64, as: Vector.self)
            unsafe destination.storeBytes(of: d, toByteOffset: offset &+ 96, as: Vector.self)
            offset &+= 128
        }
        while offset < end {
            let a = unsafe source.loadUnaligned(fromByteOffset: offset, as: Vector.self) ^ word
            unsafe destination.storeBytes(of: a, toByteOffset: offset, as: Vector.self)
            offset &+= 32
        }
    }

    /// Eight bytes of the repeated key, from the byte that stands at `position` of the payload.
    @inline(__always)
    private static func pattern(_ key: UInt32, at position: Int) -> UInt64 {
        let bits = UInt64(truncatingIfNeeded: position & 3) &* 8
        let wire = UInt64(key.littleEndian) &* 0x1_0000_0001
        return UInt64(littleEndian: wire &>> bits | wire &<< (64 &- bits))
    }
}

/// Masking keys (RFC 6455 §5.3) from a source that is asked for 64 at a time.
///
/// `@safe`: `fill` gets a buffer that it need not keep, and whoever gives it vouches that it stays within.
@safe package struct WebSocketMaskingKeys: Sendable {
    private let fill: @Sendable (UnsafeMutableRawBufferPointer) -> Void
    private var batch: InlineArray<64, UInt32> = .init(repeating: 0)
    private var used = 64

    /// - Parameter fill: must fill the buffer with bytes that the peer cannot predict (§10.3).
    package init(fill: @escaping @Sendable (UnsafeMutableRawBufferPointer) -> Void) {
        unsafe self.fill = fill
    }

    @inline(__always)
    package mutating func next() -> UInt32 {
        if used == 64 { refill() }
        defer { used &+= 1 }
        return batch[used]
    }

    @inline(never)
    private mutating func refill() {
        unsafe withUnsafeMutableBytes(of: &batch) { unsafe fill($0) }
        used = 0
    }
}
