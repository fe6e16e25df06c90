// SPDX-License-Identifier: Apache-2.0

/// A WebSocket to an actor's own handler: text and binary messages as they are, both ways.
///
/// It runs on its lane. It is not reconnected. Pings leave as ``RivetConfiguration/keepAlive`` says, and one that is not
/// answered in time ends it with ``RivetError/Code/connectionLost``.
///
/// **End.** ``close(_:reason:)``, `withWebSocket`, the peer, or the end of its client. When the last reference to it and
/// its ``messages`` goes, it closes too and a warning is reported.
public actor ActorWebSocket {
    /// A message.
    public typealias Message = WebSocketMessage
    /// How it was closed.
    public typealias Closing = WebSocketClosing

    /// Whether it is open, or how it ended.
    public enum End: Sendable {
        /// Messages may come and go, or the closing handshake is under way.
        case open
        /// It was closed, by either side.
        case closed(Closing)
        /// It ended without a closing handshake.
        case lost(RivetError)
    }

    private nonisolated let lifetime: ActorWebSocketLifetime
    private nonisolated let channel: WebSocketChannel
    private nonisolated var socket: OpenWebSocket { lifetime.socket }

    /// The socket's lane.
    public nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe socket.lane.asUnownedSerialExecutor() }

    init(_ socket: OpenWebSocket) {
        lifetime = ActorWebSocketLifetime(socket)
        channel = socket.channel
    }

    /// The messages that come, read ahead up to 1 MiB; then the peer has to wait.
    ///
    /// Pings are answered all the same. A message above ``RivetConfiguration/maxMessageSize`` ends the socket with
    /// ``RivetError/Code/limitExceeded``.
    ///
    /// Ends with nil after a close of our own, and after one of the peer's with a code of the application's (1000, 1001,
    /// 3000 to 4999); ``closing`` has code and reason. Throws ``RivetError`` with ``RivetError/Code/closedByPeer`` after any
    /// other code, and after a reason of the engine's (`group.code#ray`); with ``RivetError/Code/actorUnavailable`` where
    /// the actor could not be started and the engine says why; with ``RivetError/Code/connectionLost`` or
    /// ``RivetError/Code/protocolViolation`` when the connection was lost or the peer broke the protocol; and with
    /// ``RivetError/Code/invalidArgument`` to whoever reads while another task waits. A reader that is cancelled gets
    /// `CancellationError`, and the socket lives on.
    public nonisolated var messages: WebSocketMessages { channel.messages(keeping: lifetime) }

    /// Sends a message.
    ///
    /// Returns when it was accepted, and waits only while more than 64 KiB are pending. Messages of one task leave in
    /// order and whole.
    ///
    /// - Throws: ``RivetError`` with ``RivetError/Code/connectionClosed`` when it is closed,
    ///   ``RivetError/Code/clientClosed`` when its client is; `CancellationError` when cancelled while it waits, and then
    ///   the message is not sent.
    @inlinable @inline(__always)
    public nonisolated(nonsending) final func send(_ message: Message) async throws {
        // A call that may wait has its cost also where it does not.
        if try !accepts(message) { try await sendWhenThereIsRoom(message) }
    }

    @usableFromInline nonisolated func accepts(_ message: Message) throws -> Bool {
        do { return try channel.accepts(message) } catch { throw withCause(error) }
    }

    @usableFromInline nonisolated func sendWhenThereIsRoom(_ message: Message) async throws {
        do { try await channel.send(message) } catch { throw withCause(error) }
    }

    /// A sender that comes after the end learns what ended it.
    private nonisolated func withCause(_ error: any Error) -> any Error {
        guard let error = error as? RivetError, error.code == .connectionClosed else { return error }
        return socket.closedError
    }

    /// Sends a ping and measures how long its answer takes.
    ///
    /// Rivet's gateway answers, so this says nothing about the actor. Calls may overlap. While messages wait to be read
    /// beyond what is read ahead, the answer waits behind them.
    ///
    /// - Returns: the round trip.
    /// - Throws: ``RivetError`` with ``RivetError/Code/deadlineExceeded`` when no answer comes within
    ///   ``KeepAlive/timeout`` of ``RivetConfiguration/keepAlive`` (10 s without one), which does not end the socket; what
    ///   ended it meanwhile; ``RivetError/Code/connectionClosed`` when it is closed. `CancellationError`, and the socket
    ///   lives on.
    public nonisolated func ping() async throws -> Duration { try await socket.ping() }

    /// The lane, for consumers that prefer it; see ``ActorConnection/executor``.
    public nonisolated var executor: any TaskExecutor { socket.lane.taskExecutor }

    /// Closes it behind everything sent before, and returns when the peer has answered, after 2 s at the latest.
    ///
    /// Safe to call twice. A cancelled task finishes it all the same.
    public nonisolated func close(_ code: WebSocketCloseCode = .normalClosure, reason: String = "") async {
        socket.closes()
        await channel.closeUncancellably(WebSocketClosing(code, reason: reason))
    }

    /// How it was closed; nil while it is open and when it was lost.
    public nonisolated var closing: Closing? { channel.closing }

    /// Whether it is open, or how it ended; known without waiting.
    public nonisolated var end: End {
        switch channel.ending {
        case nil: .open
        case .closed(let closing): .closed(closing)
        case .failed: .lost((channel.error as? RivetError) ?? socket.closedError)
        }
    }
}

/// What keeps a raw WebSocket wanted: held by the public actor and by its sequences of messages, never by the socket.
final class ActorWebSocketLifetime: Sendable {
    let socket: OpenWebSocket

    init(_ socket: OpenWebSocket) { self.socket = socket }

    deinit { socket.released() }
}
