// SPDX-License-Identifier: Apache-2.0

/// What a handle and its copies share.
///
/// Its calls are in `HandleCore+Calls.swift`; those to queues and raw ones are beside what users call.
final class HandleCore: Sendable {
    let context: ClientContext
    let query: ActorQuery
    let options: HandleOptions
    let resolver: ActorResolver
    /// Why no target can be made of the actor's name or id: the answer to every use.
    let invalidName: RivetError?

    init(context: ClientContext, query: ActorQuery, options: HandleOptions) {
        self.context = context
        self.query = query
        self.options = options
        invalidName = query.problem
        resolver = ActorResolver(context: context, query: query)
    }
}

/// How a handle names its actor.
enum ActorQuery: Sendable {
    /// By id: when it is gone, nothing takes its place (B32).
    case id(name: String, ActorID)
    case get(name: String, key: ActorKey)
    case getOrCreate(name: String, key: ActorKey, CreateOptions)

    var isPinned: Bool { if case .id = self { true } else { false } }

    /// Why no target can be made of it; nil where one can.
    var problem: RivetError? {
        switch self {
        case .id(_, let id): .problem(ofName: id.rawValue, "actor id")
        case .get(let name, _), .getOrCreate(let name, _, _): .problem(ofName: name, "actor name")
        }
    }
}

extension RivetError {
    /// The error for a name that cannot stand in a target; nil for all others.
    static func problem(ofName name: String, _ what: String) -> RivetError? {
        do {
            try GatewayPath.checkSegment(name)
            return nil
        } catch {
            return .invalidArgument("the \(what) \"\(name)\": \(error)", underlying: error)
        }
    }

    static func checkName(_ name: String, _ what: String) throws {
        if let problem = problem(ofName: name, what) { throw problem }
    }
}
