// SPDX-License-Identifier: Apache-2.0

/// What an error of Rivet's means for a caller, by group and code and never by text (PROTOCOL i3 to i6; B30, B52, B53,
/// B151, B152, B211).
struct RemoteMeaning: Sendable, Equatable {
    enum Carrier: Sendable, Equatable {
        case connection
        case http(status: Int)
    }

    var fault = RivetError.Fault.server
    var execution = RivetError.Execution.mayHaveRun
    var isTransient = true
    /// The id behind the handle is stale or about to be: the key is resolved anew at the next call (B30).
    var forgetsActorID = false
    /// There is no such actor under this id, so nothing ran: on a key the call itself is repeated (B31, B52).
    var resolvesAnew = false
    /// The server said no in a way that a repeat will not change: a connection gives up (B152).
    var isPermanent = false

    /// Sorts an error.
    ///
    /// `resource` is the metadata's of an `actor.not_found` (PROTOCOL i3); `isLookup` says that it was a request to the actors
    /// API, where nothing of the actor's can run.
    init(group: String, code: String, over carrier: Carrier, resource: String? = nil, isLookup: Bool = false) {
        switch (group, code) {
        case ("user", _):
            self.init(fault: .actor, execution: .ran, isTransient: false, isPermanent: true)
        case ("actor", _) where code == "not_found" || code.hasPrefix("destroyed_"):
            let isRoute = resource == "route"
            self.init(execution: .notSent, isTransient: false, forgetsActorID: !isRoute, resolvesAnew: !isRoute)
        case ("actor", "starting"), ("actor", "stopping"), ("actor", "not_configured"), ("actor", "dropped_reply"):
            self.init(forgetsActorID: true)
        case ("actor", "overloaded"), ("actor", "callback_timed_out"), ("guard", "service_unavailable"),
            ("guard", "rate_limit"), ("envoy", "actor_not_found"), ("queue", "full"):
            self.init(execution: .notSent)
        case ("actor", "action_timed_out"):
            self.init(fault: .actor)
        case ("message", "outgoing_too_long"):
            self.init(fault: .actor, execution: .ran, isTransient: false)
        case ("core", "internal_error") where carrier == .http(status: 400):
            self.init(fault: .caller, execution: .notSent, isTransient: false)  // Our body did not decode.
        case ("auth", _), ("actor", "unsupported_websocket_encoding"), ("actor", "invalid_request"),
            ("actor", "no_runner_config_configured"), ("actor", "namespace_not_found"), ("namespace", "not_found"),
            ("datacenter", "not_found"), ("guard", "no_route"), ("guard", "missing_header"),
            ("guard", "invalid_header"),
            ("guard", "must_use_regional_host"), ("protocol", _):
            self.init(fault: .caller, execution: .notSent, isTransient: false, isPermanent: true)
        case ("guard", _) where code.hasPrefix("query_"):
            self.init(fault: .caller, execution: .notSent, isTransient: false, isPermanent: true)
        case ("actor", "action_not_found"), ("actor", "method_not_allowed"), ("actor", "duplicate_key"),
            ("actor", "empty_key"), ("actor", "key_too_large"), ("actor", "input_too_large"),
            ("actor", "key_reserved_in_different_datacenter"), ("message", "incoming_too_long"),
            ("guard", "invalid_request_body"), ("queue", _), ("validation", _), ("api", _):
            self.init(fault: .caller, execution: .notSent, isTransient: false)
        default:
            // "Maybe ran" and "safe*": over HTTP no routing error proves that the action did not run (PROTOCOL i4).
            self.init()
        }
        if isLookup {
            execution = .notSent
            (forgetsActorID, resolvesAnew) = (false, false)
        }
    }

    private init(
        fault: RivetError.Fault = .server,
        execution: RivetError.Execution = .mayHaveRun,
        isTransient: Bool = true,
        forgetsActorID: Bool = false,
        resolvesAnew: Bool = false,
        isPermanent: Bool = false
    ) {
        self.fault = fault
        self.execution = execution
        self.isTransient = isTransient
        self.forgetsActorID = forgetsActorID
        self.resolvesAnew = resolvesAnew
        self.isPermanent = isPermanent
    }

    /// For an answer that is not Rivet's (B149).
    static func isTransient(status: Int) -> Bool {
        [408, 425, 429].contains(status) || (500..<600).contains(status)
    }
}

extension RivetError {
    /// What ``remote`` means for the handle that used it; neutral where Rivet said nothing.
    var meaning: RemoteMeaning {
        guard let remote, let status = remote.httpStatus, code == .remote else {
            return RemoteMeaning(group: "", code: "", over: .connection)
        }
        return RemoteMeaning(
            group: remote.group,
            code: remote.code,
            over: .http(status: status),
            resource: remote.encodedMetadata?.missingResource
        )
    }
}
