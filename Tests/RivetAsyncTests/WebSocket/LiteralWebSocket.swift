// SPDX-License-Identifier: Apache-2.0
import RivetAsyncLocal
import Testing

@testable import RivetAsync

/// A client's end on a stream of any kind, and the other end's bytes in the test's hands.
final class LiteralWebSocket: Sendable {
    static let nonce = Array("the sample nonce".utf8)
    /// RFC 6455 §1.3: the answer to the nonce above.
    static let answer =
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        + "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"

    let clock = TestClock()
    let stream: any ByteStream
    let peerStream: any ByteStream
    let peer = RecordingHandler()
    private let pair: StreamPair
    private let time: TimeSource
    private let deadlines: DeadlineScheduler
    private let background: Task<Void, Never>

    init(_ kind: StreamPair.Kind) async throws {
        pair = try await StreamPair.make(kind)
        (stream, peerStream) = (pair.client, pair.server)
        let time = TimeSource(clock)
        let deadlines = DeadlineScheduler(time: time)
        (self.time, self.deadlines) = (time, deadlines)
        background = Task { await deadlines.run() }
    }

    func end() async {
        background.cancel()
        await background.value
        #expect(await pair.close() == 0)
    }

    /// How many tasks wait for a message, for room, or for the end.
    var waiterCount: Int { pair.gauge.counts.waiters }

    /// Runs `body` on the lane at a moment when a sender waits there, which nothing but `body` can change; false where none
    /// does.
    func whileASenderWaits(_ body: @escaping @Sendable () -> Void) async -> Bool {
        await stream.lane.perform { [self] in
            guard waiterCount == 1 else { return false }
            body()
            return true
        }
    }

    /// Starts a connection without a handshake, with the peer's bytes recorded.
    func channel(
        role: WebSocketRole = .client,
        limits: WebSocketLimits = WebSocketLimits(),
        readAhead: Int = 1 << 20,
        onPong: @escaping @Sendable (ByteChunk) -> Void = { _ in }
    ) async -> WebSocketChannel {
        await connected(role: role, limits: limits, readAhead: readAhead, onPong: onPong).channel
    }

    func connected(
        role: WebSocketRole = .client,
        limits: WebSocketLimits = WebSocketLimits(),
        readAhead: Int = 1 << 20,
        onPong: @escaping @Sendable (ByteChunk) -> Void = { _ in }
    ) async -> (channel: WebSocketChannel, connection: WebSocketConnection) {
        await peerStream.setHandlerLater(peer)
        let channel = makeChannel(role, readAhead, onPong)
        let connection = await stream.lane.perform { [self] in
            let made = self.connection(channel, stream, role, limits)
            made.start()
            return made
        }
        return (channel, connection)
    }

    /// Pings after 30 s, and waits 10 s for each pong; on the lane.
    func startKeepAlive(_ channel: WebSocketChannel) {
        channel.startKeepAlive(interval: .seconds(30), timeout: .seconds(10), time: time, deadlines: deadlines)
    }

    /// Opens with a handshake; `answer` is what the peer sends.
    func open(
        answer: [UInt8] = Array(LiteralWebSocket.answer.utf8),
        subprotocols: [String] = [],
        requiresSubprotocol: Bool = false,
        endsAfterAnswer: Bool = false
    ) async throws -> WebSocketChannel {
        await peerStream.setHandlerLater(peer)
        let handshake = try WebSocketHandshake(
            target: "/chat?room=1",
            host: "server.example.com",
            subprotocols: subprotocols,
            requiresSubprotocol: requiresSubprotocol,
            nonce: Self.nonce
        )
        peerStream.writeLater(answer)
        if endsAfterAnswer { await peerStream.lane.perform { [peerStream] in peerStream.finishWriting() } }
        let channel = makeChannel(.client, 1 << 20) { _ in }
        _ = try await WebSocketConnection.open(handshake, over: stream) { [self] _, _ in
            connection(channel, stream, .client, WebSocketLimits())
        }
        return channel
    }

    private func makeChannel(
        _ role: WebSocketRole,
        _ readAhead: Int,
        _ onPong: @escaping @Sendable (ByteChunk) -> Void
    ) -> WebSocketChannel {
        WebSocketChannel(lane: stream.lane, readAhead: readAhead, maskingKeys: Self.keys(role), onPong: onPong)
    }

    /// A key of zeros leaves the payload readable in the test's literals.
    private static func keys(_ role: WebSocketRole) -> WebSocketMaskingKeys? {
        guard role == .client else { return nil }
        return WebSocketMaskingKeys { $0.initializeMemory(as: UInt8.self, repeating: 0) }
    }

    private func connection(
        _ channel: WebSocketChannel,
        _ stream: any ByteStream,
        _ role: WebSocketRole,
        _ limits: WebSocketLimits
    ) -> WebSocketConnection {
        let connection = WebSocketConnection(
            stream: stream,
            handler: channel,
            configuration: .init(role: role, limits: limits, closeTimeout: .seconds(5)),
            maskingKeys: Self.keys(role),
            time: time,
            deadlines: deadlines
        )
        channel.attach(connection)
        return connection
    }

    /// A frame as a client sends it with the key of zeros.
    static func fromClient(_ opcode: UInt8, _ payload: [UInt8] = []) -> [UInt8] {
        frame(opcode, payload, mask: [0, 0, 0, 0])
    }
}

extension WebSocketChannel {
    /// Everything until the end, and the error that ended it.
    func readAll() async -> (messages: [WebSocketMessage], error: (any Error)?) {
        var read: [WebSocketMessage] = []
        do {
            for try await message in messages { read.append(message) }
            return (read, nil)
        } catch {
            return (read, error)
        }
    }
}
