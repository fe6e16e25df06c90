// SPDX-License-Identifier: Apache-2.0

/// The other end of the loopback cases, in a process of its own, so that its time is not ours.
enum ReferenceServer {
    static func serve() throws {
        throw BenchmarkFailure("no case needs the reference server yet")
    }
}

/// The server's process, started when a case first asks for its port.
final class ReferenceServerProcess: Sendable {
    func stop() {}
}
