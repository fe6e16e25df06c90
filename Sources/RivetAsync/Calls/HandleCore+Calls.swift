// SPDX-License-Identifier: Apache-2.0

/// Requests to the actor over HTTP: finding it, repeating what is safe to repeat (B30, B31, B52, B53).
extension HandleCore {
    func callAction(
        _ name: String,
        _ arguments: ByteChunk,
        _ options: CallOptions,
        _ record: CallRecord?
    ) async throws -> EncodedValue {
        let path = try RivetError.checking("the action name \"\(name)\": ") { () throws(GatewayPathError) in
            try GatewayPath.action(name)
        }
        let codec = MessageCodec(context.configuration.encoding.wire)
        let body = ByteChunk { codec.writeActionBody(arguments: arguments, to: &$0) }
        let answer = try await post(.action(name), path: path, body: body, options, record)
        let output = try answer.decodeRan(name) { try codec.readActionResult($0) }
        return context.value(output)
    }

    /// Posts an encoded body to the actor; the answer is a success.
    func post(
        _ kind: RequestKind,
        path: GatewayPath,
        body: ByteChunk,
        _ options: CallOptions,
        _ record: CallRecord?,
        as callKind: HTTPCallKind = .brief,
        timeout: Duration? = nil
    ) async throws -> HTTPAnswer {
        let encoding = context.configuration.encoding.wire
        // No capture list: with one the closure would run on the pool, two hops more.
        return try await repeating(kind, options, record, timeout: timeout) { call in
            let own: HTTPFields = ["x-rivet-encoding": encoding.name, "Content-Type": encoding.contentType]
            let head = try await requestHead(call, method: "POST", path: path, own: own, options)
            let answer = try await context.execute(
                head,
                body: body,
                as: callKind,
                at: call.address,
                deadline: call.deadline
            )
            guard answer.isSuccess else { throw RivetError(answer: answer, encoding: encoding, of: kind) }
            return answer
        }
    }

    /// One try of a call.
    struct Call: Sendable {
        let address: ServerAddress
        let token: Secret?
        let actorID: ActorID
        let scope: CallScope

        var deadline: TimePoint { scope.deadline }
    }

    /// The target and fields of a request to the actor.
    ///
    /// The token stands in the target and nowhere else (B228).
    func requestHead(
        _ call: Call,
        method: String,
        path: GatewayPath,
        own: consuming HTTPFields,
        _ options: CallOptions
    ) async throws -> HTTPRequestHead {
        if let parameters = try await encodedParameters(self.options.parameters, deadline: call.deadline) {
            own["x-rivet-conn-params"] = ConnectionParametersHeader.value(json: parameters)
        }
        if skipsReadyWait(options.skipsReadyWait) { own["x-rivet-skip-ready-wait"] = "1" }
        return HTTPRequestHead(
            method: method,
            target: GatewayURL.target(
                call.address.endpoint,
                actorID: call.actorID,
                token: call.token,
                path: path
            ),
            fields: context.fields(own: own, call: options.fields, in: call.scope, to: call.address)
        )
    }

    /// The call's own wish, or the handle's, or the client's (B19).
    func skipsReadyWait(_ own: Bool?) -> Bool {
        own ?? options.skipsReadyWait ?? context.configuration.skipsReadyWait
    }

    /// Parameters as JSON text (B40, B50, B134).
    ///
    /// A provider is the user's own code: it makes no call longer, and is left to itself where it does not return (B317).
    func encodedParameters(_ parameters: ConnectionParameters, deadline: TimePoint) async throws -> String? {
        do {
            guard parameters.isProvided else { return try await Self.text(parameters.encode()) }
            return try await withDeadline(deadline, time: context.time) { [context] in
                try await abandonable(context.gauge) {
                    context.diagnostics.send(
                        Diagnostic(.warning, "the provider of the connection parameters was left running")
                    )
                } _: {
                    try await Self.text(parameters.encode())
                }
            }
        } catch let error as DeadlinePassedError {
            throw RivetError.late("the provider of the connection parameters had not answered", fault: .caller, error)
        } catch is CancellationError where Task.isCancelled {
            throw CancellationError()
        } catch {
            throw RivetError.parametersFailed(error, areProvided: parameters.isProvided)
        }
    }

    private static func text(_ encoded: ByteChunk?) -> String? { encoded.map { String(decoding: $0, as: UTF8.self) } }

    /// Runs `once` until it succeeds, fails for good, or the deadline comes.
    func repeating<R: Sendable>(
        _ kind: RequestKind,
        _ options: CallOptions,
        _ record: CallRecord?,
        timeout: Duration? = nil,
        canRepeat: Bool = true,
        isSafe: Bool = false,
        _ once: (Call) async throws -> R
    ) async throws -> R {
        try Task.checkCancellation()
        try context.beginCall()
        defer { context.endCall() }
        try check()
        try UserFields.check(options.fields)
        let limit = try options.checkedTimeout() ?? timeout ?? context.configuration.callTimeout
        let deadline = context.time.now.advanced(by: limit)
        let scope = try context.scope(deadline: deadline, own: options.fields, record)
        var machine = CallStateMachine(
            kind,
            isPinned: query.isPinned,
            isIdempotent: options.isIdempotent,
            canRepeat: canRepeat,
            isSafe: isSafe
        )
        while true {
            let action = machine.nextAction()
            if case .fail(let error) = action { throw error }
            do {
                switch action {
                case .resolve:
                    _ = try await context.serverAddress(in: scope)
                    machine.resolved(try await resolver.id(in: scope))
                case .send(let id):
                    record?.tryBegins()
                    return try await context.part("try", of: record) { try await send(to: id, in: scope, once) }
                case .forget(let id):
                    context.diagnostics.send(
                        Diagnostic(repeats: "the actor's id is looked up anew", record, why: machine.cause)
                    )
                    resolver.forget(id)
                case .pause(let longest, let least):
                    context.diagnostics.send(
                        Diagnostic(
                            repeats: "a call is repeated after a pause",
                            record,
                            why: machine.cause,
                            wait: longest
                        )
                    )
                    if try await context.wait(upTo: longest, atLeast: least, before: deadline) {
                        machine.paused()
                    } else {
                        machine.deadlinePassed()
                    }
                case .explain(let id, let error):
                    let actor = try? await ActorResolver.record(context, of: id, in: scope)
                    try Task.checkCancellation()
                    machine.explained(error, actor?.startFailure)
                case .fail:
                    break
                }
            } catch let error as RivetError {
                machine.failed(error)
            }
        }
    }

    private func send<R: Sendable>(
        to id: ActorID,
        in scope: CallScope,
        _ once: (Call) async throws -> R
    ) async throws -> R {
        let address = try await context.serverAddress(in: scope)
        let token = try await context.token(for: address, deadline: scope.deadline)
        do {
            return try await once(Call(address: address, token: token, actorID: id, scope: scope))
        } catch let error as RivetError {
            throw context.judged(error, token, at: address)
        }
    }

    // MARK: Names

    func resolve() async throws -> ActorID {
        try await question { scope in
            // It asks again each time: the id that is kept may be one that was destroyed meanwhile (B34).
            resolver.forget()
            return try await resolver.id(in: scope)
        }
    }

    func gatewayURL() async throws -> SecretURL {
        try await question { scope in try await gatewayURL(in: scope) }
    }

    private func gatewayURL(in scope: CallScope) async throws -> SecretURL {
        let address = try await context.serverAddress(in: scope)
        let token = try await context.token(for: address, deadline: scope.deadline)
        let root = try GatewayPath("")
        let (name, key, method): (String, ActorKey, GatewayQuery.Method)
        switch query {
        case .id(_, let id):
            return gatewayURL(address, token, id, root)
        case .get(let actorName, let actorKey):
            (name, key, method) = (actorName, actorKey, .get)
        case .getOrCreate(let actorName, let actorKey, let create):
            let creation = GatewayQuery.Creation(
                poolName: create.poolName ?? context.configuration.poolName,
                input: try context.encodeInput(create.input).map { Array($0) },
                region: create.region
            )
            (name, key, method) = (actorName, actorKey, .getOrCreate(creation))
        }
        guard GatewayQuery.canExpress(key) else {
            let id = try await resolver.id(in: scope)  // B26
            return gatewayURL(address, token, id, root)
        }
        let query = GatewayQuery(
            namespace: address.namespace,
            name: name,
            key: key,
            method: method,
            token: token,
            skipsReadyWait: skipsReadyWait(nil)
        )
        do {
            return try query.url(address.endpoint, path: root)
        } catch {
            throw RivetError(.limitExceeded, "no gateway URL can be made: \(error)", fault: .caller, underlying: error)
        }
    }

    private func gatewayURL(
        _ address: ServerAddress,
        _ token: Secret?,
        _ id: ActorID,
        _ path: GatewayPath
    ) -> SecretURL {
        func url(_ token: Secret?) -> String {
            let target = GatewayURL.target(address.endpoint, actorID: id, token: token, path: path)
            return String(address.endpoint.text.dropLast(address.endpoint.basePath.count)) + target
        }
        return SecretURL(url(token), redacted: url(nil))
    }
}
