// SPDX-License-Identifier: Apache-2.0

/// What a client says on a connection (PROTOCOL g1).
///
/// Names and values are slices of the received message.
package enum ClientMessage: Sendable, Equatable {
    case actionRequest(id: UInt64, name: ByteChunk, arguments: ByteChunk)
    case subscriptionRequest(eventName: ByteChunk, subscribe: Bool)
}
