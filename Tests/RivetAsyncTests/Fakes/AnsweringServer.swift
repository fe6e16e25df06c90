// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import RivetAsync

/// A server on loopback that answers each request as a function says, and remembers them all.
struct AnsweringServer: Sendable {
    struct Request: Sendable {
        let method: String
        let target: String
        let fields: [String: String]
        let body: [UInt8]

        /// Method and target, as in a request line.
        var line: String { "\(method) \(target)" }
        var text: String { String(decoding: body, as: UTF8.self) }
    }

    /// What a request gets; a WebSocket is open afterwards, everything else leaves the connection for the next request.
    enum Answer: Sendable {
        case http(Int, _ fields: [String] = [], _ body: [UInt8] = [])
        /// The 101, with the ray `ray-of-101`, and these bytes right behind it.
        case webSocket(_ behind: [UInt8])
        /// The head, with one more field, and a first piece of the body, after which nothing comes.
        case beginning(_ field: String, _ piece: String)
        case reset
        case silence

        static func json(_ status: Int, _ text: String, fields: [String] = []) -> Self {
            .http(status, ["content-type: application/json"] + fields, Array(text.utf8))
        }

        /// An error of the gateway's, or of somebody else without `x-rivet-error`.
        static func error(
            _ status: Int,
            _ name: String,
            message: String = "m",
            isGateways: Bool = true,
            fields: [String] = []
        ) -> Self {
            let parts = name.split(separator: ".", maxSplits: 1)
            return .json(
                status,
                #"{"group":"\#(parts[0])","code":"\#(parts[1])","message":"\#(message)","metadata":null}"#,
                fields: ["x-rivet-ray-id: ray-of-answer"] + (isGateways ? ["x-rivet-error: \(name)"] : []) + fields
            )
        }

        static func created(_ id: String = AnsweringServer.id) -> Self {
            .json(200, #"{"actor":\#(AnsweringServer.actor(id)),"created":true}"#)
        }

        static func listed(_ actors: String...) -> Self {
            .json(200, #"{"actors":[\#(actors.joined(separator: ","))],"pagination":{"cursor":null}}"#)
        }

        /// A number as the answer of an action, in bare.
        static func output(_ number: UInt8) -> Self { .http(200, [], [4, 0, 1, number]) }
    }

    static let encodings = [RivetConfiguration.Encoding.bare, .cbor, .json]
    static let id = ClientTranscriptTests.id

    /// An actor as the actors API tells of it; `more` are further members.
    static func actor(_ id: String = Self.id, _ more: String = "") -> String {
        #"{"actor_id":"\#(id)","name":"counter","key":"k","namespace_id":"n","datacenter":"d","#
            + #""runner_name_selector":"default","crash_policy":"sleep","create_ts":1,"start_ts":null,"#
            + #""pending_allocation_ts":null,"connectable_ts":null,"sleep_ts":null,"reschedule_ts":null,"#
            + #""destroy_ts":null\#(more)}"#
    }

    let endpoint: String
    private let seen = Recorder<Request>()

    var requests: [Request] { seen.all }
    var lines: [String] { requests.map(\.line) }

    /// A client of a server that gives `answers` in turn, and `last` from then on; nothing is left when it is closed.
    static func run(
        _ answers: [Answer],
        then last: Answer = .silence,
        clock: any Clock<Duration> = ContinuousClock(),
        _ change: (inout RivetConfiguration) -> Void = { _ in },
        _ body: (RivetClient, AnsweringServer) async throws -> Void
    ) async throws {
        try await run({ $1 < answers.count ? answers[$1] : last }, clock: clock, change, body)
    }

    /// The same with what `answer` says of a request and its number, from 0.
    static func run(
        _ answer: @escaping @Sendable (Request, Int) -> Answer,
        clock: any Clock<Duration> = ContinuousClock(),
        _ change: (inout RivetConfiguration) -> Void = { _ in },
        _ body: (RivetClient, AnsweringServer) async throws -> Void
    ) async throws {
        try await serving(answer) { server in
            var configuration = try RivetConfiguration(endpoint: server.endpoint, token: .none)
            configuration.looksUpMetadata = false
            configuration.replyNudge = .off
            // Where all tests begin at once, the wait for one's turn is a long one.
            configuration.connectTimeout = .seconds(60)
            configuration.reconnect = ReconnectPolicy(first: .milliseconds(1))
            change(&configuration)
            let client = RivetClient(configuration, clock: clock)
            try await scoped(closing: { await client.close(within: .zero) }) { try await body(client, server) }
            #expect(client.context.gauge.counts == .zero)
        }
    }

    /// The server without a client.
    static func serving(
        _ answer: @escaping @Sendable (Request, Int) -> Answer,
        _ body: (AnsweringServer) async throws -> Void
    ) async throws {
        let sockets = try await LiteralServer.start()
        let server = AnsweringServer(endpoint: sockets.endpoint)
        let serving = Task { await server.serve(sockets, answer) }
        let result: Result<Void, any Error>
        do {
            result = .success(try await body(server))
        } catch {
            result = .failure(error)
        }
        serving.cancel()
        await serving.value
        await sockets.stop()
        try result.get()
    }

    private func serve(_ sockets: LiteralServer, _ answer: @escaping @Sendable (Request, Int) -> Answer) async {
        await withDiscardingTaskGroup { group in
            while let peer = try? await sockets.accept() {
                group.addTask {
                    while let request = try? await Self.read(peer) {
                        let number = seen.count(adding: request)
                        guard write(answer(request, number), to: peer, request) else { return }
                    }
                }
            }
        }
    }

    private static func read(_ peer: LiteralServer.Peer) async throws -> Request {
        let head = try await peer.readHead()
        var fields: [String: String] = [:]
        for line in head.dropFirst() {
            guard let colon = line.firstIndex(of: ":") else { continue }
            fields[line[..<colon].lowercased()] = String(line[line.index(after: colon)...].drop { $0 == " " })
        }
        let parts = head[0].split(separator: " ").map(String.init)
        return Request(
            method: parts[0],
            target: parts[1],
            fields: fields,
            body: try await peer.read(fields["content-length"].flatMap { Int($0) } ?? 0)
        )
    }

    /// False where no further request comes.
    private func write(_ answer: Answer, to peer: LiteralServer.Peer, _ request: Request) -> Bool {
        switch answer {
        case .http(let status, let fields, let body):
            let lines = ["HTTP/1.1 \(status) X", "content-length: \(body.count)"] + fields
            peer.write(Array(lines.joined(separator: "\r\n").utf8) + Array("\r\n\r\n".utf8) + body)
            return true
        case .webSocket(let behind):
            let key = request.fields["sec-websocket-key"] ?? ""
            let head = LiteralServer.Peer.switching(toKey: key, rayID: "ray-of-101")
            peer.write(Array(head.utf8) + behind)
            return false
        case .beginning(let field, let piece):
            peer.write("HTTP/1.1 200 OK\r\n\(field)\r\n\r\n\(piece)")
            return true
        case .reset:
            peer.reset()
            return false
        case .silence:
            return true
        }
    }

    // MARK: Frames

    /// One whole frame of a server: 1 is text, 2 binary, 8 a close.
    static func frame(_ opcode: UInt8, _ payload: [UInt8]) -> [UInt8] {
        payload.count < 126
            ? [0x80 | opcode, UInt8(payload.count)] + payload
            : [0x80 | opcode, 126, UInt8(payload.count >> 8), UInt8(payload.count & 0xFF)] + payload
    }

    static func close(_ code: UInt16, _ reason: String) -> [UInt8] {
        frame(8, [UInt8(code >> 8), UInt8(code & 0xFF)] + Array(reason.utf8))
    }

    /// `Init` as each encoding has it.
    static func initialMessage(_ encoding: RivetConfiguration.Encoding) -> [UInt8] {
        switch encoding {
        case .bare: [4, 0, 0, 30] + Array(id.utf8) + [1, 0x63]
        case .json: Array(#"{"body":{"tag":"Init","val":{"actorId":"\#(id)","connectionId":"c"}}}"#.utf8)
        case .cbor:
            [0xA1, 0x64] + Array("body".utf8) + [0xA2, 0x63] + Array("tag".utf8) + [0x64] + Array("Init".utf8)
                + [0x63] + Array("val".utf8) + [0xA2, 0x67] + Array("actorId".utf8) + [0x78, 30] + Array(id.utf8)
                + [0x6C] + Array("connectionId".utf8) + [0x61, 0x63]
        }
    }
}
