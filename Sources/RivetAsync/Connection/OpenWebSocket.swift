// SPDX-License-Identifier: Apache-2.0
import Synchronization

/// A raw WebSocket as its client knows it: closed with the client, or when the last reference goes; pinged; and told apart
/// by what its end means.
///
/// `@unchecked Sendable`: what is neither constant nor atomic is touched on the lane only.
final class OpenWebSocket: ClientSocket, WebSocketHandler, @unchecked Sendable {
    let channel: WebSocketChannel
    let lane: Lane
    let context: ClientContext
    private let handle: HandleCore
    private let actorID: ActorID
    private let pingNumbers = Atomic<UInt64>(0)
    private let explanation = Explanation()
    /// Set when nobody waits for an explanation any more.
    private let hurry: Signal

    // On the lane only.
    private var isOver = false
    /// The engine is asked why the actor does not start; the end is told afterwards.
    private var isExplaining = false
    private var isStreamClosed = false
    private var pings: [UInt64: Ping] = [:]

    private struct Ping {
        let sent: TimePoint
        let answer: Promise<Duration>
        let timer: DeadlineScheduler.ID
    }

    private final class Explanation: Sendable {
        let failure = Mutex<ActorStartFailure?>(nil)
    }

    /// `rayID` is that of the 101, for errors whose close reason has none (B206).
    private init(_ handle: HandleCore, _ call: HandleCore.Call, lane: Lane, rayID: String?) {
        self.handle = handle
        actorID = call.actorID
        self.lane = lane
        context = handle.context
        hurry = Signal(gauge: context.gauge)
        let (isPinned, endpoint) = (handle.query.isPinned, call.address.endpoint)
        let judged = { @Sendable [context] (error: RivetError) -> RivetError in
            context.judged(error, call.token, at: call.address)
        }
        channel = unsafe WebSocketChannel(
            lane: lane,
            maskingKeys: WebSocketMaskingKeys(fill: context.random.stream()),
            translate: { [explanation] ending in
                let error = RivetError(webSocket: ending, endpoint, rayID: rayID, isPinned: isPinned)
                guard let error, let failure = explanation.failure.withLock({ $0 }) else { return error.map(judged) }
                return RivetError.actorUnavailable(failure, error)
            }
        )
    }

    /// Connects and carries out the opening handshake, before whose request leaves `leaves` is called.
    ///
    /// Throws ``TransportError``, ``WebSocketHandshakeError``, ``RivetError`` or `CancellationError`; nothing is left open
    /// then.
    static func open(
        _ handle: HandleCore,
        _ call: HandleCore.Call,
        _ handshake: WebSocketHandshake,
        leaves: () -> Void
    ) async throws -> OpenWebSocket {
        let context = handle.context
        let configuration = context.configuration
        let lane = context.nextLane()
        let stream = try await context.dialing.dial(
            call.address.origin,
            lane: lane,
            deadline: call.deadline
        )
        leaves()
        let opened = Mutex<(socket: OpenWebSocket, isKnown: Bool)?>(nil)
        _ = try await WebSocketConnection.open(handshake, over: stream) { head, _ in
            let rayID = head.fields["x-rivet-ray-id"]
            let socket = OpenWebSocket(handle, call, lane: lane, rayID: rayID)
            let size = configuration.maxMessageSize
            let connection = unsafe WebSocketConnection(
                stream: stream,
                handler: socket,
                configuration: .init(
                    role: .client,
                    limits: WebSocketLimits(maxFrameSize: size, maxMessageSize: size),
                    closeTimeout: .seconds(2)
                ),
                maskingKeys: WebSocketMaskingKeys(fill: context.random.stream()),
                time: context.time,
                deadlines: context.deadlines
            )
            socket.channel.attach(connection)
            // Before anything can end it.
            let isKnown = context.addSocket(socket, isInUse: true)
            socket.isOver = !isKnown
            if let setting = configuration.keepAlive {
                socket.channel.startKeepAlive(
                    interval: setting.interval,
                    timeout: setting.timeout,
                    time: context.time,
                    deadlines: context.deadlines
                )
            }
            opened.withLock { $0 = (socket, isKnown) }
            return connection
        }
        guard let (socket, isKnown) = opened.withLock({ $0 }) else { throw CancellationError() }
        guard isKnown else {
            socket.abort()
            throw RivetError.clientClosed
        }
        return socket
    }

    // MARK: Any task

    /// The round trip of a ping that leaves now.
    func ping() async throws -> Duration {
        let number = pingNumbers.add(1, ordering: .relaxed).newValue
        let limit = (context.configuration.keepAlive ?? KeepAlive()).timeout
        let answer = Promise<Duration>(gauge: lane.gauge)
        lane.run { [self] in sendPing(number, answer, limit) }
        defer { lane.run { [self] in endPing(number) } }
        return try await answer.value()
    }

    private func sendPing(_ number: UInt64, _ answer: Promise<Duration>, _ limit: Duration) {
        guard channel.isOpen else {
            answer.finish(.failure(closedError))
            return
        }
        let now = context.time.now
        let timer = context.deadlines.schedule(at: now.advanced(by: limit)) {
            answer.finish(.failure(RivetError.deadlineExceeded("the ping", limit, hadLeft: true)))
        }
        pings[number] = Ping(sent: now, answer: answer, timer: timer)
        channel.sendPing(number)
    }

    private func endPing(_ number: UInt64) {
        if let ping = pings.removeValue(forKey: number) { context.deadlines.cancel(ping.timer) }
    }

    /// What somebody hears who uses it afterwards, with what ended it.
    var closedError: RivetError {
        let error = context.isClosed ? RivetError.clientClosed : RivetError.webSocketClosed
        return error.with(underlying: channel.failure)
    }

    /// The last reference is gone.
    func released() {
        lane.run { [self] in
            guard channel.isOpen else { return }
            context.diagnostics.send(
                Diagnostic(
                    .warning,
                    "a WebSocket was released without close(); it is being closed",
                    [
                        Diagnostic.Field(name: "actor", value: handle.query.actorName),
                        Diagnostic.Field(name: "actor_id", value: actorID.rawValue),
                    ]
                )
            )
            channel.beginClose(WebSocketClosing(.normalClosure))
        }
    }

    // MARK: ClientSocket

    func close(isShutdown: Bool) async {
        hurry.set()
        await channel.closeUncancellably(WebSocketClosing(isShutdown ? .goingAway : .normalClosure))
    }

    /// Who closes it is not to wait for an explanation.
    func closes() { hurry.set() }

    func abort() {
        hurry.set()
        channel.abort(.abandoned)
    }

    // MARK: WebSocketHandler

    func received(_ messages: WebSocketReceivedMessages) { channel.received(messages) }
    func receivedAll() { channel.receivedAll() }
    func writable() { channel.writable() }

    func received(pong: ByteChunk) {
        channel.received(pong: pong)
        guard let number: UInt64 = pong.number() else { return }  // The keep-alive's, or unsolicited (RFC 6455 §5.5.3).
        let now = context.time.now
        // A peer may answer only the last of several (§5.5.3).
        for (_, ping) in pings.filter({ $0.key <= number }) {
            ping.answer.finish(.success(ping.sent.duration(to: now)))
        }
    }

    func ended(_ ending: WebSocketEnding) {
        guard !isOver, case .closed(let closing) = ending,
            AttemptEnding(closing: closing, rayID: nil, isPinned: true).error.hasStartFailure
        else { return conclude(ending) }
        isExplaining = context.root.add { [self] in
            let failure = await ActorResolver.startFailure(context, of: actorID, unless: hurry)
            lane.run { [self] in explained(failure, ending) }
        }
        if !isExplaining { conclude(ending) }
    }

    private func explained(_ failure: ActorStartFailure?, _ ending: WebSocketEnding) {
        explanation.failure.withLock { $0 = failure }
        isExplaining = false
        conclude(ending)
        if isStreamClosed { streamClosed() }
    }

    private func conclude(_ ending: WebSocketEnding) {
        channel.ended(ending)
        finish()
    }

    func streamClosed() {
        isStreamClosed = true
        guard !isExplaining else { return }
        channel.streamClosed()
        finish()
        context.removeSocket(self)
    }

    /// The closing handshake, where there is one, may still be under way.
    private func finish() {
        guard !isOver else { return }
        isOver = true
        forgetStaleID()
        // A token that was refused is renewed now, whoever reads (B247).
        _ = channel.error
        for ping in pings.values { ping.answer.finish(.failure(channel.error ?? closedError)) }
        context.endCall()
    }

    /// The next one is to find the actor anew, or the one that took its place (B193).
    private func forgetStaleID() {
        guard let reason = channel.closing.flatMap({ CloseReasonText($0.reason) }) else { return }
        if ErrorClass.answer(group: reason.group, code: reason.code, status: nil).forgetsID {
            handle.resolver.forget(actorID)
        }
    }
}

extension RivetError {
    static var webSocketClosed: RivetError {
        RivetError(.connectionClosed, "the WebSocket is closed", fault: .caller, connectionSurvives: false)
    }

    /// What the readers of a raw WebSocket hear of its end; nil where their loop just ends (B197).
    fileprivate init?(webSocket ending: WebSocketEnding, _ endpoint: Endpoint, rayID: String?, isPinned: Bool) {
        switch ending {
        case .closed(let closing) where closing.isOrdinary:
            return nil
        case .closed(let closing):
            self = AttemptEnding(closing: closing, rayID: rayID, isPinned: isPinned).error
        case .failed(.abandoned), .failed(.ended(.failed(.laneShutDown))):
            self = .clientClosed.with(execution: .mayHaveRun)
        case .failed(.notOpen):
            self = .webSocketClosed
        case .failed(.readTwice):
            self = .readTwice("\(WebSocketError.readTwice)", underlying: WebSocketError.readTwice)
        case .failed(let error):
            self = AttemptEnding(webSocket: error, endpoint).error
        }
    }
}

extension WebSocketClosing {
    /// Whether the application closed it, as its loop expects: an application's code, and no reason of the engine's, which
    /// alone have a ray (PROTOCOL h9).
    fileprivate var isOrdinary: Bool {
        switch code.rawValue {
        case 1000, 1001, 3000...4999: CloseReasonText(reason)?.rayID == nil
        default: false
        }
    }
}
