// SPDX-License-Identifier: Apache-2.0
import RivetAsync
import Testing

@Suite(.leavesNothing, .timeLimit(.minutes(3)))
struct ErrorClassTests {
    struct Answer: Sendable, CustomTestStringConvertible {
        let name: String
        var status: Int?
        var resource: String?
        var fromGateway = false
        var fromActor = false
        let execution: RivetError.Execution
        let isTransient: Bool
        var forgetsID = false
        var resolvesAgain = false
        var testDescription: String { "\(name) \(status.map(String.init) ?? "on a connection")" }
    }

    static let answers = [
        // PROTOCOL i3.
        Answer(
            name: "actor.not_found",
            status: 404,
            fromGateway: true,
            execution: .notSent,
            isTransient: false,
            forgetsID: true,
            resolvesAgain: true
        ),
        Answer(name: "actor.not_found", status: 404, resource: "route", execution: .notSent, isTransient: false),
        Answer(
            name: "actor.not_found",
            status: 404,
            resource: "instance",
            execution: .notSent,
            isTransient: true,
            forgetsID: true,
            resolvesAgain: true
        ),
        Answer(
            name: "actor.destroyed_while_waiting_for_ready",
            status: 400,
            fromGateway: true,
            execution: .notSent,
            isTransient: false,
            forgetsID: true,
            resolvesAgain: true
        ),
        Answer(
            name: "actor.destroyed_during_creation",
            status: 400,
            execution: .notSent,
            isTransient: true,
            forgetsID: true,
            resolvesAgain: true
        ),
        Answer(name: "actor.no_runner_config_configured", status: 400, execution: .notSent, isTransient: false),
        Answer(name: "namespace.not_found", status: 400, execution: .notSent, isTransient: false),
        Answer(name: "datacenter.not_found", status: 400, execution: .notSent, isTransient: false),
        Answer(name: "guard.no_route", status: 404, fromGateway: true, execution: .notSent, isTransient: false),
        Answer(name: "guard.missing_header", status: 400, fromGateway: true, execution: .notSent, isTransient: false),
        Answer(name: "guard.query_missing_pool", status: 400, execution: .notSent, isTransient: false),
        Answer(name: "guard.rate_limit", status: 429, fromGateway: true, execution: .notSent, isTransient: true),
        Answer(name: "guard.invalid_request_body", status: 413, execution: .notSent, isTransient: false),
        Answer(name: "guard.actor_ready_timeout", status: 503, execution: .mayHaveRun, isTransient: true),
        Answer(name: "guard.actor_runner_failed", status: 400, execution: .mayHaveRun, isTransient: true),
        Answer(name: "guard.actor_wake_retries_exceeded", status: 503, execution: .mayHaveRun, isTransient: true),
        Answer(name: "guard.request_timeout", status: 504, execution: .mayHaveRun, isTransient: true),
        Answer(name: "guard.route_actor_timeout", status: 400, execution: .mayHaveRun, isTransient: true),
        Answer(name: "pegboard.route_x_timeout", status: 400, execution: .mayHaveRun, isTransient: true),
        Answer(name: "guard.retry_attempts_exceeded", status: 502, execution: .mayHaveRun, isTransient: true),
        Answer(name: "guard.actor_stopped_while_waiting", status: 503, execution: .mayHaveRun, isTransient: true),
        Answer(name: "guard.tunnel_request_aborted", status: 503, execution: .mayHaveRun, isTransient: true),
        Answer(name: "guard.gateway_response_start_timeout", status: 504, execution: .mayHaveRun, isTransient: true),
        Answer(name: "guard.upstream_error", status: 502, execution: .mayHaveRun, isTransient: true),
        Answer(name: "core.internal_error", status: 500, fromGateway: true, execution: .mayHaveRun, isTransient: true),
        Answer(name: "guard.service_unavailable", status: 503, execution: .notSent, isTransient: true),
        // i5.
        Answer(name: "envoy.actor_not_found", status: 503, execution: .notSent, isTransient: true),
        Answer(name: "envoy.fetch_failed", status: 500, execution: .mayHaveRun, isTransient: true),
        // i6.
        Answer(name: "auth.forbidden", status: 403, execution: .notSent, isTransient: false),
        Answer(name: "actor.action_not_found", status: 404, execution: .notSent, isTransient: false),
        Answer(name: "actor.method_not_allowed", status: 405, execution: .notSent, isTransient: false),
        Answer(name: "actor.action_timed_out", status: 408, execution: .mayHaveRun, isTransient: true),
        Answer(name: "message.incoming_too_long", status: 400, execution: .notSent, isTransient: false),
        Answer(name: "message.outgoing_too_long", status: 400, execution: .ran, isTransient: false),
        Answer(name: "message.outgoing_too_long", execution: .ran, isTransient: false),
        Answer(name: "queue.full", status: 400, execution: .notSent, isTransient: true),
        Answer(name: "queue.message_too_large", status: 400, execution: .notSent, isTransient: false),
        Answer(name: "user.declined", status: 500, execution: .ran, isTransient: false),
        Answer(name: "user.declined", execution: .ran, isTransient: false),
        Answer(name: "actor.starting", status: 500, execution: .mayHaveRun, isTransient: true, forgetsID: true),
        Answer(name: "actor.stopping", status: 500, execution: .mayHaveRun, isTransient: true, forgetsID: true),
        Answer(name: "actor.dropped_reply", status: 500, execution: .mayHaveRun, isTransient: true, forgetsID: true),
        Answer(name: "actor.overloaded", status: 500, execution: .notSent, isTransient: true),
        Answer(name: "actor.restarting", status: 503, execution: .mayHaveRun, isTransient: true),
        Answer(name: "actor.callback_timed_out", status: 500, execution: .notSent, isTransient: true),
        Answer(name: "actor.panicked", status: 500, execution: .mayHaveRun, isTransient: false),
        Answer(name: "rivetkit.internal_error", execution: .mayHaveRun, isTransient: false),
        Answer(name: "core.internal_error", status: 400, execution: .notSent, isTransient: false),
        Answer(name: "protocol.anything", status: 500, execution: .notSent, isTransient: false),
        // Of a call that an action made itself, and passed on.
        Answer(name: "guard.rate_limit", status: 500, fromActor: true, execution: .mayHaveRun, isTransient: true),
        Answer(name: "guard.no_route", status: 500, fromActor: true, execution: .mayHaveRun, isTransient: false),
        Answer(name: "envoy.actor_not_found", fromActor: true, execution: .mayHaveRun, isTransient: true),
        Answer(
            name: "actor.destroyed_during_creation",
            status: 500,
            fromActor: true,
            execution: .mayHaveRun,
            isTransient: true
        ),
        Answer(name: "actor.overloaded", status: 500, fromActor: true, execution: .notSent, isTransient: true),
        // Unknown ones.
        Answer(name: "billing.declined", status: 500, execution: .mayHaveRun, isTransient: false),
        Answer(name: "new.thing", status: 503, fromGateway: true, execution: .mayHaveRun, isTransient: true),
        Answer(name: "new.thing", status: 400, fromGateway: true, execution: .mayHaveRun, isTransient: false),
    ]

    @Test("B30, B52, B53, B209, B212: what an error says about the action", arguments: answers)
    func answersAreClassified(answer: Answer) throws {
        let name = try #require(CloseReasonText(answer.name))
        let found = ErrorClass.answer(
            group: name.group,
            code: name.code,
            status: answer.status,
            metadataResource: answer.resource,
            fromGateway: answer.fromGateway,
            fromActor: answer.fromActor
        )
        #expect(
            found
                == ErrorClass(
                    execution: answer.execution,
                    isTransient: answer.isTransient,
                    forgetsID: answer.forgetsID,
                    resolvesAgain: answer.resolvesAgain
                )
        )
    }

    struct Ending: Sendable, CustomTestStringConvertible {
        let code: UInt16
        let reason: String
        var isPinned = false
        let isPermanent: Bool
        var testDescription: String { "\(code) \(reason)\(isPinned ? " by id" : "")" }
    }

    static let endings = [
        Ending(code: 1000, reason: "", isPermanent: false),
        Ending(code: 1000, reason: "bye", isPermanent: false),
        Ending(code: 1000, reason: "auth.forbidden", isPermanent: false),
        Ending(code: 1000, reason: "actor.stopped", isPermanent: false),
        Ending(code: 1003, reason: "actor.unsupported_websocket_encoding", isPermanent: true),
        Ending(code: 1006, reason: "", isPermanent: false),
        Ending(code: 1008, reason: "ws.message_index_skip", isPermanent: false),
        Ending(code: 1011, reason: "actor.invalid_request", isPermanent: true),
        Ending(code: 1011, reason: "message.incoming_too_long", isPermanent: false),
        Ending(code: 1011, reason: "message.outgoing_too_long", isPermanent: false),
        Ending(code: 1011, reason: "actor.send_failed", isPermanent: false),
        Ending(code: 1011, reason: "actor.init_error", isPermanent: false),
        Ending(code: 1011, reason: "actor.hibernation_persist_failed", isPermanent: false),
        Ending(code: 1011, reason: "auth.forbidden", isPermanent: true),
        Ending(code: 1011, reason: "user.declined", isPermanent: true),
        Ending(code: 1011, reason: "rivetkit.internal_error", isPermanent: false),
        Ending(code: 1011, reason: "actor.not_found#ray", isPermanent: false),
        Ending(code: 1011, reason: "actor.not_found#ray", isPinned: true, isPermanent: true),
        Ending(code: 1011, reason: "actor.destroyed_while_waiting_for_ready#r", isPermanent: false),
        Ending(code: 1011, reason: "actor.destroyed_while_waiting_for_ready#r", isPinned: true, isPermanent: true),
        Ending(code: 1011, reason: "actor.stopping#ray", isPermanent: false),
        Ending(code: 1011, reason: "core.internal_error#ray", isPermanent: false),
        Ending(code: 1011, reason: "guard.actor_wake_retries_exceeded#ray", isPermanent: false),
        Ending(code: 1011, reason: "guard.actor_runner_failed#ray", isPermanent: false),
        Ending(code: 1011, reason: "guard.websocket_closed_before_open#ray", isPermanent: false),
        Ending(code: 1011, reason: "guard.query_invalid_params#ray", isPermanent: true),
        Ending(code: 1011, reason: "guard.missing_header#ray", isPermanent: true),
        Ending(code: 1011, reason: "namespace.not_found#ray", isPermanent: true),
        Ending(code: 1011, reason: "datacenter.not_found#ray", isPermanent: true),
        Ending(code: 1011, reason: "actor.no_runner_config_configured#ray", isPermanent: true),
        Ending(code: 4000, reason: "new.code", isPermanent: false),
    ]

    @Test("B151, B152, B225: which closes are the last", arguments: endings)
    func closesAreClassified(ending: Ending) {
        let isFinal = ErrorClass.isFinal(closeCode: ending.code, reason: ending.reason, isPinned: ending.isPinned)
        #expect(isFinal == ending.isPermanent)
    }

    @Test("B149: which statuses of a handshake are tried again")
    func statusesOfAHandshake() {
        let transient = (400...599).filter { ErrorClass.isTransient(status: $0) }
        #expect(transient == [408, 425, 429] + Array(500...599))
        let final = (200...599).filter { ErrorClass.isFinal(status: $0) }
        #expect(final == (400...499).filter { ![408, 425, 429].contains($0) })
    }
}
