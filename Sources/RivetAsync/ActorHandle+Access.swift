// SPDX-License-Identifier: Apache-2.0

/// A token that the engine issued, with its times in milliseconds since 1970 in UTC.
public struct IssuedToken: Sendable {
    /// The token.
    public let token: Secret
    /// When it was issued, by the engine's clock.
    public let issuedMilliseconds: Int64
    /// When it expires, by the engine's clock.
    public let expiresMilliseconds: Int64
}

extension ActorHandle {
    /// Lets the engine issue a token for this one actor, to hand to somebody else, such as a browser.
    ///
    /// The client's own token must be one that may issue others: an admin or a secret one. The actor is resolved first,
    /// and made where the handle makes actors. Nothing is repeated after the engine refused. Engines before Rivet 3
    /// have no such tokens and answer with an error.
    ///
    /// - Parameters:
    ///   - subject: for whom it is, for the engine's records; nil, the default, for nobody.
    ///   - validFor: from 1 s to 24 h, in whole seconds, rounded down; 1 h by default.
    ///   - operations: what it allows, at least one; `read`, the default, is all traffic to the actor, also actions that
    ///     change it.
    /// - Returns: the token and its times.
    /// - Throws: ``RivetError``: ``RivetError/Code/invalidArgument`` at once for what is out of range; what the engine
    ///   says, as it came.
    public func issueToken(
        subject: String? = nil,
        validFor: Duration = .seconds(3_600),
        operations: [String] = ["read"]
    ) async throws -> IssuedToken {
        try await core.issueToken(subject: subject, validFor: validFor, operations: operations)
    }

    /// The actor's id, or nil while there is none; never makes one.
    ///
    /// One lookup each time; a handle by id is looked up too. An actor that was destroyed, or has another name, is none.
    ///
    /// - Throws: ``RivetError`` for every other failure; `CancellationError`.
    public func resolveIfExists() async throws -> ActorID? {
        try await core.resolveIfExists()
    }
}

extension HandleCore {
    func issueToken(subject: String?, validFor: Duration, operations: [String]) async throws -> IssuedToken {
        guard validFor >= .seconds(1), validFor <= .seconds(86_400) else {
            throw RivetError.invalidArgument("validFor is \(validFor) and must be within 1 s and 24 h")
        }
        guard !operations.isEmpty else { throw RivetError.invalidArgument("there is no operation to allow") }
        return try await question { scope in
            let id = try await resolver.id(in: scope)
            let address = try await context.serverAddress(in: scope)
            let request = TokenRequest(
                namespace: address.namespace,
                subject: subject,
                seconds: validFor.components.seconds,
                actorID: id,
                operations: operations
            )
            let body = ByteChunk { request.write(to: &$0) }
            let answer = try await context.executeAPI("POST", TokenRequest.target, body: body, at: address, in: scope)
            let issued = try answer.decode("a token") { try TokenAnswer.read($0) }
            return IssuedToken(
                token: issued.token,
                issuedMilliseconds: issued.issued,
                expiresMilliseconds: issued.expires
            )
        }
    }

    func resolveIfExists() async throws -> ActorID? {
        try await question { scope in
            do {
                return try await resolver.find(in: scope)
            } catch let error as RivetError where error.matches("actor", "not_found") {
                return nil
            }
        }
    }
}
