// SPDX-License-Identifier: Apache-2.0

extension WebSocketConnection {
    /// Carries out the opening handshake on a fresh stream and starts the connection.
    ///
    /// `makeConnection` is called on the lane once the answer is checked, before any message behind it is read. When
    /// this throws, or the task is cancelled, the stream is closed.
    ///
    /// - Throws: ``WebSocketHandshakeError`` or `CancellationError`.
    package static func open(
        _ handshake: WebSocketHandshake,
        over stream: any ByteStream,
        limits: HTTPLimits = HTTPLimits(),
        _ makeConnection: @escaping @Sendable (HTTPResponseHead, _ subprotocol: String?) -> WebSocketConnection
    ) async throws -> WebSocketConnection {
        let opening = WebSocketOpening(handshake, stream, limits, makeConnection)
        return try await stream.lane.result(
            starting: { opening.begin($0) },
            ending: { opening.end(throwing: $0) }
        )
    }
}

/// Reads the answer to a handshake and hands the stream on.
///
/// `@unchecked Sendable`: touched on the lane only.
private final class WebSocketOpening: ByteHandler, @unchecked Sendable {
    private let handshake: WebSocketHandshake
    private let stream: any ByteStream
    private let makeConnection: @Sendable (HTTPResponseHead, String?) -> WebSocketConnection
    private var decoder: HTTPResponseDecoder
    private var task: ParkedTask<WebSocketConnection, any Error>?
    private var isOver = false

    init(
        _ handshake: WebSocketHandshake,
        _ stream: any ByteStream,
        _ limits: HTTPLimits,
        _ makeConnection: @escaping @Sendable (HTTPResponseHead, String?) -> WebSocketConnection
    ) {
        self.handshake = handshake
        self.stream = stream
        self.makeConnection = makeConnection
        decoder = HTTPResponseDecoder(limits: limits)
    }

    func begin(_ task: ParkedTask<WebSocketConnection, any Error>) {
        // Cancelled before it began.
        guard !isOver else { return task.resume(throwing: CancellationError()) }
        self.task = task
        do throws(HTTPError) {
            let encoder = try HTTPRequestEncoder(handshake.request)
            decoder.expectResponse(toMethod: handshake.request.method, allowsUpgrade: true)
            stream.write { encoder.write(into: &$0) }
            stream.setHandler(self)
        } catch {
            end(throwing: WebSocketHandshakeError.http(error))
        }
    }

    func received(_ bytes: ByteChunk) {
        var position = 0
        do {
            while !isOver, let event = try next(in: bytes, from: &position) {
                switch event {
                case .interim: continue
                case .upgraded(let head):
                    let subprotocol = try handshake.check(head)
                    return succeed(head, subprotocol, rest: bytes.slice(position..<bytes.count))
                case .head(let head): throw WebSocketHandshakeError.notSwitched(head)
                case .body, .end: continue
                }
            }
        } catch {
            end(throwing: error)
        }
    }

    private func next(
        in bytes: ByteChunk,
        from position: inout Int
    ) throws(WebSocketHandshakeError) -> HTTPResponseDecoder.Event? {
        do {
            return try decoder.next(in: bytes, from: &position)
        } catch {
            throw .http(error)
        }
    }

    private func succeed(_ head: HTTPResponseHead, _ subprotocol: String?, rest: ByteChunk) {
        isOver = true
        let connection = makeConnection(head, subprotocol)
        connection.start(firstBytes: rest)
        task.take()?.resume(returning: connection)
    }

    func receivedAll() {}
    func writable() {}

    func ended(_ end: StreamEnding) {
        self.end(throwing: WebSocketHandshakeError.ended(end))
    }

    /// Does nothing when it is over: an end or a cancellation may come in the turn of the answer.
    func end(throwing error: any Error) {
        guard !isOver else { return }
        isOver = true
        stream.close()
        task.take()?.resume(throwing: error)
    }
}
