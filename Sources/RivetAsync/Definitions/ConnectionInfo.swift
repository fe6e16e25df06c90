// SPDX-License-Identifier: Apache-2.0

/// Which actor and which of its connections this is.
///
/// Both change with a reconnect.
public struct ConnectionInfo: Sendable, Hashable {
    /// The actor behind the connection.
    public let actorID: ActorID
    /// The id that the actor gave the connection.
    public let connectionID: String
    /// Counts the times that this connection was opened, from 1.
    public let connectionNumber: Int
}
