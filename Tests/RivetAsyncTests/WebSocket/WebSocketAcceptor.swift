// SPDX-License-Identifier: Apache-2.0
import RivetAsync

/// The smallest server side: reads one request, accepts it, and starts a connection in the server's role.
final class WebSocketAcceptor: ByteHandler {
    private let stream: any ByteStream
    private let makeConnection: (HTTPRequestHead) -> WebSocketConnection
    private let subprotocol: String?
    private var decoder = HTTPRequestDecoder()

    /// On the stream's lane.
    init(
        _ stream: any ByteStream,
        subprotocol: String? = nil,
        _ makeConnection: @escaping (HTTPRequestHead) -> WebSocketConnection
    ) {
        self.stream = stream
        self.subprotocol = subprotocol
        self.makeConnection = makeConnection
    }

    func received(_ bytes: ByteChunk) {
        var position = 0
        do {
            while let event = try decoder.next(in: bytes, from: &position) {
                guard case .head(let request) = event else { continue }
                let response = try WebSocketHandshake.response(to: request, subprotocol: subprotocol)
                let encoder = try HTTPResponseEncoder(response, framing: .none)
                stream.write { encoder.write(into: &$0) }
                makeConnection(request).start(firstBytes: bytes.slice(position..<bytes.count))
                return
            }
        } catch {
            stream.close()
        }
    }

    func receivedAll() {}
    func writable() {}
    func ended(_ end: StreamEnding) { stream.close() }
}
