// SPDX-License-Identifier: Apache-2.0
import Foundation
import Testing

/// That what was killed is started again, whatever happens between; it runs without an engine.
@Suite(.timeLimit(.minutes(3)))
struct KillOutageTests {
    private let folder: String

    init() throws {
        let url = FileManager.default.temporaryDirectory.appending(path: "kill-tests-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
        folder = url.path
    }

    private func exists(_ name: String) -> Bool { FileManager.default.fileExists(atPath: "\(folder)/\(name)") }
    private func removeFolder() { try? FileManager.default.removeItem(atPath: folder) }

    @Test func killsAtOnceAndStartsWhenTold() async throws {
        defer { removeFolder() }
        let outage = try KillOutage(.init(kill: "touch '\(folder)/killed'", start: "touch '\(folder)/started'"))
        try await outage.killed()
        #expect(exists("killed"))
        #expect(!exists("started"))
        try await outage.end()
        #expect(exists("started"))
    }

    @Test func startsWhenItIsLetGo() async throws {
        defer { removeFolder() }
        let pipe = "\(folder)/pipe"
        // A named pipe's reader waits until somebody writes.
        let reader = try KillOutage(.init(kill: "mkfifo '\(pipe)'", start: "cat '\(pipe)' | grep -q started"))
        try await reader.killed()
        try await KillOutage(.init(kill: "true", start: "echo started > '\(pipe)'")).killed()
        try await reader.end()
    }

    @Test func startsThoughNobodyReadsItsAnswers() async throws {
        defer { removeFolder() }
        let (go, done) = ("\(folder)/go", "\(folder)/done")
        let other = try KillOutage(
            .init(kill: "mkfifo '\(go)' '\(done)'", start: "echo > '\(go)'; cat '\(done)' | grep -q started")
        )
        try await other.killed()
        // Let go while it kills, as when the test's process dies.
        _ = try KillOutage(.init(kill: "cat '\(go)'", start: "echo started > '\(done)'"))
        try await other.end()
    }

    @Test func startsThoughTheTaskIsCancelled() async throws {
        defer { removeFolder() }
        let outage = try KillOutage(.init(kill: "true", start: "touch '\(folder)/started'"))
        // Before the task: two readers of one pipe would take turns at its bytes.
        try await outage.killed()
        let task = Task {
            withUnsafeCurrentTask { $0?.cancel() }
            try await outage.end()
        }
        try await task.value
        #expect(exists("started"))
    }

    @Test func startsThoughTheKillFailed() async throws {
        defer { removeFolder() }
        let outage = try KillOutage(.init(kill: "echo no such thing; exit 3", start: "touch '\(folder)/started'"))
        let failure = await #expect(throws: KillOutage.Failure.self) { try await outage.killed() }
        #expect(failure?.description.contains("exit status 3; no such thing") == true)
        try await outage.end()
        #expect(exists("started"))
    }

    @Test func startThatFailsIsShown() async throws {
        defer { removeFolder() }
        let outage = try KillOutage(.init(kill: "true", start: "cat > /dev/null; echo did not come up >&2; exit 1"))
        try await outage.killed()
        let failure = await #expect(throws: KillOutage.Failure.self) { try await outage.end() }
        #expect(failure?.description.contains("exit status 1; did not come up") == true)
    }

    @Test func startMayLeaveAProgramRunning() async throws {
        defer { removeFolder() }
        let outage = try KillOutage(
            .init(kill: "true", start: "(sleep 30; echo 9) & echo $! > '\(folder)/identifier'")
        )
        try await outage.killed()
        try await outage.end()
        let text = try String(contentsOfFile: "\(folder)/identifier", encoding: .utf8)
        let identifier = try #require(Int32(text.trimmingCharacters(in: .whitespacesAndNewlines)))
        #expect(kill(identifier, SIGKILL) == 0)
    }
}

/// Which variables are asked for; it runs without an engine.
@Suite
struct KillSettingsTests {
    private let complete = [
        "RIVET_TEST_ENDPOINT": "http://127.0.0.1:1", "RIVET_TEST_KILL_ACTORS": "ka", "RIVET_TEST_START_ACTORS": "sa",
        "RIVET_TEST_KILL_ENGINE": "ke", "RIVET_TEST_START_ENGINE": "se", "RIVET_TEST_RUN_LOG": "/log",
    ]

    @Test func completeSettingsHaveDefaults() throws {
        let settings = try #require(KillSettings { complete[$0] })
        #expect(settings.commands[.actors]?.kill == "ka" && settings.commands[.engine]?.start == "se")
        #expect(settings.calls == 2_000 && settings.seconds == 75)
        #expect(KillSettings.missing { complete[$0] } == "")
        let more = complete.merging(["RIVET_TEST_KILL_CALLS": "7", "RIVET_TEST_KILL_SECONDS": "9"]) { $1 }
        let own = try #require(KillSettings { more[$0] })
        #expect(own.calls == 7 && own.seconds == 9)
    }

    @Test func missingOnesAreNamed() {
        for name in complete.keys {
            #expect(KillSettings { $0 == name ? nil : complete[$0] } == nil)
            #expect(KillSettings.missing { $0 == name ? nil : complete[$0] } == "\(name) is not set")
        }
        let few = complete.filter { $0.key.contains("ENGINE") || $0.key.contains("ENDPOINT") }
        #expect(
            KillSettings.missing { few[$0] }
                == "RIVET_TEST_KILL_ACTORS, RIVET_TEST_START_ACTORS and RIVET_TEST_RUN_LOG are not set"
        )
    }
}
