// SPDX-License-Identifier: Apache-2.0
import RivetAsync

/// An error on its way to a client, before it is masked and written.
struct EngineError: Error {
    /// Who writes it: that decides its encoding, and the header that names it (PROTOCOL d, e6).
    enum Origin {
        /// The actor side: in the request's encoding, with `actor`.
        case actor
        /// The gateway: JSON, with `x-rivet-error`.
        case gateway
        /// The actors API: JSON, without.
        case api
    }

    var group: String
    var code: String
    var message: String
    var metadata: (any Encodable & Sendable)?
    var status: Int?
    var origin = Origin.actor

    static let maskedMessage = "An internal error occurred"

    static func actor(_ code: String, _ message: String, metadata: (any Encodable & Sendable)? = nil) -> EngineError {
        EngineError(group: "actor", code: code, message: message, metadata: metadata)
    }

    static func gateway(
        _ group: String,
        _ code: String,
        _ message: String,
        status: Int? = nil,
        metadata: (any Encodable & Sendable)? = nil
    ) -> EngineError {
        EngineError(group: group, code: code, message: message, metadata: metadata, status: status, origin: .gateway)
    }

    static func api(
        _ group: String,
        _ code: String,
        _ message: String,
        status: Int = 400,
        metadata: (any Encodable & Sendable)? = nil
    ) -> EngineError {
        EngineError(group: group, code: code, message: message, metadata: metadata, status: status, origin: .api)
    }

    /// What a handler threw.
    init(thrown error: any Error) {
        switch error {
        case let failure as EngineError: self = failure
        case let user as UserError:
            self.init(group: "user", code: user.code, message: user.message, metadata: user.metadata)
        case let failure as any ActorFailure:
            let code = type(of: failure).code
            let message = (failure as? any CustomStringConvertible)?.description ?? code
            self.init(group: "user", code: code, message: message, metadata: failure)
        default: self.init(group: "rivetkit", code: "internal_error", message: "\(error)")
        }
    }

    /// Of a WebSocket that fails so; what comes from the engine carries its ray (PROTOCOL h9).
    func closeReason(ray: String?) -> String {
        let code = "\(group).\(code)"
        return ray.flatMap { origin == .actor ? nil : "\(code)#\($0)" } ?? code
    }

    init(
        group: String,
        code: String,
        message: String,
        metadata: (any Encodable & Sendable)? = nil,
        status: Int? = nil,
        origin: Origin = .actor
    ) {
        self.group = group
        self.code = code
        self.message = message
        self.metadata = metadata
        self.status = status
        self.origin = origin
    }

    /// What the actor side lets out (PROTOCOL i2).
    var masked: EngineError {
        guard origin == .actor, !passesUnmasked else { return self }
        var masked = self
        masked.message = Self.maskedMessage
        masked.metadata = nil
        return masked
    }

    private var passesUnmasked: Bool {
        switch group {
        case "user", "queue", "schedule", "kv": true
        case "auth": code == "forbidden"
        case "message": code.hasSuffix("_too_long")
        case "actor":
            ["not_found", "action_not_found", "method_not_allowed", "action_timed_out", "aborted"].contains(code)
        default: false
        }
    }

    /// The HTTP status (PROTOCOL i3, i6).
    var httpStatus: Int {
        if let status = status ?? Self.statuses["\(group).\(code)"] { return status }
        switch group {
        case "message", "queue": return 400
        case "core", "envoy": return 500
        case _ where Self.gatewayGroups.contains(group): return 400
        default: return 500
        }
    }

    /// Whose errors the engine and its gateway make, those of Rivet 3 among them (PROTOCOL i3, i7).
    static let gatewayGroups: Set = [
        "compute_gateway", "config", "core", "datacenter", "envoy", "guard", "namespace", "pegboard", "pool",
        "runner_config", "serverless_runner_pool", "services", "ups",
    ]
    private static let gatewayCodes: Set = [
        "actor.create_pending", "actor.creation_rate_limit", "actor.destroyed_while_waiting_for_ready",
        "auth.insufficient_permissions", "auth.invalid_token", "auth.token_expired",
    ]

    /// Who writes an error of this name.
    static func origin(group: String, code: String) -> Origin {
        gatewayGroups.contains(group) || gatewayCodes.contains("\(group).\(code)") ? .gateway : .actor
    }

    private static let statuses = [
        "actor.action_not_found": 404, "actor.action_timed_out": 408, "actor.create_pending": 409,
        "actor.creation_rate_limit": 429, "actor.method_not_allowed": 405,
        "actor.not_found": 404, "actor.restarting": 503, "actor.destroyed_while_waiting_for_ready": 400,
        "actor.no_runner_config_configured": 400, "auth.forbidden": 403, "auth.insufficient_permissions": 403,
        "auth.invalid_token": 401, "auth.token_expired": 401, "envoy.actor_not_found": 503,
        "guard.actor_ready_timeout": 503, "guard.actor_stopped_while_waiting": 503,
        "guard.actor_wake_retries_exceeded": 503, "guard.gateway_response_start_timeout": 504,
        "guard.invalid_request_body": 413, "guard.invalid_response_body": 502, "guard.no_route": 404,
        "guard.rate_limit": 429, "guard.request_delivery_indeterminate": 503, "guard.request_timeout": 504,
        "guard.retry_attempts_exceeded": 502,
        "guard.service_unavailable": 503, "guard.tunnel_message_timeout": 504, "guard.tunnel_request_aborted": 503,
        "guard.tunnel_response_closed": 503, "guard.upstream_error": 502,
    ]

    // MARK: The engine's own

    static let actorNotFound = gateway("actor", "not_found", "The actor does not exist or was destroyed.", status: 404)
    static let destroyed = gateway(
        "actor",
        "destroyed_while_waiting_for_ready",
        "Actor was destroyed while waiting for ready state.",
        status: 400
    )
    static let internalError = gateway("core", "internal_error", maskedMessage, status: 500)
    static let namespaceNotFound = api("namespace", "not_found", "The namespace does not exist.")
    static let apiNotFound = api("api", "not_found", "The requested resource was not found.", status: 404)
    static let callbackTimedOut = actor("callback_timed_out", "Callback timed out")
    static let actionTimedOut = actor("action_timed_out", "Action timed out")
    static let incomingTooLong = EngineError(
        group: "message",
        code: "incoming_too_long",
        message: "Incoming message too long"
    )
    static let outgoingTooLong = EngineError(
        group: "message",
        code: "outgoing_too_long",
        message: "Outgoing message too long"
    )
    /// A body or parameters that do not decode: 400 with the masked message (PROTOCOL e1).
    static let undecodable = EngineError(group: "core", code: "internal_error", message: maskedMessage, status: 400)

    static func actionNotFound(_ name: String) -> EngineError {
        actor("action_not_found", "Action `\(name)` was not found.")
    }

    static func routeNotFound(_ path: String) -> EngineError {
        actor("not_found", "The requested route was not found.", metadata: ["resource": "route", "id": path])
    }

    static func readyTimeout(_ id: ActorID) -> EngineError {
        gateway(
            "guard",
            "actor_ready_timeout",
            "Timed out waiting for actor to become ready. Ensure that the pool selector is accurate and there are "
                + "envoys available in the namespace you created this actor.",
            metadata: ["actor_id": id.rawValue]
        )
    }

    static func wakeRetriesExceeded(_ id: ActorID) -> EngineError {
        struct Metadata: Encodable, Sendable {
            let actor_id: String
            let wake_retries = 8
            let reason = "actor_stopped_before_ready"
        }
        return gateway(
            "guard",
            "actor_wake_retries_exceeded",
            "Actor \(id) stopped before becoming ready after 8 wake retries: actor_stopped_before_ready.",
            metadata: Metadata(actor_id: id.rawValue)
        )
    }
}
