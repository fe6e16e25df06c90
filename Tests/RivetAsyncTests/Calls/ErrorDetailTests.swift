// SPDX-License-Identifier: Apache-2.0
import RivetAsyncLocal
import Testing

@testable import RivetAsync

/// Ray id, status, close code and reason, wherever an answer, a 101 or a close had them.
@Suite(.leavesNothing, .timeLimit(.minutes(3)))
struct ErrorDetailTests {
    typealias Server = AnsweringServer

    struct Row: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let answer: Server.Answer
        let use: @Sendable (RivetClient) async throws -> Void
        let code: RivetError.Code
        /// Ray, HTTP status, close code and close reason.
        let details: String

        init(
            _ name: String,
            _ answer: Server.Answer,
            _ code: RivetError.Code,
            _ details: String,
            _ use: @escaping @Sendable (RivetClient) async throws -> Void
        ) {
            (testDescription, self.answer, self.code, self.details, self.use) = (name, answer, code, details, use)
        }
    }

    static let ray = ["x-rivet-ray-id: ray-of-answer"]
    static let opened = Server.frame(2, Server.initialMessage(.bare))

    private static let refusal = {
        var message = ByteBuffer()
        MessageCodec(.bare).writeError(ErrorMessage(group: "user", code: "declined", message: "no"), to: &message)
        return Server.frame(2, message.withUnsafeBytes { Array($0) })
    }()

    private static func connect(_ client: RivetClient) async throws {
        let connection = client.getForID("a", "x").connect()
        for await status in connection.status {
            switch status {
            case .waiting(let state): throw state.cause
            case .closed(.failed(let error)): throw error
            default: continue
            }
        }
    }

    static let rows = [
        Row("an error of the gateway's", Server.Answer.error(400, "guard.no_route"), .remote, "ray-of-answer 400 - -") {
            _ = try await $0.getForID("a", "x").action("b") as NoValue
        },
        Row(
            "an error of the actors API",
            Server.Answer.error(400, "namespace.not_found"),
            .remote,
            "ray-of-answer 400 - -"
        ) {
            _ = try await $0.get("a", ["k"]).resolve()
        },
        Row(
            "a raw request that the gateway refused",
            Server.Answer.error(400, "guard.no_route"),
            .remote,
            "ray-of-answer 400 - -"
        ) {
            _ = try await $0.getForID("a", "x").fetch(ActorRequest("b"))
        },
        Row("a page of a proxy", .http(418, ray, Array("<html>".utf8)), .unexpectedResponse, "ray-of-answer 418 - -") {
            _ = try await $0.getForID("a", "x").action("b") as NoValue
        },
        Row("an answer that does not read", .http(200, ray, [1]), .decodingFailed, "ray-of-answer 200 - -") {
            _ = try await $0.getForID("a", "x").action("b") as NoValue
        },
        Row("a queue's answer that does not read", .http(200, ray, [1]), .decodingFailed, "ray-of-answer 200 - -") {
            try await $0.getForID("a", "x").enqueue("b", 1)
        },
        Row("a list that does not read", .http(200, ray, [1]), .unexpectedResponse, "ray-of-answer 200 - -") {
            _ = try await $0.get("a", ["k"]).resolve()
        },
        Row("an actor that does not read", .http(200, ray, [1]), .unexpectedResponse, "ray-of-answer 200 - -") {
            _ = try await $0.getOrCreate("a", ["k"]).resolve()
        },
        Row("a refused handshake", .http(403, ray), .handshakeRefused, "ray-of-answer 403 - -") {
            try await connect($0)
        },
        Row("a refused handshake of a raw WebSocket", .http(403, ray), .handshakeRefused, "ray-of-answer 403 - -") {
            _ = try await $0.getForID("a", "x").webSocket("b")
        },
        Row(
            "a close of the engine's",
            .webSocket(Server.close(1_011, "guard.no_route#ray-of-reason")),
            .closedByPeer,
            "ray-of-reason - 1011 guard.no_route#ray-of-reason"
        ) { try await connect($0) },
        Row(
            "a close of the actor side's",
            .webSocket(opened + Server.close(1_000, "actor.stopped")),
            .closedByPeer,
            "ray-of-101 - 1000 actor.stopped"
        ) { try await connect($0) },
        Row(
            "an actor's refusal, and its close",
            .webSocket(refusal + Server.close(1_011, "user.declined#ray-of-reason")),
            .remote,
            "ray-of-reason - 1011 user.declined#ray-of-reason"
        ) { try await connect($0) },
        Row(
            "an error about an open connection, and its close",
            .webSocket(opened + refusal + Server.close(1_011, "user.declined")),
            .remote,
            "ray-of-101 - 1011 user.declined"
        ) { try await connect($0) },
        Row(
            "a close with a text of its own",
            .webSocket(opened + Server.close(4_001, "see you")),
            .closedByPeer,
            "ray-of-101 - 4001 see you"
        ) { try await connect($0) },
    ]

    @Test("B206, B264: ray, status, close code and reason are on the error", arguments: rows)
    func details(_ row: Row) async throws {
        try await Server.run([row.answer]) { client, _ in
            let error = await #expect(throws: RivetError.self) { try await row.use(client) }
            #expect(error?.code == row.code)
            let remote = error?.remote
            let details = [
                remote?.rayID ?? "-", remote?.httpStatus.map(String.init) ?? "-",
                remote?.closeCode.map { String($0.rawValue) } ?? "-", remote?.closeReason ?? "-",
            ]
            #expect(details.joined(separator: " ") == row.details)
        }
    }

    @Test("B206, B264: actions that a close ends, and later ones, have its details", arguments: Server.encodings)
    func actionsInFlight(_ encoding: RivetConfiguration.Encoding) async throws {
        let opcode: UInt8 = encoding == .json ? 1 : 2
        let server = try await LiteralServer.start()
        var configuration = try RivetConfiguration(endpoint: server.endpoint, token: .none)
        configuration.looksUpMetadata = false
        configuration.encoding = encoding
        configuration.replyNudge = .off
        let client = RivetClient(configuration)
        let connection = client.getForID("a", "x").connect()
        let asking = Task { try await connection.action("b") }
        let peer = try await server.accept()
        try await peer.upgrade(rayID: "ray-of-101")
        peer.write(Server.frame(opcode, Server.initialMessage(encoding)))
        _ = try await ClientTranscriptTests.clientFrame(peer)
        peer.write(Server.close(1_011, "guard.no_route#ray-of-reason"))
        let inFlight = await #expect(throws: RivetError.self) { try await asking.value }
        let later = await #expect(throws: RivetError.self) { try await connection.action("c") }
        #expect(inFlight?.execution == .mayHaveRun)
        #expect(later?.execution == .notSent)
        for error in [inFlight, later] {
            #expect(error?.matches("guard", "no_route") == true)
            #expect(error?.remote?.rayID == "ray-of-reason")
            #expect(error?.remote?.closeCode == .internalError)
            #expect(error?.remote?.closeReason == "guard.no_route#ray-of-reason")
        }
        await client.close(within: .zero)
        await server.stop()
        #expect(client.context.gauge.counts == .zero)
    }
}
