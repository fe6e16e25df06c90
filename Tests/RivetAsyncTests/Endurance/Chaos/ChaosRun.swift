// SPDX-License-Identifier: Apache-2.0
import Synchronization
import Testing

@testable import RivetAsync

/// Connections that call and listen while the network between is mistreated, and what must be true of it all.
///
/// In real time, as the engine and the faults of the network are; what must be true depends on none of it.
struct ChaosRun: Sendable {
    /// Whom it is about.
    struct Setting: Sendable {
        let client: RivetClient
        /// Not through the proxy.
        let direct: RivetClient
        let proxy: ChaosProxy
        /// Half of them call counters and listen, half have work done; rounded to whole actors.
        let connections: Int
        let duration: Duration
        /// The tags of all work that has really begun.
        let log: @Sendable () throws -> [String]
        /// Whether the engine brings each event to all who listen, and keeps what a count has come to.
        ///
        /// Rivet's own does not always.
        let isFaithful: Bool
        /// Whether the proxy can read what passes.
        let isReadable: Bool
        /// How long each waits between two calls, at the most.
        let pause: Duration
    }

    /// Connections for each actor.
    static let share = 10

    let setting: Setting
    private let actorCount: Int
    private let calls: ChaosCalls
    private let prefix = String(UInt64.random(in: 0 ... .max), radix: 36)

    init(_ setting: Setting) {
        self.setting = setting
        actorCount = max(1, setting.connections / (2 * Self.share))
        calls = ChaosCalls(actorCount)
    }

    private func key(_ actor: Int) -> ActorKey { [prefix, "\(actor)"] }

    private func connect<D>(_: D.Type, _ options: (Int) -> ConnectOptions) -> [ActorConnection<D>] {
        (0..<actorCount * Self.share).map { number in
            setting.client.getOrCreate(D.self, key(number / Self.share)).connect(options(number))
        }
    }

    func run() async throws {
        // By its parameters the proxy knows whose socket it sees.
        let counters = connect(ChaosCounter.self) { number in .init(parameters: .fixed(number)) }
        let workers = connect(ChaosWorker.self) { _ in .init() }
        let listeners = counters.map { ChaosListener($0, isWhole: setting.isFaithful) }
        let proxy = setting.proxy
        let progress = ChaosProgress(counters.map(\.driver) + workers.map(\.driver))
        let telling = Task { try await progress.run() }
        defer { telling.cancel() }
        // Rivet's engine takes a while to start actors.
        for connection in counters { try await connection.waitUntilConnected() }
        for connection in workers { try await connection.waitUntilConnected() }
        progress.enter("chaos")
        proxy.isCalm = false
        let end = ContinuousClock.now.advanced(by: setting.duration)
        try await withThrowingTaskGroup { group in
            for (number, connection) in counters.enumerated() {
                group.addTask { try await call(connection, number / Self.share, until: end) }
            }
            for (number, connection) in workers.enumerated() {
                group.addTask { try await work(connection, number, until: end) }
            }
            try await group.waitForAll()
        }
        progress.enter("opening again")
        proxy.isCalm = true
        for connection in counters { try await connection.waitUntilConnected() }
        for connection in workers { try await connection.waitUntilConnected() }
        for actor in 0..<actorCount {
            progress.enter("hearing actor \(actor)")
            let counter = setting.direct.getOrCreate(ChaosCounter.self, key(actor))
            let count = try await counter.send(ChaosCounter.Get())
            if setting.isFaithful { calls.check(actor, count) }
            try await withThrowingTaskGroup { group in
                for number in (actor * Self.share)..<((actor + 1) * Self.share) {
                    group.addTask { try await heard(by: listeners[number], counters[number]) }
                }
                try await group.waitForAll()
            }
        }
        progress.enter("closing")
        for listener in listeners { listener.stop() }
        for connection in counters { await connection.disconnect() }
        for connection in workers { await connection.disconnect() }
        calls.check(try setting.log())
        let statistics = (counters.map(\.statistics), workers.map(\.statistics))
        for statistics in statistics.0 + statistics.1 {
            #expect(statistics.eventsDropped == 0)
            #expect(statistics.opened == statistics.lost)
            #expect(statistics.actionsSent == statistics.actionsAnswered + statistics.actionsFailed)
        }
        for (number, listener) in listeners.enumerated() {
            let heard = try await listener.heard()
            // One gap for each time it opened again. Some of them may be one: what nobody has read of an earlier gap
            // says as much.
            #expect(heard.count <= statistics.0[number].opened)
            guard setting.isReadable else { continue }
            let contradiction = proxy.witness.contradiction(number, heard: heard.filter { !$0.isEmpty })
            #expect(contradiction == nil, "connection \(number)")
        }
        let opened = (statistics.0 + statistics.1).reduce(0) { $0 + $1.opened }
        print(
            """
            chaos: \(counters.count + workers.count) connections for \(setting.duration), opened \(opened) times; \
            \(calls.summary); \(proxy.counts)
            """
        )
        // It was no idle time.
        #expect(calls.answerCount > 0)
    }

    /// The listener is subscribed, whatever it went through: it hears of what its own connection counts.
    ///
    /// Not of what others count: when hosts seem lost, Rivet's engine may run one actor twice for a while, and a connection
    /// hears of its own instance only. What the proxy holds back may still end a connection: the count goes on.
    private func heard(by listener: ChaosListener, _ connection: ActorConnection<ChaosCounter>) async throws {
        var last = Int.max
        // Where it hears nothing any more, the test's time is over.
        while listener.count < last {
            do {
                last = try await connection.send(ChaosCounter.Increment(amount: 1), .init(timeout: .seconds(3)))
            } catch is RivetError {
                // Whether it ran or not, the next one is heard of.
            }
            try await Task.sleep(for: .milliseconds(50))
        }
    }

    private func call(
        _ connection: ActorConnection<ChaosCounter>,
        _ actor: Int,
        until end: ContinuousClock.Instant
    ) async throws {
        while ContinuousClock.now < end {
            do {
                let count = try await connection.send(ChaosCounter.Increment(amount: 1), .init(timeout: .seconds(3)))
                calls.answered(actor, count)
            } catch let error as RivetError {
                calls.failed(actor, error)
            }
            try await Task.sleep(for: setting.pause * Double.random(in: 0...1))
        }
    }

    private func work(
        _ connection: ActorConnection<ChaosWorker>,
        _ number: Int,
        until end: ContinuousClock.Instant
    ) async throws {
        var count = 0
        while ContinuousClock.now < end {
            count += 1
            let tag = "\(prefix)-\(number)-\(count)"
            do {
                let work = ChaosWorker.Work(milliseconds: 0, tag: tag)
                _ = try await connection.send(work, .init(timeout: .seconds(3)))
                calls.answered(tag)
            } catch let error as RivetError {
                calls.failed(tag, error)
            }
            try await Task.sleep(for: setting.pause * Double.random(in: 0...1))
        }
    }
}
