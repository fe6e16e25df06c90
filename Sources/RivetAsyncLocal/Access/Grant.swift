// SPDX-License-Identifier: Apache-2.0
import RivetAsync

/// What a token allows (PROTOCOL a5).
struct Grant: Codable, Sendable {
    enum Target: Sendable {
        case any
        case actor(ActorID)
    }

    /// Creation, lookups and the end.
    static let actor = "actor"
    /// Traffic to an actor.
    static let gateway = "actor_gateway"
    static let operations: Set = ["create", "read", "update", "delete", "list"]

    let resource: String
    let target: Target
    let operations: [String]

    func allows(_ operation: String, _ resource: String, on actor: ActorID?) -> Bool {
        guard self.resource == resource, operations.contains(operation) else { return false }
        return switch target {
        case .any: true
        case .actor(let id): id == actor
        }
    }
}

extension Grant.Target: Codable {
    private struct ID: Codable {
        let id: String
    }

    init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if let word = try? container.decode(String.self) {
            guard word == "any" else {
                throw DecodingError.dataCorruptedError(in: container, debugDescription: "unknown target")
            }
            self = .any
        } else {
            self = .actor(ActorID(rawValue: try container.decode(ID.self).id))
        }
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        switch self {
        case .any: try container.encode("any")
        case .actor(let id): try container.encode(ID(id: id.rawValue))
        }
    }
}

/// The token of a request that was let in, and what it allows.
struct Pass: Sendable {
    /// Nil where no token is asked for.
    var token: ExactName?
    /// Milliseconds since 1970; nil for a token without an end.
    var expires: Int64?
    /// Nil for everything.
    var grants: [Grant]?

    func require(_ operation: String, _ resource: String = Grant.actor, on actor: ActorID? = nil) throws(EngineError) {
        guard let grants else { return }
        guard grants.contains(where: { $0.allows(operation, resource, on: actor) }) else {
            throw .insufficientPermissions
        }
    }
}

extension EngineError {
    static let invalidToken = gateway("auth", "invalid_token", "The token is invalid.")
    static let tokenExpired = gateway("auth", "token_expired", "The token has expired.")
    static let insufficientPermissions = gateway(
        "auth",
        "insufficient_permissions",
        "The token does not allow this."
    )

    /// Whether a token was refused, by the gateway: on a WebSocket that is 1008 (PROTOCOL a5).
    var isOfToken: Bool { group == "auth" && origin == .gateway }

    var tokenClosing: WebSocketClosing { WebSocketClosing(.policyViolation, reason: "\(group).\(code)") }
}
