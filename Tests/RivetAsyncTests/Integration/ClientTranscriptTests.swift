// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import RivetAsync

/// The client's side of the transcript in Documentation.docc/Protocol.md, section l, against a socket that holds the
/// literal bytes.
@Suite(.leavesNothing, .timeLimit(.minutes(3)))
struct ClientTranscriptTests {
    static let id = "5jxlv5boumuljx2d2nvyat0o2edl00"
    static let connectionID = "6f1e2d3c-4b5a-4978-8695-a4b3c2d1e0f9"

    enum Counter: ActorDefinition {}
    struct Increment: ActorAction {
        typealias Target = Counter
        typealias Output = Int
        static let argumentStyle = ArgumentStyle.positional
        var amount: Int
    }
    struct NewCount: ActorEvent {
        typealias Source = Counter
        static let argumentStyle = ArgumentStyle.positional
        var count: Int
    }

    static func bytes(_ hex: String) -> [UInt8] {
        hex.split(whereSeparator: \.isWhitespace).map { UInt8($0, radix: 16) ?? 0 }
    }

    static func serverFrame(_ payload: [UInt8]) -> [UInt8] {
        payload.count < 126
            ? [0x82, UInt8(payload.count)] + payload
            : [0x82, 126, UInt8(payload.count >> 8), UInt8(payload.count & 0xFF)] + payload
    }

    /// One masked client frame: its first byte and its payload.
    static func clientFrame(_ peer: LiteralServer.Peer) async throws -> (first: UInt8, payload: [UInt8]) {
        let head = try await peer.read(2)
        #expect(head[1] & 0x80 == 0x80, "a client masks its frames")
        let longSize = [126: 2, 127: 8][head[1] & 0x7F] ?? 0
        let size = longSize == 0 ? Int(head[1] & 0x7F) : try await peer.read(longSize).reduce(0) { $0 << 8 | Int($1) }
        let key = try await peer.read(4)
        let masked = try await peer.read(size)
        return (head[0], masked.enumerated().map { $1 ^ key[$0 & 3] })
    }

    static func expectHead(
        _ peer: LiteralServer.Peer,
        _ requestLine: String,
        port: Int,
        _ fields: [String]
    ) async throws -> [String: String] {
        let head = try await peer.readHead()
        #expect(head.first == requestLine)
        var sent: [String: String] = [:]
        for line in head.dropFirst() {
            let colon = try #require(line.firstIndex(of: ":"))
            sent[line[..<colon].lowercased()] = line[line.index(after: colon)...].drop { $0 == " " }.description
        }
        #expect(sent["host"] == "127.0.0.1:\(port)")
        for field in fields {
            let colon = try #require(field.firstIndex(of: ":"))
            #expect(sent[field[..<colon].lowercased()] == String(field[field.index(colon, offsetBy: 2)...]))
        }
        return sent
    }

    /// The server's answer to an upgrade with this key, and its Init message.
    static func open(_ socket: LiteralServer.Peer, key: String) {
        socket.write(
            "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n"
                + "sec-websocket-accept: \(WebSocketHandshake.acceptKey(for: key))\r\n"
                + "sec-websocket-protocol: rivet\r\nx-rivet-ray-id: r\r\n\r\n"
        )
        socket.write(serverFrame([4, 0, 0, 0x1E] + Array(id.utf8) + [0x24] + Array(connectionID.utf8)))
    }

    @Test("the transcript of PROTOCOL l, from the client's side")
    func transcript() async throws {
        let server = try await LiteralServer.start()
        let port = server.port
        var configuration = try RivetConfiguration(endpoint: server.endpoint, token: .none)
        configuration.looksUpMetadata = false
        configuration.replyNudge = .off
        let client = RivetClient(configuration)
        async let served: Void = Self.serve(server, port)

        let counter = client.getOrCreate(Counter.self, ["my-counter"])
        #expect(try await counter.send(Increment(amount: 1)) == 1)
        let conn = counter.connect()
        let info = try await conn.waitUntilConnected()
        #expect(
            info
                == ConnectionInfo(
                    actorID: ActorID(rawValue: Self.id),
                    connectionID: Self.connectionID,
                    connectionNumber: 1
                )
        )
        let counts = conn.events(of: NewCount.self)
        #expect(try await conn.send(Increment(amount: 2)) == 3)
        var iterator = counts.makeAsyncIterator()
        #expect(await iterator.next()?.count == 3)
        let error = await #expect(throws: RivetError.self) { try await conn.action("nope") }
        #expect(error?.matches("actor", "action_not_found") == true)
        #expect(error?.message == "Action `nope` was not found.")
        #expect(error?.remote?.actorID?.rawValue == Self.id)
        #expect(error?.remote?.generation == 1)
        #expect(error?.remote?.key == ["my-counter"])
        await conn.disconnect()
        try await served
        await client.close(within: .zero)
        await server.stop()
        #expect(client.context.gauge.counts == .zero)
    }

    static func serve(_ server: LiteralServer, _ port: Int) async throws {
        // 1 get or create
        let api = try await server.accept()
        _ = try await expectHead(
            api,
            "PUT /actors?namespace=default HTTP/1.1",
            port: port,
            ["Content-Type: application/json", "Content-Length: 93"]
        )
        let body = #"{"name":"counter","key":"my-counter","runner_name_selector":"default","crash_policy":"sleep"}"#
        #expect(try await api.read(93) == Array(body.utf8))
        let actor =
            #"{"actor":{"actor_id":"\#(id)","name":"counter","key":"my-counter","namespace_id":"ns","datacenter":"default","#
            + #""runner_name_selector":"default","crash_policy":"sleep","create_ts":1754512646123,"start_ts":null,"#
            + #""pending_allocation_ts":null,"connectable_ts":null,"sleep_ts":null,"reschedule_ts":null,"#
            + #""destroy_ts":null},"created":true}"#
        api.write(
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nx-rivet-ray-id: tlbh2yias7jjlmm1y8vnat0tceal00\r\n"
                + "content-length: \(actor.utf8.count)\r\n\r\n\(actor)"
        )

        // 2 action over HTTP, on the same connection
        _ = try await expectHead(
            api,
            "POST /gateway/\(id)/action/increment HTTP/1.1",
            port: port,
            ["x-rivet-encoding: bare", "Content-Type: application/octet-stream", "Content-Length: 5"]
        )
        #expect(try await api.read(5) == bytes("04 00 02 81 01"))
        api.write(
            "HTTP/1.1 200 OK\r\ncontent-type: application/octet-stream\r\nx-rivet-actor: \(id)\r\n"
                + "x-rivet-actor-generation: 1\r\nx-rivet-actor-key: my-counter\r\nx-rivet-ray-id: r\r\n"
                + "content-length: 4\r\n\r\n"
        )
        api.write(bytes("04 00 01 01"))

        // 3 connect
        let socket = try await server.accept()
        let head = try await expectHead(
            socket,
            "GET /gateway/\(id)/connect HTTP/1.1",
            port: port,
            [
                "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13",
                "Sec-WebSocket-Protocol: rivet, rivet_encoding.bare",
            ]
        )
        open(socket, key: try #require(head["sec-websocket-key"]))

        // 4 subscribe, then act
        let subscribe = try await clientFrame(socket)
        #expect(subscribe.first == 0x82)
        #expect(subscribe.payload == bytes("04 00 01 08 6e 65 77 43 6f 75 6e 74 01"))
        #expect(
            try await clientFrame(socket).payload == bytes("04 00 00 00 09 69 6e 63 72 65 6d 65 6e 74 02 81 02")
        )

        // 5 event and answer
        socket.write(serverFrame(bytes("04 00 03 08 6e 65 77 43 6f 75 6e 74 02 81 03")))
        socket.write(serverFrame(bytes("04 00 02 00 01 03")))

        // 6 an error
        #expect(try await clientFrame(socket).payload == bytes("04 00 00 01 04 6e 6f 70 65 01 80"))
        socket.write(
            serverFrame(
                bytes("04 00 01 05 61 63 74 6f 72 10 61 63 74 69 6f 6e 5f 6e 6f 74 5f 66 6f 75 6e 64 1c")
                    + Array("Action `nope` was not found.".utf8) + bytes("00 01 01 01 1e") + Array(id.utf8)
                    + bytes("01 01 0a 6d 79 2d 63 6f 75 6e 74 65 72")
            )
        )

        // 7 close: the loop over the events is not over, so no unsubscription comes before it
        let close = try await clientFrame(socket)
        #expect(close.first == 0x88)
        #expect(close.payload == bytes("03 e8"))
        socket.write([0x88, 0x02, 0x03, 0xE8])
        socket.finish()
    }
}
