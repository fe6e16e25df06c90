// SPDX-License-Identifier: Apache-2.0

/// Decides about one request and its answer over one connection, without IO: which bytes leave when, when the caller and
/// the body's reader go on, what stops the reading, and whether another request may follow on the connection.
///
/// Tell it what happened, then carry out what `nextAction` says until that is nil. Bodies are numbers of bytes here.
struct HTTPExchangeStateMachine: Sendable {
    /// What the request's head is followed by.
    enum Body: Sendable {
        case bytes(Int)
        /// Pieces that a producer submits, one at a time; to be sent chunked where no length is announced.
        case stream(length: Int?)
    }

    /// When the caller gets the answer.
    enum HandOut: Sendable {
        /// When it is whole; a body of more bytes is refused.
        case whole(limit: Int)
        /// With its head, while the body arrives; the deadline may be for the head only.
        case head(stopsDeadline: Bool)
    }

    enum Action: Equatable, Sendable {
        case writeHead
        case startProducer
        /// The next so many bytes of the body, or of the piece that was submitted last.
        case write(Int)
        /// The end of a chunked body.
        case writeEnd
        /// The piece is written, and there is room for another.
        case resumeProducer
        /// The piece is not wanted: the exchange is over, or the connection is closed for that reason.
        case refuseProducer(Reason)
        case suspendReading
        case resumeReading
        /// The deadline was for the head only.
        case endDeadline
        /// The caller gets the answer.
        case handOut
        case wakeReader
        /// The answer is whole.
        case finishBody
        /// By what ended the connection; or nothing was written.
        case failCaller(requestLeft: Bool)
        case failBody
        /// Nothing can stop the exchange any more, and nobody waits for it to take a piece.
        case end
        /// Another exchange may use the connection: before the caller goes on, so that calls one after the other use one.
        case giveBack
        case close(Reason)
    }

    /// Why the connection is closed, or a piece is not written.
    enum Reason: Equatable, Sendable {
        /// By the deadline, or because the caller's task was cancelled.
        case stopped
        /// Nobody reads the body any more.
        case abandoned
        case producerFailed
        case length(announced: Int, actual: Int)
        /// The body of an answer that is handed out whole.
        case tooLarge(limit: Int)
        /// The answer is whole, but the request is not, or the peer wants to close.
        case notReusable
        case over
    }

    private enum Request {
        /// All of it is written.
        case ended
        case bytes(left: Int)
        /// Of the announced length so much was not submitted; `left` bytes of a piece are to be written, and its producer
        /// waits.
        case stream(announced: Int?, left: Int, isAwaited: Bool)
    }

    private enum Answer {
        case notBegun
        case waiting
        /// The head is here; its receiver is woken when all that arrived with it was read.
        case arrived
        case reading
        case over
    }

    /// How much is written at a time.
    private let pieceSize: Int
    private let body: Body
    private let handOut: HandOut
    private var bodySize = 0
    private var request = Request.ended
    private var answer = Answer.notBegun
    private var actions = RingBuffer<Action>()

    init(_ body: Body, pieceSize: Int, _ handOut: HandOut) {
        (self.body, self.pieceSize, self.handOut) = (body, pieceSize, handOut)
    }

    /// The next thing to do; bytes of the body leave only while the connection's output `hasRoom`.
    mutating func nextAction(hasRoom: Bool) -> Action? {
        if let action = actions.popFirst() { return action }
        guard hasRoom else { return nil }
        switch request {
        case .bytes(let left):
            let piece = min(left, pieceSize)
            request = left == piece ? .ended : .bytes(left: left - piece)
            return piece > 0 ? .write(piece) : nil
        case .stream(let announced, let left, true):
            let piece = min(left, pieceSize)
            request = .stream(announced: announced, left: left - piece, isAwaited: piece > 0)
            return piece > 0 ? .write(piece) : .resumeProducer
        case .stream, .ended:
            return nil
        }
    }

    // MARK: The request

    mutating func begin() {
        answer = .waiting
        actions.append(.writeHead)
        switch body {
        case .bytes(let count):
            request = .bytes(left: count)
        case .stream(let length):
            request = .stream(announced: length, left: 0, isAwaited: false)
            actions.append(.startProducer)
        }
    }

    /// The producer has a piece, and waits until it is written.
    mutating func submit(_ count: Int) {
        // One that comes behind the end has not noticed it yet.
        guard case .stream(let announced, 0, false) = request else { return actions.append(.refuseProducer(.over)) }
        if let announced, count > announced {
            let reason = length(more: count - announced)
            actions.append(.refuseProducer(reason))
            return close(reason)
        }
        request = .stream(announced: announced.map { $0 - count }, left: count, isAwaited: true)
    }

    mutating func producerEnded(succeeded: Bool) {
        guard case .stream(let announced, _, _) = request else { return }  // The exchange ended meanwhile.
        guard succeeded else { return close(.producerFailed) }
        if let announced, announced > 0 { return close(length(more: -announced)) }
        if announced == nil { actions.append(.writeEnd) }
        request = .ended
    }

    private func length(more: Int) -> Reason {
        guard case .stream(let announced?) = body else { return .length(announced: 0, actual: more) }
        return .length(announced: announced, actual: announced + more)
    }

    // MARK: The answer

    mutating func receivedHead() {
        guard case .waiting = answer else { return assertionFailure("a second head") }
        answer = .arrived
        if case .head(stopsDeadline: true) = handOut { actions.append(.endDeadline) }
    }

    /// A piece of the body is here, in the reader's buffer where there is one.
    mutating func receivedBody(_ count: Int, bufferIsFull: Bool) {
        if bufferIsFull { actions.append(.suspendReading) }
        bodySize = bodySize.addingReportingOverflow(count).partialValue
        if case .whole(let limit) = handOut, bodySize > limit { close(.tooLarge(limit: limit)) }
    }

    /// What has arrived so far was all told.
    mutating func receivedAll() {
        switch answer {
        case .arrived:
            guard case .head = handOut else { return }
            answer = .reading
            actions.append(.handOut)
        case .reading: actions.append(.wakeReader)
        case .notBegun, .waiting, .over: break
        }
    }

    /// The reader's buffer has room again.
    mutating func bufferHasRoom() {
        if case .reading = answer { actions.append(.resumeReading) }
    }

    // MARK: The end

    /// The answer is whole.
    mutating func receivedEnd(peerKeepsAlive: Bool) {
        // A request that was answered before all of it was sent leaves the connection in the middle of it.
        switch request {
        case .ended:
            actions.append(peerKeepsAlive ? .giveBack : .close(.notReusable))
        case .stream(announced: 0?, left: 0, let isAwaited):
            // With its last byte a body of an announced length is whole; its producer may not have noticed yet.
            if isAwaited { actions.append(.resumeProducer) }
            actions.append(peerKeepsAlive ? .giveBack : .close(.notReusable))
        case .bytes, .stream:
            actions.append(.close(.notReusable))
        }
        end(.finishBody)
    }

    mutating func stop() {
        if case .notBegun = answer {
            // Nothing was written.
            answer = .over
            for action in [Action.giveBack, .end, .failCaller(requestLeft: false)] { actions.append(action) }
        } else {
            close(.stopped)
        }
    }

    /// The reader wants no more of the body.
    mutating func abandon() {
        if case .reading = answer { close(.abandoned) }
    }

    /// The connection was closed, by us or by the peer.
    mutating func connectionClosed() { end(.failBody) }

    private mutating func close(_ reason: Reason) {
        // After the end the connection may be another's.
        if case .over = answer { return }
        actions.append(.close(reason))
    }

    private mutating func end(_ bodysEnd: Action) {
        let was = answer
        answer = .over
        request = .ended
        switch was {
        case .waiting:
            for action in [Action.end, .failCaller(requestLeft: true)] { actions.append(action) }
        case .arrived:
            if case .whole = handOut, bodysEnd == .failBody {
                for action in [Action.end, .failCaller(requestLeft: true)] { actions.append(action) }
            } else {
                for action in [bodysEnd, .end, .handOut] { actions.append(action) }
            }
        case .reading:
            for action in [Action.end, bodysEnd] { actions.append(action) }
        case .notBegun, .over: break
        }
    }
}
