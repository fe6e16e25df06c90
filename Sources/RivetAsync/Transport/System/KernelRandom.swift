// SPDX-License-Identifier: Apache-2.0
import Synchronization

#if os(Linux)
import CEpoll
import Glibc
#endif

/// Unpredictable bytes from the kernel, for masking keys and nonces (RFC 6455 §10.3).
package enum KernelRandom {
    /// Fills the whole buffer.
    ///
    /// One system call for 256 bytes or less.
    package static func fill(_ buffer: UnsafeMutableRawBufferPointer) {
        var filled = 0
        #if os(Linux)
        while filled < buffer.count, let base = buffer.baseAddress {
            let count = getrandom(base + filled, buffer.count - filled, 0)
            if count > 0 {
                filled += count
            } else if count == 0 || errno != EINTR {
                break  // No such call (a kernel before 3.17 or a filter): the generator below knows other ways.
            }
        }
        #endif
        var generator = SystemRandomNumberGenerator()
        while filled < buffer.count {
            buffer[filled] = generator.next()
            filled += 1
        }
    }

    /// A `fill` for many small draws, one user's at a time: 32 bytes of the kernel are stretched to 4 KiB by ChaCha8 and
    /// then thrown away.
    ///
    /// Asked for each, the kernel takes longer over a masking key than all the rest of a small frame needs.
    package static func stream() -> @Sendable (UnsafeMutableRawBufferPointer) -> Void {
        let state = Mutex<(cipher: ChaCha, blocksLeft: Int)>((ChaCha(key: .init(repeating: 0), rounds: 8), 0))
        return { buffer in
            state.withLock { state in
                for offset in stride(from: 0, to: buffer.count, by: 64) {
                    if state.blocksLeft == 0 {
                        var seed = InlineArray<8, UInt32>(repeating: 0)
                        withUnsafeMutableBytes(of: &seed) { fill($0) }
                        state = (ChaCha(key: seed, rounds: 8), 64)
                    }
                    state.blocksLeft -= 1
                    withUnsafeBytes(of: state.cipher.next()) { block in
                        let part = UnsafeMutableRawBufferPointer(rebasing: buffer[offset...])
                        part.copyMemory(from: UnsafeRawBufferPointer(rebasing: block.prefix(part.count)))
                    }
                }
            }
        }
    }

    package static func bytes(_ count: Int) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: max(count, 0)) { buffer, filled in
            fill(UnsafeMutableRawBufferPointer(buffer))
            filled = buffer.count
        }
    }
}
