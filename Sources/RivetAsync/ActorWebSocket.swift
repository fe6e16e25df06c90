// SPDX-License-Identifier: Apache-2.0

/// A WebSocket to an actor's own handler: text and binary messages as they are, both ways.
///
/// It runs on its lane. It is not reconnected. Released without ``close(_:reason:)`` it stays open until its client or
/// the peer closes it, so close it, or use `withWebSocket`.
public actor ActorWebSocket {
    /// A message.
    public typealias Message = WebSocketMessage
    /// How it was closed.
    public typealias Closing = WebSocketClosing

    private nonisolated let channel: WebSocketChannel
    private nonisolated let lane: Lane
    private nonisolated let context: ClientContext

    /// The socket's lane.
    public nonisolated var unownedExecutor: UnownedSerialExecutor { lane.asUnownedSerialExecutor() }

    init(_ channel: WebSocketChannel, lane: Lane, context: ClientContext) {
        self.channel = channel
        self.lane = lane
        self.context = context
    }

    /// The messages that come, read ahead up to 1 MiB; then the peer has to wait.
    ///
    /// Pings are answered all the same.
    ///
    /// Ends with nil after a close, whose code is in ``closing``; throws ``RivetError`` when the connection was lost or
    /// the peer broke the protocol, and with ``RivetError/Code/invalidArgument`` to whoever reads while another task waits.
    public nonisolated var messages: WebSocketMessages { channel.messages }

    /// Sends a message.
    ///
    /// Returns when it was accepted, and waits only while more than 64 KiB are pending. Messages of one task leave in
    /// order and whole.
    ///
    /// - Throws: ``RivetError`` with ``RivetError/Code/connectionClosed`` when it is closed; `CancellationError` when
    ///   cancelled while it waits, and then the message is not sent.
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
        return error.with(underlying: channel.failure)
    }

    /// The lane, for consumers that prefer it; see ``ActorConnection/executor``.
    public nonisolated var executor: any TaskExecutor { lane.taskExecutor }

    /// Closes it behind everything sent before, and returns when the peer has answered, after 2 s at the latest.
    ///
    /// Safe to call twice.
    public nonisolated func close(_ code: WebSocketCloseCode = .normalClosure, reason: String = "") async {
        await channel.close(WebSocketClosing(code, reason: reason))
    }

    /// How it was closed; nil while it is open and when it was lost.
    public nonisolated var closing: Closing? { channel.closing }

    /// The error that callers see; nil where the messages just end.
    static func error(of ending: WebSocketEnding, _ endpoint: Endpoint) -> (any Error)? {
        switch ending {
        case .closed:
            nil
        case .failed(.notOpen):
            RivetError(.connectionClosed, "the WebSocket is closed", fault: .caller, connectionSurvives: false)
        case .failed(.readTwice):
            RivetError.readTwice("\(WebSocketError.readTwice)", underlying: WebSocketError.readTwice)
        case .failed(let error):
            AttemptEnding(webSocket: error, endpoint).error
        }
    }
}
