// SPDX-License-Identifier: Apache-2.0
import RivetAsync

/// A kind of actors with its types put away: what ``ActorKind`` makes of a definition.
///
/// Every closure takes the instance that `makeInstance` made, and does nothing but hand it on with its own type. All
/// are called on the actor's lane and are isolated to nothing of their own, so they run there without a change.
struct ErasedKind: Sendable {
    typealias Instance = any Actor
    typealias Action = @Sendable (Instance, ByteChunk, WireEncoding, HostedConnection) async throws -> ByteChunk
    /// The reply, for whichever encoding the sender wants it in.
    typealias Reply = @Sendable (WireEncoding) throws -> ByteChunk
    typealias QueueHandler = @Sendable (Instance, EncodedValue) async throws -> Reply
    typealias ConnectionHook = @Sendable (HostedConnection, Instance) async throws -> Void

    let name: String
    var makeInstance: @Sendable (HostedActor, CreationInput) async throws -> Instance
    var actions: [ExactName: Action] = [:]
    var queues: [ExactName: QueueHandler] = [:]
    var onBeforeConnect: ConnectionHook?
    var createConnectionState: ConnectionHook?
    var onConnect: ConnectionHook?
    var onDisconnect: ConnectionHook?
    var onWake: (@Sendable (Instance) async throws -> Void)?
    var onSleep: (@Sendable (Instance) async -> Void)?
    var onDestroy: (@Sendable (Instance) async -> Void)?
    var onRequest: (@Sendable (LocalRequest, Instance) async throws -> LocalResponse)?
    var onWebSocket: (@Sendable (LocalWebSocket, Instance) async throws -> Void)?
}
