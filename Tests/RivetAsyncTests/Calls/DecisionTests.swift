// SPDX-License-Identifier: Apache-2.0
import Synchronization
import Testing

@testable import RivetAsync

/// The user's own say about the next attempt.
@Suite(.leavesNothing, .timeLimit(.minutes(3)))
struct DecisionTests {
    typealias Server = AnsweringServer

    /// Which attempt `decide` was asked about, and the code of its cause.
    typealias Asked = Recorder<String>

    private static func ask(
        _ answer: @escaping @Sendable (_ attempt: Int) -> RetryDecision,
        _ asked: Asked
    ) -> ReconnectPolicy {
        ReconnectPolicy(first: .zero) { cause, attempt in
            asked.add("\(attempt) \(cause.code.name)")
            return answer(attempt)
        }
    }

    struct Row: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let answer: Server.Answer
        let decision: RetryDecision
        /// What was asked, until the connection is closed or opens.
        let asked: [String]
        let attempts: Int
    }

    static let later = Server.Answer.http(503)
    static let never = Server.Answer.http(403)

    static let rows = [
        Row(
            testDescription: "stop, after what may pass",
            answer: later,
            decision: .stop,
            asked: ["1 handshakeRefused"],
            attempts: 1
        ),
        Row(
            testDescription: "stop, after what is permanent",
            answer: never,
            decision: .stop,
            asked: ["1 handshakeRefused"],
            attempts: 1
        ),
        Row(
            testDescription: "automatic, after what may pass",
            answer: later,
            decision: .automatic,
            asked: ["1 handshakeRefused", "2 handshakeRefused", "3 handshakeRefused"],
            attempts: 4
        ),
        Row(
            testDescription: "automatic, after what is permanent",
            answer: never,
            decision: .automatic,
            asked: ["1 handshakeRefused"],
            attempts: 1
        ),
        Row(
            testDescription: "retry, after what may pass",
            answer: later,
            decision: .retry(after: .zero),
            asked: ["1 handshakeRefused", "2 handshakeRefused", "3 handshakeRefused"],
            attempts: 4
        ),
        Row(
            testDescription: "retry, after what is permanent",
            answer: never,
            decision: .retry(after: .zero),
            asked: ["1 handshakeRefused", "2 handshakeRefused", "3 handshakeRefused"],
            attempts: 4
        ),
    ]

    @Test("B319: decide is asked once for each failed attempt, and what it answers", arguments: rows)
    func answers(_ row: Row) async throws {
        let asked = Asked()
        let opened = Server.Answer.webSocket(Server.frame(2, Server.initialMessage(.bare)))
        try await Server.run([row.answer, row.answer, row.answer], then: opened) {
            $0.reconnect = Self.ask({ _ in row.decision }, asked)
        } _: { client, server in
            let connection = client.getForID("a", "x").connect()
            let outcome = await DurationTests.outcome { try await connection.waitUntilConnected() }
            #expect(outcome == (row.attempts == 4 ? "works" : "handshakeRefused, server, notSent"))
            #expect(asked.all == row.asked)
            #expect(server.requests.count == row.attempts)
            await connection.disconnect()
            // A connection that is closed on purpose is no failure.
            #expect(asked.all == row.asked)
        }
    }

    @Test("B319: a lost connection and the attempts after it are each asked about once, and stop ends it")
    func lost() async throws {
        let asked = Asked()
        let opened = Server.Answer.webSocket(Server.frame(2, Server.initialMessage(.bare)))
        let lost = Server.Answer.webSocket(Server.frame(2, Server.initialMessage(.bare)) + Server.close(1_001, "bye"))
        try await Server.run([lost, Self.never, Self.later, .reset], then: opened) {
            $0.reconnect = Self.ask({ $0 == 4 ? .stop : .retry(after: .zero) }, asked)
        } _: { client, server in
            let connection = client.getForID("a", "x").connect()
            var last: ConnectionStatus?
            for await status in connection.status { last = status }
            guard case .closed(.failed(let error))? = last else {
                Issue.record("\(last as Any)")
                return
            }
            #expect(error.code == .connectionLost)
            #expect(asked.all == ["1 closedByPeer", "2 handshakeRefused", "3 handshakeRefused", "4 connectionLost"])
            #expect(server.requests.count == 4)
        }
    }

    @Test("B319: decide is under no lock: what it uses of its own connection and client answers")
    func noLock() async throws {
        let seen = Recorder<String>()
        let own = Mutex<ActorConnection<Untyped>?>(nil)
        let opened = Server.Answer.webSocket(Server.frame(2, Server.initialMessage(.bare)))
        try await Server.run { _, number in
            number == 0 ? Self.later : opened
        } _: {
            $0.reconnect = ReconnectPolicy(first: .zero) { _, _ in
                guard let connection = own.withLock({ $0 }) else { return .automatic }
                seen.add(connection.status.current.name)
                _ = connection.events(named: "e", as: Int.self).makeAsyncIterator()
                connection.reconnectNow()
                let handle = connection.driver.handle
                _ = handle.context.diagnostics.reader()
                _ = handle.resolver.current
                handle.resolver.forget()
                return .automatic
            }
        } _: { client, _ in
            let gate = Signal(gauge: ResourceGauge())
            // The first attempt has not failed before the test knows the connection.
            let parameters = ConnectionParameters.provided {
                await gate.wait()
                return 1
            }
            let connection = client.getForID("a", "x").connect(ConnectOptions(parameters: parameters))
            own.withLock { $0 = connection }
            gate.set()
            try await connection.waitUntilConnected()
            #expect(seen.all == ["connecting 1"])
            own.withLock { $0 = nil }
            await connection.disconnect()
        }
    }
}
