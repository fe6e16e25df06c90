// SPDX-License-Identifier: Apache-2.0

/// A message of a raw WebSocket.
public enum WebSocketMessage: Sendable, Hashable {
    /// Text; always valid UTF-8 on the wire.
    case text(String)
    /// Bytes; a received one is a slice of the receive buffer.
    case binary(ByteChunk)
}
