// SPDX-License-Identifier: Apache-2.0
import RivetAsync

/// The server's end of a `/connect` WebSocket: the machine decides as for every WebSocket; what it wants written, faults
/// on demand may change.
///
/// `@unchecked Sendable`: everything is touched on the stream's lane, where the outlet's calls come by `lane.run`.
final class ActorSocketServer: ByteHandler, ConnectionOutlet, ServedStream, @unchecked Sendable {
    let ray: String
    private let stream: any ByteStream
    private let server: LocalServer
    private var engine: EngineState { server.engine }
    private var machine: WebSocketStateMachine
    private var isPerforming = false
    private var connection: HostedConnection?
    /// What we close with, as it is: a fault may have a code that may not stand on the wire.
    private var closing: WebSocketClosing?
    private var isClosed = false
    private var output: FaultyOutput?
    private var deadline: DeadlineScheduler.ID?

    init(stream: any ByteStream, server: LocalServer, ray: String) {
        self.stream = stream
        self.server = server
        self.ray = ray
        let size = server.engine.limits.maxWebSocketMessage
        let limits = WebSocketLimits(maxFrameSize: size, maxMessageSize: size)
        machine = WebSocketStateMachine(
            .init(role: .server, limits: limits) { error in
                // Every frame that breaks RFC 6455 (PROTOCOL f3, U6).
                switch error {
                case .closeCodeNotAllowed: WebSocketClosing(.protocolError, reason: "Protocol violation")
                case .textNotUTF8: WebSocketClosing(.invalidFramePayloadData, reason: "message.invalid_utf8")
                default: WebSocketClosing(.internalError, reason: "core.internal_error#\(ray)")
                }
            }
        )
        output = FaultyOutput(stream: stream, engine: server.engine) { [weak self] in self?.closeStream() }
    }

    /// Takes the stream over, behind the 101.
    func open(_ upgrade: EngineUpgrade, _ first: ByteChunk) {
        switch upgrade {
        case .connect(let actor, let encoding, let parameters):
            let connection = HostedConnection(actor: actor, parameters: parameters, encoding: encoding, outlet: self)
            self.connection = connection
            // Put on the actor before any message, so that it knows the connection when they come.
            actor.run { hosted in hosted.spawnConnect(connection) }
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

    func gatewayCloses(_ closing: WebSocketClosing) { stream.lane.run { self.sendClose(closing) } }

    private func closeStream() {
        guard !isClosed else { return }
        isClosed = true
        cancelDeadline()
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
        output?.release()
        machine.received(bytes, now: engine.time.now)
        perform()
    }

    func receivedAll() {}
    func writable() {}

    func ended(_ end: StreamEnding) {
        machine.receivedEnd(end)
        perform()
    }

    private func perform() {
        // What an action brings about, the loop around it carries out, so that order is kept.
        guard !isPerforming else { return }
        isPerforming = true
        defer { isPerforming = false }
        while !isClosed, let action = machine.nextAction() {
            switch action {
            case .deliver(let messages): deliver(messages)
            case .deliverPong: break
            case .sendPong(let payload):
                write(.pong, Array(payload), engine.faults.take(at: .pong) ?? engine.faults.take(at: .everyFrame))
            case .sendClose(let answer): write(.close, (closing ?? answer).map(Self.payload) ?? [], nil)
            case .setDeadline(let deadline): setDeadline(deadline)
            case .report: connectionEnded()
            case .finishWriting: stream.finishWriting()
            case .closeStream: closeStream()
            }
        }
    }

    private func deliver(_ messages: WebSocketReceivedMessages) {
        guard let connection else { return }
        for message in messages { connection.actor.run { $0.received(message.payload, by: connection) } }
    }

    private func cancelDeadline() {
        if let deadline = deadline.take() { engine.deadlines.cancel(deadline) }
    }

    private func setDeadline(_ point: TimePoint) {
        cancelDeadline()
        deadline = engine.deadlines.schedule(at: point) { [weak self] in
            guard let self else { return }
            stream.lane.run { [self] in
                machine.timePassed(now: engine.time.now)
                perform()
            }
        }
    }

    // MARK: Out, from the actor's lane

    func send(_ message: [UInt8], _ kind: OutgoingKind) {
        stream.lane.run { [self] in
            guard !isClosed, machine.isOpen, let encoding = connection?.codec.encoding else { return }
            let place: Faults.Place? =
                switch kind {
                case .initial: .initialMessage
                case .answer: .answer
                case .event: .event
                case .error: nil
                }
            let fault = place.flatMap { engine.faults.takeOther(at: $0) } ?? engine.faults.take(at: .everyFrame)
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
        guard !isClosed, machine.isOpen else { return }
        self.closing = closing
        connectionEnded()
        machine.close(closing, now: engine.time.now)
        perform()
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
        WebSocketFrameEncoder.encode(opcode, payload, maskingKey: nil, into: &buffer)
        return Array(buffer)
    }
}
