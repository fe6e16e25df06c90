// SPDX-License-Identifier: Apache-2.0
import RivetAsync

/// One HTTP connection of a client, until it is upgraded: one request after another.
///
/// `@unchecked Sendable`: everything is touched on the stream's lane.
final class ServerConnection: ByteHandler, ServedStream, @unchecked Sendable {
    private static let drainTime = Duration.seconds(1)

    let stream: any ByteStream
    let server: LocalServer
    private var decoder: HTTPRequestDecoder
    private var unread: [ByteChunk] = []
    private var position = 0
    private var head: HTTPRequestHead?
    private var body: [UInt8] = []
    private var isAnswering = false
    private(set) var isClosed = false
    /// Nothing is read any more: the last answer is written, or the input was no HTTP.
    private var isEnding = false
    private(set) var hasEnded = false
    private(set) var output: FaultyOutput?
    /// The body that is arriving, where it goes to a handler meanwhile.
    private var upload: RequestUpload?
    /// The answer that is being made.
    private var answerStream: AnswerStream?

    init(stream: any ByteStream, server: LocalServer) {
        self.stream = stream
        self.server = server
        var limits = HTTPLimits()
        limits.maxHeadSize = 512 << 10
        // Where bodies stream, what is collected is counted below.
        if !server.engine.limits.streamsBodies { limits.maxBodySize = server.engine.limits.maxRequestBody }
        decoder = HTTPRequestDecoder(limits: limits)
        output = FaultyOutput(stream: stream, engine: server.engine) { [weak self] in self?.close() }
    }

    func cut() { stream.lane.run { self.close() } }

    /// No WebSocket yet.
    func gatewayCloses(_ closing: WebSocketClosing) {}

    func close() {
        guard !isClosed else { return }
        isClosed = true
        unread = []
        upload.take()?.fail()
        answerStream.take()?.abandon()
        stream.close()
        server.removed(self)
    }

    // MARK: ByteHandler

    func received(_ bytes: ByteChunk) {
        guard !isEnding else { return }
        unread.append(bytes)
        // Read on only to notice that the client goes; what it sends has to wait.
        if answerStream != nil, upload == nil { stream.suspendReading() }
    }

    func receivedAll() {
        process()
        upload?.receivedAll()
    }

    func writable() { answerStream?.pump() }

    func ended(_ end: StreamEnding) {
        hasEnded = true
        // What has not left goes to a client that may still read.
        if end == .finished, !isAnswering, stream.pendingOutput > 0 {
            isEnding = false
            return self.end()
        }
        // A client may end its side and still read the answer, but not one that is still being made: else nobody would
        // ever notice that it has gone.
        if !isAnswering || end != .finished || upload != nil || answerStream != nil { close() }
    }

    private func process() {
        while !isAnswering || upload != nil, !isEnding, !isClosed, let chunk = unread.first {
            do throws(HTTPError) {
                switch try decoder.next(in: chunk, from: &position) {
                case nil:
                    unread.removeFirst()
                    position = 0
                case .head(let head): began(head)
                case .body(let bytes): try received(body: bytes)
                case .end: bodyEnded()
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
        guard server.router.streams(head) else { return }
        let (upload, arriving) = RequestUpload.begin(on: stream, gauge: server.engine.gauge)
        self.upload = upload
        answer(arriving)
    }

    private func received(body bytes: ByteChunk) throws(HTTPError) {
        if let upload { return upload.received(bytes) }
        let limit = server.engine.limits.maxRequestBody
        guard bytes.count <= limit - body.count else { throw .tooLarge(.body, limit: limit, actual: nil) }
        body.append(bytes)
    }

    private func bodyEnded() {
        guard let upload = upload.take() else { return answer(nil) }
        upload.finish()
        if answerStream == nil, isAnswering { stream.suspendReading() }
    }

    private func refuse(_ error: HTTPError) {
        if let upload = upload.take() {
            upload.fail(error)
            if answerStream != nil { return close() }
        }
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

    /// The stream is another's from now on; what came behind the request belongs to it.
    func handOver() -> ByteChunk {
        var rest: [UInt8] = []
        for (index, chunk) in unread.enumerated() { rest += index == 0 ? chunk.dropFirst(position) : chunk[...] }
        isClosed = true
        unread = []
        output = nil
        return ByteChunk(rest)
    }

    // MARK: Answers

    private func answer(_ arriving: HTTPBody?) {
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
        let request = EngineRequest(head: head, body: body, arriving: arriving, ray: ray)
        body = []
        isAnswering = true
        if arriving == nil { stream.suspendReading() }
        // From here it goes to the actor's lane, and back.
        server.engine.tasks.spawn(on: stream.lane.isolatedTaskExecutor) { [self] in
            let answer = await server.router.answer(request)
            stream.lane.run { [self] in perform(answer, request) }
        }
    }

    private func perform(_ answer: EngineAnswer, _ request: EngineRequest) {
        guard !isClosed, !isEnding else { return answer.abandon() }
        switch answer {
        case .upgrade(let upgrade, let pass):
            self.upgrade(upgrade, pass, request)
        case .response, .stream:
            let fault = server.engine.faults.takeOther(at: .request)
            guard let wait = fault.flatMap(FaultyOutput.wait(for:)) else { return respond(answer, request, fault) }
            // All of it comes later, and nothing before it.
            output?.later(wait) { [self] in
                if isClosed || isEnding { answer.abandon() } else { respond(answer, request, nil) }
            }
        }
    }

    private func respond(_ answer: EngineAnswer, _ request: EngineRequest, _ fault: Faults.Fault.Kind?) {
        switch answer {
        case .upgrade: break
        case .response(let head, let body):
            write(head, body, ray: request.ray, fault: fault, isHead: request.head.method == "HEAD")
            answered()
        case .stream(let head, let body):
            begin(head, body, request, fault)
        }
    }

    /// No answer comes any more: what the client sends is dropped, and its end closes the stream.
    func endsUnanswered() {
        (isAnswering, isEnding, unread) = (false, true, [])
        stream.resumeReading()
    }

    /// The whole answer is written.
    private func answered() {
        isAnswering = false
        // The rest of a request is not waited for.
        if upload != nil || !decoder.keepsAlive || hasEnded || output?.isOver == true { return end() }
        guard !isClosed else { return }
        stream.resumeReading()
        process()
    }

    /// Writes the head of an answer whose body is being made, and then the body.
    private func begin(
        _ head: HTTPResponseHead,
        _ body: MadeBody,
        _ request: EngineRequest,
        _ fault: Faults.Fault.Kind?
    ) {
        // Nobody would hear the client's end again, nor that there is room.
        guard !hasEnded else {
            body.abandon()
            return close()
        }
        var head = head
        head.fields["x-rivet-ray-id"] = request.ray
        let isChunked = decoder.minorVersion > 0
        guard let bytes = encoded(head, framing: isChunked ? .chunked : .untilClose) else {
            body.abandon()
            output?.write(Self.unwritable)
            return answered()
        }
        let isBodiless = request.head.method == "HEAD" || head.status == 204 || head.status == 304
        var budget: Int?
        switch fault {
        case nil, .refuse: output?.write(bytes)
        case .cut(let count) where count > bytes.count && !isBodiless:
            output?.write(bytes)
            budget = count - bytes.count
        default:
            body.abandon()
            output?.write(bytes, fault) { fault in if case .bytes(let other) = fault { other } else { [] } }
            return answered()
        }
        guard !isBodiless else {
            body.abandon()
            return answered()
        }
        stream.resumeReading()
        let answerStream = AnswerStream(body, to: stream, isChunked: isChunked, budget: budget) { [weak self] in
            self?.bodyEnded(isWhole: $0, isChunked: isChunked)
        }
        self.answerStream = answerStream
        answerStream.start()
    }

    private func bodyEnded(isWhole: Bool, isChunked: Bool) {
        guard answerStream.take() != nil else { return }
        // What was written leaves at the end of this turn; the client must not take the rest for the end.
        guard isWhole else { return stream.lane.nextTurn(self) }
        if isChunked { answered() } else { end() }
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
        if !isBodiless { head.fields["content-length"] = "\(body.count)" }
        let encoded = encoded(head, framing: isBodiless ? .none : .length(body.count))
        var bytes = encoded ?? Self.unwritable
        if encoded != nil, !isBodiless, !isHead { bytes += body }
        output?.write(bytes, fault) { fault in
            if case .bytes(let other) = fault { other } else { [] }
        }
    }

    /// Instead of an answer whose fields cannot be written, as an actor's own may be.
    private static let unwritable = Array("HTTP/1.1 500 Internal Server Error\r\ncontent-length: 0\r\n\r\n".utf8)

    func encoded(_ head: HTTPResponseHead, framing: HTTPFraming) -> [UInt8]? {
        var head = head
        head.fields["date"] = HTTPDate.text(milliseconds: server.engine.now)
        guard let encoder = try? HTTPResponseEncoder(head, framing: framing) else { return nil }
        var buffer = ByteBuffer()
        encoder.write(into: &buffer)
        return Array(buffer)
    }

    /// Lets the client read what was written, and then closes: closing at once could reset it away.
    private func end() {
        guard !isClosed, !isEnding else { return }
        isEnding = true
        unread = []
        upload.take()?.fail()
        stream.flush()
        stream.finishWriting()
        if !hasEnded { stream.resumeReading() }
        drain()
    }

    /// The time to read runs from where the kernel has all of it: a slow client may take as long as it wants before.
    private func drain() {
        let hasLeft = stream.pendingOutput == 0
        if hasLeft, hasEnded { return stream.lane.nextTurn(self) }
        let deadline = server.engine.time.now.advanced(by: Self.drainTime)
        server.engine.deadlines.schedule(at: deadline) { [weak self] in
            guard let self else { return }
            stream.lane.run { [self] in
                if isClosed { return }
                if hasLeft { close() } else { drain() }
            }
        }
    }
}

extension ServerConnection: LaneMember {
    /// The answer has left, and the client's side is over already.
    func ready(_ events: ReadyEvents) { close() }
}
