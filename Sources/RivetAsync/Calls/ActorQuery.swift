// SPDX-License-Identifier: Apache-2.0

/// How a handle names its actor.
enum ActorQuery: Sendable {
    /// By id: when it is gone, nothing takes its place (B32).
    case id(name: String, ActorID)
    case get(name: String, key: ActorKey)
    case getOrCreate(name: String, key: ActorKey, CreateOptions)

    var isPinned: Bool { if case .id = self { true } else { false } }
}
