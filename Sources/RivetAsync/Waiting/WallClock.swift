// SPDX-License-Identifier: Apache-2.0
#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// The time of day, for `date` fields and time stamps; deadlines use ``TimeSource``.
package enum WallClock {
    /// Milliseconds since 1970 in UTC, as the system's clock has it.
    package static var milliseconds: Int64 {
        // Two words, as `timespec` has on 64 bits. Which module its members belong to depends on the order of files.
        var now = (seconds: 0, nanoseconds: 0)
        unsafe withUnsafeMutablePointer(to: &now) { pointer in
            _ = unsafe pointer.withMemoryRebound(to: timespec.self, capacity: 1) {
                unsafe clock_gettime(CLOCK_REALTIME, $0)
            }
        }
        return Int64(now.seconds) &* 1_000 &+ Int64(now.nanoseconds) / 1_000_000
    }
}
