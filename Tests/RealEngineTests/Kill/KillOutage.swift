// SPDX-License-Identifier: Apache-2.0
import Foundation
import Synchronization

/// One outage: a shell that kills, waits for our word, and starts again.
///
/// Our end of its standard input is that word, so it also comes when the test is let go or its process dies; and a
/// group of its own keeps the keyboard's signals from it. Whatever was killed is started. Not by Foundation's
/// `Process`, over whose pipes libdispatch may crash.
final class KillOutage: Sendable {
    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    // The commands get neither the shell's input nor its output: a program that they leave running would keep them. The
    // answers are printed by shells of their own, since who prints when we are gone is ended for it.
    private static let script = """
        /bin/sh -c "$1" </dev/null >&2; status=$?; (echo $status)
        read -r word
        /bin/sh -c "$2" </dev/null >&2; status=$?; (echo $status)
        """

    private let commands: KillSettings.Commands
    /// Nil after the word was given.
    private let input: Mutex<Int32?>
    private let answers: Int32
    /// A file without a name, into which the commands print.
    private let output: Int32

    /// Kills at once.
    init(_ commands: KillSettings.Commands) throws {
        self.commands = commands
        output = try Self.makeFile()
        do {
            let (input, answers) = try Self.spawn([Self.script, "outage", commands.kill, commands.start], output)
            self.input = Mutex(input)
            self.answers = answers
        } catch {
            close(output)
            throw error
        }
    }

    deinit {
        giveWord()
        close(answers)
        close(output)
    }

    /// Returns when the killing command has ended; throws when it failed.
    func killed() async throws {
        try await succeeded(commands.kill)
    }

    /// Starts again, and returns when that has been done; throws when it failed.
    ///
    /// Cancellation does not keep it from waiting.
    func end() async throws {
        giveWord()
        try await succeeded(commands.start)
    }

    private func giveWord() {
        if let input = input.withLock({ $0.take() }) { close(input) }
    }

    private func succeeded(_ command: String) async throws {
        // A thread that blocks, because nothing of Swift's own pool may.
        let answer = await withCheckedContinuation { continuation in
            Thread.detachNewThread { [answers] in continuation.resume(returning: Self.line(answers)) }
        }
        guard answer != "0" else { return }
        let printed = String(decoding: lastBytes(2_000), as: UTF8.self)
        throw Failure(
            description: "\(command): \(answer.map { "exit status \($0)" } ?? "did not end"); \(printed)"
        )
    }

    private func lastBytes(_ count: Int) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        let end = lseek(output, 0, SEEK_END)
        let read = pread(output, &bytes, count, max(0, end - off_t(count)))
        return Array(bytes.prefix(max(0, read)))
    }

    /// A line without its end; nil when it does not come within three minutes.
    private static func line(_ descriptor: Int32) -> String? {
        let end = ContinuousClock.now + .seconds(180)
        var line: [UInt8] = []
        while ContinuousClock.now < end {
            var entry = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            guard poll(&entry, 1, 1_000) > 0 else { continue }
            var byte: UInt8 = 0
            let count = read(descriptor, &byte, 1)
            if count < 0, errno == EINTR { continue }
            guard count == 1 else { return nil }
            if byte == UInt8(ascii: "\n") { return String(decoding: line, as: UTF8.self) }
            line.append(byte)
        }
        return nil
    }

    // MARK: The shell

    /// One at a time, so that no shell inherits the pipes of another.
    private static let spawning = Mutex(())

    private static func spawn(_ arguments: [String], _ output: Int32) throws -> (input: Int32, answers: Int32) {
        try spawning.withLock { _ in
            let input = try makePipe()
            let answers = try makePipe()
            var actions = posix_spawn_file_actions_t()
            posix_spawn_file_actions_init(&actions)
            posix_spawn_file_actions_adddup2(&actions, input.read, 0)
            posix_spawn_file_actions_adddup2(&actions, answers.write, 1)
            posix_spawn_file_actions_adddup2(&actions, output, 2)
            // The threads of Dispatch block signals, and a program that inherits that could not be ended.
            var attributes = posix_spawnattr_t()
            posix_spawnattr_init(&attributes)
            var signals = sigset_t()
            sigemptyset(&signals)
            posix_spawnattr_setsigmask(&attributes, &signals)
            posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK) | Int16(POSIX_SPAWN_SETPGROUP))
            var words: [UnsafeMutablePointer<CChar>?] = (["/bin/sh", "-c"] + arguments).map { strdup($0) }
            words.append(nil)
            var identifier: pid_t = 0
            let result = posix_spawnp(&identifier, "/bin/sh", &actions, &attributes, words, environ)
            posix_spawn_file_actions_destroy(&actions)
            posix_spawnattr_destroy(&attributes)
            for word in words { free(word) }
            close(input.read)
            close(answers.write)
            guard result == 0 else {
                close(input.write)
                close(answers.read)
                throw Failure(description: "/bin/sh cannot be started: \(String(cString: strerror(result)))")
            }
            Thread.detachNewThread { [identifier] in
                var status: Int32 = 0
                while waitpid(identifier, &status, 0) < 0, errno == EINTR {}
            }
            return (input.write, answers.read)
        }
    }

    private static func makeFile() throws -> Int32 {
        let path = FileManager.default.temporaryDirectory.appending(path: "kill-\(UUID().uuidString)").path
        let descriptor = open(path, O_RDWR | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw Failure(description: "\(path): \(String(cString: strerror(errno)))") }
        unlink(path)
        return descriptor
    }

    private static func makePipe() throws -> (read: Int32, write: Int32) {
        var ends: [Int32] = [-1, -1]
        guard pipe(&ends) == 0 else { throw Failure(description: "pipe: \(String(cString: strerror(errno)))") }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        return (ends[0], ends[1])
    }
}
