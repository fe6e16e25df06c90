// SPDX-License-Identifier: Apache-2.0
import RivetAsync

/// One HTTP connection of a client, until it is upgraded: one request after another.
///
/// `@unchecked Sendable`: everything is touched on the stream's lane.
final class ServerConnection: ByteHandler, ServedStream, @unchecked Sendable {
    private static let drainTime = Duration.seconds(1)

    private let stream: any ByteStream
    private let server: LocalServer
    private var decoder: HTTPRequestDecoder
    private var unread: [ByteChunk] = []
    private var position = 0
    private var head: HTTPRequestHead?
    private var body: [UInt8] = []
    private var isAnswering = false
    private var isClosed = false
    /// Nothing is read any more: the last answer is written, or the input was no HTTP.
    private var isEnding = false
    private var hasEnded = false
    private var output: FaultyOutput?

    init(stream: any ByteStream, server: LocalServer) {
        self.stream = stream
        self.server = server
        var limits = HTTPLimits()
        limits.maxHeadSize = 512 << 10
        limits.maxBodySize = server.engine.limits.maxRequestBody
        decoder = HTTPRequestDecoder(limits: limits)
        output = FaultyOutput(stream: stream, engine: server.engine) { [weak self] in self?.close() }
    }

    func cut() { stream.lane.run { self.close() } }

    /// No WebSocket yet.
    func gatewayCloses(_ closing: WebSocketClosing) {}

    private func close() {
        guard !isClosed else { return }
        isClosed = true
        unread = []
        stream.close()
        server.removed(self)
    }

    // MARK: ByteHandler

    func received(_ bytes: ByteChunk) {
        guard !isEnding else { return }
        unread.append(bytes)
    }

    func receivedAll() { process() }

    func writable() {}

    func ended(_ end: StreamEnding) {
        hasEnded = true
        // A client may end its side and still read the answer.
        if !isAnswering || end != .finished { close() }
    }

    private func process() {
        while !isAnswering, !isEnding, let chunk = unread.first {
            do throws(HTTPError) {
                switch try decoder.next(in: chunk, from: &position) {
                case nil:
                    unread.removeFirst()
                    position = 0
                case .head(let head): began(head)
                case .body(let bytes): body.append(contentsOf: bytes)
                case .end: answer()
                }
            } catch {
                refuse(error)
            }
        }
    }

    private func began(_ head: HTTPRequestHead) {
        self.head = head
        body = []
        // Until the answer is written the client's bytes stay in the kernel's buffer.
        if head.fields.list("expect", contains: "100-continue") {
            stream.write { $0.append("HTTP/1.1 100 Continue\r\n\r\n".utf8) }
        }
    }

    private func refuse(_ error: HTTPError) {
        let ray = FreshID.engineID()
        switch error {
        case .tooLarge(.body, _, _):
            guard case .response(let head, let body) = server.router.engineError(.bodyTooLarge) else { return }
            write(head, body, ray: ray, fault: nil)
        case .tooLarge(.head, _, _), .tooLarge(.trailers, _, _), .tooLarge(.chunkLine, _, _):
            write(HTTPResponseHead(status: 431), [], ray: ray, fault: nil)
        default:
            write(HTTPResponseHead(status: 400), [], ray: ray, fault: nil)
        }
        end()
    }

    // MARK: Answers

    private func answer() {
        guard let head = head.take() else { return }
        let ray = FreshID.engineID()
        guard head.target.utf8.count <= 64 << 10 else {
            write(HTTPResponseHead(status: 414), [], ray: ray, fault: nil)
            return end()
        }
        guard let head = head.inOriginForm else {
            write(HTTPResponseHead(status: 400), [], ray: ray, fault: nil)
            return end()
        }
        let request = EngineRequest(head: head, body: body, ray: ray)
        body = []
        isAnswering = true
        stream.suspendReading()
        server.engine.tasks.spawn { [self] in
            let answer = await server.router.answer(request)
            stream.lane.run { [self] in perform(answer, request) }
        }
    }

    private func perform(_ answer: EngineAnswer, _ request: EngineRequest) {
        guard !isClosed else { return }
        switch answer {
        case .upgrade(let upgrade, let pass):
            self.upgrade(upgrade, pass, request)
        case .response(let head, let body):
            let fault = server.engine.faults.takeOther(at: .request)
            write(head, body, ray: request.ray, fault: fault, isHead: request.head.method == "HEAD")
            isAnswering = false
            if !decoder.keepsAlive || hasEnded { return end() }
            guard !isClosed else { return }
            stream.resumeReading()
            process()
        }
    }

    private func write(
        _ head: HTTPResponseHead,
        _ body: [UInt8],
        ray: String,
        fault: Faults.Fault.Kind?,
        isHead: Bool = false
    ) {
        var head = head
        head.fields["x-rivet-ray-id"] = ray
        let isBodiless = head.status == 204 || head.status == 304
        var bytes = encoded(head, length: isBodiless ? nil : body.count)
        if !isBodiless, !isHead { bytes += body }
        output?.write(bytes, fault) { fault in
            if case .bytes(let other) = fault { other } else { [] }
        }
    }

    private func encoded(_ head: HTTPResponseHead, length: Int?) -> [UInt8] {
        var head = head
        if let length { head.fields["content-length"] = "\(length)" }
        head.fields["date"] = HTTPDate.text(milliseconds: server.engine.now)
        // An actor's own answer may have fields that cannot be written.
        guard let encoder = try? HTTPResponseEncoder(head, framing: length.map { .length($0) } ?? .none) else {
            return Array("HTTP/1.1 500 Internal Server Error\r\ncontent-length: 0\r\n\r\n".utf8)
        }
        var buffer = ByteBuffer()
        encoder.write(into: &buffer)
        return buffer.withUnsafeBytes { Array($0) }
    }

    /// Lets the client read what was written, and then closes: closing at once could reset it away.
    private func end() {
        guard !isClosed, !isEnding else { return }
        isEnding = true
        unread = []
        stream.finishWriting()
        if hasEnded { return stream.lane.nextTurn(self) }
        stream.resumeReading()
        let deadline = server.engine.time.now.advanced(by: Self.drainTime)
        server.engine.deadlines.schedule(at: deadline) { [weak self] in self?.cut() }
    }

    // MARK: Upgrade

    private func upgrade(_ upgrade: EngineUpgrade, _ pass: Pass, _ request: EngineRequest) {
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
        let bytes = encoded(head, length: nil)
        let fault = server.engine.faults.take(at: .upgrade)
        switch fault {
        case .delay(let duration):
            server.engine.deadlines.schedule(at: server.engine.time.now.advanced(by: duration)) { [self] in
                stream.lane.run { [self] in
                    guard !isClosed else { return }
                    output?.write(bytes)
                    switchProtocols(upgrade, pass, request)
                }
            }
        case .close(let closing):
            output?.write(bytes)
            switchProtocols(.close(closing), pass, request)
        case nil:
            output?.write(bytes)
            switchProtocols(upgrade, pass, request)
        default:
            // The client's end, or `stop`, closes the stream.
            stream.resumeReading()
            output?.write(bytes, fault) { fault in
                if case .bytes(let other) = fault { other } else { [] }
            }
        }
    }

    private func switchProtocols(_ upgrade: EngineUpgrade, _ pass: Pass, _ request: EngineRequest) {
        // What came behind the request belongs to the WebSocket.
        var rest: [UInt8] = []
        for (index, chunk) in unread.enumerated() { rest += index == 0 ? chunk.dropFirst(position) : chunk[...] }
        let first = ByteChunk(rest)
        isClosed = true
        unread = []
        output = nil
        switch upgrade {
        case .raw(let actor, let encoding, let parameters, let path):
            let socket = RawSocketServer(stream: stream, server: server)
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

extension ServerConnection: LaneMember {
    /// The answer has left, and the client's side is over already.
    func ready(_ events: ReadyEvents) { close() }
}
