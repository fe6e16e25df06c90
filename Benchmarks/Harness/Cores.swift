// SPDX-License-Identifier: Apache-2.0
import Foundation
import Glibc

/// Keeps all threads of processes on a core each until `end`.
///
/// A round trip is a few changes of thread. Between two cores each of them takes as long as the other core's sleep is
/// deep, which is the machine's affair and differs several times over from one run to the next; on one core it is the
/// same each time, for ours and for the baseline. What a small message costs in a flood differs for the same reason:
/// with how much of it has gathered whenever the other core looks. And where a process has both cores, its threads
/// follow one another from one to the other, which costs as much.
struct Cores {
    /// Not in Glibc's module, so they are asked for by name.
    private typealias Affinity = @convention(c) (pid_t, Int, UnsafeMutablePointer<UInt8>) -> CInt

    private let processes: [pid_t]
    /// A bit for each core that this process may use otherwise.
    private let before: [UInt8]

    /// This process and another one on the same core.
    static func together(with process: pid_t) throws -> Cores {
        try Cores([(getpid(), \.first), (process, \.first)])
    }

    /// This process on a core of its own, where there are two, and the others together on another.
    static func apart(from processes: [pid_t]) throws -> Cores {
        try Cores([(getpid(), \.last)] + processes.map { ($0, \.first) })
    }

    /// This process on the first core, until somebody else puts it elsewhere.
    static func takeFirst() throws {
        _ = try Cores([(getpid(), \.first)])
    }

    private init(_ places: [(process: pid_t, core: KeyPath<[Int], Int?>)]) throws {
        var cores = [UInt8](repeating: 0, count: 8_192)
        guard try Self.call("sched_getaffinity", 0, &cores) >= 0 else {
            throw BenchmarkError("sched_getaffinity: errno \(errno)")
        }
        before = cores
        processes = places.map(\.process)
        let allowed = (0..<cores.count * 8).filter { cores[$0 / 8] & 1 << ($0 % 8) != 0 }
        do {
            for (process, place) in places {
                guard let core = allowed[keyPath: place] else { continue }
                var one = [UInt8](repeating: 0, count: cores.count)
                one[core / 8] = 1 << (core % 8)
                try Self.set(one, for: process)
            }
        } catch {
            end()
            throw error
        }
    }

    func end() {
        for process in processes { try? Self.set(before, for: process) }
    }

    /// A thread that begins later gets it from the one that begins it.
    private static func set(_ cores: [UInt8], for process: pid_t) throws {
        var (cores, done) = (cores, Set<pid_t>())
        while true {
            let threads = try FileManager.default.contentsOfDirectory(atPath: "/proc/\(process)/task")
            // One that another began meanwhile may have what that one had before.
            let new = Set(threads.compactMap { pid_t($0) }).subtracting(done)
            if new.isEmpty { return }
            for thread in new where try call("sched_setaffinity", thread, &cores) < 0 && errno != ESRCH {
                throw BenchmarkError("sched_setaffinity: errno \(errno)")
            }
            done.formUnion(new)
        }
    }

    private static func call(_ name: String, _ thread: pid_t, _ cores: inout [UInt8]) throws -> CInt {
        guard let function = dlsym(nil, name) else { throw BenchmarkError("threads cannot be kept on a core here") }
        return unsafeBitCast(function, to: Affinity.self)(thread, cores.count, &cores)
    }
}
