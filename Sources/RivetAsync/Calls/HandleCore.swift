// SPDX-License-Identifier: Apache-2.0

/// What a handle and its copies share.
///
/// Its calls are in `HandleCore+Calls.swift`; those to queues and raw ones are beside what users call.
final class HandleCore: Sendable {
    let context: ClientContext
    let query: ActorQuery
    let options: HandleOptions
    let resolver: ActorResolver
    /// Why no target can be made of the actor's name or id, or no request of its key: the answer to every use.
    let invalidName: RivetError?

    init(context: ClientContext, query: ActorQuery, options: HandleOptions) {
        self.context = context
        self.query = query
        self.options = options
        invalidName = query.problem
        resolver = ActorResolver(context: context, query: query)
    }

    /// A question to the engine about this actor.
    nonisolated(nonsending) func question<R: Sendable>(_ body: (CallScope) async throws -> R) async throws -> R {
        try await context.question(about: query.actorName, check: check, body)
    }

    /// What is wrong with the handle itself is said at once, before metadata too (B220, B309).
    func check() throws {
        if let invalidName { throw invalidName }
        try resolver.checkInput()
    }

    /// Runs a call of the user's with all that belongs around it.
    nonisolated(nonsending) func observed<R: Sendable>(
        _ kind: CallInfo.Kind,
        _ name: String,
        overConnection: Bool = false,
        _ body: (CallRecord?) async throws -> R
    ) async throws -> R {
        let info = { CallInfo(kind: kind, actorName: self.query.actorName, name: name, overConnection: overConnection) }
        return try await context.observed(info(), body)
    }
}

/// How a handle names its actor.
enum ActorQuery: Sendable {
    /// By id: when it is gone, nothing takes its place (B32).
    case id(name: String, ActorID)
    case get(name: String, key: ActorKey)
    case getOrCreate(name: String, key: ActorKey, CreateOptions)

    var actorName: String {
        switch self {
        case .id(let name, _), .get(let name, _), .getOrCreate(let name, _, _): name
        }
    }

    var isPinned: Bool { if case .id = self { true } else { false } }

    /// Why no target can be made of it; nil where one can.
    var problem: RivetError? {
        do {
            switch self {
            case .id(_, let id): try RivetError.checkName(id.rawValue, "actor id")
            case .get(let name, let key), .getOrCreate(let name, let key, _):
                try RivetError.checkName(name, "actor name")
                _ = try RivetError.checkedText(of: key)
            }
            return nil
        } catch {
            return error
        }
    }
}

extension RivetError {
    /// What `make` gives; where it refuses, that is the caller's mistake.
    static func checking<R>(
        _ what: @autoclosure () -> String = "",
        _ make: () throws(GatewayPathError) -> R
    ) throws(RivetError) -> R {
        do {
            return try make()
        } catch {
            throw .invalidArgument("\(what())\(error)", underlying: error)
        }
    }

    /// Refuses a name that cannot stand in a target.
    static func checkName(_ name: String, _ what: String) throws(RivetError) {
        try checking("the \(what) \"\(name)\": ") { () throws(GatewayPathError) in try GatewayPath.checkSegment(name) }
    }

    /// The text of `key`; refuses one that is longer than the engine takes (PROTOCOL b1).
    static func checkedText(of key: ActorKey) throws(RivetError) -> String {
        let text = key.text
        guard text.utf8.count <= 1_024 else { throw .limit("the key's text", text.utf8.count, "limit", 1_024) }
        return text
    }
}
