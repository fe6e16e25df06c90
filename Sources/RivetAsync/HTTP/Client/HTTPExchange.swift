// SPDX-License-Identifier: Apache-2.0
import Synchronization

/// One request and its response, over a connection.
///
/// `@unchecked Sendable`: the variables are touched on the connection's lane only, except `connection`, which is set
/// before the exchange reaches it.
final class HTTPExchange: @unchecked Sendable {
    typealias Outcome = Result<HTTPResponse, HTTPCallError>

    /// How much is copied into the stream's output at a time.
    private static let pieceSize = OutputMarks.high

    private enum Upload {
        /// All of it is written.
        case ended
        case bytes(rest: ByteChunk)
        /// `writer` waits until `rest` is written and there is room for more.
        case stream(remaining: Int?, rest: ByteChunk, writer: ParkedTask<Void, any Error>?)
    }

    private enum Answer {
        case notBegun
        case waiting(ParkedTask<Outcome, Never>)
        /// The head is here, and its receiver is woken when all that arrived with it was read.
        case arrived(ParkedTask<Outcome, Never>, HTTPResponse, HTTPBodyBuffer)
        case reading(HTTPBodyBuffer)
        case over
    }

    private let encoder: HTTPRequestEncoder
    private let body: HTTPRequestBody
    private let connection: HTTPConnection
    private let stop: HTTPCallStop
    private let stopsAtHead: Bool
    private let root: RootTask
    private let gauge: ResourceGauge

    private var upload = Upload.ended
    private var answer = Answer.notBegun
    private let isOver: Signal

    init(
        _ encoder: HTTPRequestEncoder,
        _ body: HTTPRequestBody,
        on connection: HTTPConnection,
        stop: HTTPCallStop,
        stopsAtHead: Bool,
        root: RootTask,
        gauge: ResourceGauge
    ) {
        self.encoder = encoder
        self.body = body
        self.connection = connection
        self.stop = stop
        self.stopsAtHead = stopsAtHead
        self.root = root
        self.gauge = gauge
        isOver = Signal(gauge: gauge)
    }

    /// Sends the request and returns when the head of the answer is here.
    ///
    /// Stopping the call closes the connection. Nil when the connection was closed already and nothing was written.
    func run() async -> Outcome? {
        let outcome = await connection.stream.lane.value { self.begin($0) }
        if case .failure(let failure) = outcome, failure.error is ConnectionWasClosed { return nil }
        return outcome
    }

    private struct ConnectionWasClosed: Error {}

    // MARK: The request

    private func begin(_ task: ParkedTask<Outcome, Never>) {
        if let error = stop.error {
            connection.leaveUnused()
            return finish(task, .failure(HTTPCallError(error)))
        }
        guard connection.begin(self, method: encoder.head.method) else {
            answer = .over
            return task.resume(returning: .failure(HTTPCallError(ConnectionWasClosed())))
        }
        answer = .waiting(task)
        connection.stream.write { encoder.write(into: &$0) }
        switch body.content {
        case .none: break
        case .bytes(let bytes):
            upload = .bytes(rest: bytes)
            pump()
        case .stream(let length, let produce):
            upload = .stream(remaining: length, rest: ByteChunk(), writer: nil)
            startProducer(produce)
        }
        stop.onStop { [weak self] error in
            guard let self else { return }
            connection.stream.lane.run { self.close(error) }
        }
    }

    /// The answer has ended: whether all of the request was sent, and its connection can be used again.
    ///
    /// A body of an announced length is whole with its last byte; its producer may not have noticed yet.
    func completesUpload() -> Bool {
        switch upload {
        case .ended:
            return true
        case .stream(0?, let rest, let writer) where rest.isEmpty:
            upload = .ended
            writer?.resume()
            return true
        case .bytes, .stream:
            return false
        }
    }

    /// A child of the client's root task, because the answer may come, and be returned, before the request has ended.
    private func startProducer(_ produce: @escaping @Sendable (HTTPBodyWriter) async throws -> Void) {
        let started = root.add { [self] in
            await withTaskGroup { group in
                group.addTask {
                    let result: Result<Void, any Error>
                    do {
                        result = .success(try await produce(HTTPBodyWriter(exchange: self)))
                    } catch {
                        result = .failure(error)
                    }
                    self.connection.stream.lane.run { self.producerEnded(result) }
                }
                group.addTask { await self.isOver.wait() }
                await group.next()
                group.cancelAll()
            }
        }
        if !started { close(HTTPError.poolClosed) }
    }

    func write(_ chunk: ByteChunk) async throws {
        try await connection.stream.lane.result(starting: { self.write(chunk, $0) })
    }

    private func write(_ chunk: ByteChunk, _ writer: ParkedTask<Void, any Error>) {
        guard case .stream(let remaining, let rest, nil) = upload, rest.isEmpty else {
            return writer.resume(throwing: CancellationError())  // The exchange ended meanwhile.
        }
        if let remaining, chunk.count > remaining {
            let error = lengthError(more: chunk.count - remaining)
            writer.resume(throwing: error)
            return close(error)
        }
        upload = .stream(remaining: remaining.map { $0 - chunk.count }, rest: chunk, writer: writer)
        pump()
    }

    private func producerEnded(_ result: Result<Void, any Error>) {
        guard case .stream(let remaining, _, _) = upload else { return }  // The exchange ended meanwhile.
        switch result {
        case .failure(let error): close(error)
        case .success where remaining ?? 0 > 0: close(lengthError(more: -(remaining ?? 0)))
        case .success:
            if remaining == nil { connection.stream.write { HTTPChunkEncoder.writeEnd(into: &$0) } }
            upload = .ended
        }
    }

    private func lengthError(more: Int) -> HTTPError {
        guard case .length(let announced) = encoder.framing else { return .bodyLength(announced: 0, actual: more) }
        return .bodyLength(announced: announced, actual: announced + more)
    }

    /// The stream's output fell below its low-water mark.
    func writable() {
        pump()
    }

    private func pump() {
        switch upload {
        case .ended: break
        case .bytes(let rest):
            let left = write(piecesOf: rest)
            upload = left.isEmpty ? .ended : .bytes(rest: left)
        case .stream(let remaining, let rest, let writer):
            let left = write(piecesOf: rest)
            let isFull = !left.isEmpty || connection.stream.pendingOutput > OutputMarks.high
            upload = .stream(remaining: remaining, rest: left, writer: isFull ? writer : nil)
            if !isFull { writer?.resume() }
        }
    }

    /// Writes until the output is above its high-water mark; returns what is left.
    private func write(piecesOf bytes: ByteChunk) -> ByteChunk {
        var rest = bytes
        while !rest.isEmpty, connection.stream.pendingOutput <= OutputMarks.high {
            let piece = rest.slice(0..<min(rest.count, Self.pieceSize))
            rest = rest.slice(piece.count..<rest.count)
            connection.stream.write { buffer in
                piece.withUnsafeBytes { bytes in
                    if encoder.framing == .chunked {
                        HTTPChunkEncoder.write(bytes, into: &buffer)
                    } else {
                        buffer.append(bytes)
                    }
                }
            }
        }
        return rest
    }

    // MARK: The answer

    func received(_ head: HTTPResponseHead) {
        guard case .waiting(let task) = answer else { return assertionFailure("a second head") }
        let buffer = HTTPBodyBuffer(gauge: gauge, deadlines: stop.scheduler) { [weak self] request in
            guard let self else { return }
            connection.stream.lane.run { self.asked(request) }
        }
        if stopsAtHead { stop.end() }
        answer = .arrived(task, HTTPResponse(head: head, body: HTTPBody(buffer)), buffer)
    }

    func received(_ bytes: ByteChunk) {
        switch answer {
        case .arrived(_, _, let buffer), .reading(let buffer):
            if !buffer.push(bytes) { connection.stream.suspendReading() }
        case .notBegun, .waiting, .over: assertionFailure("a body without a head")
        }
    }

    func receivedAll() {
        switch answer {
        case .arrived(let task, let response, let buffer):
            answer = .reading(buffer)
            task.resume(returning: .success(response))
        case .reading(let buffer): buffer.wake()
        case .notBegun, .waiting, .over: break
        }
    }

    private func asked(_ request: HTTPBodyBuffer.Request) {
        guard case .reading = answer else { return }  // It ended meanwhile.
        switch request {
        case .resumeReading: connection.stream.resumeReading()
        case .close: close(CancellationError())
        }
    }

    // MARK: The end

    /// The answer is complete, and the connection has let go of this exchange.
    func complete() {
        switch answer {
        case .arrived(let task, let response, let buffer):
            buffer.finish()
            finish(task, .success(response))
        case .reading(let buffer):
            endUpload()
            buffer.finish()
        case .notBegun, .waiting, .over: assertionFailure("ended without a head")
        }
    }

    private func close(_ error: any Error) {
        // After the end the connection may be another's.
        if case .over = answer { return }
        connection.close(error)
    }

    /// The connection was closed under this exchange.
    func connectionClosed(_ error: any Error) {
        let failure = HTTPCallError(
            error,
            requestLeft: true,
            answerBegun: connection.hasAnswerBegun,
            mayNeedTLS: connection.mayNeedTLS(after: error)
        )
        switch answer {
        case .waiting(let task):
            finish(task, .failure(failure))
        case .arrived(let task, let response, let buffer):
            buffer.finish(failure)
            finish(task, .success(response))
        case .reading(let buffer):
            endUpload()
            buffer.finish(failure)
        case .notBegun, .over: break
        }
    }

    private func finish(_ task: ParkedTask<Outcome, Never>, _ outcome: Outcome) {
        endUpload()
        task.resume(returning: outcome)
    }

    private func endUpload() {
        answer = .over
        stop.end()
        if case .stream(_, _, let writer?) = upload { writer.resume(throwing: CancellationError()) }
        upload = .ended
        isOver.set()
    }
}
