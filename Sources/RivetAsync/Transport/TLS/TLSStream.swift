// SPDX-License-Identifier: Apache-2.0

/// TLS over another stream, on the same lane.
///
/// Plaintext that is written in one turn is encrypted at its end in as few records as possible. The end of the peer's
/// side is `finished` only after its `close_notify`; without it the stream has failed, as what came may be cut short.
///
/// `@unchecked Sendable`: all mutable state is touched on the lane only, which every method asserts.
package final class TLSStream: ByteStream, @unchecked Sendable {
    package let lane: Lane
    package private(set) var securityDescription: String?

    package var wantsQuickAcknowledgements: Bool {
        get { below.wantsQuickAcknowledgements }
        set { below.wantsQuickAcknowledgements = newValue }
    }

    private let below: any ByteStream
    private var engine: TLSEngine?
    private var handler: (any ByteHandler)?
    private var handshake: ParkedTask<TLSStream, any Error>?

    /// Written and not encrypted yet.
    private var plaintext = ByteBuffer()
    private var largestPlaintext = 0
    /// How much was encrypted, and what of it the stream below may not have sent: where it begins there, and up to where
    /// of ours it goes.
    private var encryptedCount: UInt64 = 0
    private var batches: [(begins: UInt64, upTo: UInt64)] = []
    private var sentBeforeBatches: UInt64 = 0
    /// What TLS itself has to say: handshake, key updates, alerts.
    private var control = ByteBuffer()
    private var endBelow: StreamEnding?

    private var isReadingSuspended = false
    private var isDraining = false
    private var hasDelivered = false
    private var hasReceivedEnd = false
    private var isFinishingWriting = false
    private var isEndOfTurnAsked = false

    private init(over below: any ByteStream, engine: TLSEngine) {
        self.below = below
        self.engine = engine
        lane = below.lane
    }

    /// Makes a TLS session over `below`, whose handler must not be set yet, with the server that `host` names.
    ///
    /// When that fails, or the task is cancelled, `below` is closed.
    ///
    /// - Throws: ``TransportError``, or `CancellationError`.
    package static func connect(
        over below: any ByteStream,
        context: TLSContext,
        host: String,
        port: Int
    ) async throws -> TLSStream {
        let attempt = Attempt(below)
        return try await below.lane.result(
            starting: { attempt.start(context, host, port, $0) },
            ending: { _ in attempt.cancel() }
        )
    }

    /// What can be cancelled before there is a stream.
    ///
    /// `@unchecked Sendable`: its state is touched on the lane only.
    private final class Attempt: @unchecked Sendable {
        private let below: any ByteStream
        private var stream: TLSStream?
        private var isCancelled = false

        init(_ below: any ByteStream) { self.below = below }

        func start(
            _ context: TLSContext,
            _ host: String,
            _ port: Int,
            _ task: ParkedTask<TLSStream, any Error>
        ) {
            // The task may have been cancelled before it came here.
            if isCancelled { return task.resume(throwing: CancellationError()) }
            do throws(TLSError) {
                let stream = TLSStream(
                    over: below,
                    engine: try TLSEngine(context: context, host: host, port: port)
                )
                self.stream = stream
                stream.handshake = task
                below.setHandler(stream)
                stream.shakeHands()
            } catch {
                below.close()
                task.resume(throwing: TransportError.tls(error))
            }
        }

        func cancel() {
            isCancelled = true
            guard let stream else { return below.close() }
            // The handshake may just have been completed; then the stream has an owner.
            guard let handshake = stream.handshake.take() else { return }
            stream.close()
            handshake.resume(throwing: CancellationError())
        }
    }

    private func shakeHands() {
        guard let engine, handshake != nil else { return }
        do throws(TLSError) {
            let isComplete = try engine.handshake(into: &control)
            sendControl()
            guard isComplete else {
                if let endBelow { fail(error(at: endBelow, engine)) }
                return
            }
        } catch {
            return fail(.tls(error))
        }
        securityDescription = engine.securityDescription
        // Nothing more is read until there is a handler.
        below.suspendReading()
        handshake.take()?.resume(returning: self)
    }

    // MARK: Reading

    package func setHandler(_ handler: any ByteHandler) {
        lane.assertCurrent()
        guard engine != nil, !hasReceivedEnd else { return }
        let isFirst = self.handler == nil
        self.handler = handler
        guard isFirst, !isReadingSuspended else { return }
        continueReading()
    }

    package func suspendReading() {
        lane.assertCurrent()
        guard !isReadingSuspended else { return }
        isReadingSuspended = true
        if handler != nil { below.suspendReading() }
    }

    package func resumeReading() {
        lane.assertCurrent()
        guard isReadingSuspended else { return }
        isReadingSuspended = false
        if handler != nil { continueReading() }
    }

    private func continueReading() {
        guard engine != nil else { return }
        below.resumeReading()
        // Inside a drain the loop there goes on by itself. There may be bytes within OpenSSL that came before.
        if !isDraining { lane.nextTurn(self) }
    }

    private func drain() {
        guard !isDraining else { return }
        isDraining = true
        defer { isDraining = false }
        while let engine, let handler, !isReadingSuspended, !hasReceivedEnd {
            let room = unsafe lane.receiveRoom()
            let (count, end) = unsafe fill(room, from: engine)
            if count > 0 {
                hasDelivered = true
                handler.received(lane.takeReceived(count))
            }
            switch end {
            case nil: break
            case .needsInput:
                guard let endBelow else { return }
                return fail(error(at: endBelow, engine))
            case .finished:
                return receivedEnd()
            case .failed(let error):
                return fail(.tls(error))
            }
        }
    }

    private enum FillEnd {
        case needsInput
        case finished
        case failed(TLSError)
    }

    /// Reads records until `room` is full or there are no more, so that the handler is called once for many.
    private func fill(_ room: UnsafeMutableRawBufferPointer, from engine: TLSEngine) -> (Int, FillEnd?) {
        var count = 0
        defer { sendControl() }
        do throws(TLSError) {
            while count < room.count {
                switch try unsafe engine.read(
                    into: UnsafeMutableRawBufferPointer(rebasing: room[count...]),
                    output: &control
                )
                {
                case .bytes(let more): count += more
                case .needsInput: return (count, .needsInput)
                case .finished: return (count, .finished)
                }
            }
            return (count, nil)
        } catch {
            return (count, .failed(error))
        }
    }

    private func receivedEnd() {
        guard !hasReceivedEnd, engine != nil else { return }
        hasReceivedEnd = true
        deliverAll()
        // The handler may have closed the stream in `receivedAll`.
        handler.take()?.ended(.finished)
    }

    private func deliverAll() {
        guard hasDelivered else { return }
        hasDelivered = false
        handler?.receivedAll()
    }

    private func error(at end: StreamEnding, _ engine: TLSEngine) -> TransportError {
        switch end {
        case .finished: .tls(engine.errorAtEnd())
        case .failed(let error): error
        }
    }

    // MARK: Writing

    package var pendingOutput: Int { plaintext.count + below.pendingOutput }
    package var writtenCount: UInt64 { encryptedCount + UInt64(plaintext.count) }
    /// A record that has left in part counts with all that was encrypted together with it.
    package var sentCount: UInt64 {
        batches.last { $0.begins < below.sentCount }?.upTo ?? sentBeforeBatches
    }

    package func write(_ body: (inout ByteBuffer) -> Void) {
        lane.assertCurrent()
        // Writing to a stream that has just ended is a legal race; writing after `finishWriting` is our bug.
        assert(!isFinishingWriting || engine == nil, "written after finishWriting")
        guard engine != nil, !isFinishingWriting else { return }
        body(&plaintext)
        largestPlaintext = max(largestPlaintext, plaintext.count)
        // The stream below calls `writable` once it has room again, so everything has to reach it first.
        if pendingOutput > OutputMarks.high { encrypt() }
        askForEndOfTurn()
    }

    package func finishWriting() {
        lane.assertCurrent()
        guard engine != nil, !isFinishingWriting else { return }
        encrypt()
        guard let engine else { return }
        isFinishingWriting = true
        engine.finishWriting(into: &control)
        sendControl(isLast: true)
        below.finishWriting()
    }

    package func flush() {
        lane.assertCurrent()
        encrypt()
        below.flush()
    }

    private func askForEndOfTurn() {
        guard !isEndOfTurnAsked else { return }
        isEndOfTurnAsked = true
        lane.atEndOfTurn(self)
    }

    private func encrypt() {
        guard let engine, !plaintext.isEmpty else { return }
        var failure: TLSError?
        var isTaken = false
        sentBeforeBatches = sentCount
        batches.removeAll { $0.upTo <= sentBeforeBatches }
        encryptedCount += UInt64(plaintext.count)
        batches.append((begins: below.writtenCount, upTo: encryptedCount))
        below.write { output in
            isTaken = true
            do throws(TLSError) {
                try plaintext.withUnsafeBytes { (bytes) throws(TLSError) in
                    try unsafe engine.write(bytes, into: &output)
                }
            } catch {
                failure = error
            }
            // Here and not behind: the stream below may call `writable` before its `write` returns.
            plaintext.removeAll()
        }
        // Below it has failed, and who reads will hear: until then what is written goes nowhere, as there.
        if !isTaken { plaintext.removeAll() }
        if let failure { fail(.tls(failure)) }
    }

    private func sendControl(isLast: Bool = false) {
        guard !control.isEmpty else { return }
        // After our `close_notify` there is nothing to say any more, not even an answer to a key update.
        if !isFinishingWriting || isLast {
            below.write { output in output.append(control) }
        }
        control.removeAll()
    }

    // MARK: The end

    package func close() {
        lane.assertCurrent()
        guard engine != nil else { return }
        release()
        below.close()
    }

    private func fail(_ error: TransportError) {
        guard engine != nil else { return }
        deliverAll()
        guard engine != nil else { return }
        let (handler, handshake) = (handler, handshake)
        self.handshake = nil
        sendControl()
        release()
        // An alert that tells the peer why: our own turn may end, and close the stream below, before that has sent it.
        below.flush()
        askForEndOfTurn()
        handler?.ended(.failed(error))
        handshake?.resume(throwing: error)
    }

    private func release() {
        engine = nil
        handler = nil
        plaintext = ByteBuffer()
        control = ByteBuffer()
    }
}

extension TLSStream: ByteHandler {
    package func received(_ bytes: ByteChunk) {
        guard let engine, !hasReceivedEnd else { return }
        engine.feed(bytes)
        if handshake == nil { drain() }
    }

    package func receivedAll() {
        if handshake == nil { deliverAll() } else { shakeHands() }
    }

    package func writable() {
        handler?.writable()
    }

    package func ended(_ end: StreamEnding) {
        guard engine != nil, !hasReceivedEnd else { return }
        endBelow = end
        if handshake == nil { drain() } else { shakeHands() }
    }
}

extension TLSStream: LaneMember {
    /// The next turn, asked for when reading goes on.
    package func ready(_ events: ReadyEvents) {
        drain()
        deliverAll()
    }

    package func turnEnds() {
        isEndOfTurnAsked = false
        guard engine != nil else { return below.close() }
        encrypt()
        // A buffer that has grown for a burst is not kept by an idle connection. Not given back sooner: a writer that
        // goes on would have its memory taken from and given to the system again and again.
        if largestPlaintext > OutputMarks.low, plaintext.isEmpty {
            plaintext = ByteBuffer()
            largestPlaintext = 0
        }
    }
}
