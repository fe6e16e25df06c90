// SPDX-License-Identifier: Apache-2.0
import RivetAsync

/// The gateway: finds the actor of a request and hands it over (PROTOCOL c, e, f).
extension Router {
    /// A request that has found its actor.
    private struct Target {
        let actor: HostedActor
        /// What the actor sees, query included.
        let path: String

        var pathWithoutQuery: Substring { path.withoutQuery }
    }

    typealias FaultyRefusal = (failure: EngineError, afterTheActionRan: Bool)

    // MARK: HTTP

    func gateway(
        _ request: EngineRequest,
        _ route: GatewayRoute,
        _ pass: Pass,
        _ refusal: FaultyRefusal?
    ) async -> EngineAnswer {
        let encoding = WireEncoding(headerValue: request.head.fields["x-rivet-encoding"])
        var target: Target?
        do {
            if let refusal, !refusal.afterTheActionRan, refusal.failure.origin != .actor { throw refusal.failure }
            if let text = request.head.fields["x-rivet-skip-ready-wait"], GatewayRoute.boolean(text) == nil {
                throw EngineError.gateway("guard", "invalid_header", "Header x-rivet-skip-ready-wait is invalid.")
            }
            guard request.body.count <= engine.limits.maxRequestBody else { throw EngineError.bodyTooLarge }
            let found = try self.target(of: request, route, pass)
            let answer = try await withTaskExecutorPreference(found.actor.lane.isolatedTaskExecutor) {
                try await found.actor.ready()
                target = found
                if let refusal, !refusal.afterTheActionRan { throw refusal.failure }
                return try await serve(request, found, encoding)
            }
            if let refusal {
                answer.abandon()
                throw refusal.failure
            }
            return answer
        } catch {
            return await errorAnswer(error, request, target, encoding)
        }
    }

    private func serve(
        _ request: EngineRequest,
        _ target: Target,
        _ encoding: WireEncoding
    ) async throws -> EngineAnswer {
        let actor = target.actor
        let codec = MessageCodec(encoding)
        let method = request.head.method
        switch try ActorPath(target.path) {
        case .action(let name):
            guard method == "POST" else { throw EngineError.methodNotAllowed(method, target.pathWithoutQuery) }
            let body = try checkedBody(request)
            let parameters = try parameters(request)
            guard let arguments = try? codec.readActionBody(body),
                encoding != .cbor || ServerValue.isPlainCBOR(arguments)
            else { throw EngineError.undecodable }
            let output = try await actor.call(name, arguments, parameters, encoding)
            var answer: [UInt8] = []
            codec.writeActionResult(output: try passedThrough(output, encoding), to: &answer)
            return try await bodied(answer, actor, encoding)
        case .queue(let name):
            guard method == "POST" else { throw EngineError.methodNotAllowed(method, target.pathWithoutQuery) }
            // A message too large for the queue has an error of its own, so the body may be a little larger.
            guard let queued = try? codec.readQueueBody(ByteChunk(request.body)) else { throw EngineError.undecodable }
            let send = HostedActor.QueueSend(
                name: name,
                body: EncodedValue(bytes: queued.body, format: encoding.valueFormat),
                wait: queued.waits,
                timeout: queued.timeout.map { .milliseconds(Int64(clamping: $0)) }
            )
            var answer: [UInt8] = []
            switch try await actor.enqueue(send, try parameters(request), encoding) {
            case .completed(let reply):
                let reply = try reply.map { try passedThrough($0, encoding) }
                codec.writeQueueResult(QueueResult(status: QueueResult.completed, response: reply), to: &answer)
            case .timedOut:
                codec.writeQueueResult(QueueResult(status: QueueResult.timedOut), to: &answer)
            }
            return try await bodied(answer, actor, encoding)
        case .request(let path):
            var fields = request.head.fields.throughTheGateway
            fields["x-rivet-ray-id"] = request.ray
            let local = LocalRequest(
                method: method,
                path: path,
                fields: fields,
                body: request.body,
                arriving: request.arriving
            )
            let (response, body) = try await actor.request(local, try parameters(request), encoding)
            var head = HTTPResponseHead(status: response.status, fields: response.fields.throughTheGateway)
            for name in ["content-length", "transfer-encoding", "connection", "date", "x-rivet-ray-id"] {
                head.fields[name] = nil
            }
            for field in await actorFields(actor) { head.fields[field.name] = field.value }
            return body.map { .stream(head, $0) } ?? .response(head, response.body)
        case .metadata where request.methodAsGet == "GET":
            let body = #"{"runtime":"rivetkit","type":"actor","version":"2.3.7"}"#
            return .response(try await head(200, "application/json", actor), Array(body.utf8))
        case .health where request.methodAsGet == "GET":
            return .response(try await head(200, "text/plain; charset=utf-8", actor), Array("ok".utf8))
        case .root where request.methodAsGet == "GET":
            return .response(try await head(200, "text/plain; charset=utf-8", actor), Array("This is an actor.".utf8))
        case .metadata, .health, .root, .unknown:
            throw EngineError.routeNotFound(String(target.pathWithoutQuery))
        }
    }

    private func checkedBody(_ request: EngineRequest) throws -> ByteChunk {
        guard request.body.count <= engine.limits.maxIncomingMessage else { throw EngineError.incomingTooLong }
        return ByteChunk(request.body)
    }

    private func parameters(_ request: EngineRequest) throws -> ByteChunk? {
        guard let text = request.head.fields["x-rivet-conn-params"] else { return nil }
        guard let parameters = Self.parameters(text) else { throw EngineError.undecodable }
        return parameters
    }

    /// JSON text, or nil where it is none.
    private static func parameters(_ text: String) -> ByteChunk? {
        let bytes = ByteChunk(text.utf8)
        let isJSON = bytes.withUnsafeBytes { bytes in
            var reader = unsafe JSONReader(bytes)
            do {
                _ = try reader.readItem()
                try reader.readEnd()
                return true
            } catch {
                return false
            }
        }
        return isJSON ? bytes : nil
    }

    /// Over HTTP, json and cbor values pass through the server's JSON value, bare ones do not (PROTOCOL e1).
    private func passedThrough(_ value: ByteChunk, _ encoding: WireEncoding) throws -> ByteChunk {
        encoding == .bare ? value : try ServerValue.normalized(value, isJSON: encoding == .json)
    }

    private func bodied(_ body: [UInt8], _ actor: HostedActor, _ encoding: WireEncoding) async throws -> EngineAnswer {
        guard body.count <= engine.limits.maxOutgoingMessage else { throw EngineError.outgoingTooLong }
        return .response(try await head(200, encoding.contentType, actor), body)
    }

    private func head(_ status: Int, _ contentType: String, _ actor: HostedActor) async throws -> HTTPResponseHead {
        var fields: HTTPFields = ["content-type": contentType]
        for field in await actorFields(actor) { fields.append(field) }
        return HTTPResponseHead(status: status, fields: fields)
    }

    private func actorFields(_ actor: HostedActor) async -> HTTPFields {
        let reference = await actor.reference
        return [
            "x-rivet-actor": reference.actorID.rawValue,
            "x-rivet-actor-generation": "\(reference.generation)",
            "x-rivet-actor-key": actor.key.headerText,
        ]
    }

    private func errorAnswer(
        _ error: any Error,
        _ request: EngineRequest,
        _ target: Target?,
        _ encoding: WireEncoding
    ) async -> EngineAnswer {
        // A refused connection is a plain 500, whatever the code (PROTOCOL h2).
        let refusal = error as? RefusalError
        let failure = (refusal?.error ?? EngineError(thrown: error)).masked
        guard failure.origin == .actor, let actor = target?.actor else {
            var ofEngine = failure
            if failure.origin == .actor { ofEngine.origin = .gateway }
            return engineError(ofEngine)
        }
        let codec = MessageCodec(encoding)
        let reference = await actor.reference
        let status = refusal == nil ? failure.httpStatus : 500
        guard let body = try? codec.body(failure, actor: reference),
            let head = try? await head(status, encoding.contentType, actor)
        else { return engineError(.internalError) }
        return .response(head, body)
    }

    // MARK: WebSocket

    func upgrade(_ request: EngineRequest, _ route: GatewayRoute, _ pass: Pass) async -> EngineAnswer {
        if let refusal = engine.faults.takeRefusal(at: .upgrade) {
            return .upgrade(.close(closing(refusal.failure, request)), pass)
        }
        do {
            let header = request.head.fields["sec-websocket-protocol"]
            if header == nil, case .byID(_, token: nil, _) = route {
                throw EngineError.gateway("guard", "missing_header", "Missing header sec-websocket-protocol.")
            }
            let target = try self.target(of: request, route, pass)
            let upgrade = upgrade(request, target, header ?? "")
            switch upgrade {
            // Nobody is woken for an actor that runs: `HostedActor.connect` looks again.
            case .connect where target.actor.isRunning: break
            default: try await target.actor.ready()
            }
            return .upgrade(upgrade, pass)
        } catch {
            return refusedUpgrade(EngineError(thrown: error), request)
        }
    }

    private func upgrade(_ request: EngineRequest, _ target: Target, _ header: String) -> EngineUpgrade {
        let isConnect = target.pathWithoutQuery == "/connect"
        var encoding = WireEncoding.json
        var parameterText: String?
        do throws(Subprotocols.ReadError) {
            let subprotocols = try Subprotocols.read(header: header)
            encoding = subprotocols.encoding ?? .json
            parameterText = subprotocols.parameters
        } catch {
            switch error {
            case .unsupportedEncoding where isConnect:
                return .close(WebSocketClosing(.unsupportedData, reason: "actor.unsupported_websocket_encoding"))
            case .unsupportedEncoding: break
            case .parameters: parameterText = ""
            }
        }
        var parameters: ByteChunk?
        if let parameterText {
            parameters = Self.parameters(parameterText)
            guard parameters != nil else {
                // Not the moment it takes on our side: Rivet says nothing for so long (PROTOCOL h2).
                let reason = "guard.websocket_closed_before_open#\(request.ray)"
                return .close(WebSocketClosing(.internalError, reason: reason), silence: .milliseconds(19_200))
            }
        }
        if isConnect { return .connect(target.actor, encoding, parameters: parameters) }
        return .raw(target.actor, encoding, parameters: parameters, path: target.path)
    }

    // MARK: Which actor

    private func target(of request: EngineRequest, _ route: GatewayRoute, _ pass: Pass) throws -> Target {
        switch route {
        case .elsewhere:
            throw EngineError.apiNotFound
        case .refused(let code):
            throw EngineError.gateway("guard", code, "The query of the gateway URL is invalid.", status: 400)
        case .byID(let id, let token, let path):
            try check(token, request)
            try pass.require("read", Grant.gateway, on: id)
            guard let engineID = EngineID(text: id.rawValue) else { throw EngineError.internalError }
            guard engineID.label == FreshID.label else {
                throw EngineError.gateway("datacenter", "not_found", "The datacenter does not exist.", status: 400)
            }
            guard let actor = engine.actor(id) else { throw EngineError.actorNotFound }
            return Target(actor: actor, path: path)
        case .byQuery(let query, let path):
            try check(query.token, request)
            do throws(EngineError) {
                try check(query.namespace)
                let actor = try actor(of: query, pass)
                try pass.require("read", Grant.gateway, on: actor.id)
                return Target(actor: actor, path: path)
            } catch {
                var ofGateway = error
                ofGateway.origin = .gateway
                throw ofGateway
            }
        }
    }

    private func actor(of query: GatewayQuery, _ pass: Pass) throws(EngineError) -> HostedActor {
        switch query.method {
        case .get:
            try pass.require("read")
            guard let actor = engine.actor(name: query.name, keyText: query.key.text) else { throw .actorNotFound }
            return actor
        case .getOrCreate(let creation):
            try pass.require("create")
            return try resolve(
                name: query.name,
                keyText: query.key.text,
                pool: creation.poolName,
                crashPolicy: creation.crashPolicy.rawValue,
                input: creation.input
            ).actor
        }
    }

    private func check(_ token: Secret?, _ request: EngineRequest) throws {
        guard let wanted = engine.settings.token else { return }
        guard (token?.reveal() ?? request.head.fields["x-rivet-token"]) == wanted else {
            throw EngineError.gateway("api", "forbidden", "Forbidden", status: 403)
        }
    }
}

extension HTTPFields {
    /// As they come out on the other side: names in lower case, of several with one name the last, and none with bytes
    /// that are not printable ASCII (PROTOCOL d).
    fileprivate var throughTheGateway: HTTPFields {
        var fields = HTTPFields()
        for field in self where field.value.utf8.allSatisfy({ $0 >= 0x20 && $0 < 0x7F }) {
            fields[field.name.lowercased()] = field.value
        }
        return fields
    }
}

extension EngineError {
    static let bodyTooLarge = gateway(
        "guard",
        "invalid_request_body",
        "Request body is invalid: length limit exceeded",
        status: 413
    )
    /// The runtime outside the actor (PROTOCOL i5).
    static let fetchFailed = gateway(
        "envoy",
        "fetch_failed",
        "actor fetch failed",
        status: 500,
        metadata: [String: String]()
    )

    static func methodNotAllowed(_ method: String, _ path: some StringProtocol) -> EngineError {
        actor("method_not_allowed", "Method not allowed", metadata: ["method": method, "path": String(path)])
    }
}
