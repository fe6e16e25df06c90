// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import RivetAsync

@Suite(.leavesNothing, .timeLimit(.minutes(3)))
struct AttemptEndingTests {
    struct Close: Sendable, CustomTestStringConvertible {
        let code: WebSocketCloseCode
        let reason: String
        let isPermanent: Bool
        var testDescription: String { "\(code.rawValue) \(reason)" }
    }

    @Test(
        "B105, B151, B152, B225: which closes end a connection",
        arguments: [
            Close(code: 1000, reason: "", isPermanent: false),
            Close(code: 1000, reason: "actor.stopped", isPermanent: false),
            Close(code: 1000, reason: "auth.forbidden", isPermanent: false),
            Close(code: 1000, reason: "go away", isPermanent: false),
            Close(code: 1003, reason: "actor.unsupported_websocket_encoding", isPermanent: true),
            Close(code: 1008, reason: "ws.message_index_skip", isPermanent: false),
            Close(code: 1011, reason: "auth.forbidden", isPermanent: true),
            Close(code: 1011, reason: "user.declined", isPermanent: true),
            Close(code: 1011, reason: "actor.invalid_request", isPermanent: true),
            Close(code: 1011, reason: "message.incoming_too_long", isPermanent: false),
            Close(code: 1011, reason: "actor.send_failed", isPermanent: false),
            Close(code: 1011, reason: "core.internal_error#abc", isPermanent: false),
            Close(code: 1011, reason: "guard.actor_ready_timeout#abc", isPermanent: false),
            Close(code: 1011, reason: "namespace.not_found#abc", isPermanent: true),
            Close(code: 1012, reason: "", isPermanent: false),
        ]
    )
    func closes(_ row: Close) {
        let ending = AttemptEnding(
            closing: WebSocketClosing(row.code, reason: row.reason),
            rayID: "ray101",
            isPinned: false
        )
        #expect(ending.isPermanent == row.isPermanent)
        #expect(ending.error.code == .closedByPeer)
        #expect(ending.error.remote?.closeCode == row.code)
    }

    @Test("B206, B207: the ray of a close reason is the error's, else that of the 101")
    func rays() {
        let own = AttemptEnding(
            closing: WebSocketClosing(1011, reason: "core.internal_error#r1"),
            rayID: "r0",
            isPinned: false
        )
        #expect(own.error.remote?.rayID == "r1")
        #expect(own.error.remote?.group == "core")
        #expect(own.error.remote?.code == "internal_error")
        let none = AttemptEnding(
            closing: WebSocketClosing(1011, reason: "actor.send_failed"),
            rayID: "r0",
            isPinned: false
        )
        #expect(none.error.remote?.rayID == "r0")
        let text = AttemptEnding(closing: WebSocketClosing(1000, reason: "bye"), rayID: nil, isPinned: false)
        #expect(text.error.remote?.message == "bye")
    }

    @Test(
        "B149, B150: a plain status on the handshake",
        arguments: [
            (200, false), (204, false), (302, false), (401, true), (404, true), (408, false), (425, false),
            (429, false), (500, false), (503, false),
        ]
    )
    func handshakeStatus(_ status: Int, _ isPermanent: Bool) throws {
        let head = HTTPResponseHead(status: status, fields: ["Retry-After": "7"])
        let endpoint = try Endpoint.parse("http://h").endpoint
        let ending = AttemptEnding(
            opening: WebSocketHandshakeError.notSwitched(head),
            endpoint
        )
        #expect(ending.isPermanent == isPermanent)
        #expect(ending.retryAfter == .seconds(7))
        #expect(ending.error.code == .handshakeRefused)
        #expect(ending.error.remote?.httpStatus == status)
    }

    @Test(
        "B149: a 101 that is wrong breaks the protocol, and another attempt follows",
        arguments: [
            WebSocketHandshakeError.upgradeField, .connectionField, .acceptKeyMissing(count: 0), .acceptKeyWrong,
            .extensionNotOffered, .severalSubprotocols(count: 2), .subprotocolNotOffered, .subprotocolMissing,
        ]
    )
    func wrongUpgrade(_ error: WebSocketHandshakeError) throws {
        let ending = AttemptEnding(opening: error, try Endpoint.parse("http://h").endpoint)
        #expect(!ending.isPermanent)
        #expect(ending.error.code == .protocolViolation)
        #expect(ending.error.fault == .server)
        #expect(ending.error.execution == .notSent)
        #expect(!ending.error.isTransient)
    }

    struct Refusal: Sendable, CustomTestStringConvertible {
        let name: String
        var isBeforeInit = true
        let isPermanent: Bool
        var testDescription: String { "\(name)\(isBeforeInit ? "" : " behind Init")" }
    }

    @Test(
        "B152: which errors without action id end a connection: an author's own group does before Init",
        arguments: [
            Refusal(name: "user.declined", isPermanent: true),
            Refusal(name: "shop.closed", isPermanent: true),
            Refusal(name: "shop.closed", isBeforeInit: false, isPermanent: false),
            Refusal(name: "auth.forbidden", isPermanent: true),
            Refusal(name: "protocol.invalid", isPermanent: true),
            Refusal(name: "rivetkit.internal_error", isPermanent: false),
            Refusal(name: "core.internal_error", isPermanent: false),
            Refusal(name: "actor.some_new_code", isPermanent: false),
            Refusal(name: "connection.some_new_code", isPermanent: false),
            Refusal(name: "message.incoming_too_long", isBeforeInit: false, isPermanent: false),
        ]
    )
    func refusals(_ row: Refusal) throws {
        let name = try #require(CloseReasonText(row.name))
        let message = ErrorMessage(group: name.group, code: name.code, message: "why")
        let ending = AttemptEnding(refusal: message, isPinned: false, beforeInit: row.isBeforeInit)
        #expect(ending.isPermanent == row.isPermanent)
        #expect(ending.error.isTransient == !row.isPermanent)
    }

    struct Lookup: Sendable, CustomTestStringConvertible {
        let status: Int
        let name: String
        var testDescription: String { "\(status) \(name)" }
    }

    @Test(
        "B148, B152: a connection ends with what a lookup says where no repeat mends it",
        arguments: [
            Lookup(status: 403, name: "api.forbidden"), Lookup(status: 401, name: "api.unauthorized"),
            Lookup(status: 400, name: "api.bad_request"), Lookup(status: 400, name: "validation.any"),
            Lookup(status: 400, name: "namespace.not_found"), Lookup(status: 400, name: "actor.key_too_large"),
            Lookup(status: 400, name: "actor.no_runner_config_configured"), Lookup(status: 400, name: "new.code"),
            Lookup(status: 404, name: "a page"), Lookup(status: 302, name: "a page"),
            Lookup(status: 200, name: "a page"),
        ]
    )
    func lookups(_ row: Lookup) async throws {
        try await CauseTests.run { client, server in
            let connection = client.getOrCreate("a", "key").connect()
            let peer = try await server.accept()
            _ = try await peer.readHead()
            let name = CloseReasonText(row.name)
            let body = name.map { #"{"group":"\#($0.group)","code":"\#($0.code)","message":"why"}"# } ?? "<html>"
            peer.write(
                "HTTP/1.1 \(row.status) X\r\ncontent-length: \(body.utf8.count)\r\nconnection: close\r\n\r\n\(body)"
            )
            let error = await #expect(throws: RivetError.self) { try await connection.waitUntilConnected() }
            #expect(error?.code == (name == nil ? .unexpectedResponse : .remote))
            #expect(error?.remote?.httpStatus == row.status)
            #expect(connection.status.current.name == "closed")
        }
    }

    @Test(
        "B151, B152: what passes does not end a connection",
        arguments: [
            (429, "actor", "creation_rate_limit"), (500, "core", "internal_error"), (503, "new", "code"),
            (400, "guard", "actor_runner_failed"), (408, "", ""), (502, "", ""),
        ]
    )
    func passing(_ status: Int, _ group: String, _ code: String) {
        let meaning = ErrorClass.answer(group: group, code: code, status: status)
        let error = RivetError(
            group.isEmpty ? .unexpectedResponse : .remote,
            "",
            fault: .server,
            isTransient: group.isEmpty ? ErrorClass.isTransient(status: status) : meaning.isTransient,
            remote: RemoteError(group: group, code: code, message: "", httpStatus: status)
        )
        #expect(error.endsAttempts == false)
    }
}
