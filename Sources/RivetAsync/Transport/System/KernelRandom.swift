// SPDX-License-Identifier: Apache-2.0
#if os(Linux)
import CEpoll
#if canImport(Musl)
import Musl
#else
import Glibc
#endif
#endif

/// Unpredictable bytes from the kernel.
package enum KernelRandom {
    /// Fills the whole buffer.
    ///
    /// One system call for 256 bytes or less.
    package static func fill(_ buffer: UnsafeMutableRawBufferPointer) {
        var filled = 0
        #if os(Linux)
        while filled < buffer.count, let base = buffer.baseAddress {
            let count = unsafe getrandom(base + filled, buffer.count - filled, 0)
            if count > 0 {
                filled += count
            } else if count == 0 || errno != EINTR {
                break  // No such call (a kernel before 3.17 or a filter): the generator below knows other ways.
            }
        }
        #endif
        var generator = SystemRandomNumberGenerator()
        while filled < buffer.count {
            unsafe buffer[filled] = generator.next()
            filled += 1
        }
    }
}
