// SPDX-License-Identifier: Apache-2.0
import RivetAsyncLocal
import Synchronization
import Testing

@testable import RivetAsync

/// Many callers, and tokens that are over again and again.
@Suite(.leavesNothing, .serialized, .timeLimit(.minutes(5)))
struct TokenLoadTests {
    private final class Outcomes: Sendable {
        private let state = Mutex((ok: 0, mayHaveRun: 0, others: [String]()))

        var found: (ok: Int, mayHaveRun: Int, others: [String]) { state.withLock { $0 } }

        func add(_ error: (any Error)?) {
            state.withLock { state in
                switch error {
                case nil: state.ok += 1
                case let error as RivetError where error.execution == .mayHaveRun: state.mayHaveRun += 1
                case let error?: state.others.append("\(error)")
                }
            }
        }
    }

    /// A provider that issues a token for each question, and how often it was asked.
    private final class Issuer: Sendable {
        private let state = Mutex((asked: 0, current: Secret("")))
        private let engine: LocalEngine

        init(_ engine: LocalEngine) { self.engine = engine }

        var asked: Int { state.withLock { $0.asked } }
        var token: AccessToken {
            .provided { _ in
                self.state.withLock { state in
                    state.asked += 1
                    state.current = self.engine.issueToken()
                    return state.current
                }
            }
        }

        func withdraw() { engine.withdraw(state.withLock { $0.current }) }
    }

    @Test("B238, B244, B245: tokens that are withdrawn all the time lose no call but those in flight at a close")
    func withdrawn() async throws {
        try await TokenEngine.run { engine in
            let issuer = Issuer(engine)
            try await TokenEngine.withClient(engine, issuer.token) { client in
                let outcomes = Outcomes()
                let counter = client.getOrCreate(Counter.self)
                let connections = (0..<20).map { _ in counter.connect() }
                for connection in connections { try await connection.waitUntilConnected() }
                let rounds = TestScale.count(full: 15, byDefault: 3) + 1
                for round in 1...rounds {
                    await withTaskGroup { group in
                        for caller in 0..<50 {
                            group.addTask { [connection = connections[caller % 20]] in
                                for call in 0..<8 {
                                    do {
                                        if (caller + call) % 2 == 0 {
                                            try await counter.send(Increment(amount: 1), .init(isIdempotent: true))
                                        } else {
                                            try await connection.send(Increment(amount: 1))
                                        }
                                        outcomes.add(nil)
                                    } catch {
                                        outcomes.add(error)
                                    }
                                    if caller == 0, call == 4 { issuer.withdraw() }
                                }
                            }
                        }
                    }
                    // Whoever has not heard of it asks now; nobody asks twice for one token.
                    _ = try await counter.send(Count(), .init(isIdempotent: true))
                    #expect(issuer.asked == round + 1)
                }
                let found = outcomes.found
                #expect(found.others == [])
                #expect(found.ok + found.mayHaveRun == rounds * 400)
                // At most what the connections had in flight when their sockets were closed.
                #expect(found.mayHaveRun <= rounds * 50)
                let counted = try await counter.send(Count(), .init(isIdempotent: true))
                #expect(counted >= found.ok)
                for connection in connections { await connection.disconnect() }
            }
        }
    }

    /// A provider whose tokens are valid for 7 s, 5 of which are kept as a margin: about two are left.
    private final class Expiring: Sendable {
        private let questions = Mutex<[Duration]>([])
        private let clock: TestClock
        private let engine: LocalEngine
        private let start: TestClock.Instant

        init(_ engine: LocalEngine, _ clock: TestClock) {
            (self.engine, self.clock, start) = (engine, clock, clock.now)
        }

        /// When it was asked.
        var asked: [Duration] { questions.withLock { $0 } }
        var token: AccessToken {
            .provided { _ in
                self.questions.withLock { $0.append(self.start.duration(to: self.clock.now)) }
                return self.engine.issueToken(validFor: .seconds(7))
            }
        }
    }

    private final class Callers: Sendable {
        let left: Atomic<Int>
        /// Calls that are not answered yet.
        let calls = Atomic(0)

        init(_ count: Int) { left = Atomic(count) }
    }

    @Test("B239, B245: tokens that are over every two seconds lose no call but those in flight at a close")
    func expiring() async throws {
        let clock = TestClock()
        let (callers, period, end) = (50, Duration.milliseconds(250), Duration.seconds(30))
        try await TokenEngine.run(clock: clock) { engine in
            let provider = Expiring(engine, clock)
            try await TokenEngine.withClient(engine, provider.token, clock: clock) { client in
                let (start, outcomes) = (clock.now, Outcomes())
                let counter = client.getOrCreate(Counter.self)
                let connections = (0..<20).map { _ in counter.connect() }
                for connection in connections { try await connection.waitUntilConnected() }
                let count = Callers(callers)
                try await withThrowingTaskGroup { group in
                    for caller in 0..<callers {
                        group.addTask { [connection = connections[caller % 20]] in
                            defer { count.left.subtract(1, ordering: .relaxed) }
                            for call in 0..<Int(end / period) {
                                let turn = period * call + .milliseconds(caller * 5)
                                try await clock.sleep(until: start.advanced(by: turn))
                                count.calls.add(1, ordering: .relaxed)
                                defer { count.calls.subtract(1, ordering: .relaxed) }
                                do {
                                    if (caller + call) % 2 == 0 {
                                        try await counter.send(Increment(amount: 1))
                                    } else {
                                        try await connection.send(Increment(amount: 1))
                                    }
                                    outcomes.add(nil)
                                } catch {
                                    outcomes.add(error)
                                }
                            }
                            // Its sockets were closed every seven seconds.
                            #expect(try await connection.waitUntilConnected().connectionNumber >= 4)
                        }
                    }
                    while count.left.load(ordering: .relaxed) > 0 {
                        // It stands while sockets open, which takes none of it: a pause before that does.
                        try await until {
                            !connections.contains { if case .connecting = $0.status.current { true } else { false } }
                        }
                        await clock.advance(by: .milliseconds(50))
                        // The clock does not run away from calls that are answered; one that waits for it has to.
                        for _ in 0..<1_000 where count.calls.load(ordering: .relaxed) > 0 { await Task.yield() }
                    }
                    try await group.waitForAll()
                }
                let found = outcomes.found
                #expect(found.others == [])
                #expect(found.ok + found.mayHaveRun == 6_000)
                // Each of the twenty sockets was closed four times, with what its callers had in flight.
                #expect(found.mayHaveRun <= 4 * callers)
                #expect(try await counter.send(Count()) >= found.ok)
                let asked = provider.asked
                #expect(asked.count >= 15)
                // A token's end is a whole second, so that one may serve a little more than one.
                #expect(zip(asked, asked.dropFirst()).allSatisfy { $1 - $0 >= .seconds(1) }, "\(asked)")
                for connection in connections { await connection.disconnect() }
            }
        }
    }

    @Test("ten thousand actions of a thousand tasks")
    func manyActions() async throws {
        let engine = try await LocalEngine.withCounter()
        let client = RivetClient(try RivetConfiguration(endpoint: engine.endpoint))
        let counter = client.getOrCreate(Counter.self)
        let connections = (0..<4).map { _ in counter.connect() }
        let each = 10
        try await withThrowingTaskGroup { group in
            for task in 0..<1_000 {
                group.addTask {
                    for _ in 0..<each {
                        if task % 2 == 0 {
                            try await counter.send(Increment(amount: 1))
                        } else {
                            try await connections[task / 2 % 4].send(Increment(amount: 1))
                        }
                    }
                }
            }
            try await group.waitForAll()
        }
        #expect(try await counter.send(Count()) == 1_000 * each)
        await client.close()
        await engine.stop()
    }
}
