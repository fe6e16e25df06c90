// SPDX-License-Identifier: Apache-2.0
import RivetAsync
import Testing

/// Servers that answer an opening handshake in a wrong way, one row for each way.
struct HostileHandshake: Sendable, CustomTestStringConvertible {
    let name: String
    /// What comes.
    let answer: [UInt8]
    var subprotocols: [String] = []
    var requiresSubprotocol = false
    var ends = false
    let error: WebSocketHandshakeError

    var testDescription: String { name }

    private static let upgrade = "Upgrade: websocket\r\n"
    private static let connection = "Connection: Upgrade\r\n"
    private static let accept = "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"

    private static func switched(_ fields: String...) -> [UInt8] {
        Array(("HTTP/1.1 101 Switching Protocols\r\n" + fields.joined() + "\r\n").utf8)
    }

    private static func refused(_ status: Int, _ fields: HTTPFields = [:], body: String = "") -> [UInt8] {
        let lines = fields.map { "\($0.name): \($0.value)\r\n" }.joined()
        return Array("HTTP/1.1 \(status) No\r\n\(lines)\r\n\(body)".utf8)
    }

    private static func notSwitched(_ status: Int, _ fields: HTTPFields = [:]) -> WebSocketHandshakeError {
        .notSwitched(HTTPResponseHead(status: status, reason: "No", fields: fields))
    }

    static let rows: [HostileHandshake] = [
        // Not 101.
        HostileHandshake(
            name: "200",
            answer: refused(200, ["Content-Length": "2"], body: "ok"),
            error: notSwitched(200, ["Content-Length": "2"])
        ),
        HostileHandshake(
            name: "200 with the fields of a 101",
            answer: refused(200, ["Upgrade": "websocket", "Connection": "Upgrade", "Content-Length": "0"]),
            error: notSwitched(200, ["Upgrade": "websocket", "Connection": "Upgrade", "Content-Length": "0"])
        ),
        HostileHandshake(
            name: "a redirect is not followed, and says where it pointed",
            answer: refused(302, ["Location": "http://elsewhere/", "Content-Length": "0"]),
            error: notSwitched(302, ["Location": "http://elsewhere/", "Content-Length": "0"])
        ),
        HostileHandshake(
            name: "401",
            answer: refused(401, ["WWW-Authenticate": "Basic", "Content-Length": "0"]),
            error: notSwitched(401, ["WWW-Authenticate": "Basic", "Content-Length": "0"])
        ),
        HostileHandshake(
            name: "426 without end of its body",
            answer: refused(426, ["Sec-WebSocket-Version": "8"]),
            error: notSwitched(426, ["Sec-WebSocket-Version": "8"])
        ),
        HostileHandshake(name: "204 behind 103", answer: refused(103) + refused(204), error: notSwitched(204)),

        // The fields of the 101.
        HostileHandshake(name: "no Upgrade", answer: switched(connection, accept), error: .upgradeField),
        HostileHandshake(
            name: "another Upgrade",
            answer: switched("Upgrade: h2c\r\n", connection, accept),
            error: .upgradeField
        ),
        HostileHandshake(
            name: "two protocols in Upgrade",
            answer: switched("Upgrade: websocket, h2c\r\n", connection, accept),
            error: .upgradeField
        ),
        HostileHandshake(
            name: "Upgrade twice",
            answer: switched(upgrade, upgrade, connection, accept),
            error: .upgradeField
        ),
        HostileHandshake(
            name: "an Upgrade that only begins well",
            answer: switched("Upgrade: websocket2\r\n", connection, accept),
            error: .upgradeField
        ),
        HostileHandshake(name: "no Connection", answer: switched(upgrade, accept), error: .connectionField),
        HostileHandshake(
            name: "another Connection",
            answer: switched(upgrade, "Connection: close\r\n", accept),
            error: .connectionField
        ),
        HostileHandshake(
            name: "Upgrade only within a word",
            answer: switched(upgrade, "Connection: not-upgrade\r\n", accept),
            error: .connectionField
        ),
        HostileHandshake(
            name: "no key",
            answer: switched(upgrade, connection),
            error: .acceptKeyMissing(count: 0)
        ),
        HostileHandshake(
            name: "two keys",
            answer: switched(upgrade, connection, accept, accept),
            error: .acceptKeyMissing(count: 2)
        ),
        HostileHandshake(
            name: "an empty key",
            answer: switched(upgrade, connection, "Sec-WebSocket-Accept:\r\n"),
            error: .acceptKeyWrong
        ),
        HostileHandshake(
            name: "our own key",
            answer: switched(
                upgrade,
                connection,
                "Sec-WebSocket-Accept: dGhlIHNhbXBsZSBub25jZQ==\r\n"
            ),
            error: .acceptKeyWrong
        ),
        HostileHandshake(
            name: "the key in another case",
            answer: switched(
                upgrade,
                connection,
                "Sec-WebSocket-Accept: S3PPLMBITXAQ9KYGZZHZRBK+XOO=\r\n"
            ),
            error: .acceptKeyWrong
        ),
        HostileHandshake(
            name: "a key with more behind it",
            answer: switched(
                upgrade,
                connection,
                "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=, x\r\n"
            ),
            error: .acceptKeyWrong
        ),
        HostileHandshake(
            name: "an extension",
            answer: switched(
                upgrade,
                connection,
                accept,
                "Sec-WebSocket-Extensions: permessage-deflate\r\n"
            ),
            error: .extensionNotOffered
        ),
        HostileHandshake(
            name: "an extension in a second field",
            answer: switched(
                upgrade,
                connection,
                accept,
                "Sec-WebSocket-Extensions:\r\nSec-WebSocket-Extensions: x-a; b=1\r\n"
            ),
            error: .extensionNotOffered
        ),
        HostileHandshake(
            name: "a subprotocol without an offer",
            answer: switched(upgrade, connection, accept, "Sec-WebSocket-Protocol: chat\r\n"),
            error: .subprotocolNotOffered
        ),
        HostileHandshake(
            name: "a subprotocol in another case",
            answer: switched(upgrade, connection, accept, "Sec-WebSocket-Protocol: Rivet\r\n"),
            subprotocols: ["rivet"],
            error: .subprotocolNotOffered
        ),
        HostileHandshake(
            name: "the whole offer as subprotocol",
            answer: switched(upgrade, connection, accept, "Sec-WebSocket-Protocol: a, b\r\n"),
            subprotocols: ["a", "b"],
            error: .subprotocolNotOffered
        ),
        HostileHandshake(
            name: "an empty subprotocol",
            answer: switched(upgrade, connection, accept, "Sec-WebSocket-Protocol:\r\n"),
            subprotocols: ["a"],
            error: .subprotocolNotOffered
        ),
        HostileHandshake(
            name: "two subprotocols",
            answer: switched(upgrade, connection, accept, "Sec-WebSocket-Protocol: a\r\nSec-WebSocket-Protocol: a\r\n"),
            subprotocols: ["a"],
            error: .severalSubprotocols(count: 2)
        ),
        HostileHandshake(
            name: "no subprotocol where one is needed",
            answer: switched(upgrade, connection, accept),
            subprotocols: ["rivet"],
            requiresSubprotocol: true,
            error: .subprotocolMissing
        ),

        // The HTTP around it.
        HostileHandshake(name: "nothing", answer: [], ends: true, error: .ended(.finished)),
        HostileHandshake(
            name: "a part of a head",
            answer: Array("HTTP/1.1 101 Switching\r\nUpgr".utf8),
            ends: true,
            error: .ended(.finished)
        ),
        HostileHandshake(
            name: "another protocol",
            answer: Array("SSH-2.0-OpenSSH_9.6\r\n".utf8),
            error: .http(.malformed(.statusLine, offset: 0))
        ),
        HostileHandshake(
            name: "a frame instead of a head",
            answer: [0x81, 0x01, 0x61, 0x0D, 0x0A],
            error: .http(.malformed(.statusLine, offset: 0))
        ),
        HostileHandshake(
            name: "HTTP/2",
            answer: Array("HTTP/2 101 x\r\n\r\n".utf8),
            error: .http(.unsupportedVersion(offset: 5))
        ),
        HostileHandshake(
            name: "another protocol in a folded line of Upgrade",
            answer: switched(upgrade, " h2c\r\n", connection, accept),
            error: .upgradeField
        ),
        HostileHandshake(
            name: "a folded line before the first field",
            answer: switched(" " + upgrade, connection, accept),
            error: .http(.malformed(.foldedField, offset: 0))
        ),
        HostileHandshake(
            name: "a blank before the colon",
            answer: switched("Upgrade : websocket\r\n", connection, accept),
            error: .http(.malformed(.fieldName, offset: 0))
        ),
        HostileHandshake(
            name: "a NUL in a value",
            answer: switched("Upgrade: web\0socket\r\n", connection, accept),
            error: .http(.malformed(.fieldValue, offset: 0))
        ),
        HostileHandshake(
            name: "a field without end",
            answer: Array("HTTP/1.1 101 x\r\nX: ".utf8) + [UInt8](repeating: 0x61, count: 300_000),
            error: .http(.tooLarge(.head, limit: 65_536, actual: nil))
        ),
        HostileHandshake(
            name: "fields without end",
            answer: Array("HTTP/1.1 101 x\r\n".utf8) + (0..<50_000).flatMap { _ in Array("X: y\r\n".utf8) },
            error: .http(.tooLarge(.head, limit: 65_536, actual: nil))
        ),
        HostileHandshake(
            name: "interim answers without end",
            answer: (0..<50_000).flatMap { _ in refused(103) },
            error: .http(.tooLarge(.head, limit: 65_536, actual: nil))
        ),
    ]
}

@Suite(.leavesNothing, .timeLimit(.minutes(3)))
struct HostileHandshakeTests {
    /// The error comes without any waiting, the stream is closed, and the next handshake works.
    @Test(arguments: HostileHandshake.rows, StreamPair.Kind.all)
    func failsAndTheNextOneWorks(_ row: HostileHandshake, _ kind: StreamPair.Kind) async throws {
        let fixture = try await LiteralWebSocket(kind)
        await #expect {
            _ = try await fixture.open(
                answer: row.answer,
                subprotocols: row.subprotocols,
                requiresSubprotocol: row.requiresSubprotocol,
                endsAfterAnswer: row.ends
            )
        } throws: { error in
            guard let error = error as? WebSocketHandshakeError else { return false }
            return Self.isSame(error, row.error)
        }
        // The stream was closed; the peer sees an end, or a reset where it had sent more than was read.
        #expect(await fixture.peer.untilEnd().ends.count == 1)
        await fixture.end()

        let next = try await LiteralWebSocket(kind)
        let channel = try await next.open(answer: Array(LiteralWebSocket.answer.utf8) + frame(1, [0x61]))
        #expect(try await channel.messages.first { _ in true } == .text("a"))
        await next.end()
    }

    /// Where exactly a malformed head is bad is held by the tests of HTTP.
    private static func isSame(_ error: WebSocketHandshakeError, _ expected: WebSocketHandshakeError) -> Bool {
        switch (error, expected) {
        case (.http(.malformed(let part, _)), .http(.malformed(let expectedPart, _))): part == expectedPart
        case (.http(.tooLarge(let section, _, _)), .http(.tooLarge(let expectedSection, _, _))):
            section == expectedSection
        default: error == expected
        }
    }

    @Test func everyRowIsItsOwn() {
        #expect(HostileHandshake.rows.count >= 30)
        #expect(Set(HostileHandshake.rows.map(\.name)).count == HostileHandshake.rows.count)
        for row in HostileHandshake.rows { #expect(!row.error.description.isEmpty) }
    }

    @Test(arguments: StreamPair.Kind.all)
    func whatComesInThePacketOfTheAnswerIsRead(_ kind: StreamPair.Kind) async throws {
        let fixture = try await LiteralWebSocket(kind)
        let bytes = Array(LiteralWebSocket.answer.utf8) + frame(1, [0x61]) + frame(2, [0x62]) + frame(8, [0x03, 0xE8])
        let channel = try await fixture.open(answer: bytes)
        let (messages, error) = await channel.readAll()
        #expect(messages == [.text("a"), .binary(ByteChunk([0x62]))])
        #expect(error == nil)
        #expect(channel.closing == WebSocketClosing(.normalClosure))
        await fixture.end()
    }

    @Test(arguments: StreamPair.Kind.all)
    func interimAnswersAreSkipped(_ kind: StreamPair.Kind) async throws {
        let fixture = try await LiteralWebSocket(kind)
        let early = Array("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n".utf8)
        let channel = try await fixture.open(answer: early + Array(LiteralWebSocket.answer.utf8) + frame(1, [0x61]))
        #expect(try await channel.messages.first { _ in true } == .text("a"))
        await fixture.end()
    }

    @Test(arguments: StreamPair.Kind.all)
    func cancelledWhileTheAnswerIsAwaited(_ kind: StreamPair.Kind) async throws {
        let fixture = try await LiteralWebSocket(kind)
        let opening = Task { try await fixture.open(answer: []) }
        _ = await fixture.peer.until { !$0.bytes.isEmpty }
        opening.cancel()
        await #expect(throws: CancellationError.self) { try await opening.value }
        _ = await fixture.peer.untilEnd()
        await fixture.end()
    }

    @Test(arguments: StreamPair.Kind.all)
    func cancelledBefore(_ kind: StreamPair.Kind) async throws {
        let fixture = try await LiteralWebSocket(kind)
        let opening = Task {
            withUnsafeCurrentTask { $0?.cancel() }
            return try await fixture.open()
        }
        await #expect(throws: CancellationError.self) { try await opening.value }
        await fixture.end()
    }
}
