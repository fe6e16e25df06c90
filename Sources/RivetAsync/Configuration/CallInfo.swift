// SPDX-License-Identifier: Apache-2.0

/// Which call it is, for ``RivetConfiguration/aroundCall``.
public struct CallInfo: Sendable {
    /// What is done.
    public enum Kind: String, Sendable {
        /// An action, over HTTP or on a connection.
        case action
        /// A send to a queue, with or without waiting.
        case enqueue
        /// A raw HTTP request, until its response's head.
        case request
        /// Opening a raw WebSocket.
        case webSocket
        /// Waiting until a connection is open (``ActorConnection/waitUntilConnected()``).
        case connect
        /// A question to the engine: resolving an actor, creating one, or issuing a token.
        case resolve
    }

    /// What is done.
    public let kind: Kind
    /// The actor's name.
    public let actorName: String
    /// The action's or the queue's name, the path of a raw request without its query; empty elsewhere.
    public let name: String
    /// Whether it goes over a connection that is open, or will be.
    public let overConnection: Bool
}
