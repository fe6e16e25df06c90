// SPDX-License-Identifier: Apache-2.0
import Synchronization

/// Carries out what ``HTTPExchangeStateMachine`` decides about one request and its response, over a connection.
///
/// `@unchecked Sendable`: the variables are touched on the connection's lane only, except `connection`, which is set
/// before the exchange reaches it.
final class HTTPExchange: @unchecked Sendable {
    /// What the caller waits for; without a body where that goes elsewhere.
    typealias Outcome = Result<HTTPAnswer, HTTPCallError>

    /// Where the body of the answer goes.
    enum Delivery {
        /// To the caller, with the head; up to so many bytes.
        case whole(limit: Int)
        /// Into the buffer, which is read while it arrives.
        case arriving(HTTPBodyBuffer, stopsAtHead: Bool)
    }

    private let encoder: HTTPRequestEncoder
    private let body: HTTPRequestBody
    private let connection: HTTPConnection
    private let stop: HTTPCallStop
    private let root: RootTask
    private let gauge: ResourceGauge

    private var machine: HTTPExchangeStateMachine
    private var caller: ParkedTask<Outcome, Never>?
    private var head: HTTPResponseHead?
    private var pieces = HTTPBodyPieces()
    private let buffer: HTTPBodyBuffer?
    /// What is to be written of the body, or of the piece that `writer` has submitted.
    private var rest = ByteChunk()
    private var writer: ((Result<Void, any Error>) -> Void)?
    /// Why the machine was told that something ended.
    private var cause: (any Error)?
    /// Of the exchange, for who makes the body.
    private var isOver: Signal?

    init(
        _ encoder: HTTPRequestEncoder,
        _ body: HTTPRequestBody,
        on connection: HTTPConnection,
        _ delivery: Delivery,
        stop: HTTPCallStop,
        root: RootTask,
        gauge: ResourceGauge
    ) {
        self.encoder = encoder
        self.body = body
        self.connection = connection
        self.stop = stop
        self.root = root
        self.gauge = gauge
        let handOut: HTTPExchangeStateMachine.HandOut
        switch delivery {
        case .whole(let limit): (handOut, buffer) = (.whole(limit: limit), nil)
        case .arriving(let buffer, let stopsAtHead):
            (handOut, self.buffer) = (.head(stopsDeadline: stopsAtHead), buffer)
        }
        machine = HTTPExchangeStateMachine(body.outline, pieceSize: OutputMarks.high, handOut)
        if case .bytes(let bytes) = body.content { rest = bytes }
    }

    /// Sends the request and returns when the answer is here, whole or its head.
    ///
    /// Stopping the call closes the connection. Nil when the connection was closed already and nothing was written.
    func run() async -> Outcome? {
        let outcome = await connection.stream.lane.value { self.begin($0) }
        if case .failure(let failure) = outcome, failure.error is ConnectionWasClosed { return nil }
        return outcome
    }

    private struct ConnectionWasClosed: Error {}

    private func begin(_ task: ParkedTask<Outcome, Never>) {
        caller = task
        if let error = stop.error { return stopped(error) }
        guard connection.begin(self, method: encoder.head.method) else {
            return task.resume(returning: .failure(HTTPCallError(ConnectionWasClosed())))
        }
        // Both hold the exchange until its end, which comes to each that has begun, and may come while it begins.
        stop.onStop { [self] error in connection.stream.lane.run { [self] in stopped(error) } }
        buffer?.onRequest { [self] request in
            connection.stream.lane.run { [self] in
                tell { request == .close ? $0.abandon() : $0.bufferHasRoom() }
            }
        }
        tell { $0.begin() }
    }

    // MARK: What happens

    private func tell(_ event: (inout HTTPExchangeStateMachine) -> Void) {
        event(&machine)
        while let action = machine.nextAction(hasRoom: connection.stream.pendingOutput <= OutputMarks.high) {
            carryOut(action)
        }
    }

    private func stopped(_ error: any Error) {
        cause = error
        tell { $0.stop() }
    }

    func write(_ chunk: ByteChunk) async throws {
        try await connection.stream.lane.result(starting: { self.submit(chunk, $0) })
    }

    private func submit(_ chunk: ByteChunk, _ writer: ParkedTask<Void, any Error>) {
        self.writer = { writer.resume(with: $0) }
        rest = chunk
        tell { $0.submit(chunk.count) }
    }

    private func producerEnded(_ error: (any Error)?) {
        if let error { cause = error }
        tell { $0.producerEnded(succeeded: error == nil) }
    }

    /// The stream's output fell below its low-water mark.
    func writable() { tell { _ in } }

    func received(_ head: HTTPResponseHead) {
        self.head = head
        tell { $0.receivedHead() }
    }

    func received(_ bytes: ByteChunk) {
        let isFull = buffer?.push(bytes) == false
        if buffer == nil { pieces.append(bytes) }
        tell { $0.receivedBody(bytes.count, bufferIsFull: isFull) }
    }

    func receivedAll() { tell { $0.receivedAll() } }

    /// The answer is complete, and the connection has let go of this exchange.
    func receivedEnd(peerKeepsAlive: Bool) { tell { $0.receivedEnd(peerKeepsAlive: peerKeepsAlive) } }

    /// The connection was closed under this exchange.
    func connectionClosed(_ error: any Error) {
        cause = error
        tell { $0.connectionClosed() }
    }

    // MARK: What is done

    private func carryOut(_ action: HTTPExchangeStateMachine.Action) {
        switch action {
        case .writeHead: connection.stream.write { encoder.write(into: &$0) }
        case .startProducer: startProducer()
        case .write(let count): write(count)
        case .writeEnd: connection.stream.write { HTTPChunkEncoder.writeEnd(into: &$0) }
        case .resumeProducer: writer.take()?(.success(()))
        case .refuseProducer(let reason): writer.take()?(.failure(error(reason)))
        case .suspendReading: connection.stream.suspendReading()
        case .resumeReading: connection.stream.resumeReading()
        case .endDeadline: stop.end()
        case .handOut:
            if let head { caller.take()?.resume(returning: .success(HTTPAnswer(head: head, body: pieces.bytes))) }
        case .wakeReader: buffer?.wake()
        case .finishBody: buffer?.finish()
        case .failCaller(let requestLeft):
            caller.take()?.resume(returning: .failure(failure(requestLeft: requestLeft)))
        case .failBody: buffer?.finish(failure(requestLeft: true))
        case .end:
            stop.end()
            buffer?.onRequest(nil)
            writer.take()?(.failure(CancellationError()))
            isOver.take()?.set()
        case .giveBack: connection.giveBack()
        case .close(let reason): connection.close(error(reason))
        }
    }

    private func write(_ count: Int) {
        let piece = rest.slice(0..<count)
        rest = rest.slice(count..<rest.count)
        connection.stream.write { buffer in
            if encoder.framing == .chunked {
                HTTPChunkEncoder.write(piece, into: &buffer)
            } else {
                buffer.append(piece)
            }
        }
    }

    /// A child of the client's root task, because the answer may come, and be returned, before the request has ended.
    private func startProducer() {
        guard case .stream(_, let produce) = body.content else { return }
        let isOver = Signal(gauge: gauge)
        self.isOver = isOver
        let started = root.add { [self] in
            await withTaskGroup { group in
                group.addTask {
                    let failure: (any Error)?
                    do {
                        try await produce(HTTPBodyWriter(exchange: self))
                        // Many streams end without an error then, and what they gave is not the whole.
                        failure = Task.isCancelled ? HTTPError.poolClosed : nil
                    } catch {
                        failure = Task.isCancelled ? HTTPError.poolClosed : RequestBodyError(underlying: error)
                    }
                    self.connection.stream.lane.run { self.producerEnded(failure) }
                }
                group.addTask { await isOver.wait() }
                await group.next()
                group.cancelAll()
            }
        }
        if !started { producerEnded(HTTPError.poolClosed) }
    }

    private func error(_ reason: HTTPExchangeStateMachine.Reason) -> any Error {
        switch reason {
        case .stopped, .producerFailed: cause ?? CancellationError()
        case .abandoned, .over: CancellationError()
        case .tooLarge(let limit): HTTPError.tooLarge(.body, limit: limit, actual: nil)
        case .length(let announced, let actual): HTTPError.bodyLength(announced: announced, actual: actual)
        case .notReusable: HTTPError.poolClosed
        }
    }

    private func failure(requestLeft: Bool) -> HTTPCallError {
        let cause = cause ?? CancellationError()
        guard requestLeft else { return HTTPCallError(cause) }
        return HTTPCallError(
            cause,
            requestLeft: true,
            answerBegun: connection.hasAnswerBegun,
            mayNeedTLS: connection.mayNeedTLS(after: cause),
            openedConnection: connection.opensConnection,
            connectionWasStale: connection.wasStale
        )
    }
}
