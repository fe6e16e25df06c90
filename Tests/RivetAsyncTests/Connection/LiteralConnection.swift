// SPDX-License-Identifier: Apache-2.0
import RivetAsyncLocal
import Testing

@testable import RivetAsync

/// A connection in json, and the other end of its sockets, whose every byte the test says.
struct LiteralConnection: Sendable {
    typealias Server = AnsweringServer

    let client: RivetClient
    let handle: ActorHandle<Untyped>
    let connection: ActorConnection<Untyped>
    let server: LiteralServer
    let clock: TestClock

    /// The client's clock moves when the test says so, and its first retry comes without a pause.
    static func run(
        _ change: (inout RivetConfiguration) -> Void = { _ in },
        _ body: (LiteralConnection) async throws -> Void
    ) async throws {
        try await serving(change) { client, server, clock in
            let handle = client.getForID("a", ActorID(rawValue: Server.id))
            try await body(
                LiteralConnection(
                    client: client,
                    handle: handle,
                    connection: handle.connect(),
                    server: server,
                    clock: clock
                )
            )
        }
    }

    /// The same without a connection.
    static func serving(
        _ change: (inout RivetConfiguration) -> Void = { _ in },
        _ body: (RivetClient, LiteralServer, TestClock) async throws -> Void
    ) async throws {
        let server = try await LiteralServer.start()
        let clock = TestClock()
        var configuration = try RivetConfiguration(endpoint: server.endpoint, token: .none)
        configuration.looksUpMetadata = false
        configuration.replyNudge = .off
        configuration.encoding = .json
        configuration.keepAlive = nil
        configuration.reconnect = ReconnectPolicy(first: .zero)
        change(&configuration)
        let client = RivetClient(configuration, clock: clock)
        try await scoped {
            // First, since no closing handshake times out on a clock that stands.
            await server.stop()
            await client.close(within: .zero)
            // Code of the test's own that was given up ends when it hears that.
            try? await until { client.context.gauge.counts.tasks == 0 }
            #expect(client.context.gauge.counts == .zero)
        } _: {
            try await body(client, server, clock)
        }
    }

    /// The next socket, with its 101 and nothing else.
    func upgrade() async throws -> Socket { try await Socket.upgrade(server) }

    /// The next socket, with its `Init`.
    func open() async throws -> Socket {
        let socket = try await upgrade()
        socket.initialize()
        return socket
    }

    /// How many actions wait for the connection to open.
    var heldCount: Int { get async { await connection.driver.machine.heldCount } }

    func untilHeld(_ count: Int) async throws {
        try await until { await heldCount == count }
    }

    /// One socket, as the server sees it.
    struct Socket: Sendable {
        let peer: LiteralServer.Peer

        /// The server's next one, with its 101 and nothing else.
        static func upgrade(_ server: LiteralServer) async throws -> Self {
            let peer = try await server.accept()
            _ = try await peer.upgrade(rayID: "ray-of-101")
            return Self(peer: peer)
        }

        func initialize(_ connectionID: String = "c") { peer.write(Self.initFrame(connectionID)) }

        static func initFrame(_ connectionID: String) -> [UInt8] {
            frame(#"{"body":{"tag":"Init","val":{"actorId":"\#(Server.id)","connectionId":"\#(connectionID)"}}}"#)
        }

        func event(_ argument: String, _ name: String = "e") { peer.write(Self.eventFrame(argument, name)) }

        static func eventFrame(_ argument: String, _ name: String) -> [UInt8] {
            frame(#"{"body":{"tag":"Event","val":{"name":"\#(name)","args":[\#(argument)]}}}"#)
        }

        private static func frame(_ text: String) -> [UInt8] { Server.frame(1, Array(text.utf8)) }

        func say(_ text: String) { peer.write(Self.frame(text)) }

        func answer(_ id: Int, _ output: String = "null") { peer.write(Self.answerFrame(id, output)) }

        static func answerFrame(_ id: Int, _ output: String = "null") -> [UInt8] {
            frame(#"{"body":{"tag":"ActionResponse","val":{"id":\#(id),"output":\#(output)}}}"#)
        }

        func error(_ group: String, _ code: String, id: Int? = nil) {
            let id = id.map(String.init) ?? "null"
            say(
                #"{"body":{"tag":"Error","val":{"group":"\#(group)","code":"\#(code)","message":"why","#
                    + #""metadata":null,"actionId":\#(id)}}}"#
            )
        }

        func close(_ code: UInt16, _ reason: String = "") { peer.write(Server.close(code, reason)) }

        /// What comes next, in a few words.
        func next() async throws -> String {
            let frame = try await ClientTranscriptTests.clientFrame(peer)
            let text = String(decoding: frame.payload, as: UTF8.self)
            switch frame.first {
            case 0x81: break
            case 0x88: return "close \(frame.payload.prefix(2).reduce(0) { $0 << 8 | Int($1) })"
            case 0x89: return "ping"
            case 0x8A: return "pong"
            default: return "\(frame)"
            }
            struct Message: Decodable {
                struct Body: Decodable {
                    struct Value: Decodable {
                        var id: Int?
                        var name: String?
                        var eventName: String?
                        var subscribe: Bool?
                    }
                    var tag: String
                    var val: Value
                }
                var body: Body
            }
            let body = try ValueFormat.json.decode(Message.self, from: ByteChunk(text.utf8)).body
            switch body.tag {
            case "ActionRequest": return "action \(body.val.id ?? -1) \(body.val.name ?? "")"
            case "SubscriptionRequest":
                return "\(body.val.subscribe == true ? "subscribe" : "unsubscribe") \(body.val.eventName ?? "")"
            default: return text
            }
        }

        /// It is closed with 1000, which is what comes next, whenever that is.
        func isClosed() async throws -> Bool { try await next() == "close 1000" }

        /// Nothing has left until now: the answer to a ping is what comes next.
        func isSilent() async throws -> Bool {
            peer.write(Server.frame(9, [1]))
            return try await next() == "pong"
        }
    }
}
