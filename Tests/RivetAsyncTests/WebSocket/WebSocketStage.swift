// SPDX-License-Identifier: Apache-2.0
import RivetAsync
import RivetAsyncLocal
import Testing

/// A client's end on a memory stream, and the other end's bytes in the test's hands.
final class WebSocketStage: Sendable {
    static let nonce = Array("the sample nonce".utf8)
    /// RFC 6455 §1.3: the answer to the nonce above.
    static let answer =
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        + "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"

    let clock = TestClock()
    let lanes = LaneGroup(count: 2)
    let stream: MemoryStream
    let peerStream: MemoryStream
    let peer = RecordingHandler()
    private let time: TimeSource
    private let deadlines: DeadlineScheduler
    private let background: Task<Void, Never>

    init() {
        (stream, peerStream) = MemoryStream.pair(on: lanes.next(), lanes.next())
        let time = TimeSource(clock)
        let deadlines = DeadlineScheduler(time: time)
        (self.time, self.deadlines) = (time, deadlines)
        background = Task { await deadlines.run() }
    }

    func end() async {
        await stream.lane.perform { [stream] in stream.close() }
        await peerStream.lane.perform { [peerStream] in peerStream.close() }
        background.cancel()
        await background.value
        await lanes.shutDown()
    }

    /// Starts a connection without a handshake, with the peer's bytes recorded.
    func channel(
        role: WebSocketRole = .client,
        limits: WebSocketLimits = WebSocketLimits(),
        readAhead: Int = 1 << 20,
        onPong: @escaping @Sendable (ByteChunk) -> Void = { _ in }
    ) async -> WebSocketChannel {
        await peerStream.setHandlerLater(peer)
        let channel = makeChannel(role, readAhead, onPong)
        await stream.lane.perform { [self] in
            connection(channel, stream, role, limits).start()
        }
        return channel
    }

    /// Opens with a handshake; `answer` is what the peer sends.
    func open(
        answer: [UInt8] = Array(WebSocketStage.answer.utf8),
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
        // A key of zeros leaves the payload readable in the test's literals.
        let keys = WebSocketMaskingKeys { $0.initializeMemory(as: UInt8.self, repeating: 0) }
        return WebSocketChannel(
            lane: stream.lane,
            readAhead: readAhead,
            maskingKeys: role == .client ? keys : nil,
            onPong: onPong
        )
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
            maskingKeys: WebSocketMaskingKeys { $0.initializeMemory(as: UInt8.self, repeating: 0) },
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
