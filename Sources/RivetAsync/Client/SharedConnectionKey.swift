// SPDX-License-Identifier: Apache-2.0

/// What two have to agree on to use one connection.
///
/// How an actor is made where there is none is not part of it.
struct SharedConnectionKey: Sendable, Hashable {
    enum Target: Sendable, Hashable {
        case id(ActorID)
        case get(ActorKey)
        case getOrCreate(ActorKey)
    }

    /// May be secret: compared, and never shown.
    enum Parameters: Sendable, Hashable {
        case none
        case encoded([UInt8])
        /// Only who has this handle or a copy of it knows what they will be.
        case handle(ObjectIdentifier)
    }

    let actorName: ExactName
    let target: Target
    let parameters: Parameters
    let skipsReadyWait: Bool
}
