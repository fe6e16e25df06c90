// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import RivetAsync

@Suite(.timeLimit(.minutes(1)))
struct RemoteMeaningTests {
    struct Row: Sendable, CustomTestStringConvertible {
        let name: String
        var status: Int? = 500
        var resource: String?
        let execution: RivetError.Execution
        let isTransient: Bool
        var forgets = false
        var resolves = false
        var isPermanent = false

        var testDescription: String { "\(name) \(status.map(String.init) ?? "connection")" }
    }

    @Test(
        "B30, B52, B53, B152: what each error means for the call, the id and the connection",
        arguments: [
            Row(name: "user.declined", execution: .ran, isTransient: false, isPermanent: true),
            Row(
                name: "actor.not_found",
                status: 404,
                execution: .notSent,
                isTransient: false,
                forgets: true,
                resolves: true
            ),
            Row(
                name: "actor.not_found",
                status: 404,
                resource: "instance",
                execution: .notSent,
                isTransient: false,
                forgets: true,
                resolves: true
            ),
            Row(name: "actor.not_found", status: 404, resource: "route", execution: .notSent, isTransient: false),
            Row(
                name: "actor.destroyed_while_waiting_for_ready",
                status: 400,
                execution: .notSent,
                isTransient: false,
                forgets: true,
                resolves: true
            ),
            Row(name: "actor.stopping", execution: .mayHaveRun, isTransient: true, forgets: true),
            Row(name: "actor.starting", execution: .mayHaveRun, isTransient: true, forgets: true),
            Row(name: "actor.dropped_reply", execution: .mayHaveRun, isTransient: true, forgets: true),
            Row(name: "actor.not_configured", execution: .mayHaveRun, isTransient: true, forgets: true),
            Row(name: "actor.overloaded", execution: .notSent, isTransient: true),
            Row(name: "actor.callback_timed_out", execution: .notSent, isTransient: true),
            Row(name: "guard.service_unavailable", status: 503, execution: .notSent, isTransient: true),
            Row(name: "guard.rate_limit", status: 429, execution: .notSent, isTransient: true),
            Row(name: "envoy.actor_not_found", status: 503, execution: .notSent, isTransient: true),
            Row(name: "queue.full", status: 400, execution: .notSent, isTransient: true),
            Row(name: "queue.message_too_large", status: 400, execution: .notSent, isTransient: false),
            Row(name: "guard.retry_attempts_exceeded", status: 502, execution: .mayHaveRun, isTransient: true),
            Row(name: "guard.actor_ready_timeout", status: 503, execution: .mayHaveRun, isTransient: true),
            Row(name: "guard.tunnel_response_closed", status: 503, execution: .mayHaveRun, isTransient: true),
            Row(name: "actor.restarting", status: 503, execution: .mayHaveRun, isTransient: true),
            Row(name: "actor.destroying", execution: .mayHaveRun, isTransient: true),
            Row(name: "actor.action_timed_out", status: 408, execution: .mayHaveRun, isTransient: true),
            Row(name: "core.internal_error", execution: .mayHaveRun, isTransient: true),
            Row(name: "core.internal_error", status: 400, execution: .notSent, isTransient: false),
            Row(name: "core.internal_error", status: nil, execution: .mayHaveRun, isTransient: true),
            Row(name: "message.incoming_too_long", status: 400, execution: .notSent, isTransient: false),
            Row(name: "message.outgoing_too_long", status: 400, execution: .ran, isTransient: false),
            Row(name: "actor.action_not_found", status: 404, execution: .notSent, isTransient: false),
            Row(name: "auth.forbidden", status: 403, execution: .notSent, isTransient: false, isPermanent: true),
            Row(name: "namespace.not_found", status: 400, execution: .notSent, isTransient: false, isPermanent: true),
            Row(
                name: "guard.query_invalid_params",
                status: 400,
                execution: .notSent,
                isTransient: false,
                isPermanent: true
            ),
            Row(
                name: "actor.unsupported_websocket_encoding",
                status: nil,
                execution: .notSent,
                isTransient: false,
                isPermanent: true
            ),
            Row(name: "actor.invalid_request", status: nil, execution: .notSent, isTransient: false, isPermanent: true),
            Row(name: "actor.send_failed", status: nil, execution: .mayHaveRun, isTransient: true),
            Row(name: "guard.websocket_closed_before_open", status: nil, execution: .mayHaveRun, isTransient: true),
            Row(name: "somebody.elses", execution: .mayHaveRun, isTransient: true),
        ]
    )
    func meaning(_ row: Row) throws {
        let text = try #require(CloseReasonText(row.name))
        let meaning = RemoteMeaning(
            group: text.group,
            code: text.code,
            over: row.status.map { .http(status: $0) } ?? .connection,
            resource: row.resource
        )
        #expect(meaning.execution == row.execution)
        #expect(meaning.isTransient == row.isTransient)
        #expect(meaning.forgetsActorID == row.forgets)
        #expect(meaning.resolvesAnew == row.resolves)
        #expect(meaning.isPermanent == row.isPermanent)
    }

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
        let failure = ConnectionFailure(closing: WebSocketClosing(row.code, reason: row.reason), rayID: "ray101")
        #expect(failure.isPermanent == row.isPermanent)
        #expect(failure.error.code == .closedByPeer)
        #expect(failure.error.remote?.closeCode == row.code)
    }

    @Test("B206, B207: the ray of a close reason is the error's, else that of the 101")
    func rays() {
        let own = ConnectionFailure(closing: WebSocketClosing(1011, reason: "core.internal_error#r1"), rayID: "r0")
        #expect(own.error.remote?.rayID == "r1")
        #expect(own.error.remote?.group == "core")
        #expect(own.error.remote?.code == "internal_error")
        let none = ConnectionFailure(closing: WebSocketClosing(1011, reason: "actor.send_failed"), rayID: "r0")
        #expect(none.error.remote?.rayID == "r0")
        let text = ConnectionFailure(closing: WebSocketClosing(1000, reason: "bye"), rayID: nil)
        #expect(text.error.remote?.message == "bye")
    }

    @Test(
        "B149, B150: a plain status on the handshake",
        arguments: [(401, true), (404, true), (408, false), (429, false), (503, false)]
    )
    func handshakeStatus(_ status: Int, _ isPermanent: Bool) throws {
        let head = HTTPResponseHead(status: status, fields: ["Retry-After": "7"])
        let endpoint = try Endpoint.parse("http://h").endpoint
        let failure = ConnectionFailure(
            attemptError: WebSocketHandshakeError.notSwitched(head),
            endpoint: endpoint,
            openTimeout: .seconds(75)
        )
        #expect(failure.isPermanent == isPermanent)
        #expect(failure.retryAfter == .seconds(7))
        #expect(failure.error.code == .handshakeRefused)
        #expect(failure.error.remote?.httpStatus == status)
    }
}
