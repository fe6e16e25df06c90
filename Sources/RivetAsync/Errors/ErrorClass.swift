// SPDX-License-Identifier: Apache-2.0

/// What an error of Rivet's means for the one who called: PROTOCOL section i as a pure function.
///
/// Codes are an open set (B212): one that is not named here is classified by its group, then by its status.
package struct ErrorClass: Sendable, Equatable {
    /// Whether the action ran: a repeat is safe where it did not (B52), and the caller's to allow where nobody knows (B53).
    package var execution: RivetError.Execution
    /// Whether the cause passes, so that the same call may succeed later.
    package var isTransient: Bool
    /// Whether a handle by key forgets the id it kept (B30).
    package var forgetsID = false
    /// Whether a handle by key looks the actor up again and repeats the call (B31, B52).
    package var resolvesAgain = false

    package init(
        execution: RivetError.Execution,
        isTransient: Bool,
        forgetsID: Bool = false,
        resolvesAgain: Bool = false
    ) {
        self.execution = execution
        self.isTransient = isTransient
        self.forgetsID = forgetsID
        self.resolvesAgain = resolvesAgain
    }

    private static func safe(isTransient: Bool, forgetsID: Bool = false) -> Self {
        Self(execution: .notSent, isTransient: isTransient, forgetsID: forgetsID)
    }

    private static func maybeRan(isTransient: Bool, forgetsID: Bool = false) -> Self {
        Self(execution: .mayHaveRun, isTransient: isTransient, forgetsID: forgetsID)
    }

    /// The actor is gone, or the kept id is stale.
    private static func gone(isTransient: Bool = false) -> Self {
        Self(execution: .notSent, isTransient: isTransient, forgetsID: true, resolvesAgain: true)
    }

    private static let refused = safe(isTransient: false)
    private static let ran = Self(execution: .ran, isTransient: false)

    // MARK: Answers

    /// An error answer, over HTTP or, without a status, to an action of a connection.
    ///
    /// `metadataResource` is the member `resource` of the metadata of `actor.not_found` (i3). `fromGateway`: it has
    /// `x-rivet-error` and no `x-rivet-actor`. `fromActor`: it has that one, or answers an action of a connection.
    package static func answer(
        group: String,
        code: String,
        status: Int?,
        metadataResource: String? = nil,
        fromGateway: Bool = false,
        fromActor: Bool = false
    ) -> ErrorClass {
        if fromActor, isOfRouting(group: group, code: code) {
            // The actor side never says so of itself: the action ran into it when it called another actor (i2).
            return maybeRan(isTransient: answer(group: group, code: code, status: status).isTransient)
        }
        switch (group, code) {
        case ("actor", "not_found"):
            // A wrong path is no stale id; an instance that is not running there comes back (i3).
            return metadataResource == "route" ? refused : gone(isTransient: metadataResource == "instance")
        case ("core", "internal_error"):
            // The same code for a request that did not decode (i6), and for anything unexpected.
            return status == 400 ? refused : maybeRan(isTransient: true)
        default:
            break
        }
        if let known = codes["\(group).\(code)"] { return known }
        if group == "actor", code.hasPrefix("destroyed_") {
            return gone(isTransient: code == "destroyed_during_creation")
        }
        if code.hasPrefix("route_"), code.hasSuffix("_timeout") { return maybeRan(isTransient: true) }
        if group == "guard", code.hasPrefix("query_") { return refused }
        if let known = groups[group] { return known }
        return maybeRan(isTransient: fromGateway && isTransient(status: status ?? 500))
    }

    /// Whether only the engine and its gateway say this, about the way to an actor.
    private static func isOfRouting(group: String, code: String) -> Bool {
        ["guard", "envoy", "pegboard"].contains(group) || group == "actor" && code.hasPrefix("destroyed_")
    }

    /// Whether an HTTP status stands for a cause that passes; also that of a refused handshake (B149).
    package static func isTransient(status: Int) -> Bool {
        switch status {
        case 408, 425, 429, 500...599: true
        default: false
        }
    }

    /// Codes of i3, i5 and i6.
    ///
    /// Over HTTP no routing error proves that the action did not run, since the gateway may
    /// have tried before (i4): what is "safe*" there is `maybeRan` here.
    private static let codes: [String: ErrorClass] = [
        "actor.action_not_found": refused,
        "actor.method_not_allowed": refused,
        "actor.no_runner_config_configured": refused,
        "actor.duplicate_key": refused,
        "actor.key_reserved_in_different_datacenter": refused,
        "actor.namespace_not_found": refused,
        "actor.empty_key": refused,
        "actor.key_too_large": refused,
        "actor.input_too_large": refused,
        // The engine cannot tell whether it has made the actor; it will not where it counts too many (i7).
        "actor.create_pending": maybeRan(isTransient: true),
        "actor.creation_rate_limit": safe(isTransient: true),
        "actor.invalid_request": refused,
        "actor.unsupported_websocket_encoding": refused,
        "actor.overloaded": safe(isTransient: true),
        "actor.callback_timed_out": safe(isTransient: true),
        "actor.starting": maybeRan(isTransient: true, forgetsID: true),
        "actor.not_ready": maybeRan(isTransient: true, forgetsID: true),
        "actor.not_configured": maybeRan(isTransient: true, forgetsID: true),
        "actor.stopping": maybeRan(isTransient: true, forgetsID: true),
        "actor.destroying": maybeRan(isTransient: true, forgetsID: true),
        "actor.dropped_reply": maybeRan(isTransient: true, forgetsID: true),
        "actor.restarting": maybeRan(isTransient: true),
        "actor.action_timed_out": maybeRan(isTransient: true),
        "actor.aborted": maybeRan(isTransient: true),
        "actor.panicked": maybeRan(isTransient: false),
        "rivetkit.internal_error": maybeRan(isTransient: false),
        "message.incoming_too_long": refused,
        "message.outgoing_too_long": ran,
        "queue.full": safe(isTransient: true),
        "namespace.not_found": refused,
        "datacenter.not_found": refused,
        // Refused before routing, as Rivet's gateway does it; its own client takes it for "may have run" (i7).
        "auth.invalid_token": maybeRan(isTransient: false),
        "auth.token_expired": maybeRan(isTransient: false),
        "guard.no_route": refused,
        "guard.missing_header": refused,
        "guard.invalid_header": refused,
        "guard.must_use_regional_host": refused,
        "guard.invalid_request_body": refused,
        "guard.rate_limit": safe(isTransient: true),
        "guard.service_unavailable": safe(isTransient: true),
        "envoy.actor_not_found": safe(isTransient: true),
    ]

    private static let groups: [String: ErrorClass] = [
        "auth": refused,
        "api": refused,
        "validation": refused,
        "protocol": refused,
        "queue": refused,
        "user": ran,
        "guard": maybeRan(isTransient: true),
        "pegboard": maybeRan(isTransient: true),
        "envoy": maybeRan(isTransient: true),
    ]

    // MARK: Connections

    /// Whether no further attempt follows a close by the peer, by default (B152).
    ///
    /// `isPinned`: the handle is by id, so there is no key to resolve again.
    package static func isFinal(closeCode: UInt16, reason: String, isPinned: Bool) -> Bool {
        // A normal close says nothing: the actor stopped, was destroyed or let us go (h9); the next attempt tells.
        guard closeCode != 1_000, let reason = CloseReasonText(reason) else { return false }
        return isFinal(group: reason.group, code: reason.code, isPinned: isPinned)
    }

    /// The same for an error without action id, which a close follows (B142).
    ///
    /// An attempt after the first resolves the key anew whatever ended the one before (B133), so only a handle by id ends
    /// with an actor that is gone. `refusesOpening`: it came before `Init`, where a group that is not Rivet's own is the
    /// actor's author, who says no.
    package static func isFinal(
        group: String,
        code: String,
        isPinned: Bool,
        refusesOpening: Bool = false
    ) -> Bool {
        let name = "\(group).\(code)"
        let isGone = name == "actor.not_found" || (group == "actor" && code.hasPrefix("destroyed_"))
        return finalGroups.contains(group) || finalCodes.contains(name)
            || (group == "guard" && code.hasPrefix("query_")) || (isGone && isPinned)
            || (refusesOpening && !rivetsGroups.contains(group))
    }

    /// Whether no further attempt follows an answer over HTTP, to the handshake (B149) or a lookup, by its status.
    package static func isFinal(status: Int) -> Bool {
        (400..<500).contains(status) && !isTransient(status: status)
    }

    static let finalGroups: Set<String> = ["api", "auth", "protocol", "user", "validation"]

    static let finalCodes: Set<String> = [
        "actor.unsupported_websocket_encoding", "actor.invalid_request", "actor.no_runner_config_configured",
        "namespace.not_found", "datacenter.not_found", "pool.not_found", "guard.no_route", "guard.missing_header",
        "guard.invalid_header", "guard.must_use_regional_host", "guard.invalid_request_body",
    ]

    /// PROTOCOL i3 and i5 to i7, and those of the actor side that are only told (i2).
    private static let rivetsGroups: Set<String> = [
        "actor", "api", "auth", "compute_gateway", "config", "connection", "core", "datacenter", "depot", "envoy",
        "guard", "inspector", "kv", "message", "namespace", "pegboard", "pool", "protocol", "queue", "registry",
        "request", "rivetkit", "runner_config", "schedule", "serverless_runner_pool", "services", "sqlite", "ups",
        "user", "validation", "wasm", "ws",
    ]
}
