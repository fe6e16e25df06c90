// SPDX-License-Identifier: Apache-2.0

/// What a handle and its copies share.
///
/// Its calls are in `HandleCore+Calls.swift`; those to queues and raw ones are beside what users call.
final class HandleCore: Sendable {
    let context: ClientContext
    let query: ActorQuery
    let options: HandleOptions
    let resolver: ActorResolver

    init(context: ClientContext, query: ActorQuery, options: HandleOptions) {
        self.context = context
        self.query = query
        self.options = options
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
}
