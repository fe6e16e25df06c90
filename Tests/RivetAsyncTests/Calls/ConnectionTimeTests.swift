// SPDX-License-Identifier: Apache-2.0
import RivetAsyncLocal
import Testing

@testable import RivetAsync

/// What ends an action of a connection, or an attempt, when the other side does not answer.
@Suite(.leavesNothing, .timeLimit(.minutes(3)))
struct ConnectionTimeTests {
    typealias Server = AnsweringServer

    /// A client on a clock that the test moves, and a server whose every byte the test says.
    private static func run(
        _ change: (inout RivetConfiguration) -> Void = { _ in },
        _ body: (ActorHandle<Untyped>, LiteralServer, TestClock) async throws -> Void
    ) async throws {
        let server = try await LiteralServer.start()
        let clock = TestClock()
        var configuration = try RivetConfiguration(endpoint: server.endpoint, token: .none)
        configuration.looksUpMetadata = false
        configuration.replyNudge = .off
        change(&configuration)
        let client = RivetClient(configuration, clock: clock)
        try await scoped {
            // First, since no closing handshake times out on a clock that stands.
            await server.stop()
            await client.close(within: .zero)
        } _: {
            try await body(client.getForID("a", ActorID(rawValue: Server.id)), server, clock)
        }
    }

    /// Starts an action while the other side has the handshake and says nothing, and returns when it is held.
    private static func held(
        _ connection: ActorConnection<Untyped>,
        _ action: @escaping @Sendable () async throws -> NoValue
    ) async throws -> Task<NoValue, any Error> {
        let calling = Task { try await action() }
        try await until { await connection.driver.machine.heldCount == 1 }
        return calling
    }

    @Test("B223: an action whose actor died is ended by its own deadline, and pongs are no life of the actor")
    func deadActor() async throws {
        try await Self.run {
            $0.keepAlive = KeepAlive(interval: .seconds(10), timeout: .seconds(15))
        } _: { handle, server, clock in
            let connection = handle.connect()
            let peer = try await server.accept()
            try await peer.upgrade()
            peer.write(Server.frame(2, Server.initialMessage(.bare)))
            try await connection.waitUntilConnected()
            let calling = Task { try await connection.action("b", options: .init(timeout: .seconds(34))) as NoValue }
            #expect(try await ClientTranscriptTests.clientFrame(peer).first == 0x82)
            for _ in 0..<3 {
                await clock.advance(by: .seconds(10))
                let ping = try await ClientTranscriptTests.clientFrame(peer)
                #expect(ping.first == 0x89)
                peer.write(Server.frame(0xA, ping.payload))
                // It is read before time goes on: what follows it on the socket has been.
                peer.write(Server.frame(9, [1]))
                #expect(try await ClientTranscriptTests.clientFrame(peer).first == 0x8A)
            }
            #expect(connection.status.current.name == "connected 1")
            await clock.advance(by: .seconds(4))
            let error = await #expect(throws: RivetError.self) { try await calling.value }
            #expect(error?.code == .deadlineExceeded)
            #expect(error?.execution == .mayHaveRun)
            #expect(error?.connectionSurvives == true)
            #expect(connection.status.current.name == "connected 1")
        }
    }

    @Test("B224: parameters that the actor side cannot read: the server's close is what is reported")
    func unreadableParameters() async throws {
        try await Self.run { _ in
        } _: { handle, server, clock in
            let connection = handle.connect(ConnectOptions(parameters: .fixed(["name": "x"])))
            var statuses = connection.status.makeAsyncIterator()
            #expect(await statuses.next()?.name == "connecting 1")
            let peer = try await server.accept()
            try await peer.upgrade()
            // The attempt goes on for as long as nothing comes.
            await clock.advance(by: .seconds(19))
            #expect(connection.status.current.name == "connecting 1")
            peer.write(Server.close(1_011, "guard.websocket_closed_before_open#r"))
            guard case .waiting(let state)? = await statuses.next() else {
                Issue.record("\(connection.status.current)")
                return
            }
            #expect(state.cause.code == .closedByPeer)
            #expect(state.cause.matches("guard", "websocket_closed_before_open"))
            #expect(state.cause.remote?.rayID == "r")
        }
    }

    @Test("B224: without a close openTimeout ends the attempt")
    func silentServer() async throws {
        try await Self.run { _ in
        } _: { handle, server, clock in
            let connection = handle.connect()
            var statuses = connection.status.makeAsyncIterator()
            #expect(await statuses.next()?.name == "connecting 1")
            let peer = try await server.accept()
            try await peer.upgrade()
            await clock.advance(by: .seconds(74))
            #expect(connection.status.current.name == "connecting 1")
            await clock.advance(by: .seconds(1))
            guard case .waiting(let state)? = await statuses.next() else {
                Issue.record("\(connection.status.current)")
                return
            }
            #expect(state.cause.code == .deadlineExceeded)
            #expect(state.cause.message.contains("75.0 seconds"))
        }
    }

    @Test("B208: the end of a client does not wait for the engine's account of why an actor does not start")
    func closingWhileAsking() async throws {
        try await Self.run { _ in
        } _: { handle, server, _ in
            let opening = Task { try await handle.webSocket("x") }
            let peer = try await server.accept()
            try await peer.upgrade()
            let socket = try await opening.value
            peer.write(Server.close(1_011, "guard.actor_runner_failed#r"))
            // It has no answer.
            let asked = try await server.accept()
            #expect(try await asked.readHead().first?.hasPrefix("GET /actors?actor_ids=") == true)
            #expect(try await ClientTranscriptTests.clientFrame(peer).first == 0x88)
            peer.close()
            handle.core.context.beginClose(within: .zero)
            await handle.core.context.closed.wait()
            let error = await #expect(throws: RivetError.self) { for try await _ in socket.messages {} }
            #expect(error?.code == .closedByPeer)
            #expect(error?.matches("guard", "actor_runner_failed") == true)
            #expect(error?.startFailure == nil)
        }
    }

    @Test("B266: the deadline of a held action names why the connection did not open, and after how many attempts")
    func heldAction() async throws {
        try await Self.run {
            $0.reconnect = ReconnectPolicy(decide: { _, _ in .retry(after: .seconds(10)) })
        } _: { handle, server, clock in
            let connection = handle.connect()
            var statuses = connection.status.makeAsyncIterator()
            var calling: Task<NoValue, any Error>?
            for attempt in 1...2 {
                #expect(await statuses.next()?.name == "connecting \(attempt)")
                let peer = try await server.accept()
                _ = try await peer.readHead()
                if attempt == 1 {
                    calling = try await Self.held(connection) {
                        try await connection.action("b", options: .init(timeout: .seconds(15)))
                    }
                }
                peer.write("HTTP/1.1 503 X\r\ncontent-length: 0\r\nx-rivet-ray-id: ray-\(attempt)\r\n\r\n")
                #expect(await statuses.next()?.name == "waiting \(attempt + 1)")
                if attempt == 1 { await clock.advance(by: .seconds(10)) }
            }
            await clock.advance(by: .seconds(5))
            let error = await #expect(throws: RivetError.self) { _ = try await calling?.value }
            #expect(error?.code == .deadlineExceeded)
            #expect(error?.execution == .notSent)
            let cause = error?.underlying as? RivetError
            #expect(cause?.code == .handshakeRefused)
            #expect(cause?.remote?.rayID == "ray-2")
            #expect(error?.remote?.rayID == "ray-2")
            let clause = "the connection was not open after 2 attempts: \(cause?.message ?? "-")"
            #expect(error?.message.contains(clause) == true, "\(error as Any)")
        }
    }

    @Test("B266: a deadline in the first attempt has no failed one to name")
    func firstAttempt() async throws {
        try await Self.run { _ in
        } _: { handle, server, clock in
            let connection = handle.connect()
            let peer = try await server.accept()
            _ = try await peer.readHead()
            let calling = try await Self.held(connection) {
                try await connection.action("b", options: .init(timeout: .seconds(15)))
            }
            await clock.advance(by: .seconds(15))
            let error = await #expect(throws: RivetError.self) { try await calling.value }
            #expect(error?.code == .deadlineExceeded)
            #expect(error?.execution == .notSent)
            #expect(error?.underlying == nil)
        }
    }
}
