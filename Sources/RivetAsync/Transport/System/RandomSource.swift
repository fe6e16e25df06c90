// SPDX-License-Identifier: Apache-2.0
import Synchronization

/// Where a client's randomness comes from: nonces and masking keys, which no peer may predict (RFC 6455 §10.3), and
/// what is added to waits.
///
/// A test gives its own (B21).
///
/// `@safe`: as `WebSocketMaskingKeys`: who gives `fill` vouches that it stays within its buffer.
@safe package struct RandomSource: Sendable {
    package typealias Fill = @Sendable (UnsafeMutableRawBufferPointer) -> Void

    /// Fills the whole buffer.
    let fill: Fill
    /// Uniform in 0 ..< 1.
    let fraction: @Sendable () -> Double

    package init(fill: @escaping Fill = unsafe KernelRandom.fill, fraction: (@Sendable () -> Double)? = nil) {
        unsafe self.fill = fill
        self.fraction =
            fraction ?? {
                var word: UInt64 = 0
                unsafe withUnsafeMutableBytes(of: &word) { unsafe fill($0) }
                return Double(word >> 11) * 0x1p-53
            }
    }

    package static let kernel = unsafe RandomSource()

    /// The kernel's, asked for 32 bytes at a time, which go a long way: see ``stream()``.
    package static func stretchedKernel() -> RandomSource { unsafe RandomSource(fill: kernel.stream()) }

    package func bytes(_ count: Int) -> [UInt8] {
        unsafe [UInt8](unsafeUninitializedCapacity: max(count, 0)) { buffer, filled in
            unsafe fill(UnsafeMutableRawBufferPointer(buffer))
            filled = buffer.count
        }
    }

    /// A `fill` for many small draws, one user's at a time: 32 bytes are stretched to 4 KiB by ChaCha8 and then thrown
    /// away.
    ///
    /// Asked for each, the kernel takes longer over a masking key than all the rest of a small frame needs.
    package func stream() -> Fill {
        let state = Mutex<(cipher: ChaCha, blocksLeft: Int)>((ChaCha(key: .init(repeating: 0), rounds: 8), 0))
        return { [fill = unsafe fill] buffer in
            state.withLock { state in
                for offset in stride(from: 0, to: buffer.count, by: 64) {
                    if state.blocksLeft == 0 {
                        var seed = InlineArray<8, UInt32>(repeating: 0)
                        unsafe withUnsafeMutableBytes(of: &seed) { unsafe fill($0) }
                        state = (ChaCha(key: seed, rounds: 8), 64)
                    }
                    state.blocksLeft -= 1
                    unsafe withUnsafeBytes(of: state.cipher.next()) { block in
                        let part = unsafe UnsafeMutableRawBufferPointer(rebasing: buffer[offset...])
                        unsafe part.copyMemory(from: UnsafeRawBufferPointer(rebasing: block.prefix(part.count)))
                    }
                }
            }
        }
    }
}

/// The block function of ChaCha (RFC 8439 §2.3), whose blocks nobody can tell from randomness without the key.
package struct ChaCha: Sendable {
    package typealias Words = InlineArray<16, UInt32>

    private var input: Words
    private let rounds: Int

    /// A stream of blocks for 256 secret bits and a nonce that is never used twice with them.
    ///
    /// The RFC has 20 rounds; 8 are enough for what need not stay secret.
    package init(
        key: InlineArray<8, UInt32>,
        nonce: InlineArray<3, UInt32> = [0, 0, 0],
        counter: UInt32 = 0,
        rounds: Int
    ) {
        input = [
            0x6170_7865, 0x3320_646e, 0x7962_2d32, 0x6b20_6574, key[0], key[1], key[2], key[3],
            key[4], key[5], key[6], key[7], counter, nonce[0], nonce[1], nonce[2],
        ]
        self.rounds = rounds
    }

    /// The next block, 64 bytes as sixteen words.
    package mutating func next() -> Words {
        var words = input
        for _ in 0..<(rounds / 2) {
            Self.mix(&words, 0, 4, 8, 12)
            Self.mix(&words, 1, 5, 9, 13)
            Self.mix(&words, 2, 6, 10, 14)
            Self.mix(&words, 3, 7, 11, 15)
            Self.mix(&words, 0, 5, 10, 15)
            Self.mix(&words, 1, 6, 11, 12)
            Self.mix(&words, 2, 7, 8, 13)
            Self.mix(&words, 3, 4, 9, 14)
        }
        for index in words.indices { words[index] &+= input[index] }
        input[12] &+= 1
        return words
    }

    /// The quarter round (§2.1).
    @inline(__always)
    private static func mix(_ words: inout Words, _ a: Int, _ b: Int, _ c: Int, _ d: Int) {
        words[a] &+= words[b]
        words[d] = rotated(words[d] ^ words[a], by: 16)
        words[c] &+= words[d]
        words[b] = rotated(words[b] ^ words[c], by: 12)
        words[a] &+= words[b]
        words[d] = rotated(words[d] ^ words[a], by: 8)
        words[c] &+= words[d]
        words[b] = rotated(words[b] ^ words[c], by: 7)
    }

    @inline(__always)
    private static func rotated(_ word: UInt32, by bits: UInt32) -> UInt32 {
        word &<< bits | word &>> (32 &- bits)
    }
}
