// SPDX-License-Identifier: Apache-2.0

/// The one place where lower errors become ``RivetError``.
extension RivetError {
    /// What the actor answered to an action on a connection (B69, B83).
    static func action(_ message: ErrorMessage) -> RivetError {
        RivetError(message, .answer(group: message.group, code: message.code, status: nil, fromActor: true))
    }

    /// An answer over HTTP that is not a success (B57, B58).
    init(answer: HTTPAnswer, encoding: WireEncoding, of kind: RequestKind) {
        let codec = MessageCodec(encoding.ofErrorBody(contentType: answer.head.fields["content-type"]))
        let piece = answer.body.boundedText
        let message: ErrorMessage
        do {
            message = try codec.readErrorBody(answer.body)
        } catch {
            guard let name = answer.head.fields["x-rivet-error"].flatMap({ CloseReasonText($0) }) else {
                self = .unexpected(answer, "\(kind.name) was answered", piece: piece, underlying: error)
                return
            }
            message = ErrorMessage(group: name.group, code: name.code, message: piece)  // PROTOCOL i5
        }
        let meaning = ErrorClass.answer(
            group: message.group,
            code: message.code,
            status: answer.head.status,
            metadataResource: message.metadata?.missingResource,
            fromGateway: answer.head.fields["x-rivet-error"] != nil && !answer.isFromActor,
            fromActor: answer.isFromActor
        )
        self.init(
            message,
            kind.isLookup ? meaning.ofLookup : meaning,
            rayID: answer.rayID,
            httpStatus: answer.head.status,
            isFromActor: answer.isFromActor,
            retryAfter: answer.retryAfterOfRefusal
        )
    }

    static func unexpected(
        _ answer: HTTPAnswer,
        _ what: String,
        piece: String,
        underlying: (any Error)? = nil
    ) -> RivetError {
        var text = "\(what) by something that is not Rivet: HTTP \(answer.head.status)"
        let isRedirection = (300..<400).contains(answer.head.status)
        if isRedirection, let location = answer.head.fields["location"] {
            // A token belongs to a host, so redirects are not followed.
            text += ", a redirection to \(location.redactedURL) that is not followed"
        }
        return RivetError(
            .unexpectedResponse,
            text,
            fault: .server,
            execution: .mayHaveRun,
            isTransient: ErrorClass.isTransient(status: answer.head.status),
            remote: RemoteError(
                group: "",
                code: "",
                // The page of a redirection has its target too.
                message: isRedirection ? "" : piece,
                rayID: answer.rayID,
                httpStatus: answer.head.status
            ),
            underlying: underlying,
            retryAfter: answer.retryAfterOfRefusal
        )
    }

    /// An exchange that failed without an answer.
    init(_ failure: HTTPCallError, endpoint: Endpoint, kind: String) {
        let execution: Execution = failure.requestLeft ? .mayHaveRun : .notSent
        switch failure.error {
        case let error as RequestBodyError:
            // What it says of another call, or of a cancellation, is not true of this one.
            self.init(
                .invalidArgument,
                "\(kind): the stream of its body threw \(type(of: error.underlying))",
                fault: .caller,
                execution: execution,
                underlying: error.underlying
            )
        case let error as TransportError:
            self = .transport(
                error,
                endpoint,
                execution,
                opensConnection: failure.openedConnection,
                advice: failure.advice
            )
        case is DeadlinePassedError:
            self = .late("\(kind) had no answer before the deadline", execution, failure.error)
        case HTTPError.bodySilent:
            self = .late("\(kind): \(failure.error)", execution, failure.error)
        case HTTPError.connectionsInUse:
            self = .late("\(kind) had no answer before the deadline: it was \(failure.error)", execution, failure.error)
        case HTTPError.poolClosed:
            // Cut when the grace was over: nobody knows what became of it (B53).
            self = .clientClosed.with(execution: execution, underlying: failure.error)
        case let error as HTTPError where !error.isPeersFault:
            self.init(.invalidArgument, "\(error)", fault: .caller, execution: execution, underlying: error)
        case let error as HTTPError:
            self = .http(error, endpoint, execution, advice: failure.advice)
        default:
            self.init(
                .connectionLost,
                "\(kind) failed: \(failure.error)",
                fault: .network,
                execution: execution,
                isTransient: true,
                underlying: failure.error
            )
        }
    }

    private static func late(_ message: String, _ execution: Execution, _ cause: any Error) -> RivetError {
        RivetError(
            .deadlineExceeded,
            message,
            fault: .network,
            execution: execution,
            isTransient: true,
            underlying: cause
        )
    }

    private static func http(
        _ error: HTTPError,
        _ endpoint: Endpoint,
        _ execution: Execution,
        advice: String
    ) -> RivetError {
        // A stream that ended early is the network's fault. Everything else is something that the peer sent.
        let (code, fault, isTransient): (Code, Fault, Bool) =
            switch error {
            case .truncated: (.connectionLost, .network, true)
            case .tooLarge: (.limitExceeded, .server, false)
            default: (.protocolViolation, .server, false)
            }
        return RivetError(
            code,
            "\(endpoint.text): \(error)\(advice)",
            fault: fault,
            execution: execution,
            isTransient: isTransient,
            underlying: error
        )
    }

    static func transport(
        _ error: TransportError,
        _ endpoint: Endpoint,
        _ execution: Execution,
        opensConnection: Bool = false,
        advice: String = ""
    ) -> RivetError {
        let code: Code
        var isTransient = true
        var execution = execution
        switch error {
        case .noAddressReached, .nameNotResolved, .deadlinePassed:
            code = .connectFailed
        case .tls(let tls):
            (code, isTransient) = (.tlsFailed, tls.kind.isTransient)
            // With TLS 1.3 it comes behind the first request, of which the server reads nothing then.
            if opensConnection, tls.kind.isAheadOfRequests { execution = .notSent }
            if tls.kind == .truncated {
                return RivetError(
                    .connectionLost,
                    "\(endpoint.text): \(error)",
                    fault: .network,
                    execution: execution,
                    isTransient: true,
                    connectionSurvives: false,
                    underlying: error
                )
            }
        case .laneShutDown:
            return .clientClosed.with(execution: execution, underlying: error)
        case .system:
            code = .connectionLost
        }
        return RivetError(
            code,
            "\(endpoint.text): \(error)\(advice)",
            fault: .network,
            execution: execution,
            isTransient: isTransient,
            connectionSurvives: false,
            underlying: error
        )
    }

    // MARK: Errors of our own making

    static func actorNotFound(_ message: String, _ cause: RivetError? = nil) -> RivetError {
        RivetError(
            .remote,
            message,
            fault: .server,
            remote: RemoteError(group: "actor", code: "not_found", message: message).with(deliveryOf: cause?.remote),
            underlying: cause
        )
    }

    /// The same for who has a handle by id: an actor that was destroyed while it was waited for is not found (B61).
    var forPinnedHandle: RivetError {
        guard matches("actor", "destroyed_while_waiting_for_ready") else { return self }
        return .actorNotFound("the actor was destroyed", self).with(connectionSurvives: connectionSurvives)
    }

    /// Whether the engine's record of the actor says why it does not start (B60).
    var hasStartFailure: Bool {
        matches("guard", "actor_ready_timeout") || matches("guard", "actor_runner_failed")
    }

    static func actorUnavailable(_ failure: ActorStartFailure, _ cause: RivetError) -> RivetError {
        RivetError(
            .actorUnavailable,
            "the actor \(failure.actorID) could not be started: \(failure)",
            fault: .server,
            execution: cause.execution,
            isTransient: cause.isTransient,
            connectionSurvives: cause.connectionSurvives,
            remote: cause.remote,
            startFailure: failure,
            underlying: cause
        )
    }

    static func metadataUnavailable(_ endpoint: Endpoint, _ cause: any Error) -> RivetError {
        let ours = cause as? RivetError
        return RivetError(
            .metadataUnavailable,
            "\(endpoint.text) did not answer GET /metadata as Rivet does" + (ours.map { ": \($0.message)" } ?? ""),
            fault: ours?.fault ?? .network,
            isTransient: ours?.isTransient ?? true,
            remote: ours?.remote,
            underlying: cause,
            retryAfter: ours?.retryAfter
        )
    }

    static var connectionClosed: RivetError {
        RivetError(
            .connectionClosed,
            "the connection was closed by disconnect()",
            fault: .caller,
            connectionSurvives: false
        )
    }

    static var clientClosed: RivetError {
        RivetError(.clientClosed, "the client was closed", fault: .caller, connectionSurvives: false)
    }

    static func deadlineExceeded(
        _ what: String,
        _ limit: Duration,
        hadLeft: Bool,
        _ cause: (any Error)? = nil
    ) -> RivetError {
        RivetError(
            .deadlineExceeded,
            "\(what) had no answer within \(limit)",
            fault: .network,
            execution: hadLeft ? .mayHaveRun : .notSent,
            isTransient: true,
            underlying: cause
        )
    }

    /// The deadline of an action came while it was held: why the connection was not open, if that is known (B266).
    static func notOpened(_ what: String, _ limit: Duration, _ outage: (attempts: Int, last: RivetError)?) -> RivetError
    {
        guard let outage else { return deadlineExceeded(what, limit, hadLeft: false) }
        let attempts = outage.attempts == 1 ? "1 attempt" : "\(outage.attempts) attempts"
        return RivetError(
            .deadlineExceeded,
            "\(what) had no answer within \(limit): the connection was not open after \(attempts): \(outage.last.message)",
            fault: .network,
            isTransient: true,
            remote: outage.last.remote,
            underlying: outage.last
        )
    }

    /// The deadline of a call came before anything of it had left; `what` says what was not there in time.
    static func late(_ what: String, fault: Fault, _ cause: DeadlinePassedError) -> RivetError {
        RivetError(.deadlineExceeded, "\(what) before the deadline", fault: fault, isTransient: true, underlying: cause)
    }

    static func invalidArgument(_ message: String, underlying: (any Error)? = nil) -> RivetError {
        RivetError(.invalidArgument, message, fault: .caller, underlying: underlying)
    }

    static func checkPositive(_ name: String, _ value: Duration) throws {
        if value <= .zero { throw invalidArgument("\(name) is \(value) and must be positive") }
    }

    static func limit(_ what: String, _ size: Int, _ name: String, _ limit: Int) -> RivetError {
        RivetError(.limitExceeded, "\(what) has \(size) bytes; the \(name) is \(limit)", fault: .caller)
    }

    /// The user's provider threw, or its value did not encode (B135).
    ///
    /// The text holds nothing of what it threw.
    static func parametersFailed(_ error: any Error, areProvided: Bool) -> RivetError {
        if let failure = error as? CodingError {
            // Kinds, names of types and limits; never a value.
            let text = "the connection parameters could not be encoded: \(failure)"
            return RivetError(.encodingFailed, text, fault: .caller, underlying: failure)
        }
        return RivetError(
            areProvided ? .remote : .encodingFailed,
            "the connection parameters could not be had: \(type(of: error))",
            fault: .caller,
            isTransient: areProvided,
            remote: areProvided
                ? RemoteError(group: "client", code: "get_params_failed", message: "the provider threw") : nil,
            underlying: error
        )
    }
}

extension HTTPAnswer {
    /// How long to wait before a repeat, on a status that a later try may change (B150).
    fileprivate var retryAfterOfRefusal: Duration? {
        ErrorClass.isTransient(status: head.status) ? retryAfter(now: WallClock.milliseconds) : nil
    }
}

extension RemoteError {
    init(
        _ message: ErrorMessage,
        rayID: String?,
        httpStatus: Int?,
        closeCode: WebSocketCloseCode? = nil,
        isFromActor: Bool = false
    ) {
        self.init(
            group: message.group,
            code: message.code,
            message: message.message,
            rayID: rayID,
            httpStatus: httpStatus,
            closeCode: closeCode,
            actorID: message.actor?.actorID,
            generation: message.actor.flatMap { Int(exactly: $0.generation) },
            key: message.actor?.key,
            metadata: message.metadata,
            isFromActor: isFromActor
        )
    }
}

/// The member of an error's metadata that says what was not found (PROTOCOL i3).
private struct MissingResource: Decodable {
    var resource: String?
}

extension EncodedValue {
    var missingResource: String? { (try? decode(MissingResource.self))?.resource }
}

extension ByteChunk {
    /// How much of an answer an error shows.
    static var maxPieceSize: Int { 200 }

    /// At most 200 bytes as text, for an error about an answer that is not as it should be.
    var boundedText: String {
        String(decoding: prefix(Self.maxPieceSize), as: UTF8.self).filter { !$0.isNewline }
            + (count > Self.maxPieceSize ? "…" : "")
    }
}

extension String {
    /// A URL or a part of one without what may be secret: user info, query, fragment, and the token that a gateway's path
    /// has behind an `@` (PROTOCOL c).
    fileprivate var redactedURL: String {
        let at = UInt8(ascii: "@")
        let parts = utf8.prefix { $0 != UInt8(ascii: "?") && $0 != UInt8(ascii: "#") }
            .split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
        let hasAuthority = parts.count > 2 && parts[1].isEmpty && [nil, UInt8(ascii: ":")].contains(parts[0].last)
        let shown = parts.enumerated().map { index, part in
            if index == 2, hasAuthority {
                return Substring(part.lastIndex(of: at).map { part[$0...].dropFirst() } ?? part)
            }
            return Substring(part.prefix { $0 != at })
        }
        return String(shown.joined(separator: "/").prefix(200))
    }
}

extension TLSError.Kind {
    /// What a server says of a client's certificate: it reads nothing of a request then.
    var isAheadOfRequests: Bool { self == .clientCertificateRequired || self == .clientCertificateRefused }

    /// A certificate or a setting that is wrong stays wrong; a connection that broke off may work next time.
    fileprivate var isTransient: Bool {
        switch self {
        case .truncated, .closedDuringHandshake, .damaged: true
        // internal_error and user_canceled (RFC 8446 §6.2).
        case .alert(let number): number == 80 || number == 90
        case .libraryMissing, .configuration, .certificateExpired, .certificateNotYetValid, .wrongName, .selfSigned,
            .unknownIssuer, .missingIssuer, .weakKey, .badCertificate, .clientCertificateRequired,
            .clientCertificateRefused, .protocolVersion, .cipher, .applicationProtocol, .notTLS, .protocolFailure:
            false
        }
    }
}

extension EncodedValue {
    /// An action's answer as the type asked for; it ran (B59).
    ///
    /// `style` is that of an action with a type.
    func decodeOutput<Output: Decodable>(
        _: Output.Type,
        of action: String,
        _ style: ArgumentStyle = .positional
    ) throws -> Output {
        do {
            return try decode(Output.self)
        } catch {
            throw RivetError(
                .decodingFailed,
                "the answer of the action \"\(action)\" did not decode as \(Output.self): \(error)\(style.question)",
                fault: .caller,
                execution: .ran,
                underlying: error
            )
        }
    }
}

/// What is being asked for, so that an error can say what it means for it.
enum RequestKind: Sendable {
    /// Looking an actor up, or making it where there is none: a repeat does no harm.
    case lookup
    /// Making an actor that must not be there.
    case creation
    case action(String)
    case queue(String)
    case raw

    var name: String {
        switch self {
        case .lookup: "the lookup"
        case .creation: "the creation"
        case .action(let name): "the action \"\(name)\""
        case .queue(let name): "the send to the queue \"\(name)\""
        case .raw: "the request"
        }
    }

    var isLookup: Bool { if case .lookup = self { true } else { false } }
}
