// SPDX-License-Identifier: Apache-2.0

/// How a connection or an attempt ended, sorted for the decision about the next one.
struct AttemptEnding: Error, Sendable {
    var error: RivetError
    /// The server said no in a way that a repeat will not change (B152).
    var isPermanent = false
    /// Not before this time from now (B150).
    var retryAfter: Duration?
    /// Actions that wait for the connection fail with it, although another attempt follows (B135).
    var failsHeldActions = false
    /// The server did not take the token, and the provider is asked for another: that has not failed yet (B245).
    var asksForAnotherToken = false
}

extension ClientContext {
    /// The same with what the token in use has to do with it.
    func judged(_ ending: AttemptEnding, _ token: Secret?, at address: ServerAddress) -> AttemptEnding {
        var ending = ending
        let error = judged(ending.error, token, at: address)
        ending.error = error
        if error.asksForAnotherToken { (ending.isPermanent, ending.asksForAnotherToken) = (false, true) }
        return ending
    }
}

/// How the ends of sockets and attempts are sorted (PROTOCOL h9, i; B148–B152).
extension AttemptEnding {
    /// An error without action id: the connection is refused, and its close follows (B141).
    init(refusal message: ErrorMessage, isPinned: Bool, beforeInit: Bool) {
        let isFinal = ErrorClass.isFinal(
            group: message.group,
            code: message.code,
            isPinned: isPinned,
            refusesOpening: beforeInit
        )
        let meaning = ErrorClass(execution: .notSent, isTransient: !isFinal)
        self.init(error: RivetError(message, meaning, connectionSurvives: false), isPermanent: isFinal)
    }

    /// The peer's close frame.
    ///
    /// Code 1000 with any reason is no refusal (B105, B151).
    init(closing: WebSocketClosing, rayID: String?, isPinned: Bool) {
        let isFinal = ErrorClass.isFinal(
            closeCode: closing.code.rawValue,
            reason: closing.reason,
            isPinned: isPinned
        )
        let text = CloseReasonText(closing.reason)
        self.init(
            error: RivetError(
                .closedByPeer,
                "the peer closed the connection with code \(closing.code.rawValue)",
                fault: closing.code == .normalClosure || text?.group == "user" ? .actor : .server,
                execution: .mayHaveRun,
                isTransient: !isFinal,
                connectionSurvives: false,
                remote: RemoteError(
                    group: text?.group ?? "",
                    code: text?.code ?? "",
                    message: text == nil ? closing.reason : "",
                    rayID: text?.rayID ?? rayID,
                    closeCode: closing.code,
                    closeReason: closing.reason
                )
            ),
            isPermanent: isFinal
        )
        if isPinned { error = error.forPinnedHandle }
    }

    /// The socket to `endpoint` ended without a closing handshake.
    init(webSocket error: WebSocketError, _ endpoint: Endpoint) {
        switch error {
        case .violation(let violation):
            let isLimit = violation.closeCode == .messageTooBig
            self.init(
                violation: "\(violation)",
                code: isLimit ? .limitExceeded : .protocolViolation,
                underlying: error
            )
        case .ended, .silent, .abandoned, .notOpen, .readTwice:
            self = .lost("\(endpoint.text): \(error)", error)
        }
    }

    /// A message that breaks Rivet's protocol.
    ///
    /// A version that we do not speak stays so (B121); all else is tried again with backoff (B122).
    init(violation: String, code: RivetError.Code, underlying: (any Error)? = nil) {
        self.init(
            error: RivetError(
                code,
                violation,
                fault: .server,
                execution: .mayHaveRun,
                isTransient: code != .unsupportedVersion,
                connectionSurvives: false,
                underlying: underlying
            ),
            isPermanent: code == .unsupportedVersion
        )
    }

    static func lost(_ what: String, _ cause: (any Error)? = nil) -> AttemptEnding {
        AttemptEnding(
            error: RivetError(
                .connectionLost,
                what,
                fault: .network,
                execution: .mayHaveRun,
                isTransient: true,
                connectionSurvives: false,
                underlying: cause
            )
        )
    }

    static func notOpened(within limit: Duration, _ cause: (any Error)? = nil) -> AttemptEnding {
        AttemptEnding(error: .deadlineExceeded("the actor's Init", limit, hadLeft: false, cause))
    }

    /// A handshake that was refused before a byte of it left, as the next one would be.
    private static func mistake(_ error: WebSocketHandshakeError) -> AttemptEnding {
        AttemptEnding(
            error: .invalidArgument("\(error)", underlying: error).with(connectionSurvives: false),
            isPermanent: true
        )
    }

    /// What opening a socket to `endpoint` threw, which metadata may have named.
    init(opening error: any Error, _ endpoint: Endpoint) {
        switch error {
        case let ending as AttemptEnding:
            self = ending
        case let error as RivetError:
            self.init(error: error, isPermanent: error.endsAttempts, retryAfter: error.retryAfter)
        case let error as TransportError:
            self.init(transport: error, endpoint)
        case WebSocketHandshakeError.ended(.failed(.tls(let error))):
            // With TLS 1.3 the server's alert comes behind our request.
            self.init(transport: .tls(error), endpoint)
        case let error as WebSocketHandshakeError where error.isOurs:
            self = .mistake(error)
        case let error as WebSocketHandshakeError:
            self.init(handshake: error, endpoint)
        case is CancellationError:
            self.init(error: .connectionClosed)
        default:
            self = .lost("\(endpoint.text): \(error)", error)
        }
    }

    private init(transport error: TransportError, _ endpoint: Endpoint) {
        let error = RivetError.transport(error, endpoint, .notSent)
        self.init(error: error, isPermanent: error.endsAttempts)
    }

    /// What an attempt threw before its socket was open.
    init(attemptError: any Error, openTimeout: Duration) {
        switch attemptError {
        case let ending as AttemptEnding:
            self = ending
        case let error as RivetError:
            self.init(error: error, isPermanent: error.endsAttempts, retryAfter: error.retryAfter)
        case let error as WebSocketHandshakeError where error.isOurs:
            self = .mistake(error)
        case is DeadlinePassedError:
            self = .notOpened(within: openTimeout, attemptError)
        case is CancellationError:
            self.init(error: .connectionClosed)
        default:
            self = .lost("the connection could not be opened: \(attemptError)", attemptError)
        }
    }

    /// A plain status on the handshake comes from something between us and the gateway (B149, B150); a 101 that is wrong
    /// breaks the protocol, and a connection tries again all the same.
    private init(handshake error: WebSocketHandshakeError, _ endpoint: Endpoint) {
        var (code, fault) = (RivetError.Code.protocolViolation, RivetError.Fault.server)
        var (isPermanent, isTransient) = (false, false)
        var remote: RemoteError?
        var retryAfter: Duration?
        switch error {
        case .ended:
            (code, fault, isTransient) = (.connectionLost, .network, true)
        case .notSwitched(let head):
            code = .handshakeRefused
            isPermanent = ErrorClass.isFinal(status: head.status)
            isTransient = ErrorClass.isTransient(status: head.status)
            let answer = HTTPAnswer(head: head, body: ByteChunk())
            retryAfter = answer.retryAfter(now: WallClock.milliseconds)
            let name = head.fields["x-rivet-error"].flatMap { CloseReasonText($0) }
            remote = RemoteError(
                group: name?.group ?? "",
                code: name?.code ?? "",
                message: "",
                rayID: answer.rayID,
                httpStatus: head.status
            )
        default:
            break
        }
        self.init(
            error: RivetError(
                code,
                "\(endpoint.text): \(error)",
                fault: fault,
                isTransient: isTransient,
                connectionSurvives: false,
                remote: remote,
                underlying: error,
                retryAfter: retryAfter
            ),
            isPermanent: isPermanent,
            retryAfter: retryAfter
        )
    }
}
