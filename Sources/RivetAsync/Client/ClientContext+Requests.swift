// SPDX-License-Identifier: Apache-2.0

extension RivetConfiguration.Encoding {
    var wire: WireEncoding {
        switch self {
        case .bare: .bare
        case .cbor: .cbor
        case .json: .json
        }
    }
}

/// What every request of a client has in common.
extension ClientContext {
    var format: ValueFormat { configuration.encoding.wire.valueFormat }
    private var encodingOptions: ValueEncodingOptions {
        ValueEncodingOptions(javaScriptNumbers: configuration.writesJavaScriptNumbers)
    }

    func value(_ bytes: ByteChunk) -> EncodedValue { EncodedValue(bytes: bytes, format: format) }

    // MARK: Arguments, encoded before anything else happens (B80)

    func encodeArguments<A: ActorAction>(of action: A) throws -> ByteChunk {
        try encoding("the arguments of the action \"\(A.actionName)\"") {
            switch A.argumentStyle {
            case .object: try format.encodeArgument(action, options: encodingOptions)
            case .positional: try format.encodePositionalArguments(action, options: encodingOptions)
            }
        }
    }

    func encodeArguments<each Argument: Encodable>(
        _ argument: repeat each Argument,
        action: String
    ) throws -> ByteChunk {
        try encoding("the arguments of the action \"\(action)\"") {
            try format.encodeArguments(repeat each argument, options: encodingOptions)
        }
    }

    /// A create input: always native CBOR (PROTOCOL b3).
    func encodeInput(_ input: (any Encodable & Sendable)?) throws -> ByteChunk? {
        guard let input else { return nil }
        let bytes = try encoding("the create input") {
            try ValueFormat.nativeCBOR.encode(input, options: encodingOptions)
        }
        guard bytes.count <= configuration.maxInputSize else {
            throw RivetError.limit("the create input", bytes.count, "maxInputSize", configuration.maxInputSize)
        }
        return bytes
    }

    func encodeBody(_ body: some Encodable, of queue: String) throws -> ByteChunk {
        try encoding("the message for the queue \"\(queue)\"") { try format.encode(body, options: encodingOptions) }
    }

    private func encoding(_ what: @autoclosure () -> String, _ body: () throws -> ByteChunk) throws -> ByteChunk {
        do {
            return try body()
        } catch {
            throw RivetError(
                .encodingFailed,
                "\(what()) could not be encoded: \(error)",
                fault: .caller,
                underlying: error
            )
        }
    }

    // MARK: Requests

    /// One exchange over the pool; the whole answer is read, up to `maxMessageSize`.
    func execute(
        _ head: HTTPRequestHead,
        body: ByteChunk? = nil,
        as kind: HTTPCallKind = .brief,
        at address: ServerAddress,
        deadline: TimePoint
    ) async throws -> HTTPAnswer {
        do {
            return try await pool.execute(
                head,
                to: address.origin,
                body: body.map { .bytes($0) } ?? .none,
                as: kind,
                deadline: deadline,
                collectingUpTo: configuration.maxMessageSize,
                // What the API creates by POST and what an actor does may have happened.
                isIdempotent: head.method != "POST"
            )
        } catch {
            if error.error is CancellationError { throw CancellationError() }
            let endpoint = address.endpoint
            throw RivetError(error, endpoint: endpoint, kind: "\(head.method) to \(endpoint.text)")
        }
    }

    // MARK: Fields

    /// The protocol's own fields always stay; of the others those of one call, which are checked already, win (B11).
    ///
    /// To a host that may not have the token, those of all calls go without the fields that carry one (B235).
    func fields(
        own: consuming HTTPFields,
        call: HTTPFields = [:],
        in scope: CallScope,
        to address: ServerAddress
    ) -> HTTPFields {
        var result = own
        func add(_ more: HTTPFields, isOfThisCall: Bool = false) {
            guard more.count > 0 else { return }
            var added = HTTPFields()
            for field in more where result.count(of: field.name) == 0 {
                if address.isTrusted || isOfThisCall || !UserFields.carriesCredentials(field.name) {
                    added.append(field)
                }
            }
            for field in added { result.append(field) }
        }
        add(call, isOfThisCall: true)
        add(scope.fields)
        add(defaultFields)
        if result.count(of: "user-agent") == 0 { result.append(HTTPFields.Field("User-Agent", "RivetAsync")) }
        return result
    }
}

extension ClientContext {
    /// A request to the actors API (PROTOCOL b).
    ///
    /// A lookup, by GET or PUT, is sent once more with a new token where the provider's was refused (B243).
    func executeAPI(
        _ method: String,
        _ target: String,
        body: ByteChunk? = nil,
        at address: ServerAddress,
        in scope: CallScope
    ) async throws -> HTTPAnswer {
        func once(_ token: Secret?) async throws -> HTTPAnswer {
            var own: HTTPFields = [:]
            if body != nil { own["Content-Type"] = "application/json" }
            if let token { own["Authorization"] = "Bearer \(token.reveal())" }
            let head = HTTPRequestHead(
                method: method,
                target: address.endpoint.basePath + target,
                fields: fields(own: own, in: scope, to: address)
            )
            let answer = try await execute(head, body: body, at: address, deadline: scope.deadline)
            guard answer.isSuccess else {
                let kind: RequestKind = method == "POST" ? .creation : .lookup
                throw judged(RivetError(answer: answer, encoding: .json, of: kind), token, at: address)
            }
            return answer
        }
        return try await part("lookup", of: scope.record) {
            do {
                return try await once(token(for: address, deadline: scope.deadline))
            } catch let error as RivetError where error.asksForAnotherToken && method != "POST" {
                diagnostics.send(
                    Diagnostic(repeats: "a lookup is sent again with another token", scope.record, why: error)
                )
                return try await once(token(for: address, deadline: scope.deadline))
            }
        }
    }

    /// Waits before a repeat, longer each time and as long as the server asked to, or throws `error` at once when that
    /// would be beyond the deadline (B52, B150).
    func pause(_ pause: inout Duration, before deadline: TimePoint, after error: RivetError) async throws {
        guard try await wait(upTo: pause, atLeast: error.retryAfter ?? .zero, before: deadline) else { throw error }
        pause = min(pause * 2, .seconds(5))
    }

    /// Waits a random part of the one time, but not less than the other; false, at once, where that is beyond the
    /// deadline.
    ///
    /// - Throws: `clientClosed` as soon as nothing may go on, or `CancellationError`.
    func wait(upTo longest: Duration, atLeast least: Duration, before deadline: TimePoint) async throws -> Bool {
        let now = time.now
        guard now < deadline else { return false }
        let end = now.advanced(by: max(longest * random.fraction(), least))
        guard end < deadline else { return false }
        try await withThrowingTaskGroup { group in
            group.addTask { [time] in try await time.sleep(until: end) }
            group.addTask { [graceIsOver] in
                await graceIsOver.wait()
                try Task.checkCancellation()
                throw RivetError.clientClosed
            }
            defer { group.cancelAll() }
            try await group.next()
        }
        return true
    }
}
