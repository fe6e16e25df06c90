// SPDX-License-Identifier: Apache-2.0
import Foundation
import Synchronization
import Testing

@testable import RivetAsync

/// How often a provider was asked for the token.
private final class QuestionCount: Sendable {
    private let number = Atomic(0)

    var value: Int { number.load(ordering: .relaxed) }
    func add() { number.add(1, ordering: .relaxed) }
}

/// Actors and engine are killed under calls, and every word of the library is held against what really ran (B53, B209).
@Suite(.serialized, .timeLimit(.minutes(KillSettings.minutes)))
struct KillTests {
    /// How far behind its deadline a call may end.
    private static let grace = Duration.seconds(2)
    /// When whom to kill, in parts of the whole time, and for how long at least; a bit of chance is added to both.
    ///
    /// The engine comes last: where hosts die soon after an engine's start, 2.3.19 may take their actors for running for
    /// minutes, and nobody reaches them.
    private static let plan: [(at: Double, KillSettings.Service, down: Duration)] = [
        (0.06, .actors, .zero), (0.28, .actors, .seconds(3)), (0.48, .engine, .zero),
    ]

    private let settings: KillSettings
    /// In all tags and keys.
    private let run: String
    /// The provider's, where the engine asks for a token.
    private let questions = QuestionCount()
    private let client: RivetClient
    private let journal: KillJournal
    private let traffic: KillTraffic

    init() throws {
        settings = try #require(KillSettings.ofEnvironment)
        run = "kill-\(String(UInt64.random(in: 0...UInt64.max), radix: 36))"
        var configuration = try RivetConfiguration(endpoint: settings.endpoint)
        if case .fixed(let token) = configuration.token.kind {
            configuration = try RivetConfiguration(
                endpoint: configuration.endpoint.text,
                namespace: configuration.namespace,
                token: .provided { [questions] _ in
                    questions.add()
                    return token
                }
            )
        }
        client = RivetClient(configuration)
        journal = KillJournal(run: run)
        traffic = KillTraffic(client, run: run, journal: journal, end: .seconds(settings.seconds))
    }

    @Test(
        "B53, B209: nothing is claimed of a call that is not so, and no call outlives its deadline",
        .enabled(if: KillSettings.ofEnvironment != nil, Comment(rawValue: KillSettings.whyNot))
    )
    func killed() async throws {
        let callers = traffic.start()
        let progress = Task { try await printProgress() }
        defer { progress.cancel() }
        var starts: [Task<Void, Never>] = []
        do {
            try await killByPlan(&starts)
            try await callEnough()
        } catch {
            for caller in callers { caller.cancel() }
            await client.close(within: .zero)
            // Also when the test is cancelled it leaves everything running.
            for start in starts { await start.value }
            throw error
        }
        #expect(journal.counts.begun >= settings.calls)
        #expect(starts.count == Self.plan.count, "the time was over before")
        #expect(questions.value <= 1, "the engine refused a token, or one was forgotten")
        let seconds = try await lastWords(of: callers)
        let other = RivetClient(client.context.configuration)
        let (silent, lost) = await traffic.callOnceMore(other: other, run: run)
        await other.close()
        #expect(silent == [], "no answer in the end")
        if lost.count == KillTraffic.count {
            Issue.record("Rivet reaches no actor")
            for start in starts { await start.value }
        }
        for (number, connection) in traffic.connections.enumerated() where !lost.contains(number) {
            guard case .connected = connection.status.current else {
                Issue.record("connection \(number) is not back: \(connection.status.current)")
                continue
            }
        }
        await client.close()
        #expect(client.context.gauge.counts == .zero)

        let verdict = KillVerdict(journal.calls, try await runLog(), grace: Self.grace)
        say("\(verdict.summary), \(starts.count) kills, \(seconds) s; \(lost.count) actors lost by Rivet")
        #expect(verdict.lies == [])
        #expect(verdict.hangs == [])
        #expect(verdict.strangers == [])
        // Otherwise nothing was under way at any kill, and nothing was shown.
        #expect(verdict.mayHaveRun > 0)
    }

    // MARK: Kills

    private func killByPlan(_ starts: inout [Task<Void, Never>]) async throws {
        for (part, service, down) in Self.plan {
            let at = Duration.seconds(settings.seconds) * (part + .random(in: 0...0.08))
            let answered = journal.counts.ok
            while journal.now < at || !isBusy(since: answered) {
                if journal.now >= .seconds(settings.seconds) { return }
                try await Task.sleep(for: .milliseconds(20))
            }
            try await kill(service, for: down + .milliseconds(Int.random(in: 0...1_500)), &starts)
        }
    }

    /// Whether calls are answered again, and enough are under way for a kill to hit some.
    private func isBusy(since answered: Int) -> Bool {
        let counts = journal.counts
        return counts.ok >= answered + 50 && counts.underWay >= KillTraffic.count
    }

    /// Kills, and begins to start again.
    ///
    /// The command that starts may wait for more than these calls need: that they are answered in the end is what counts.
    private func kill(
        _ service: KillSettings.Service,
        for down: Duration,
        _ starts: inout [Task<Void, Never>]
    ) async throws {
        let commands = try #require(settings.commands[service])
        let before = journal.counts.underWay
        let outage = try KillOutage(commands)
        defer {
            starts.append(
                Task {
                    do {
                        try await outage.end()
                        say("started the \(service)")
                    } catch {
                        say("\(error)")
                    }
                }
            )
        }
        try await outage.killed()
        say("killed the \(service) with \(before) calls under way")
        try await Task.sleep(for: down)
    }

    // MARK: Traffic

    /// Until there are enough calls, some of them after the last outage; at most until the time is over.
    private func callEnough() async throws {
        let answered = journal.counts.ok
        while journal.now < .seconds(settings.seconds),
            !isBusy(since: answered + 100) || journal.counts.begun < settings.calls
        {
            try await Task.sleep(for: .milliseconds(100))
        }
    }

    /// Makes an end of the calls.
    ///
    /// - Returns: how many seconds the calls took in all.
    private func lastWords(of callers: [Task<Void, Never>]) async throws -> Int {
        traffic.stop()
        // A call that hangs must not keep the test: its deadline is over by then.
        let end = journal.now + .seconds(15) + Self.grace
        while journal.counts.underWay > 0, journal.now < end { try await Task.sleep(for: .milliseconds(50)) }
        for caller in callers { caller.cancel() }
        return Int(journal.now.components.seconds)
    }

    /// The log, when nothing has been written to it for five seconds: Rivet runs again what was under way, later.
    private func runLog() async throws -> KillRunLog {
        let tags = Set(journal.calls.map(\.tag))
        let end = journal.now + .seconds(30)
        var (size, quietSince) = (-1, journal.now)
        while true {
            let log = try Data(contentsOf: URL(filePath: settings.runLog))
            if log.count != size { (size, quietSince) = (log.count, journal.now) }
            if journal.now >= min(quietSince + .seconds(5), end) {
                return KillRunLog(String(decoding: log, as: UTF8.self), tags: tags)
            }
            try await Task.sleep(for: .milliseconds(250))
        }
    }

    // MARK: Progress

    private func printProgress() async throws {
        while true {
            try await Task.sleep(for: .seconds(10))
            let counts = journal.counts
            say("\(counts.begun) calls, \(counts.underWay) under way, \(counts.ok) ok")
        }
    }

    private func say(_ text: String) {
        print("kill test: \(journal.now.components.seconds) s: \(text)")
        fflush(nil)
    }
}
