// SPDX-License-Identifier: Apache-2.0
import Foundation
import Glibc

/// Keeps all threads of this process and of another on one core until `end`.
///
/// A round trip is a few changes of thread. Between two cores each of them takes as long as the other core's sleep is
/// deep, which is the machine's affair and differs several times over from one run to the next; on one core it is the
/// same each time, for ours and for the baseline. What a small message costs in a flood differs for the same reason:
/// with how much of it has gathered whenever the other core looks.
struct OneCore {
    /// Not in Glibc's module, so they are asked for by name.
    private typealias Affinity = @convention(c) (pid_t, Int, UnsafeMutablePointer<UInt8>) -> CInt

    private let processes: [pid_t]
    /// A bit for each core.
    private let before: [UInt8]
    private let setAffinity: Affinity

    init(with process: pid_t) throws {
        guard let get = dlsym(nil, "sched_getaffinity"), let set = dlsym(nil, "sched_setaffinity") else {
            throw BenchmarkError("threads cannot be kept on one core here")
        }
        var cores = [UInt8](repeating: 0, count: 128)
        guard unsafeBitCast(get, to: Affinity.self)(0, cores.count, &cores) >= 0,
            let first = cores.firstIndex(where: { $0 != 0 })
        else { throw BenchmarkError("sched_getaffinity: errno \(errno)") }
        before = cores
        processes = [getpid(), process]
        setAffinity = unsafeBitCast(set, to: Affinity.self)
        var one = [UInt8](repeating: 0, count: cores.count)
        one[first] = cores[first] & ~(cores[first] &- 1)
        try self.set(one)
    }

    func end() { try? set(before) }

    /// A thread that begins later gets it from the one that begins it.
    private func set(_ cores: [UInt8]) throws {
        var cores = cores
        for process in processes {
            for thread in try FileManager.default.contentsOfDirectory(atPath: "/proc/\(process)/task") {
                // One that has just ended is not there any more, which is fine.
                if let thread = pid_t(thread) { _ = setAffinity(thread, cores.count, &cores) }
            }
        }
    }
}
