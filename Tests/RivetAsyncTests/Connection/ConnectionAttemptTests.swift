// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import RivetAsync

/// What each attempt of a connection asks for anew, and what it is given.
@Suite(.leavesNothing, .timeLimit(.minutes(3)))
struct ConnectionAttemptTests {
    typealias Server = AnsweringServer

    private static let opened = Server.frame(2, Server.initialMessage(.bare))
    /// A socket that opens and is closed.
    private static let lost = Server.Answer.webSocket(opened + Server.close(1_001, "bye"))

    /// Reads statuses up to the opening of that number.
    private static func wait(for number: Int, _ connection: ActorConnection<Untyped>) async {
        for await status in connection.status where status.name == "connected \(number)" { return }
    }

    @Test("B133: a key is resolved anew by each attempt after the first, whatever ended the one before")
    func resolvedAnew() async throws {
        let listed = Server.Answer.listed(Server.actor())
        let answers = [listed, Self.lost, listed, .webSocket(Server.close(1_011, "guard.x")), listed]
        try await Server.run(answers, then: .webSocket(Self.opened)) { client, server in
            let connection = client.get("counter", ["k"]).connect()
            await Self.wait(for: 2, connection)
            let lines = server.lines.map { $0.hasPrefix("GET /actors?") ? "lookup" : $0 }
            let socket = "GET /gateway/\(Server.id)/connect"
            #expect(lines == ["lookup", socket, "lookup", socket, "lookup", socket])
        }
    }

    @Test("B150, B158: metadata that does not come ends an attempt, and the policy says what follows")
    func metadata() async throws {
        let busy = Server.Answer.json(503, "{}", fields: ["retry-after: 7"])
        try await Server.run([busy], then: .silence) {
            $0.looksUpMetadata = true
            $0.reconnect = ReconnectPolicy(maxAttempts: 1)
        } _: { client, server in
            let error = await #expect(throws: RivetError.self) {
                try await client.get("counter", ["k"]).connect().waitUntilConnected()
            }
            #expect(error?.remote?.httpStatus == 503, "\(error as Any)")
            #expect(server.requests.count == 1)
        }
    }

    @Test("B133: the first attempt uses the id that the handle keeps; a handle by id never asks")
    func keptID() async throws {
        let answers = [Server.Answer.listed(Server.actor()), .output(1)]
        try await Server.run(answers, then: .webSocket(Self.opened)) { client, server in
            let handle = client.get("counter", ["k"])
            #expect(try await handle.action("b") == 1)
            try await handle.connect().waitUntilConnected()
            #expect(server.lines.map { $0.hasPrefix("GET /actors?") } == [true, false, false])
        }
        try await Server.run([Self.lost], then: .webSocket(Self.opened)) { client, server in
            let connection = client.getForID("counter", ActorID(rawValue: Server.id)).connect()
            await Self.wait(for: 2, connection)
            #expect(server.lines == Array(repeating: "GET /gateway/\(Server.id)/connect", count: 2))
        }
    }

    /// The parameters among the subprotocols of each handshake.
    private static func parameters(_ server: Server) -> [String?] {
        server.requests.map { request in
            (request.fields["sec-websocket-protocol"] ?? "").split(separator: ",")
                .map { $0.drop { $0 == " " } }
                .first { $0.hasPrefix("rivet_conn_params.") }
                .map { String($0.dropFirst("rivet_conn_params.".count)) }
        }
    }

    @Test("B134: a provider of parameters is asked for each attempt")
    func provider() async throws {
        try await Server.run([Self.lost, Self.lost], then: .webSocket(Self.opened)) { client, server in
            let asked = Recorder<Int>()
            let parameters = ConnectionParameters.provided { asked.count(adding: 0) }
            let connection = client.getForID("counter", ActorID(rawValue: Server.id))
                .connect(ConnectOptions(parameters: parameters))
            await Self.wait(for: 3, connection)
            #expect(asked.all.count == 3)
            #expect(Self.parameters(server) == ["0", "1", "2"])
        }
    }

    @Test("B136: parameters of a connection take the place of the handle's, for that connection")
    func parametersOfAConnection() async throws {
        try await Server.run([], then: .webSocket(Self.opened)) { client, server in
            let asked = Recorder<Int>()
            let provided = HandleOptions(parameters: .provided { asked.count(adding: 0) })
            let handle = client.getForID("counter", ActorID(rawValue: Server.id), provided)
            try await handle.connect(ConnectOptions(parameters: .fixed(7))).waitUntilConnected()
            #expect(asked.all.isEmpty)
            try await handle.connect().waitUntilConnected()
            #expect(Self.parameters(server) == ["7", "0"])
        }
    }
}
