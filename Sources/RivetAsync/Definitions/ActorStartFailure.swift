// SPDX-License-Identifier: Apache-2.0

/// Why the engine could not start an actor, as it tells of it.
///
/// It comes with ``RivetError/Code/actorUnavailable``, as ``RivetError/startFailure``.
public struct ActorStartFailure: Sendable, Equatable, CustomStringConvertible {
    /// The actor that did not start.
    public let actorID: ActorID
    /// The engine's name for it, such as `no_capacity`, `no_envoys`, `crashed` or
    /// `runner_pool_error.serverless_http_error`; an open set.
    public internal(set) var kind: String
    /// The status that a serverless pool's endpoint answered with.
    public internal(set) var httpStatus: Int?
    /// What the actor's process or its pool said.
    public internal(set) var message: String?
    /// The beginning of what a serverless pool's endpoint answered, at most 1 KiB of it.
    public internal(set) var body: String?
    /// The engine's account itself, as JSON, at most 1 KiB of it: for what has no member here.
    public let json: String

    package init(
        actorID: ActorID,
        kind: String,
        httpStatus: Int? = nil,
        message: String? = nil,
        body: String? = nil,
        json: String = ""
    ) {
        (self.actorID, self.kind, self.httpStatus) = (actorID, kind, httpStatus)
        (self.message, self.body, self.json) = (message, body, json)
    }

    /// The kind, and the status where there is one.
    ///
    /// Message and body, which are somebody else's words, are not in it.
    public var description: String { kind + (httpStatus.map { ", HTTP \($0)" } ?? "") }
}
