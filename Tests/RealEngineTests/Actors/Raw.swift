// SPDX-License-Identifier: Apache-2.0
import RivetAsync
import RivetAsyncLocal

/// Answers plain HTTP and plain WebSockets.
enum Raw: ActorDefinition {
    struct Ping: ActorAction {
        typealias Target = Raw
        typealias Output = String
    }
    /// What it says of a request that it has no other answer for.
    struct Saw: Codable, Sendable {
        var method: String
        var path: String
        var query: String
        var headers: [[String]]
        var bodyLength: Int

        func header(_ name: String) -> [String] { headers.filter { $0.first == name }.compactMap(\.last) }
    }
    /// What it says first on a WebSocket.
    struct Greeting: Codable, Sendable {
        var url: String
    }
    static let events =
        ": a comment\n\ndata: plain\n\nevent: named\ndata: two\ndata: lines\nid: 7\n\ndata:no space\r\n\r\n"
        + "retry: 1500\ndata: ä€😀\r\rdata\n\ndata: the last one has no blank line behind it"

    static func define(_ kind: inout ActorKind<Raw, NoValue>) {
        kind.on(Ping.self) { _, _ in "pong" }
        kind.onRequest { request, _ in try answer(request) }
        kind.onWebSocket { socket, _ in try await serve(socket) }
    }

    private static func answer(_ request: LocalRequest) throws -> LocalResponse {
        let path = String(request.path.prefix { $0 != "?" })
        let query = String(request.path.dropFirst(path.count))
        switch path {
        case "/events": return LocalResponse(fields: ["content-type": "text/event-stream"], body: Array(events.utf8))
        case "/big":
            return LocalResponse(body: Array(repeating: UInt8(ascii: "x"), count: Int(query.dropFirst(3)) ?? 0))
        case "/pieces": return LocalResponse(body: Array("\(request.body.count) 0\n".utf8))
        case "/twice":
            var fields: HTTPFields = ["content-type": "text/plain"]
            fields.append(.init("set-cookie", "a=1"))
            fields.append(.init("set-cookie", "b=2"))
            return LocalResponse(fields: fields, body: Array("twice".utf8))
        case "/throw": return LocalResponse(body: Array(try Errors.fail(String(query.dropFirst("?kind=".count))).utf8))
        case _ where path.hasPrefix("/status/"):
            let status = Int(path.dropFirst("/status/".count)) ?? 0
            return LocalResponse(status: status, body: status == 204 ? [] : Array("status \(status)".utf8))
        default:
            var answer = try LocalResponse.json(
                Saw(
                    method: request.method,
                    path: path,
                    query: query,
                    headers: request.fields.map { [$0.name, $0.value] },
                    bodyLength: request.body.count
                )
            )
            answer.fields.append(.init("x-own", "yes"))
            return answer
        }
    }

    private static func serve(_ socket: LocalWebSocket) async throws {
        let greeting = try LocalResponse.json(Greeting(url: "http://127.0.0.1\(socket.path)"))
        try await socket.send(.text(String(decoding: greeting.body, as: UTF8.self)))
        for try await message in socket.messages {
            guard case .text(let text) = message, text.hasPrefix("close") else {
                try await socket.send(message)
                continue
            }
            let words = text.split(separator: " ", maxSplits: 2)
            guard words.count > 1, let code = UInt16(words[1]) else { return await socket.close() }
            await socket.close(.init(rawValue: code), reason: words.count > 2 ? String(words[2]) : "")
        }
    }
}
