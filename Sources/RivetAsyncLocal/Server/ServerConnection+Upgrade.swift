// SPDX-License-Identifier: Apache-2.0
import RivetAsync

/// From HTTP to a WebSocket.
extension ServerConnection {
    func upgrade(_ upgrade: EngineUpgrade, _ pass: Pass, _ request: EngineRequest) {
        let key = request.head.fields["sec-websocket-key"] ?? ""
        // `rivet` is selected whatever was offered (PROTOCOL f1).
        let head = HTTPResponseHead(
            status: 101,
            fields: [
                "connection": "upgrade", "upgrade": "websocket",
                "sec-websocket-accept": WebSocketHandshake.acceptKey(for: key),
                "sec-websocket-protocol": "rivet", "x-rivet-ray-id": request.ray,
            ]
        )
        let bytes = encoded(head, framing: .none) ?? []
        let fault = server.engine.faults.takeOther(at: .upgrade)
        if let wait = fault.flatMap(FaultyOutput.wait(for:)) {
            output?.later(wait) { [self] in
                if !isClosed { switchProtocols(upgrade, pass, request, bytes) }
            }
            return
        }
        switch fault {
        case .close(let closing):
            switchProtocols(.close(closing), pass, request, bytes)
        case nil:
            switchProtocols(upgrade, pass, request, bytes)
        default:
            output?.write(bytes, fault) { fault in
                if case .bytes(let other) = fault { other } else { [] }
            }
            // What was written leaves at the end of this turn.
            if hasEnded { stream.lane.nextTurn(self) } else { endsUnanswered() }
        }
    }

    private func switchProtocols(_ upgrade: EngineUpgrade, _ pass: Pass, _ request: EngineRequest, _ answer: [UInt8]) {
        // Nobody would hear the client's end again.
        guard !hasEnded else { return close() }
        output?.write(answer)
        let first = handOver()
        switch upgrade {
        case .raw(let actor, let encoding, let parameters, let path):
            let socket = RawSocketServer(stream: stream, server: server, ray: request.ray)
            if let closing = watch(socket, pass) {
                open(.close(closing), Pass(), request, first)
            } else if server.added(socket) {
                socket.open(actor, encoding, parameters, path: path, fields: request.head.fields, first)
            } else {
                server.removed(socket)
                stream.close()
            }
        case .connect:
            open(upgrade, pass, request, first)
        case .close:
            open(upgrade, Pass(), request, first)
        }
        server.removed(self)
    }

    private func open(_ upgrade: EngineUpgrade, _ pass: Pass, _ request: EngineRequest, _ first: ByteChunk) {
        let socket = ActorSocketServer(stream: stream, server: server, ray: request.ray)
        guard server.added(socket) else { return stream.close() }
        socket.open(watch(socket, pass).map { .close($0) } ?? upgrade, first)
    }

    /// The result is what to close with at once.
    private func watch(_ socket: any ServedStream, _ pass: Pass) -> WebSocketClosing? {
        server.engine.tokens.watch(ObjectIdentifier(socket), pass) { [weak socket] in socket?.gatewayCloses($0) }
    }
}
