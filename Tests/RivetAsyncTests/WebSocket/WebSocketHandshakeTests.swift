// SPDX-License-Identifier: Apache-2.0
import RivetAsync
import Testing

@Suite(.leavesNothing, .timeLimit(.minutes(3)))
struct WebSocketHandshakeTests {
    @Test func theAcceptKeyOfTheStandard() {
        #expect(WebSocketHandshake.acceptKey(for: "dGhlIHNhbXBsZSBub25jZQ==") == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")
    }

    @Test func theRequestIsWritten() throws {
        let handshake = try WebSocketHandshake(
            target: "/chat?room=1",
            host: "server.example.com",
            subprotocols: ["chat", "superchat"],
            fields: ["Origin": "http://example.com"],
            nonce: LiteralWebSocket.nonce
        )
        var buffer = ByteBuffer()
        try HTTPRequestEncoder(handshake.request).write(into: &buffer)
        #expect(
            buffer.withUnsafeBytes { String(decoding: $0, as: UTF8.self) } == """
                GET /chat?room=1 HTTP/1.1\r
                Host: server.example.com\r
                Upgrade: websocket\r
                Connection: Upgrade\r
                Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r
                Sec-WebSocket-Version: 13\r
                Sec-WebSocket-Protocol: chat, superchat\r
                Origin: http://example.com\r
                \r

                """
        )
    }

    @Test(arguments: [
        "Host", "upgrade", "Connection", "Sec-WebSocket-Key", "sec-websocket-version", "Sec-WebSocket-Protocol",
        "Sec-WebSocket-Extensions", "Sec-WebSocket-Accept",
    ])
    func fieldsOfTheHandshakeAreRefused(_ name: String) {
        #expect(throws: WebSocketHandshakeError.reservedField(name: name)) {
            var fields = HTTPFields()
            fields.append(.init(name, "x"))
            _ = try WebSocketHandshake(target: "/", host: "h", fields: fields, nonce: LiteralWebSocket.nonce)
        }
    }

    struct Offer: Sendable {
        let subprotocols: [String]
        let index: Int
    }

    @Test(arguments: [
        Offer(subprotocols: ["a", ""], index: 1), Offer(subprotocols: ["a b"], index: 0),
        Offer(subprotocols: ["a", "b", "a"], index: 2), Offer(subprotocols: ["a,b"], index: 0),
        Offer(subprotocols: ["a\r\nX: y"], index: 0), Offer(subprotocols: ["ü"], index: 0),
    ])
    func subprotocolsThatCannotBeOffered(_ offer: Offer) {
        #expect(throws: WebSocketHandshakeError.invalidSubprotocol(index: offer.index)) {
            try WebSocketHandshake(
                target: "/",
                host: "h",
                subprotocols: offer.subprotocols,
                nonce: LiteralWebSocket.nonce
            )
        }
    }

    struct Accepted: Sendable, CustomTestStringConvertible {
        let name: String
        let fields: String
        var subprotocol: String?
        var testDescription: String { name }
    }

    private static let accept = "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"

    /// What other servers write and the standard allows.
    @Test(arguments: [
        Accepted(
            name: "names and tokens in any case",
            fields: "uPGRADE: WebSocket\r\ncoNNection: uPGrade\r\n" + accept
        ),
        Accepted(
            name: "Connection is a list",
            fields: "Upgrade: websocket\r\nConnection: keep-alive , Upgrade\r\n" + accept
        ),
        Accepted(
            name: "two Connection fields",
            fields: "Upgrade: websocket\r\nConnection: keep-alive\r\nConnection: upgrade\r\n" + accept
        ),
        Accepted(
            name: "blanks around the key",
            fields: "Upgrade:websocket \r\nConnection:Upgrade\r\n"
                + "Sec-WebSocket-Accept:   s3pPLMBiTxaQ9kYGzzhZRbK+xOo= \t\r\n"
        ),
        Accepted(
            name: "an empty extension list",
            fields: "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Extensions: \r\n" + accept
        ),
        Accepted(
            name: "a subprotocol of the offer",
            fields: "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Protocol: b\r\n" + accept,
            subprotocol: "b"
        ),
    ])
    func answersThatAreAccepted(_ row: Accepted) throws {
        let handshake = try WebSocketHandshake(
            target: "/",
            host: "h",
            subprotocols: ["a", "b"],
            nonce: LiteralWebSocket.nonce
        )
        #expect(try handshake.check(Self.head(101, row.fields)) == row.subprotocol)
    }

    private static func head(_ status: Int, _ fields: String) throws -> HTTPResponseHead {
        var decoder = HTTPResponseDecoder()
        decoder.expectResponse(toMethod: "GET", allowsUpgrade: true)
        var position = 0
        let bytes = chunk("HTTP/1.1 \(status) x\r\n\(fields)\r\n")
        guard case .upgraded(let head) = try decoder.next(in: bytes, from: &position) else {
            return HTTPResponseHead(status: 0)
        }
        return head
    }

    // MARK: The server's side

    private static func request(_ changes: [(String, String?)] = [], method: String = "GET") -> HTTPRequestHead {
        var fields: HTTPFields = [
            "Host": "h", "Upgrade": "websocket", "Connection": "keep-alive, Upgrade",
            "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Version": "13",
        ]
        for (name, value) in changes { fields[name] = value }
        return HTTPRequestHead(method: method, target: "/", fields: fields)
    }

    @Test func theServersAnswerIsWhatAClientAccepts() throws {
        let response = try WebSocketHandshake.response(to: Self.request(), subprotocol: "rivet", fields: ["X-A": "b"])
        #expect(response.status == 101)
        #expect(
            response.fields == [
                "Connection": "Upgrade", "Upgrade": "websocket",
                "Sec-WebSocket-Accept": "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", "Sec-WebSocket-Protocol": "rivet", "X-A": "b",
            ]
        )
    }

    struct Refused: Sendable {
        var method = "GET"
        var field = ""
        var value: String?
        let error: WebSocketHandshakeError
        let status: Int
    }

    @Test(arguments: [
        Refused(method: "POST", error: .methodNotGet, status: 405),
        Refused(field: "Upgrade", error: .upgradeField, status: 400),
        Refused(field: "Upgrade", value: "h2c", error: .upgradeField, status: 400),
        Refused(field: "Connection", value: "keep-alive", error: .connectionField, status: 400),
        Refused(field: "Sec-WebSocket-Version", error: .unsupportedVersion, status: 426),
        Refused(field: "Sec-WebSocket-Version", value: "8", error: .unsupportedVersion, status: 426),
        Refused(field: "Sec-WebSocket-Key", error: .keyFields(count: 0), status: 400),
        Refused(field: "Sec-WebSocket-Key", value: "dGhlIHNhbXBsZQ==", error: .keyNotSixteenBytes, status: 400),
        Refused(field: "Sec-WebSocket-Key", value: "dGhlIHNhbXBsZSBub25jZQ", error: .keyNotSixteenBytes, status: 400),
    ])
    func requestsThatAreRefused(_ row: Refused) {
        let request = Self.request(row.field.isEmpty ? [] : [(row.field, row.value)], method: row.method)
        #expect(throws: row.error) { try WebSocketHandshake.response(to: request) }
        #expect(WebSocketHandshake.refusal(of: row.error).status == row.status)
    }

    @Test func twoKeysAreRefused() {
        var request = Self.request()
        request.fields.append(.init("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="))
        #expect(throws: WebSocketHandshakeError.keyFields(count: 2)) { try WebSocketHandshake.response(to: request) }
    }
}
