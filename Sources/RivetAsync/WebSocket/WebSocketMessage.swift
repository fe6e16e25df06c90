// SPDX-License-Identifier: Apache-2.0

/// A message of a raw WebSocket.
public enum WebSocketMessage: Sendable, Hashable {
    /// Text; always valid UTF-8 on the wire.
    case text(String)
    /// Bytes; a received one is a slice of the receive buffer.
    case binary(ByteChunk)
}

/// How a WebSocket was closed.
public struct WebSocketClosing: Sendable, Hashable {
    /// The code of the close frame; ``WebSocketCloseCode/noStatusReceived`` where it had none, and
    /// ``WebSocketCloseCode/abnormalClosure`` where we closed and no close frame came back.
    public let code: WebSocketCloseCode
    /// The text of the close frame, empty where it had none.
    public let reason: String

    package init(_ code: WebSocketCloseCode, reason: String = "") {
        self.code = code
        self.reason = reason
    }
}
