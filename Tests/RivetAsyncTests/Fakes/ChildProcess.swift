// SPDX-License-Identifier: Apache-2.0
import Foundation
import Synchronization

/// A program that a test runs beside it, found by PATH.
///
/// What it prints is kept line by line. It is ended when it is released; and its standard input ends with the tests,
/// whatever ends them. Not by Foundation's `Process`: libdispatch may crash over a pipe that it watches when its other
/// end goes away. A thread that blocks in `read` cannot.
final class ChildProcess: Sendable {
    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    /// What the reading thread shares; it does not keep the process itself alive.
    private final class Output: Sendable {
        struct State {
            var partial: [UInt8] = []
            var lines: [String] = []
            /// Until it has been waited for, the number cannot become another process's.
            var isRunning = true
            var status: Int32?
            var waiters: [(condition: @Sendable (String) -> Bool, continuation: CheckedContinuation<String?, Never>)] =
                []
        }

        let state = Mutex(State())
    }

    private let name: String
    private let identifier: pid_t
    /// The end that we could write to; nil after it was closed.
    private let input: Mutex<Int32?>
    private let output = Output()

    /// Whether a program of this name is in PATH.
    static func exists(_ program: String) -> Bool {
        let path = ProcessInfo.processInfo.environment["PATH"] ?? ""
        return path.split(separator: ":").contains { FileManager.default.isExecutableFile(atPath: "\($0)/\(program)") }
    }

    init(_ program: String, _ arguments: [String]) throws {
        name = program
        let (identifier, input, printed) = try Self.spawn(program, arguments)
        self.identifier = identifier
        self.input = Mutex(input)
        let output = output
        Thread.detachNewThread { Self.readAll(printed, of: identifier, into: output) }
    }

    deinit { terminate() }

    /// All lines so far, for the message of a failed test.
    var lines: [String] { output.state.withLock { $0.lines } }

    /// The first line that satisfies `condition`, printed already or yet to come.
    func line(where condition: @escaping @Sendable (String) -> Bool) async throws -> String {
        guard let found = await lineOrEnd(where: condition) else {
            throw Failure(description: "\(name) ended; it printed: \(lines.joined(separator: "\n"))")
        }
        return found
    }

    /// Ends the program and returns when it has ended.
    func stop() async {
        terminate()
        await ended()
    }

    /// Returns when the program has ended by itself.
    func ended() async { _ = await lineOrEnd { _ in false } }

    /// Runs a program to its end; throws, with what it printed, when it fails.
    static func run(_ program: String, _ arguments: [String]) async throws {
        let (succeeded, lines) = try await outcome(of: program, arguments)
        guard succeeded else { throw Failure(description: "\(program) failed: \(lines.joined(separator: "\n"))") }
    }

    /// Runs a program to its end: whether it exited with 0, and what it printed.
    static func outcome(of program: String, _ arguments: [String]) async throws -> (succeeded: Bool, lines: [String]) {
        let child = try ChildProcess(program, arguments)
        await child.ended()
        return (child.output.state.withLock { $0.status } == 0, child.lines)
    }

    private func lineOrEnd(where condition: @escaping @Sendable (String) -> Bool) async -> String? {
        await withCheckedContinuation { continuation in
            let now: String?? = output.state.withLock { state in
                if let line = state.lines.first(where: condition) { return line }
                if state.status != nil { return .some(nil) }
                state.waiters.append((condition, continuation))
                return nil
            }
            if let now { continuation.resume(returning: now) }
        }
    }

    private func terminate() {
        if let input = input.withLock({ $0.take() }) { close(input) }
        output.state.withLock { if $0.isRunning { kill(identifier, SIGTERM) } }
    }

    // MARK: The program

    /// One at a time, so that no program inherits the pipes of another, which then would not end with it.
    private static let spawning = Mutex(())

    private static func spawn(
        _ program: String,
        _ arguments: [String]
    ) throws -> (identifier: pid_t, input: Int32, output: Int32) {
        try spawning.withLock { _ in
            let input = try makePipe()
            let output = try makePipe()
            var actions = posix_spawn_file_actions_t()
            posix_spawn_file_actions_init(&actions)
            posix_spawn_file_actions_adddup2(&actions, input.read, 0)
            posix_spawn_file_actions_adddup2(&actions, output.write, 1)
            posix_spawn_file_actions_adddup2(&actions, output.write, 2)
            // The threads of Dispatch block signals, and a program that inherits that could not be ended.
            var attributes = posix_spawnattr_t()
            posix_spawnattr_init(&attributes)
            var signals = sigset_t()
            sigemptyset(&signals)
            posix_spawnattr_setsigmask(&attributes, &signals)
            posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))
            var words: [UnsafeMutablePointer<CChar>?] = ([program] + arguments).map { strdup($0) }
            words.append(nil)
            var identifier: pid_t = 0
            let result = posix_spawnp(&identifier, program, &actions, &attributes, words, environ)
            posix_spawn_file_actions_destroy(&actions)
            posix_spawnattr_destroy(&attributes)
            for word in words { free(word) }
            close(input.read)
            close(output.write)
            guard result == 0 else {
                close(input.write)
                close(output.read)
                throw Failure(description: "\(program) cannot be started: \(String(cString: strerror(result)))")
            }
            return (identifier, input.write, output.read)
        }
    }

    private static func makePipe() throws -> (read: Int32, write: Int32) {
        var ends: [Int32] = [-1, -1]
        guard pipe(&ends) == 0 else { throw Failure(description: "pipe: \(String(cString: strerror(errno)))") }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        return (ends[0], ends[1])
    }

    private static func readAll(_ descriptor: Int32, of identifier: pid_t, into output: Output) {
        var buffer = [UInt8](repeating: 0, count: 4_096)
        while true {
            let count = read(descriptor, &buffer, buffer.count)
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { break }
            received(buffer[..<count], output)
        }
        close(descriptor)
        // The output may end before the program does: without a lock, as this waits; without reaping, so that nobody
        // can end another process by this number.
        var information = siginfo_t()
        while waitid(P_PID, id_t(identifier), &information, WEXITED | WNOWAIT) != 0, errno == EINTR {}
        let waiters = output.state.withLock { state in
            var status: Int32 = -1
            waitpid(identifier, &status, 0)
            state.isRunning = false
            state.status = status
            defer { state.waiters = [] }
            return state.waiters.map(\.continuation)
        }
        for waiter in waiters { waiter.resume(returning: nil) }
    }

    private static func received(_ bytes: ArraySlice<UInt8>, _ output: Output) {
        let resumed = output.state.withLock { state in
            state.partial += bytes
            var resumed: [(CheckedContinuation<String?, Never>, String)] = []
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
