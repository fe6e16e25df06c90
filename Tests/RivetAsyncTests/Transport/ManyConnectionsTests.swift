// SPDX-License-Identifier: Apache-2.0
import Foundation
import Testing

/// A thousand idle connections: the case of the benchmark, in a process of its own, where every descriptor can be counted.
@Suite(
    .leavesNothing,
    .timeLimit(.minutes(3)),
    .enabled(if: TestCertificates.areAvailable, "needs openssl, python3 and sh in PATH")
)
struct ManyConnectionsTests {
    @Test("the soft limit is raised for them, and no descriptor is left", arguments: ["plain", "TLS"])
    func noDescriptorIsLeft(_ kind: String) async throws {
        let (succeeded, lines) = try await Self.run("connections/\(kind), idle", limit: "-Sn 256")
        // A hard limit that is too low fails it, with both numbers.
        #expect(succeeded, "\(lines.joined(separator: "\n"))")
        let note = try #require(lines.first { $0.contains("descriptors: ") })
        #expect(note.contains("limit raised from 256 to 1"))
        let counts = note.matches(of: #/descriptors: (\d+), then (\d+), then (\d+);/#).first?.output
        let (before, most, after) = (Int(counts?.1 ?? "") ?? 0, Int(counts?.2 ?? "") ?? 0, Int(counts?.3 ?? "") ?? 0)
        #expect(most >= before + 1_000)
        #expect(after == before)
    }

    @Test func aHardLimitThatIsTooLowIsSaidWithBothNumbers() async throws {
        let (succeeded, lines) = try await Self.run("connections/plain, idle", limit: "-n 256")
        #expect(!succeeded)
        #expect(lines.contains { $0.contains(#/failed: 1\d\d\d descriptors are needed and the hard limit is 256/#) })
    }

    /// Runs one case with limits as `ulimit` sets them.
    private static func run(_ path: String, limit: String) async throws -> (succeeded: Bool, lines: [String]) {
        let tests = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath()
        let benchmarks = tests.deletingLastPathComponent().appending(path: "Benchmarks").path
        // It inherits what the tests happen to have open just now, such as a file that Foundation reads, and with a
        // descriptor beyond its limit it could start no peer.
        let program = #"import os, sys; os.closerange(3, 1 << 16); os.execv(sys.argv[1], sys.argv[1:])"#
        let script = #"ulimit \#(limit) && exec python3 -c '\#(program)' "$0" --filter "$1""#
        return try await ChildProcess.outcome(of: "sh", ["-c", script, benchmarks, path])
    }
}
