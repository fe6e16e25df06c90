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
        arguments: [(401, true), (404, true), (408, false), (429, false), (503, false)]
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
}
