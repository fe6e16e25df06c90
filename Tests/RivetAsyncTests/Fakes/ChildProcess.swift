// SPDX-License-Identifier: Apache-2.0
import Foundation
import Synchronization

/// A program that a test runs beside it, found by PATH.
///
/// What it prints is kept line by line. It is ended when it is released; and its standard input ends with the tests, whatever ends them.
final class ChildProcess: Sendable {
    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    private struct State {
        var partial: [UInt8] = []
        var lines: [String] = []
        var hasEnded = false
        var waiters: [(condition: @Sendable (String) -> Bool, continuation: CheckedContinuation<String?, Never>)] = []
    }

    private let process = Process()
    private let input = Pipe()
    private let name: String
    private let state = Mutex(State())

    /// Whether a program of this name is in PATH.
    static func exists(_ program: String) -> Bool {
        let path = ProcessInfo.processInfo.environment["PATH"] ?? ""
        return path.split(separator: ":").contains { FileManager.default.isExecutableFile(atPath: "\($0)/\(program)") }
    }

    init(_ program: String, _ arguments: [String], directory: String? = nil) throws {
        name = program
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = [program] + arguments
        if let directory { process.currentDirectoryURL = URL(fileURLWithPath: directory) }
        let output = Pipe()
        process.standardInput = input
        process.standardOutput = output
        process.standardError = output
        output.fileHandleForReading.readabilityHandler = { [weak self] handle in
            let data = handle.availableData
            if data.isEmpty { handle.readabilityHandler = nil }
            self?.received(Array(data))
        }
        try process.run()
    }

    deinit {
        if process.isRunning { process.terminate() }
    }

    /// All lines so far, for the message of a failed test.
    var lines: [String] { state.withLock { $0.lines } }

    /// The first line that satisfies `condition`, printed already or yet to come.
    func line(where condition: @escaping @Sendable (String) -> Bool) async throws -> String {
        let found = await withCheckedContinuation { continuation in
            let now: String?? = state.withLock { state in
                if let line = state.lines.first(where: condition) { return line }
                if state.hasEnded { return .some(nil) }
                state.waiters.append((condition, continuation))
                return nil
            }
            if let now { continuation.resume(returning: now) }
        }
        guard let found else {
            throw Failure(description: "\(name) ended; it printed: \(lines.joined(separator: "\n"))")
        }
        return found
    }

    /// Ends the program and returns when it has ended.
    func stop() async {
        if process.isRunning { process.terminate() }
        _ = try? await line { _ in false }
    }

    /// Runs a program to its end; throws, with what it printed, when it fails.
    static func run(_ program: String, _ arguments: [String], directory: String? = nil) async throws {
        let child = try ChildProcess(program, arguments, directory: directory)
        _ = try? await child.line { _ in false }
        child.process.waitUntilExit()
        guard child.process.terminationStatus == 0 else {
            throw Failure(description: "\(program) failed: \(child.lines.joined(separator: "\n"))")
        }
    }

    /// No bytes are the end of what the program prints.
    private func received(_ bytes: [UInt8]) {
        let resumed: [(CheckedContinuation<String?, Never>, String?)] = state.withLock { state in
            if bytes.isEmpty {
                state.hasEnded = true
                defer { state.waiters = [] }
                return state.waiters.map { ($0.continuation, nil) }
            }
            state.partial += bytes
            var resumed: [(CheckedContinuation<String?, Never>, String?)] = []
            while let end = state.partial.firstIndex(of: UInt8(ascii: "\n")) {
                let line = String(decoding: state.partial[..<end], as: UTF8.self)
                state.partial.removeSubrange(...end)
                state.lines.append(line)
                resumed += state.waiters.filter { $0.condition(line) }.map { ($0.continuation, line) }
                state.waiters.removeAll { $0.condition(line) }
            }
            return resumed
        }
        for (continuation, line) in resumed { continuation.resume(returning: line) }
    }
}
