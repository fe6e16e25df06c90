// SPDX-License-Identifier: Apache-2.0
import RivetAsync

/// The server's end of a `/connect` WebSocket: frames in, messages to the actor; messages out, frames, and faults on
/// demand in between.
///
/// `@unchecked Sendable`: everything is touched on the stream's lane, where the outlet's calls come by `lane.run`.
final class ActorSocketServer: ByteHandler, ConnectionOutlet, ServedStream, @unchecked Sendable {
    private static let closeTimeout = Duration.seconds(5)

    private let stream: any ByteStream
    private let server: LocalServer
    private let ray: String
    private var engine: EngineState { server.engine }
    private var decoder: WebSocketFrameDecoder
    private var assembler: WebSocketMessageAssembler
    private var connection: HostedConnection?
    private var hasSentClose = false
    private var hasReceivedClose = false
    private var isClosed = false
    private var output: FaultyOutput?

    init(stream: any ByteStream, server: LocalServer, ray: String) {
        self.stream = stream
        self.server = server
        self.ray = ray
        let size = server.engine.limits.maxWebSocketMessage
        let limits = WebSocketLimits(maxFrameSize: size, maxMessageSize: size)
        decoder = WebSocketFrameDecoder(role: .server, limits: limits)
        assembler = WebSocketMessageAssembler(maxMessageSize: size)
        output = FaultyOutput(stream: stream, engine: server.engine) { [weak self] in self?.closeStream() }
    }

    /// Takes the stream over, behind the 101.
    func open(_ upgrade: EngineUpgrade, _ first: ByteChunk) {
        switch upgrade {
        case .connect(let actor, let encoding, let parameters):
            let connection = HostedConnection(actor: actor, parameters: parameters, encoding: encoding, outlet: self)
            self.connection = connection
            // Put on the actor before any message, so that it knows the connection when they come.
            actor.run { core in core.spawnConnect(connection) }
        case .close(let closing, let silence) where silence == .zero:
            sendClose(closing)
        case .close(let closing, let silence):
            engine.deadlines.schedule(at: engine.time.now.advanced(by: silence)) { [self] in
                stream.lane.run { [self] in sendClose(closing) }
            }
        case .raw:
            assertionFailure("a raw socket is another type")
        }
        stream.setHandler(self)
        stream.resumeReading()
        if first.count > 0 { received(first) }
    }

    func cut() { stream.lane.run { self.closeStream() } }

    private func closeStream() {
        guard !isClosed else { return }
        isClosed = true
        stream.close()
        connectionEnded()
        server.removed(self)
    }

    private func connectionEnded() {
        guard let connection = connection.take() else { return }
        connection.actor.run { $0.ended(connection) }
    }

    // MARK: In

    func received(_ bytes: ByteChunk) {
        guard !isClosed, !hasReceivedClose else { return }
        decoder.receive(bytes)
        do throws(WebSocketProtocolError) {
            while let frame = try decoder.next() {
                output?.release()
                if frame.opcode.isControl {
                    try receivedControl(frame)
                    if hasReceivedClose { return }
                } else if let message = try assembler.received(frame), !hasSentClose, let connection {
                    let payload = message.payload
                    connection.actor.run { $0.received(payload, by: connection) }
                }
            }
        } catch {
            violated(error)
        }
    }

    func receivedAll() {}
    func writable() {}

    func ended(_ end: StreamEnd) { closeStream() }

    private func receivedControl(_ frame: WebSocketFrame) throws(WebSocketProtocolError) {
        switch frame.opcode {
        case .ping:
            guard !hasSentClose else { return }
            write(.pong, Array(frame.payload), engine.faults.take(at: .pong) ?? engine.faults.take(at: .everyFrame))
        case .close:
            try receivedClose(frame.payload)
        case .pong, .continuation, .text, .binary:
            break
        }
    }

    private func receivedClose(_ payload: ByteChunk) throws(WebSocketProtocolError) {
        if payload.count == 1 { throw .closePayloadOfOneByte }
        if payload.count > 1 {
            let code = UInt16(payload[0]) << 8 | UInt16(payload[1])
            guard WebSocketCloseCode(rawValue: code).isAllowedOnTheWire else { throw .closeCodeNotAllowed(code) }
            guard String(validating: payload.dropFirst(2), as: UTF8.self) != nil else { throw .closeReasonNotUTF8 }
        }
        hasReceivedClose = true
        connectionEnded()
        // The same code and reason come back (PROTOCOL h9), then TCP ends.
        if !hasSentClose {
            hasSentClose = true
            write(.close, Array(payload), nil)
        }
        stream.finishWriting()
        closeLater()
    }

    /// Every frame that breaks RFC 6455 (PROTOCOL f3, U6).
    private func violated(_ error: WebSocketProtocolError) {
        switch error {
        case .closeCodeNotAllowed: sendClose(WebSocketClosing(.protocolError, reason: "Protocol violation"))
        case .textNotUTF8: sendClose(WebSocketClosing(.invalidFramePayloadData, reason: "message.invalid_utf8"))
        default: sendClose(WebSocketClosing(.internalError, reason: "core.internal_error#\(ray)"))
        }
        hasReceivedClose = true
        stream.finishWriting()
    }

    // MARK: Out, from the actor's lane

    func send(_ message: [UInt8], _ kind: OutgoingKind) {
        stream.lane.run { [self] in
            guard !isClosed, !hasSentClose, let encoding = connection?.codec.encoding else { return }
            let place: Faults.Place? =
                switch kind {
                case .initial: .initialMessage
                case .answer: .answer
                case .event: .event
                case .error: nil
                }
            let fault = place.flatMap { engine.faults.take(at: $0) } ?? engine.faults.take(at: .everyFrame)
            write(encoding.isText ? .text : .binary, message, fault)
        }
    }

    func close(_ closing: WebSocketClosing) {
        stream.lane.run { [self] in
            // The actor has let go of it already.
            connection = nil
            sendClose(closing)
        }
    }

    private func sendClose(_ closing: WebSocketClosing) {
        guard !isClosed, !hasSentClose else { return }
        hasSentClose = true
        connectionEnded()
        write(.close, Self.payload(closing), nil)
        closeLater()
    }

    /// The reason is not cut (PROTOCOL h9, U20).
    private static func payload(_ closing: WebSocketClosing) -> [UInt8] {
        let code = closing.code.rawValue
        return [UInt8(code >> 8), UInt8(truncatingIfNeeded: code)] + Array(closing.reason.utf8)
    }

    private func write(_ opcode: WebSocketOpcode, _ payload: [UInt8], _ fault: Faults.Fault.Kind?) {
        guard let output, !isClosed else { return }
        guard let fault else { return output.write(Self.frame(opcode, payload)) }
        if case .close(let closing) = fault { return sendClose(closing) }
        output.write(Self.frame(opcode, payload), fault) { fault in
            guard case .bytes(let bytes) = fault else { return [] }
            return opcode == .pong ? bytes : Self.frame(opcode, bytes)
        }
    }

    private static func frame(_ opcode: WebSocketOpcode, _ payload: [UInt8]) -> [UInt8] {
        var buffer = ByteBuffer(capacity: payload.count + 16)
        payload.withUnsafeBytes { WebSocketFrameEncoder.encode(opcode, $0, maskingKey: nil, into: &buffer) }
        return buffer.withUnsafeBytes { Array($0) }
    }

    /// The client has a while to answer the close and to end its side.
    private func closeLater() {
        engine.deadlines.schedule(at: engine.time.now.advanced(by: Self.closeTimeout)) { [weak self] in self?.cut() }
    }
}
