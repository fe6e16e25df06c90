// SPDX-License-Identifier: Apache-2.0

/// One WebSocket of a connection: turns messages into bytes and back on the lane.
///
/// Events go from here straight to their feeds; everything else goes to the driver. It belongs to one attempt, whose
/// generation is on everything that it tells the driver.
///
/// `@unchecked Sendable`: touched on the lane only.
final class ConnectionSocket: WebSocketHandler, ClientSocket, @unchecked Sendable {
    private let context: ClientContext
    private let lane: Lane
    private let closed: Signal
    private let codec: MessageCodec
    private let address: ServerAddress
    private let token: Secret?
    /// The ray of the 101, for errors whose close reason has none (B206).
    private let rayID: String?
    private(set) var connection: WebSocketConnection?
    private var driver: ConnectionDriver?
    private var generation = 0
    private var tally: ConnectionTally?
    /// What the tally has of this socket's bytes.
    private var counted: (sent: UInt64, received: Int) = (0, 0)
    private var output = ByteBuffer()
    private var isOver = false

    private init(
        _ context: ClientContext,
        lane: Lane,
        codec: MessageCodec,
        address: ServerAddress,
        token: Secret?,
        rayID: String?
    ) {
        self.context = context
        self.lane = lane
        closed = Signal(gauge: context.gauge)
        self.codec = codec
        self.address = address
        self.token = token
        self.rayID = rayID
    }

    /// Connects and carries out the opening handshake.
    ///
    /// `opened` is called on the lane when the 101 has come, before what came with it is read. It throws
    /// ``TransportError``, ``WebSocketHandshakeError`` or `CancellationError`; nothing is left open then.
    static func open(
        context: ClientContext,
        address: ServerAddress,
        token: Secret?,
        handshake: WebSocketHandshake,
        lane: Lane,
        deadline: TimePoint,
        _ opened: @escaping @Sendable (ConnectionSocket) -> Void
    ) async throws {
        let configuration = context.configuration
        let time = context.time
        let stream = try await context.dialing.dial(address.origin, lane: lane, deadline: deadline)
        let codec = MessageCodec(configuration.encoding.wire)
        let limits = WebSocketLimits(
            maxFrameSize: configuration.maxMessageSize,
            maxMessageSize: configuration.maxMessageSize,
            // Rivet passes long reasons on, against RFC 6455 §5.5 (B222).
            maxCloseSize: 1 << 20
        )
        _ = try await WebSocketConnection.open(handshake, over: stream) { head, _ in
            let socket = ConnectionSocket(
                context,
                lane: lane,
                codec: codec,
                address: address,
                token: token,
                rayID: head.fields["x-rivet-ray-id"]
            )
            let connection = unsafe WebSocketConnection(
                stream: stream,
                handler: socket,
                // Disconnecting waits at most 2 s for the peer (B162).
                configuration: .init(role: .client, limits: limits, closeTimeout: .seconds(2)),
                maskingKeys: WebSocketMaskingKeys(fill: context.random.stream()),
                time: time,
                deadlines: context.deadlines
            )
            socket.connection = connection
            opened(socket)
            return connection
        }
    }

    func attach(_ driver: ConnectionDriver, generation: Int) {
        self.driver = driver
        self.generation = generation
        tally = driver.tally
        // Without the handshake.
        counted.sent = connection?.stream.writtenCount ?? 0
    }

    private func count() {
        guard let connection, let tally else { return }
        let (sent, received) = (max(connection.stream.writtenCount, counted.sent), connection.receivedCount)
        tally.noteBytes(sent: Int(sent - counted.sent), received: received - counted.received)
        counted = (sent, received)
    }

    // MARK: Commands

    var link: ConnectionDriver.Machine.Link {
        guard let connection else { return .none }
        return ConnectionDriver.Machine.Link(
            canTakeMore: connection.isOpen && connection.pendingOutput <= OutputMarks.high,
            position: connection.stream.writtenCount
        )
    }

    /// How many of the bytes that were written may have left; all, as long as what is pending may still do so.
    private(set) var sentCount = UInt64.max

    func sendAction(id: UInt64, name: String, arguments: ByteChunk) {
        send { codec.writeActionRequest(id: id, name: name, arguments: arguments, to: &$0) }
    }

    func sendSubscription(_ eventName: String, subscribe: Bool) {
        send { codec.writeSubscriptionRequest(eventName: eventName, subscribe: subscribe, to: &$0) }
    }

    private func send(_ write: (inout ByteBuffer) -> Void) {
        guard let connection else { return }
        output.removeAll()
        write(&output)
        output.withUnsafeBytes { bytes in
            if codec.encoding.isText {
                unsafe connection.send(text: bytes)
            } else {
                unsafe connection.send(binary: bytes)
            }
        }
        count()
        // A buffer that has grown for one message is not kept.
        if output.isOversized { output = ByteBuffer() }
    }

    /// The memory for messages that is kept between them, for tests of its bound.
    var retainedSize: Int { output.capacity }

    func ping(_ id: UInt32) {
        connection?.ping(id)
        count()
    }

    /// When the peer's last byte came.
    var lastReceived: TimePoint? { connection?.lastReceived }

    /// Ends the stream now: no pong came within `timeout`.
    func fail(silentFor timeout: Duration) { connection?.fail(silentFor: timeout) }

    func close() {
        connection?.close(WebSocketClosing(.normalClosure))
    }

    /// Nothing more is reported, and the driver goes on without it.
    ///
    /// The closing handshake goes on to its end, so that the peer hears our close frame whatever it still sends (B292).
    func letGo() {
        guard let connection else { return }
        isOver = true
        driver = nil
        guard context.addSocket(self, isInUse: false) else { return connection.abort() }
        connection.close(WebSocketClosing(.normalClosure))
    }

    // MARK: ClientSocket

    /// It is closing already.
    func close(isShutdown: Bool) async { await closed.waitUncancellably() }

    /// Ends the stream now; nothing more is reported.
    func abort() {
        lane.run { [self] in
            isOver = true
            connection?.abort()
        }
    }

    func suspendReading() { connection?.suspendReading() }
    func resumeReading() { connection?.resumeReading() }

    // MARK: WebSocketHandler

    func received(_ messages: WebSocketReceivedMessages) {
        // Referenced once for all messages: a weak reference elsewhere gives the driver a side table, through which each
        // count goes. It is let go of only after the end.
        guard let driver else { return }
        for message in messages {
            guard !isOver else { return }
            guard message.isText == codec.encoding.isText else {
                let kind = message.isText ? "text" : "binary"
                return violated("a \(kind) message came on a \(codec.encoding) connection")
            }
            receive(message.payload, driver)
        }
        driver.events.flush()
        if driver.events.isHolding { driver.assumeIsolated { $0.readingHeld(generation: generation) } }
    }

    private func receive(_ bytes: ByteChunk, _ driver: ConnectionDriver) {
        do throws(CodingError) {
            switch try codec.readServerMessage(bytes) {
            case .event(let event): driver.events.deliver(event)
            case let message:
                driver.assumeIsolated(with: (message, generation)) { $0.received($1.0, generation: $1.1) }
            }
        } catch {
            let isVersion = error.kind == .unsupportedVersion
            violated(
                "a message could not be read: \(error)",
                code: isVersion ? .unsupportedVersion : .protocolViolation,
                underlying: error
            )
        }
    }

    func receivedAll() {
        driver?.events.settle()
        count()
    }

    func received(pong: ByteChunk) {
        count()
        guard let id: UInt32 = pong.number() else { return }  // Unsolicited, which is legal (RFC 6455 §5.5.3).
        driver?.assumeIsolated { $0.receivedPong(id, generation: generation) }
    }

    func writable() {
        driver?.assumeIsolated { $0.becameWritable(generation: generation) }
    }

    func ended(_ ending: WebSocketEnding) {
        switch ending {
        case .closed(let closing):
            let ending = AttemptEnding(closing: closing, rayID: rayID, isPinned: driver?.isPinned ?? false)
            end(context.judged(ending, token, at: address))
        case .failed(let error):
            end(AttemptEnding(webSocket: error, address.endpoint))
        }
    }

    func streamClosed() {
        end(.lost("\(address.endpoint.text): the connection was closed"))
        count()
        if let connection { sentCount = connection.stream.sentCount }
        connection = nil
        driver = nil
        context.removeSocket(self)
        closed.set()
    }

    /// Our own protocol is broken: the peer hears 1002, the connection fails.
    private func violated(
        _ what: String,
        code: RivetError.Code = .protocolViolation,
        underlying: (any Error)? = nil
    ) {
        guard !isOver else { return }
        connection?.close(WebSocketClosing(.protocolError))
        end(AttemptEnding(violation: what, code: code, underlying: underlying))
    }

    private func end(_ ending: @autoclosure () -> AttemptEnding) {
        guard !isOver, let driver else { return }
        let ending = ending()
        receivedAll()
        isOver = true
        driver.assumeIsolated { $0.socketEnded(ending, generation: generation) }
    }
}
