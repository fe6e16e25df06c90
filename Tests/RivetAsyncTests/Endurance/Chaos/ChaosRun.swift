// SPDX-License-Identifier: Apache-2.0
import RivetAsyncLocal
import Synchronization
import Testing

@testable import RivetAsync

/// A counter as Rivet's own engine has one for tests: `Tests/RealEngineTests/Host`.
enum ChaosCounter: ActorDefinition {
    static let actorName = "counter"
    static let argumentStyle = ArgumentStyle.positional

    struct Increment: ActorAction {
        typealias Target = ChaosCounter
        typealias Output = Int
        var amount: Int
    }
    struct Get: ActorAction {
        typealias Target = ChaosCounter
        typealias Output = Int
    }
    struct NewCount: ActorEvent {
        typealias Source = ChaosCounter
        var count: Int
    }

    static func define(_ kind: inout ActorKind<ChaosCounter, Int>) {
        kind.on(Increment.self) { increment, actor in
            actor.state += increment.amount
            actor.broadcast(NewCount(count: actor.state))
            return actor.state
        }
        kind.on(Get.self) { _, actor in actor.state }
    }
}

/// Connections that call and listen while the network between is mistreated, and what must be true of it all.
struct ChaosRun: Sendable {
    /// Connections for each actor.
    static let share = 10

    private let client: RivetClient
    /// Not through the proxy.
    private let direct: RivetClient
    private let proxy: ChaosProxy
    private let actorCount: Int
    private let duration: Duration
    private let calls: ChaosCalls
    private let prefix = String(UInt64.random(in: 0 ... .max), radix: 36)

    /// `connections` is rounded to whole actors.
    init(_ client: RivetClient, direct: RivetClient, _ proxy: ChaosProxy, connections: Int, _ duration: Duration) {
        (self.client, self.direct, self.proxy, self.duration) = (client, direct, proxy, duration)
        actorCount = max(1, connections / Self.share)
        calls = ChaosCalls(actorCount)
    }

    private func key(_ actor: Int) -> ActorKey { [prefix, "\(actor)"] }

    func run() async throws {
        let connections = (0..<actorCount * Self.share).map { number in
            client.getOrCreate(ChaosCounter.self, key(number / Self.share)).connect()
        }
        let listeners = connections.map { ChaosListener($0) }
        // Rivet's engine takes a while to start actors.
        for connection in connections { try await connection.waitUntilConnected() }
        proxy.isCalm = false
        let end = ContinuousClock.now.advanced(by: duration)
        try await withThrowingTaskGroup { group in
            for (number, connection) in connections.enumerated() {
                group.addTask { try await call(connection, number / Self.share, until: end) }
            }
            try await group.waitForAll()
        }
        proxy.isCalm = true
        for connection in connections { try await connection.waitUntilConnected() }
        for actor in 0..<actorCount {
            let counter = direct.getOrCreate(ChaosCounter.self, key(actor))
            let count = try await counter.send(ChaosCounter.Get())
            calls.check(actor, count)
            try await heard(by: listeners[(actor * Self.share)..<((actor + 1) * Self.share)], counter, beyond: count)
        }
        for listener in listeners { listener.stop() }
        for connection in connections { await connection.disconnect() }
        let statistics = connections.map(\.statistics)
        for (listener, statistics) in zip(listeners, statistics) {
            #expect(statistics.eventsDropped == 0)
            #expect(statistics.opened == statistics.lost)
            #expect(statistics.actionsSent == statistics.actionsAnswered + statistics.actionsFailed)
            // One for each time it opened again. Some of them may be one: what nobody has read of an earlier gap says
            // as much.
            let gaps = try await listener.gaps()
            #expect(gaps < statistics.opened)
        }
        let opened = statistics.reduce(0) { $0 + $1.opened }
        print(
            "chaos: \(connections.count) connections for \(duration), opened \(opened) times; \(calls.summary); \(proxy.counts)"
        )
        // It was no idle time.
        #expect(calls.answerCount > 0)
    }

    /// Every listener is subscribed, whatever it went through.
    ///
    /// One is told of it later than its connection opens, and what the proxy holds back may still end a connection: the
    /// count goes on until all hear it.
    private func heard(
        by listeners: ArraySlice<ChaosListener>,
        _ counter: ActorHandle<ChaosCounter>,
        beyond count: Int
    ) async throws {
        for _ in 0..<600 where listeners.contains(where: { $0.count <= count }) {
            _ = try await counter.send(ChaosCounter.Increment(amount: 1))
            try await Task.sleep(for: .milliseconds(50))
        }
        #expect(!listeners.contains { $0.count <= count }, "a listener hears nothing any more")
    }

    private func call(
        _ connection: ActorConnection<ChaosCounter>,
        _ actor: Int,
        until end: ContinuousClock.Instant
    ) async throws {
        var random = SystemRandomNumberGenerator()
        while ContinuousClock.now < end {
            do {
                let count = try await connection.send(ChaosCounter.Increment(amount: 1), .init(timeout: .seconds(3)))
                calls.answered(actor, count)
            } catch let error as RivetError {
                calls.failed(actor, error)
            }
            try await Task.sleep(for: .milliseconds(Int.random(in: 0...100, using: &random)))
        }
    }
}

/// What became of all calls.
final class ChaosCalls: Sendable {
    private struct Actor {
        /// The counts that were acknowledged.
        var answers: [Int] = []
        var mayHaveRun = 0
        var notSent = 0
    }

    private let actors: Mutex<[Actor]>

    init(_ count: Int) { actors = Mutex(Array(repeating: Actor(), count: count)) }

    func answered(_ actor: Int, _ count: Int) { actors.withLock { $0[actor].answers.append(count) } }

    func failed(_ actor: Int, _ error: RivetError) {
        switch error.execution {
        case .notSent: actors.withLock { $0[actor].notSent += 1 }
        case .mayHaveRun: actors.withLock { $0[actor].mayHaveRun += 1 }
        default: Issue.record("\(error)")
        }
    }

    /// Each acknowledged call ran once, and nothing ran that nobody called.
    func check(_ actor: Int, _ count: Int) {
        let calls = actors.withLock { $0[actor] }
        #expect(Set(calls.answers).count == calls.answers.count, "two calls of actor \(actor) have one answer")
        #expect(calls.answers.count <= count, "actor \(actor) has lost some of \(calls.answers.count) calls")
        #expect(
            count <= calls.answers.count + calls.mayHaveRun,
            "actor \(actor) has run more than the \(calls.answers.count) answered and \(calls.mayHaveRun) in doubt"
        )
    }

    var answerCount: Int { actors.withLock { $0.reduce(0) { $0 + $1.answers.count } } }

    var summary: String {
        let actors = actors.withLock { $0 }
        let (doubtful, unsent) = (actors.reduce(0) { $0 + $1.mayHaveRun }, actors.reduce(0) { $0 + $1.notSent })
        return "\(answerCount) calls answered, \(doubtful) in doubt, \(unsent) not sent"
    }
}

/// Hears a connection's events, and that they are in order, with gaps only where it was lost.
final class ChaosListener: Sendable {
    private let last = Monitor(0, gauge: ResourceGauge())
    private let listening: Task<Int, any Error>

    init(_ connection: ActorConnection<ChaosCounter>) {
        let deliveries = connection.events(of: ChaosCounter.NewCount.self, buffering: .bounded(100_000, .finish))
            .deliveries
        listening = Task { [last] in
            var (gaps, isGap) = (0, true)
            for try await delivery in deliveries {
                switch delivery {
                case .event(let event):
                    let before = last.current
                    if isGap ? event.count <= before : event.count != before + 1 {
                        Issue.record("\(event.count) came behind \(before)\(isGap ? " and a gap" : "")")
                    }
                    isGap = false
                    last.update { $0 = event.count }
                case .gap(.reconnected):
                    gaps += 1
                    isGap = true
                case .gap(let gap):
                    Issue.record("\(gap)")
                }
            }
            return gaps
        }
    }

    /// The last that it has heard.
    var count: Int { last.current }

    func stop() { listening.cancel() }

    /// How many it has met, once it is stopped.
    func gaps() async throws -> Int { try await listening.value }
}
