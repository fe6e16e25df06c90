// SPDX-License-Identifier: Apache-2.0

/// One end of a WebSocket after its opening handshake (RFC 6455 §5 to §8): bytes and commands in, actions out.
///
/// What was valid before a violation is delivered and answered first: actions come in the order of the bytes.
package struct WebSocketStateMachine: Sendable {
    package struct Configuration: Sendable {
        package var role: WebSocketRole
        package var limits: WebSocketLimits
        /// How long the peer may take to answer our close frame and to end the stream.
        package var closeTimeout: Duration
        /// What a peer that broke the protocol is told.
        package var closing: @Sendable (WebSocketProtocolError) -> WebSocketClosing

        package init(
            role: WebSocketRole,
            limits: WebSocketLimits = WebSocketLimits(),
            closeTimeout: Duration = .seconds(5),
            closing: @escaping @Sendable (WebSocketProtocolError) -> WebSocketClosing = { .init($0.closeCode) }
        ) {
            self.role = role
            self.limits = limits
            self.closeTimeout = closeTimeout
            self.closing = closing
        }
    }

    private enum State {
        case open
        /// Our close frame is out, the peer's has not come.
        case closing(deadline: TimePoint)
        /// Nothing more is read or said; the stream's end is awaited, so that our last frame is not lost to a reset.
        case draining(deadline: TimePoint)
        case ended
    }

    package enum Action: Sendable, Equatable {
        case deliver(WebSocketReceivedMessages)
        case deliverPong(ByteChunk)
        case sendPong(ByteChunk)
        /// Nil is a close frame without payload.
        case sendClose(WebSocketClosing?)
        /// Wait for `timePassed(now:)` until `deadline`.
        case setDeadline(TimePoint)
        /// Nothing is delivered any more.
        case report(WebSocketEnding)
        case finishWriting
        case closeStream
    }

    private let configuration: Configuration
    private var state = State.open
    private var decoder: WebSocketFrameDecoder
    private var assembler: WebSocketMessageAssembler
    /// The actions of the connection's last moments, which come several at a time.
    private var pending: [Action] = []
    private var now = TimePoint(.zero)

    package init(_ configuration: Configuration) {
        self.configuration = configuration
        decoder = WebSocketFrameDecoder(role: configuration.role, limits: configuration.limits)
        assembler = WebSocketMessageAssembler(maxMessageSize: configuration.limits.maxMessageSize)
    }

    /// Whether messages and pings may be sent.
    package var isOpen: Bool {
        if case .open = state { true } else { false }
    }

    /// The memory that is kept between calls, for tests of its bound.
    package var retainedSize: Int { decoder.retainedSize + assembler.retainedSize }

    // MARK: Inputs; after each, take actions from `nextAction` until it returns nil.

    /// Bytes from the peer.
    package mutating func received(_ bytes: ByteChunk, now: TimePoint) {
        switch state {
        case .open, .closing:
            self.now = now
            decoder.receive(bytes)
        case .draining, .ended:
            break  // Legal race: whatever was under way when the connection was closed or failed (§5.5.1).
        }
    }

    /// Where the rest of a large frame had best be received; `received(inRoom:)` follows before any other input.
    package mutating func receiveRoom() -> UnsafeMutableRawBufferPointer? {
        switch state {
        case .open, .closing: unsafe decoder.receiveRoom()
        case .draining, .ended: nil
        }
    }

    package mutating func received(inRoom count: Int, now: TimePoint) {
        self.now = now
        decoder.received(inRoom: count)
    }

    /// The stream ended; nothing can be read any more.
    package mutating func receivedEnd(_ end: StreamEnding) {
        switch state {
        case .open:
            pending = [.report(.failed(.ended(end)))]
            // A server that only writes no more can read why we stop too (§7.1.7).
            if configuration.role == .client, case .finished = end {
                pending.append(.sendClose(WebSocketClosing(.protocolError)))
            }
            pending.append(.closeStream)
        case .closing:
            // We wanted to close and the peer left without its close frame: closed, but not properly (§7.1.5).
            pending = [.report(.closed(WebSocketClosing(.abnormalClosure))), .closeStream]
        case .draining:
            pending.append(.closeStream)
        case .ended:
            return  // Legal race: the deadline passed in the same turn.
        }
        state = .ended
    }

    /// Our side wants to close (§7.1.2).
    ///
    /// Does nothing when that is under way already. A code that may not stand on the wire is left out, and the reason
    /// with it.
    package mutating func close(_ closing: WebSocketClosing, now: TimePoint) {
        guard case .open = state else { return }  // Legal race: both sides close, or one side twice.
        let deadline = now.advanced(by: configuration.closeTimeout)
        state = .closing(deadline: deadline)
        pending += [.sendClose(closing.code.isAllowedOnTheWire ? closing : nil), .setDeadline(deadline)]
    }

    /// Call when the time of `setDeadline` has come; earlier calls do nothing.
    package mutating func timePassed(now: TimePoint) {
        switch state {
        case .closing(let deadline) where now >= deadline:
            pending += [.report(.closed(WebSocketClosing(.abnormalClosure))), .closeStream]
            state = .ended
        case .draining(let deadline) where now >= deadline:
            pending.append(.closeStream)
            state = .ended
        case .open, .closing, .draining, .ended:
            break
        }
    }

    /// No pong came in time: nothing is said to a peer that is not there.
    package mutating func peerWasSilent(for timeout: Duration) {
        guard case .open = state else { return }  // Legal race: closed in the same turn.
        pending = [.report(.failed(.silent(after: timeout))), .closeStream]
        state = .ended
    }

    // MARK: Actions

    package mutating func nextAction() -> Action? {
        if !pending.isEmpty { return pending.removeFirst() }
        while true {
            switch state {
            case .open:
                if assembler.isBetweenMessages,
                    let messages = decoder.takeMessages(maxSize: configuration.limits.maxMessageSize)
                {
                    return .deliver(messages)
                }
            case .closing: break
            case .draining, .ended: return nil
            }
            do throws(WebSocketProtocolError) {
                guard let frame = try decoder.next() else {
                    try checkPartialFrame()
                    return nil
                }
                if !frame.opcode.isControl {
                    guard let message = try assembler.received(frame) else { continue }
                    // After our close frame nobody waits for messages any more.
                    guard isOpen else { continue }
                    return .deliver(WebSocketReceivedMessages(message))
                }
                if let action = try receivedControlFrame(frame) { return action }
            } catch {
                return fail(error)
            }
        }
    }

    private mutating func checkPartialFrame() throws(WebSocketProtocolError) {
        guard let (head, payload) = decoder.partialFrame, !head.opcode.isControl else { return }
        try assembler.receivedPart(of: head, payload)
    }

    private mutating func receivedControlFrame(_ frame: WebSocketFrame) throws(WebSocketProtocolError) -> Action? {
        switch frame.opcode {
        case .ping:
            // After our close frame nothing may be sent (§5.5.1).
            return isOpen ? .sendPong(frame.payload) : nil
        case .pong:
            return .deliverPong(frame.payload)
        case .close:
            return receivedClose(try Self.closing(of: frame.payload))
        case .continuation, .text, .binary:
            return nil  // Not control frames.
        }
    }

    /// Code and reason of a close frame (§5.5.1, §7.4).
    private static func closing(of payload: ByteChunk) throws(WebSocketProtocolError) -> WebSocketClosing {
        guard payload.count > 0 else { return WebSocketClosing(.noStatusReceived) }
        guard payload.count > 1 else { throw .closePayloadOfOneByte }
        let code = WebSocketCloseCode(rawValue: UInt16(payload[0]) << 8 | UInt16(payload[1]))
        guard code.isAllowedOnTheWire else { throw .closeCodeNotAllowed(code.rawValue) }
        let text = payload.slice(2..<payload.count)
        guard text.withUnsafeBytes({ unsafe UTF8Validator.isValid($0) }) else { throw .closeReasonNotUTF8 }
        return WebSocketClosing(code, reason: String(decoding: text, as: UTF8.self))
    }

    private mutating func receivedClose(_ closing: WebSocketClosing) -> Action? {
        if isOpen {
            // The answer repeats the code (§5.5.1). Rivet's gateway repeats the reason too (PROTOCOL h9); a client does
            // not, since the actor's may be too long for a frame of ours.
            let reason = configuration.role == .server ? closing.reason : ""
            let hasCode = closing.code != .noStatusReceived
            pending.append(.sendClose(hasCode ? WebSocketClosing(closing.code, reason: reason) : nil))
        }
        drain(after: .report(.closed(closing)))
        return pending.removeFirst()
    }

    /// _Fail the WebSocket Connection_ (§7.1.7).
    private mutating func fail(_ error: WebSocketProtocolError) -> Action {
        if isOpen { pending.append(.sendClose(configuration.closing(error))) }
        drain(after: .report(.failed(.violation(error))), finishesWriting: true)
        return pending.removeFirst()
    }

    /// The server ends the stream first, so that the client keeps no port waiting (§7.1.1).
    private mutating func drain(after report: Action, finishesWriting: Bool = false) {
        pending.append(report)
        if finishesWriting || configuration.role == .server { pending.append(.finishWriting) }
        if case .closing(let deadline) = state {
            // One deadline for all that follows our close.
            state = .draining(deadline: deadline)
        } else {
            let deadline = now.advanced(by: configuration.closeTimeout)
            pending.append(.setDeadline(deadline))
            state = .draining(deadline: deadline)
        }
    }
}
