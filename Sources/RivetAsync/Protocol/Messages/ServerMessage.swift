// SPDX-License-Identifier: Apache-2.0

/// What the actor says on a connection (PROTOCOL g2).
///
/// Names and values are slices of the received message: nothing is copied and no text made for an event that nobody
/// wants.
package enum ServerMessage: Sendable {
    case initial(actorID: ActorID, connectionID: String)
    /// Without `actionID`: about the connection, and a close follows.
    indirect case error(ErrorMessage)
    /// No bytes mean no value (B119).
    case actionResponse(id: UInt64, output: ByteChunk)
    case event(name: ByteChunk, arguments: ByteChunk)
}
