// SPDX-License-Identifier: Apache-2.0
import Synchronization

extension ActorHandle {
    /// Sends a request to the actor's own HTTP handler.
    ///
    /// Whatever that answers is returned, also a 404 or 500 of its own. What Rivet answers in its place is thrown, as by
    /// any other call: by the gateway, or by the actor side, as where its connect hook refuses or the handler throws. An
    /// answer from 400 on that neither of them made is ``RivetError/Code/unexpectedResponse``.
    ///
    /// Repeats as for ``send(_:_:)``, but never with a streamed body. The deadline covers the answer's head; the body is
    /// read at the reader's pace, under ``CallOptions/bodyIdleTimeout``. Cancelling the call drops the request.
    ///
    /// - Parameters:
    ///   - request: what is sent.
    ///   - options: for this call.
    /// - Returns: the answer, as soon as its head is here; one of 400 or more that may be Rivet's when its body is, too.
    /// - Throws: ``RivetError``; `CancellationError`.
    public func fetch(_ request: ActorRequest, _ options: CallOptions = .init()) async throws -> ActorResponse {
        try await core.observed(.request, request.pathWithoutQuery) { try await core.fetch(request, options, $0) }
    }

    /// Opens a WebSocket to the actor's own handler.
    ///
    /// It is not reconnected: open another one. A handle by key looks its actor up anew for each, since a kept id may be
    /// stale, which an opening handshake does not show.
    ///
    /// - Parameters:
    ///   - path: path and query, as in ``ActorRequest/path``.
    ///   - subprotocols: reach the actor as a request field; the engine always selects its own. One that is empty, no
    ///     token (RFC 9110 §5.6.2), named twice or of Rivet's own (`rivet`, `rivet_…`) is
    ///     ``RivetError/Code/invalidArgument``.
    ///   - options: `timeout` is for the lookup and the opening; ``RivetConfiguration/openTimeout`` by default.
    /// - Returns: the open socket.
    /// - Throws: ``RivetError``; `CancellationError`. What the actor refuses after the upgrade ends
    ///   ``ActorWebSocket/messages``.
    public func webSocket(
        _ path: String = "",
        subprotocols: [String] = [],
        _ options: CallOptions = .init()
    ) async throws -> ActorWebSocket {
        try await core.observed(.webSocket, ActorRequest(path).pathWithoutQuery) { record in
            try await core.webSocket(path, subprotocols, options, record)
        }
    }

    /// Gives `body` a WebSocket and closes it before returning, whether `body` returns, throws or is cancelled.
    nonisolated(nonsending) public func withWebSocket<R>(
        _ path: String = "",
        subprotocols: [String] = [],
        _ options: CallOptions = .init(),
        _ body: (ActorWebSocket) async throws -> R
    ) async throws -> R {
        let socket = try await webSocket(path, subprotocols: subprotocols, options)
        return try await scoped(closing: { await socket.close() }) { try await body(socket) }
    }
}

extension HandleCore {
    func fetch(_ request: ActorRequest, _ options: CallOptions, _ record: CallRecord?) async throws -> ActorResponse {
        let path = try RivetError.checking { () throws(GatewayPathError) in try GatewayPath.request(request.path) }
        try UserFields.check(request.fields)
        var options = options
        // Those of the request are the call's own too.
        for name in TraceFields.names where options.fields[name] == nil {
            if let value = request.fields[name] { options.fields[name] = value }
        }
        guard HTTPSyntax.isToken(request.method), request.method != "CONNECT" else {
            throw RivetError.invalidArgument("\(HTTPError.invalidMethod)")
        }
        if case .length(..<0) = request.body.content.framing {
            throw RivetError.invalidArgument("the length of the body is negative")
        }
        var own = request.fields
        if own["content-type"] == nil, let type = request.body.contentType { own["Content-Type"] = type }
        for field in request.defaultFields where own[field.name] == nil && options.fields[field.name] == nil {
            own[field.name] = field.value
        }
        let isSafe = ["GET", "HEAD"].contains(request.method)
        let canRepeat = request.body.content.isRepeatable
        return try await repeating(.raw, options, record, canRepeat: canRepeat, isSafe: isSafe) { call in
            let head = try await requestHead(call, method: request.method, path: path, own: own, options)
            let endpoint = call.address.endpoint
            do {
                let response = try await context.pool.execute(
                    head,
                    to: call.address.origin,
                    body: request.body.content,
                    as: .lingering,
                    deadline: call.deadline,
                    deadlineCoversBody: false
                )
                if let error = try await rivetsOwn(response, deadline: call.deadline) { throw error }
                return ActorResponse(
                    status: response.head.status,
                    fields: response.head.fields,
                    body: ResponseBody(body: response.body, endpoint: endpoint, idleTimeout: options.bodyIdleTimeout)
                )
            } catch let failure as HTTPCallError {
                if failure.error is CancellationError { throw CancellationError() }
                throw RivetError(failure, endpoint: endpoint, kind: RequestKind.raw.name)
            } catch let late as DeadlinePassedError {
                let failure = HTTPCallError(late, requestLeft: true, answerBegun: true)
                throw RivetError(failure, endpoint: endpoint, kind: RequestKind.raw.name)
            }
        }
    }

    /// The error of Rivet's that an answer is; nil where it is the actor's own (B186, B229).
    ///
    /// The status alone decides nothing: a handler may answer as it likes.
    private func rivetsOwn(_ response: HTTPResponse, deadline: TimePoint) async throws -> RivetError? {
        let head = response.head
        guard head.status >= 400 else { return nil }
        if let actor = head.fields["x-rivet-actor"] {
            return try await actorSides(response, actor: actor, deadline: deadline)
        }
        let isGateways = head.fields["x-rivet-error"] != nil
        let limit = context.configuration.maxMessageSize
        let body = try await withDeadline(deadline, time: context.time) {
            // Of what is nobody's a piece is enough.
            isGateways
                ? try await response.body.collect(upTo: limit)
                : ByteChunk(try await response.body.beginning(ByteChunk.maxPieceSize + 1))
        }
        let answer = HTTPAnswer(head: head, body: body)
        if isGateways { return RivetError(answer: answer, encoding: .json, of: .raw) }
        return .unexpected(answer, "\(RequestKind.raw.name) was answered", piece: answer.body.boundedText)
    }

    /// What the actor side says instead of its handler is an error that names the same actor, and nothing else; in JSON,
    /// as this request asks for no other encoding (PROTOCOL e6).
    private func actorSides(_ response: HTTPResponse, actor: String, deadline: TimePoint) async throws -> RivetError? {
        if let type = response.head.fields["content-type"], WireEncoding.bare.ofErrorBody(contentType: type) != .json {
            return nil
        }
        let body = try await response.body.peek(ifFirst: UInt8(ascii: "{"), before: deadline)
        guard let body, let error = try? MessageCodec(.json).readErrorBody(body),
            error.actor?.actorID.rawValue == actor
        else { return nil }
        return RivetError(answer: HTTPAnswer(head: response.head, body: body), encoding: .json, of: .raw)
    }

    func webSocket(
        _ path: String,
        _ subprotocols: [String],
        _ options: CallOptions,
        _ record: CallRecord?
    ) async throws -> ActorWebSocket {
        let path = try RivetError.checking { () throws(GatewayPathError) in try GatewayPath.webSocket(path) }
        if let problem = Subprotocols.problem(ofUsers: subprotocols) { throw RivetError.invalidArgument(problem) }
        let timeout = options.timeout ?? context.configuration.openTimeout
        // The 101 comes for a stale id too (PROTOCOL f2), so an id that was kept proves nothing (B193).
        resolver.forget()
        // No capture list: with one the closure would run on the pool, two hops more.
        return try await repeating(.raw, options, record, timeout: timeout, isSafe: true) { call in
            let endpoint = call.address.endpoint
            let hasLeft = Mutex(false)
            func failure(_ ending: AttemptEnding) -> RivetError {
                // The actor accepts as soon as it hears of it, whatever becomes of the 101.
                let isOpen = hasLeft.withLock { $0 } && !ending.error.provesNoUpgrade
                return isOpen ? ending.error.with(execution: .mayHaveRun) : ending.error
            }
            do {
                return try await withDeadline(call.deadline, time: context.time) { [self] in
                    try await openWebSocket(call, path, subprotocols, options) { hasLeft.withLock { $0 = true } }
                }
            } catch is CancellationError {
                throw CancellationError()
            } catch let error as DeadlinePassedError {
                throw failure(.notOpened(within: timeout, error))
            } catch {
                throw failure(AttemptEnding(opening: error, endpoint))
            }
        }
    }

    private func openWebSocket(
        _ call: Call,
        _ path: GatewayPath,
        _ subprotocols: [String],
        _ options: CallOptions,
        leaves: () -> Void
    ) async throws -> ActorWebSocket {
        let endpoint = call.address.endpoint
        let offer = Subprotocols(
            // The bytes are the user's own (B195).
            encoding: nil,
            parameters: try await encodedParameters(self.options.parameters, deadline: call.deadline),
            skipsReadyWait: skipsReadyWait(options.skipsReadyWait),
            user: subprotocols
        )
        let handshake = try WebSocketHandshake(
            target: GatewayURL.target(endpoint, actorID: call.actorID, token: call.token, path: path),
            host: endpoint.authority,
            subprotocols: offer.list,
            requiresSubprotocol: true,
            fields: context.fields(own: [:], call: options.fields, in: call.scope, to: call.address),
            nonce: context.random.bytes(16)
        )
        return ActorWebSocket(try await OpenWebSocket.open(self, call, handshake, leaves: leaves))
    }
}

extension RivetError {
    /// Whether a handshake whose request has left failed before the actor heard of it.
    ///
    /// That is by a status that says so, where a 500, 502 or 504 may stand for a 101 that was lost, or by what a server
    /// says of a client's certificate ahead of all requests.
    fileprivate var provesNoUpgrade: Bool {
        switch code {
        case .handshakeRefused:
            remote?.httpStatus.map { $0 == 503 || $0 < 500 && $0 != 408 } ?? false
        case .tlsFailed:
            if case .tls(let error)? = underlying as? TransportError { error.kind.isAheadOfRequests } else { false }
        default: false
        }
    }
}
