// SPDX-License-Identifier: Apache-2.0

/// What a WebSocket calls, always on its lane.
package protocol WebSocketHandler: AnyObject {
    /// Messages; their slices may be kept. A handler that ends the connection among them drops the rest itself.
    func received(_ messages: WebSocketReceivedMessages)
    func received(pong: ByteChunk)
    /// All messages of this turn were handed over: wake who waits.
    func receivedAll()
    /// The output fell from above the high-water mark to below the low one.
    func writable()
    /// No message follows.
    func ended(_ ending: WebSocketEnding)
    /// The last call, after `ended`: the stream is closed and its descriptor free.
    func streamClosed()
}

/// An open WebSocket on a stream: drives the machine on the stream's lane.
///
/// `@unchecked Sendable`: everything is called on the lane, which the stream asserts.
package final class WebSocketConnection: ByteHandler, @unchecked Sendable {
    package let stream: any ByteStream
    private let handler: any WebSocketHandler
    private let time: TimeSource
    private let deadlines: DeadlineScheduler
    private var machine: WebSocketStateMachine
    private var maskingKeys: WebSocketMaskingKeys?
    private var deadline: DeadlineScheduler.ID?
    private var isPerforming = false
    private var isStreamClosed = false
    /// When the peer's last byte came.
    package private(set) var lastReceived: TimePoint
    package private(set) var receivedCount = 0
    /// The last ping that came while the peer did not read; the ones before need no answer (RFC 6455 §5.5.3).
    private var unansweredPing: ByteChunk?

    /// `maskingKeys` are used in the client's role, which needs them, and there only.
    package init(
        stream: any ByteStream,
        handler: any WebSocketHandler,
        configuration: WebSocketStateMachine.Configuration,
        maskingKeys: WebSocketMaskingKeys?,
        time: TimeSource,
        deadlines: DeadlineScheduler
    ) {
        self.stream = stream
        self.handler = handler
        self.time = time
        self.deadlines = deadlines
        assert(configuration.role == .server || maskingKeys != nil)
        self.maskingKeys = configuration.role == .client ? maskingKeys : nil
        machine = WebSocketStateMachine(configuration)
        lastReceived = time.now
    }

    /// Takes the stream over.
    ///
    /// Call once, after the opening handshake. `firstBytes` are what came in the same packet; their messages are
    /// delivered from here.
    package func start(firstBytes: ByteChunk = ByteChunk()) {
        // B227, over TLS too.
        stream.wantsQuickAcknowledgements = true
        stream.setHandler(self)
        guard firstBytes.count > 0 else { return }
        received(firstBytes)
        receivedAll()
    }

    // MARK: Commands

    /// Whether messages can be sent.
    package var isOpen: Bool { machine.isOpen && !isStreamClosed }
    package var pendingOutput: Int { stream.pendingOutput }

    /// Sends a whole message; `text` must be valid UTF-8.
    ///
    /// Like all commands it does nothing when the connection is not open.
    package func send(text: UnsafeRawBufferPointer) { unsafe sendFrame(.text, text) }
    package func send(binary: UnsafeRawBufferPointer) { unsafe sendFrame(.binary, binary) }
    /// At most 125 bytes.
    package func ping(_ payload: UnsafeRawBufferPointer) {
        assert(payload.count <= WebSocketLimits.strictControlSize)
        unsafe sendFrame(.ping, payload)
    }

    /// A ping whose pong is known by its number.
    func ping(_ number: some FixedWidthInteger) { unsafe withUnsafeBytes(of: number.bigEndian) { unsafe ping($0) } }

    /// Sends frames that were encoded before, whole ones, and leaves another buffer for them, which is empty.
    package func send(encodedFrames: inout ByteBuffer) {
        if isOpen {
            stream.write { output in
                if output.isEmpty {
                    swap(&output, &encodedFrames)
                } else {
                    output.append(encodedFrames)
                }
            }
        }
        encodedFrames.removeAll()
    }

    /// Sends one frame as it is, also a bad one: for fragments, and for faults on demand.
    package func sendFrame(
        _ opcode: WebSocketOpcode,
        _ payload: UnsafeRawBufferPointer,
        isFinal: Bool = true,
        reservedBits: UInt8 = 0
    ) {
        guard isOpen else { return }
        let key = maskingKeys?.next()
        stream.write {
            unsafe WebSocketFrameEncoder.encode(
                opcode,
                payload,
                isFinal: isFinal,
                maskingKey: key,
                reservedBits: reservedBits,
                into: &$0
            )
        }
    }

    /// Begins the closing handshake; `ended` follows within the close time-out.
    ///
    /// What comes meanwhile is dropped.
    package func close(_ closing: WebSocketClosing) {
        machine.close(closing, now: time.now)
        perform()
        // The answer may be behind what nobody reads.
        if !isStreamClosed { stream.resumeReading() }
    }

    /// Ends the stream now.
    ///
    /// No `ended` follows, only `streamClosed`.
    package func abort() { closeStream() }

    /// No pong came within `timeout`: ends the stream now; `ended` follows.
    func fail(silentFor timeout: Duration) {
        machine.peerWasSilent(for: timeout)
        perform()
    }

    package func suspendReading() {
        if machine.isOpen { stream.suspendReading() }
    }

    package func resumeReading() {
        if !isStreamClosed { stream.resumeReading() }
    }

    // MARK: ByteHandler

    package func received(_ bytes: ByteChunk) {
        lastReceived = time.now
        receivedCount &+= bytes.count
        machine.received(bytes, now: lastReceived)
        perform()
    }

    package func receiveRoom() -> UnsafeMutableRawBufferPointer? { unsafe machine.receiveRoom() }

    package func received(inRoom count: Int) {
        lastReceived = time.now
        receivedCount &+= count
        machine.received(inRoom: count, now: lastReceived)
        perform()
    }

    package func receivedAll() {
        if !isStreamClosed { handler.receivedAll() }
    }

    package func writable() {
        if let payload = unansweredPing.take() { payload.withUnsafeBytes { unsafe sendFrame(.pong, $0) } }
        handler.writable()
    }

    package func ended(_ end: StreamEnding) {
        machine.receivedEnd(end)
        perform()
    }

    // MARK: Actions

    private func perform() {
        // What a handler does within its call is done by the loop around it, so that order is kept.
        guard !isPerforming else { return }
        isPerforming = true
        defer { isPerforming = false }
        while !isStreamClosed, let action = machine.nextAction() {
            switch action {
            case .deliver(let messages): handler.received(messages)
            case .deliverPong(let payload): handler.received(pong: payload)
            case .sendPong(let payload): answer(payload)
            case .sendClose(let closing):
                let key = maskingKeys?.next()
                stream.write { WebSocketFrameEncoder.encodeClose(closing, maskingKey: key, into: &$0) }
            case .setDeadline(let deadline): setDeadline(deadline)
            case .report(let ending):
                stream.resumeReading()
                handler.ended(ending)
            case .finishWriting: stream.finishWriting()
            case .closeStream:
                // What was gathered in this turn, a close frame above all, must not go down with the stream (B292).
                stream.flush()
                closeStream()
            }
        }
    }

    private func answer(_ payload: ByteChunk) {
        if stream.pendingOutput > OutputMarks.high {
            unansweredPing = payload
        } else {
            payload.withUnsafeBytes { unsafe sendFrame(.pong, $0) }
        }
    }

    private func setDeadline(_ deadline: TimePoint) {
        if let previous = self.deadline { deadlines.cancel(previous) }
        self.deadline = deadlines.schedule(at: deadline) { [self] in
            stream.lane.run { [self] in
                machine.timePassed(now: time.now)
                perform()
            }
        }
    }

    private func closeStream() {
        guard !isStreamClosed else { return }
        isStreamClosed = true
        unansweredPing = nil
        if let deadline = deadline.take() { deadlines.cancel(deadline) }
        stream.close()
        handler.streamClosed()
    }
}

extension ByteChunk {
    /// The number that a pong brings back; nil where it is not as long as one of its kind.
    func number<Number: FixedWidthInteger>(as: Number.Type = Number.self) -> Number? {
        count == MemoryLayout<Number>.size ? reduce(0) { $0 << 8 | Number($1) } : nil
    }
}
