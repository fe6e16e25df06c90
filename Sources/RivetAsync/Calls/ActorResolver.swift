// SPDX-License-Identifier: Apache-2.0

/// Finds the id behind a handle: looked up once for all calls at the same time, kept until the actor is gone (B28–B36).
final class ActorResolver: Sendable {
    private let context: ClientContext
    private let query: ActorQuery
    private let lookup: SharedLookup<ActorID>

    init(context: ClientContext, query: ActorQuery) {
        self.context = context
        self.query = query
        if case .id(_, let id) = query {
            lookup = SharedLookup(root: context.root, value: id, ended: RivetError.clientClosed)
        } else {
            lookup = SharedLookup(root: context.root, ended: RivetError.clientClosed)
        }
    }

    /// The id that is kept.
    var current: ActorID? { lookup.current }

    /// Forgets a kept id, so that the key is resolved anew; a pinned handle has nothing else (B32).
    func forget(_ id: ActorID? = nil) {
        guard !query.isPinned else { return }
        lookup.forget { id == nil || $0 == id }
    }

    /// Whether the create input, where a lookup would send it, is one that the engine takes: said before anything leaves
    /// for the network (B220).
    func checkInput() throws {
        guard lookup.current == nil, case .getOrCreate(_, _, let create) = query else { return }
        _ = try context.encodeInput(create.input)
    }

    func id(in scope: CallScope) async throws -> ActorID {
        if let known = lookup.current { return known }
        do {
            return try await lookup.value(before: scope.deadline, time: context.time) { error in
                (error as? RivetError)?.code == .deadlineExceeded
            } _: { [self] in
                try await resolve(in: scope)
            }
        } catch let error as RivetError {
            // Whatever became of the lookup, what the caller wants has not been sent.
            throw error.with(execution: .notSent)
        } catch let error as DeadlinePassedError {
            throw RivetError.late("the actor's id was not known", fault: .network, error)
        }
    }

    /// One lookup that makes nothing (B256).
    ///
    /// - Throws: `actor.not_found` where there is none.
    func find(in scope: CallScope) async throws -> ActorID {
        switch query {
        case .id(let name, let id):
            let record = try await Self.record(context, of: id, in: scope)
            guard let record, record.destroyTime == nil, name.isEmpty || record.name.hasSameBytes(as: name) else {
                throw RivetError.actorNotFound("there is no actor with this id")
            }
            return id
        case .get(let name, let key), .getOrCreate(let name, let key, _):
            return try await Self.find(context, name: name, key: key, in: scope)
        }
    }

    private func resolve(in scope: CallScope) async throws -> ActorID {
        switch query {
        case .id(_, let id):
            return id
        case .get(let name, let key):
            return try await Self.find(context, name: name, key: key, in: scope)
        case .getOrCreate(let name, let key, let create):
            do {
                let request = try Self.creation(context, name: name, key: key, create)
                return try await Self.put(context, "PUT", request, in: scope)
            } catch let error as RivetError where error.matches("actor", "key_reserved_in_different_datacenter") {
                do {
                    return try await Self.find(context, name: name, key: key, in: scope)  // B43
                } catch let missing as RivetError where missing.matches("actor", "not_found") {
                    throw error
                }
            }
        }
    }

    /// One `POST /actors` (B23).
    static func create(_ context: ClientContext, name: String, key: ActorKey, _ create: CreateOptions) async throws
        -> ActorID
    {
        try await context.question(about: name, check: { try RivetError.checkName(name, "actor name") }) { scope in
            let request = try creation(context, name: name, key: key, create)
            return try await put(context, "POST", request, in: scope)
        }
    }

    private static func creation(
        _ context: ClientContext,
        name: String,
        key: ActorKey,
        _ create: CreateOptions
    ) throws -> ActorsAPIRequest {
        try ActorsAPIRequest(
            datacenter: create.region,
            name: name,
            keyText: RivetError.checkedText(of: key),
            input: context.encodeInput(create.input).map { Array($0) },
            poolName: create.poolName ?? context.configuration.poolName
        )
    }

    private static func find(
        _ context: ClientContext,
        name: String,
        key: ActorKey,
        in scope: CallScope
    ) async throws -> ActorID {
        let address = try await context.serverAddress(in: scope)
        let target = ActorsAPITarget.byKey(name: name, key: key, namespace: address.namespace)
        let answer = try await context.executeAPI("GET", target, at: address, in: scope)
        let actors = try answer.decode("the list of actors") { bytes in try ActorsAPIResponse.readList(bytes) }
        // Another name, or a destroyed actor, counts as none (B36).
        guard let actor = actors.first(where: { $0.name.hasSameBytes(as: name) && $0.destroyTime == nil }) else {
            throw RivetError.actorNotFound("there is no actor \"\(name)\" with this key")
        }
        return actor.actorID
    }

    private static func put(
        _ context: ClientContext,
        _ method: String,
        _ request: ActorsAPIRequest,
        in scope: CallScope
    ) async throws -> ActorID {
        let address = try await context.serverAddress(in: scope)
        let target = ActorsAPITarget.actors(namespace: address.namespace)
        let body = ByteChunk { request.write(to: &$0) }
        var pause = Duration.milliseconds(100)
        var cause: RivetError?
        while true {
            do {
                let answer = try await context.executeAPI(method, target, body: body, at: address, in: scope)
                return try answer.decode("the actor") { try ActorsAPIResponse.readActor($0).actor.actorID }
            } catch let error as RivetError
                where error.matches("actor", "destroyed_during_creation")
                || method == "PUT" && error.matches("actor", "create_pending")
            {
                // Until the deadline, which comes with the last cause (B42, PROTOCOL i7).
                let least = error.retryAfter ?? .zero
                guard try await context.wait(upTo: pause, atLeast: least, before: scope.deadline) else {
                    throw error.retryAfter == nil ? RivetError.notMade(error) : error
                }
                pause = min(pause * 2, .seconds(5))
                cause = error
            } catch let error as RivetError where error.code == .deadlineExceeded {
                // The last try may have made it.
                throw cause.map { .notMade($0).with(execution: error.execution) } ?? error
            }
        }
    }

    /// The engine's own account of why the actor does not start (B60, B208), unless `isLeft` is set before.
    static func startFailure(
        _ context: ClientContext,
        of id: ActorID,
        unless isLeft: Signal
    ) async -> ActorStartFailure? {
        let deadline = context.time.now.advanced(by: context.configuration.connectTimeout)
        let scope = CallScope(deadline: deadline, fields: HTTPFields(), record: nil)
        let record = try? await withThrowingTaskGroup(of: ActorRecord?.self) { group in
            group.addTask { try await Self.record(context, of: id, in: scope) }
            group.addTask {
                await isLeft.wait()
                return nil
            }
            defer { group.cancelAll() }
            return try await group.next() ?? nil
        }
        return record?.startFailure
    }

    /// The actor as the engine knows it.
    static func record(_ context: ClientContext, of id: ActorID, in scope: CallScope) async throws -> ActorRecord? {
        let address = try await context.serverAddress(in: scope)
        let target = ActorsAPITarget.byID(id, namespace: address.namespace)
        let answer = try await context.executeAPI("GET", target, at: address, in: scope)
        return try answer.decode("the actor") { bytes in try ActorsAPIResponse.readList(bytes) }
            .first { $0.actorID == id }
    }
}

extension RivetError {
    /// The deadline came while the actor was asked for again and again.
    fileprivate static func notMade(_ cause: RivetError) -> RivetError {
        RivetError(
            .deadlineExceeded,
            "the actor was not made before the deadline: \(cause.message)",
            fault: .server,
            isTransient: true,
            remote: cause.remote,
            underlying: cause
        )
    }
}
