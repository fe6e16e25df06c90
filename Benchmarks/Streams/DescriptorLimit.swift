// SPDX-License-Identifier: Apache-2.0
import Foundation
import Glibc

/// How many files and sockets this process may have open, and has.
enum DescriptorLimit {
    /// Besides the connections: lanes, pipes, and whatever the process was started with.
    private static let reserve = 64

    /// Raises the soft limit so that `count` connections fit; a process that is started later inherits it.
    ///
    /// - Parameter count: How many descriptors there are to be besides those of the process itself.
    /// - Returns: What was done, for the table.
    /// - Throws: ``BenchmarkError`` with both numbers where the hard limit is lower.
    static func raise(toHold count: Int) throws -> String {
        let needed = rlim_t(used + count + reserve)
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else {
            throw BenchmarkError("getrlimit: errno \(errno)")
        }
        let soft = limit.rlim_cur
        if soft >= needed { return "limit \(soft)" }
        guard limit.rlim_max >= needed else {
            throw BenchmarkError("\(needed) descriptors are needed and the hard limit is \(limit.rlim_max)")
        }
        limit.rlim_cur = needed
        guard setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else {
            throw BenchmarkError("setrlimit: errno \(errno)")
        }
        return "limit raised from \(soft) to \(needed)"
    }

    /// How many are open now, without timers: Dispatch opens one for each of its clocks whenever it first needs it.
    static var used: Int {
        let files = FileManager.default
        let folder = "/proc/self/fd"
        let open = ((try? files.contentsOfDirectory(atPath: folder)) ?? []).filter {
            // The folder itself is listed and closed by now.
            let target = try? files.destinationOfSymbolicLink(atPath: "\(folder)/\($0)")
            return target != nil && target != "anon_inode:[timerfd]"
        }
        return open.count
    }
}
