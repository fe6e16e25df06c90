// SPDX-License-Identifier: Apache-2.0
import Foundation
import Synchronization

/// The server's process, started when a case first asks for its port.
final class ReferenceServerProcess: Sendable {
    private struct Running: @unchecked Sendable {
        var process: Process
        var input: Pipe
        var port: UInt16
    }

    private let arguments: [String]
    private let running = Mutex<Running?>(nil)

    init(_ arguments: [String] = ["--serve"]) { self.arguments = arguments }

    /// Starts it if it does not run.
    func start() throws -> (port: UInt16, process: pid_t) {
        try running.withLock { running in
            if let running { return (running.port, running.process.processIdentifier) }
            let process = Process()
            let input = Pipe()
            let output = Pipe()
            process.executableURL = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath()
            process.arguments = arguments
            process.standardInput = input
            process.standardOutput = output
            try process.run()
            let line = String(decoding: output.fileHandleForReading.availableData, as: UTF8.self)
            guard let port = UInt16(line.trimmingCharacters(in: .whitespacesAndNewlines)) else {
                throw BenchmarkError("the reference server did not start")
            }
            running = Running(process: process, input: input, port: port)
            return (port, process.processIdentifier)
        }
    }

    /// Ends the process by ending its input.
    func stop() {
        guard let running = running.withLock({ $0.take() }) else { return }
        try? running.input.fileHandleForWriting.close()
        running.process.waitUntilExit()
    }
}
