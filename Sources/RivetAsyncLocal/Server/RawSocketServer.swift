// SPDX-License-Identifier: Apache-2.0
import RivetAsync

/// The server's end of a raw WebSocket (PROTOCOL f4): a channel for the actor's handler, and the actor told of its end.
///
/// `@unchecked Sendable`: everything mutable is touched on the stream's lane.
final class RawSocketServer: WebSocketHandler, ConnectionOutlet, ServedStream, @unchecked Sendable {
    let ray: String
    private let server: LocalServer
    private let stream: any ByteStream
    private let channel: WebSocketChannel
    private var connection: HostedConnection?
    private var socket: WebSocketConnection?

    init(stream: any ByteStream, server: LocalServer, ray: String) {
        self.stream = stream
        self.server = server
        self.ray = ray
        channel = WebSocketChannel(lane: stream.lane, maskingKeys: nil) { ending in
            switch ending {
            case .closed:
                nil
            case .failed(.readTwice):
                RivetError(
                    .invalidArgument,
                    "\(WebSocketError.readTwice)",
                    fault: .caller,
                    underlying: WebSocketError.readTwice
                )
            case .failed(let error):
                error
            }
        }
    }

    func open(
        _ actor: HostedActor,
        _ encoding: WireEncoding,
        _ parameters: ByteChunk?,
        path: String,
        fields: HTTPFields,
        _ first: ByteChunk
    ) {
        let size = server.engine.limits.maxWebSocketMessage
        let socket = WebSocketConnection(
            stream: stream,
            handler: self,
            configuration: .init(role: .server, limits: WebSocketLimits(maxFrameSize: size, maxMessageSize: size)),
            maskingKeys: nil,
            time: server.engine.time,
            deadlines: server.engine.deadlines
        )
        self.socket = socket
        channel.attach(socket)
        let connection = HostedConnection(
            actor: actor,
            parameters: parameters,
            encoding: encoding,
            outlet: self,
            isRaw: true
        )
        self.connection = connection
        let local = LocalWebSocket(path: path, fields: fields, channel: channel)
        actor.run { hosted in hosted.spawnConnectRaw(connection, local) }
        stream.resumeReading()
        socket.start(firstBytes: first)
    }

    func cut() { stream.lane.run { self.socket?.abort() } }

    func gatewayCloses(_ closing: WebSocketClosing) { close(closing) }

    // MARK: ConnectionOutlet

    /// Rivet's messages are not for raw sockets.
    func send(_ message: [UInt8], _ kind: OutgoingKind) {}

    func close(_ closing: WebSocketClosing) {
        server.engine.tasks.spawn { [channel] in await channel.close(closing) }
    }

    // MARK: WebSocketHandler

    func received(_ messages: WebSocketReceivedMessages) { channel.received(messages) }
    func received(pong: ByteChunk) { channel.received(pong: pong) }
    func receivedAll() { channel.receivedAll() }
    func writable() { channel.writable() }

    func ended(_ ending: WebSocketEnding) {
        channel.ended(ending)
        tellActor()
    }

    func streamClosed() {
        channel.streamClosed()
        tellActor()
        socket = nil
        server.removed(self)
    }

    private func tellActor() {
        guard let connection = connection.take() else { return }
        connection.actor.run { $0.ended(connection) }
    }
}
