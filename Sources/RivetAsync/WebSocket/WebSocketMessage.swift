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

/// How a WebSocket ended.
package enum WebSocketEnding: Sendable, Equatable {
    /// The closing handshake is complete, or we closed and nothing came back.
    case closed(WebSocketClosing)
    /// It ended in another way.
    case failed(WebSocketError)
}

/// Why a WebSocket ended without a closing handshake, or cannot be used.
package enum WebSocketError: Error, Sendable, Equatable {
    /// The peer broke the protocol or a limit.
    case violation(WebSocketProtocolError)
    /// The stream ended before a close frame came.
    case ended(StreamEnding)
    /// No pong came in time.
    case silent(after: Duration)
    /// We gave it up with everything else that was open.
    case abandoned
    /// Sent after one side had begun to close.
    case notOpen
    /// Two tasks read one sequence of messages at the same time.
    case readTwice
}

extension WebSocketError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .violation(let error): "the peer broke the WebSocket protocol: \(error)"
        case .ended(.finished): "the peer ended the stream without a WebSocket close frame"
        case .ended(.failed(let error)): "the stream failed: \(error)"
        case .silent(let timeout): "no pong came within \(timeout)"
        case .abandoned: "the WebSocket was given up"
        case .notOpen: "the WebSocket is closed or closing"
        case .readTwice: "another task is reading this WebSocket's messages"
        }
    }
}
