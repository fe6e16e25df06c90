// SPDX-License-Identifier: Apache-2.0
public import RivetAsync

extension LocalEngine {
    /// Which tokens an engine asks for.
    public struct Authentication: Sendable {
        struct Rules: Sendable {
            let admin: Secret
            let acceptsDefault: Bool
            let clockSkew: Duration
        }

        let rules: Rules?

        /// No token is asked for: the default.
        public static var none: Self { Self(rules: nil) }

        /// Rivet 3: every request needs a token: `admin`, one that the engine issued, or `default` where accepted.
        ///
        /// That is every request to the actors API, the gateway and its WebSockets; `/metadata` alone is open to all.
        /// An unknown token is refused with 401 `auth.invalid_token`, one that is over with 401 `auth.token_expired`,
        /// one that does not allow the request with 403 `auth.insufficient_permissions`. The actors API reads
        /// `Authorization: Bearer` only. The gateway reads the URL, else `x-rivet-token`, else `Authorization: Bearer`,
        /// else, of a WebSocket, the subprotocol `rivet_token.TOKEN`.
        ///
        /// - Parameters:
        ///   - admin: reaches everything and is never over.
        ///   - acceptsDefault: whether the word `default` is a token like `admin`, as on a developer's machine.
        ///   - clockSkew: how long an open WebSocket outlives its token, before it is closed with 1008
        ///     `auth.token_expired`; 30 seconds by default, as Rivet's. A new request has no such time.
        /// - Returns: what to start an engine with.
        public static func required(
            admin: Secret,
            acceptsDefault: Bool = false,
            clockSkew: Duration = .seconds(30)
        ) -> Self {
            Self(rules: Rules(admin: admin, acceptsDefault: acceptsDefault, clockSkew: clockSkew))
        }
    }

    /// A token as `POST /auth/tokens` issues it (a JWT of three parts with `exp` in whole seconds), for tests of token
    /// providers.
    ///
    /// It counts on this engine only, whatever ``Authentication`` it has. Its signature is random: the engine remembers
    /// the newest 10,000 tokens, and an older one is invalid.
    ///
    /// - Parameters:
    ///   - duration: from now, by the engine's clock, to its end; `exp` is rounded down to a whole second. A zero or
    ///     negative time makes a token that is over already.
    ///   - actors: the actors that it reaches, through the gateway only, as one that a handle issues; nil for all actors,
    ///     through the gateway and the actors API.
    ///   - operations: of `create`, `read`, `update`, `delete` and `list`. `read` is all traffic to an actor.
    /// - Returns: the token.
    public nonisolated func issueToken(
        validFor duration: Duration = .seconds(3_600),
        actors: [ActorID]? = nil,
        operations: [String] = ["create", "read", "update", "delete", "list"]
    ) -> Secret {
        let grants =
            actors.map { actors in
                actors.map { Grant(resource: Grant.gateway, target: .actor($0), operations: operations) }
            }
            ?? [Grant.gateway, Grant.actor].map { Grant(resource: $0, target: .any, operations: operations) }
        return tokens.issue(subject: nil, validFor: duration, grants: grants).token
    }

    /// From now on `token` is refused with `auth.invalid_token`, and open sockets with it are closed with 1008 at once.
    ///
    /// Requests under way go on. A token that is none of this engine's is refused in any case.
    public nonisolated func withdraw(_ token: Secret) { tokens.withdraw(token) }

    /// Which token came with each request and by which way, in the order of the requests; the last 1,000.
    ///
    /// Recorded also where no token is asked for, and of requests that were refused.
    public nonisolated var tokenUses: [TokenUse] { tokens.uses }
}

/// A request and the token that it carried.
public struct TokenUse: Sendable {
    /// How a token came.
    public enum Way: Sendable, Hashable {
        /// `/gateway/ID@TOKEN/…`.
        case path
        /// `rvt-token`.
        case query
        /// `x-rivet-token`.
        case header
        /// `Authorization: Bearer`.
        case bearer
        /// `rivet_token.TOKEN`, of a WebSocket.
        case subprotocol
    }

    /// The request's method.
    public let method: String
    /// Path and query, without the token.
    public let target: String
    /// How the token came; nil without one.
    ///
    /// Of several it is the one that counts.
    public let way: Way?
    /// The token; nil without one.
    public let token: Secret?
    /// Whether it was a WebSocket's handshake.
    public let isWebSocket: Bool
}
