// SPDX-License-Identifier: Apache-2.0
import Foundation
import Glibc

/// Counts the system calls of this process, by name, while something runs: `strace` is attached meanwhile.
enum SystemCallCount {
    static func during<R: Sendable>(_ body: () async throws -> R) async throws -> (result: R, calls: [String: Int]) {
        let file = FileManager.default.temporaryDirectory.appending(path: "system-calls.\(getpid())").path()
        defer { unlink(file) }
        let strace = try start(["strace", "-f", "-c", "-o", file, "-p", "\(getpid())"])
        do {
            try await attached(strace)
            let result = try await body()
            end(strace)
            return (result, try counts(String(contentsOfFile: file, encoding: .utf8)))
        } catch {
            end(strace)
            throw error
        }
    }

    /// Not Foundation's `Process`, whose child would have the signals blocked that Swift's own threads block, and would
    /// not end by one.
    private static func start(_ command: [String]) throws -> pid_t {
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var none = sigset_t()
        sigemptyset(&none)
        posix_spawnattr_setsigmask(&attributes, &none)
        var standard = sigset_t()
        sigemptyset(&standard)
        sigaddset(&standard, SIGINT)
        posix_spawnattr_setsigdefault(&attributes, &standard)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF))
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0)
        var arguments = command.map { strdup($0) } + [nil]
        defer { for argument in arguments { free(argument) } }
        var child = pid_t()
        let error = posix_spawnp(&child, command[0], &actions, &attributes, &arguments, environ)
        guard error == 0 else { throw BenchmarkError("\(command[0]) cannot be started: errno \(error)") }
        return child
    }

    private static func end(_ child: pid_t) {
        kill(child, SIGINT)
        var status: Int32 = 0
        while waitpid(child, &status, 0) < 0, errno == EINTR {}
    }

    private static func attached(_ strace: pid_t) async throws {
        while try String(contentsOfFile: "/proc/self/status", encoding: .utf8).contains("TracerPid:\t0\n") {
            var status: Int32 = 0
            guard waitpid(strace, &status, WNOHANG) == 0 else {
                throw BenchmarkError("system calls cannot be counted: strace may not trace this process")
            }
            try await Task.sleep(for: .milliseconds(20))
        }
        // The threads come one after another.
        try await Task.sleep(for: .milliseconds(200))
    }

    /// Lines of `% time, seconds, usecs/call, calls, [errors], syscall`.
    private static func counts(_ summary: String) -> [String: Int] {
        var counts: [String: Int] = [:]
        for line in summary.split(separator: "\n") {
            let words = line.split(separator: " ")
            guard words.count >= 5, let calls = Int(words[3]), let name = words.last, name != "total" else { continue }
            counts[String(name)] = calls
        }
        return counts
    }
}
