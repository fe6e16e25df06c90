// SPDX-License-Identifier: Apache-2.0
public import RivetAsync

/// A plain WebSocket to an actor.
public struct LocalWebSocket: Sendable {
    /// Path and query as the client wrote them, `/websocket` included.
    public let path: String
    /// The fields of the client's request; it lists the subprotocols that it offered.
    public let fields: HTTPFields
    let channel: WebSocketChannel

    /// What the client sends, in order; ends with nil when it is closed and throws when it was lost, and with
    /// ``RivetError/Code/invalidArgument`` to whoever reads while another task waits.
    public var messages: WebSocketMessages { channel.messages }

    /// Sends a message; waits only while more than 64 KiB are pending.
    ///
    /// - Throws: when the socket is closed, or `CancellationError`.
    public func send(_ message: WebSocketMessage) async throws { try await channel.send(message) }

    /// Closes the socket and returns when that is done, after a few seconds at the latest.
    public func close(_ code: WebSocketCloseCode = .normalClosure, reason: String = "") async {
        await channel.close(WebSocketClosing(code, reason: reason))
    }
}
