// SPDX-License-Identifier: Apache-2.0
import RivetAsync
import Synchronization

/// Metadata and the actors API (PROTOCOL a3, b).
extension Router {
    static let maxAPIBody = 2_097_152
    private static let version = "2.3.7"

    func answerAPI(_ request: EngineRequest, _ pass: Pass) -> EngineAnswer {
        let method = request.methodAsGet
        switch request.path {
        case "/metadata" where method == "GET":
            return json(metadata())
        case "/actors":
            guard isAuthorized(request, isAdministration: false) else { return forbidden }
            do throws(EngineError) {
                switch method {
                case "GET": return json(try list(request, pass))
                case "PUT": return json(try create(request, pass, orGet: true))
                case "POST": return json(try create(request, pass, orGet: false))
                default: return engineError(.apiNotFound)
                }
            } catch {
                return engineError(error)
            }
        case "/auth/tokens" where method == "POST":
            do throws(EngineError) {
                return json(try issueToken(request, pass))
            } catch {
                return engineError(error)
            }
        case let path where path.hasPrefix("/actors/") && method == "DELETE":
            guard isAuthorized(request, isAdministration: true) else { return forbidden }
            let id = ActorID(rawValue: PercentEncoding.decode(path.dropFirst("/actors/".count)) ?? "")
            do throws(EngineError) {
                try pass.require("delete", on: id)
            } catch {
                return engineError(error)
            }
            guard let actor = engine.actor(id) else {
                return engineError(.api("actor", "not_found", "The actor does not exist or was destroyed."))
            }
            actor.run { $0.beginDestroy() }
            return json(Array("{}".utf8))
        default:
            return engineError(.apiNotFound)
        }
    }

    private var forbidden: EngineAnswer {
        engineError(.api("api", "forbidden", "Forbidden", status: 403))
    }

    private func isAuthorized(_ request: EngineRequest, isAdministration: Bool) -> Bool {
        guard let token = engine.settings.token else { return true }
        return request.head.fields["authorization"] == "Bearer \(token)"
    }

    private func metadata() -> [UInt8] {
        var output: [UInt8] = []
        if let settings = engine.settings.metadata {
            let metadata = ServerMetadata(
                endpoint: settings.clientEndpoint,
                namespace: settings.clientNamespace,
                token: settings.clientToken.map { Secret($0) }
            )
            metadata.writeRuntime(actorNames: engine.kinds.keys.map(\.text), version: Self.version, to: &output)
        } else {
            ServerMetadata.writeEngine(version: Self.version, to: &output)
        }
        return output
    }

    // MARK: Lists

    private func list(_ request: EngineRequest, _ pass: Pass) throws(EngineError) -> [UInt8] {
        var name: String?
        var keyText: String?
        var ids: [String]?
        var includesDestroyed = false
        var limit = 100
        var namespace: String?
        for (parameter, value) in ActorsAPITarget.parameters(of: request.head.target) {
            switch parameter {
            case "namespace": namespace = value
            case "name": name = value
            case "key": keyText = value
            case "actor_ids": ids = (ids ?? []) + value.split(separator: ",").map(String.init)
            case "actor_id": ids = (ids ?? []) + [value]
            case "include_destroyed": includesDestroyed = value == "true"
            case "limit":
                guard let number = Int(value), number >= 0 else { throw badRequest("limit is not a number") }
                limit = number
            case "cursor": break
            default: throw badRequest("unknown query parameter")
            }
        }
        try check(namespace)
        var found: [HostedActor] = []
        if let ids {
            guard name == nil else { throw invalidInput("name and actor_ids exclude each other") }
            guard ids.count <= 32 else {
                throw .api("validation", "too_many_actor_ids", "Too many actor ids (max 32).")
            }
            let readable = ids.filter { EngineID(text: $0) != nil }
            guard !readable.isEmpty else { throw invalidInput("no actor id can be read") }
            for id in readable { try pass.require("read", on: ActorID(rawValue: id)) }
            found = readable.compactMap { engine.actor(ActorID(rawValue: $0)) }
        } else {
            guard let name else { throw invalidInput("name or actor_ids is required") }
            try pass.require(keyText == nil ? "list" : "read")
            if let keyText {
                found = engine.actor(name: name, keyText: ActorKey(text: keyText).text).map { [$0] } ?? []
            } else {
                found = engine.allActors.filter { actor in
                    actor.creation.name.hasSameBytes(as: name) && (includesDestroyed || actor.record.destroyTime == nil)
                }
            }
        }
        var output: [UInt8] = []
        ActorsAPIResponse.writeList(found.prefix(limit).map(\.record), to: &output)
        return output
    }

    // MARK: Creation

    private func create(_ request: EngineRequest, _ pass: Pass, orGet: Bool) throws(EngineError) -> [UInt8] {
        try pass.require("create")
        var namespace: String?
        for (parameter, value) in ActorsAPITarget.parameters(of: request.head.target) {
            guard parameter == "namespace" else { throw badRequest("unknown query parameter") }
            namespace = value
        }
        guard request.body.count <= Self.maxAPIBody else {
            throw badRequest("Failed to buffer the request body: length limit exceeded")
        }
        let wanted: ActorsAPIRequest
        do throws(CodingError) {
            wanted = try ActorsAPIRequest.read(ByteChunk(request.body))
        } catch {
            throw badRequest("\(error)")
        }
        try check(namespace)
        if orGet && wanted.keyText == nil { throw badRequest("missing field `key`") }
        let (actor, created) = try resolve(
            name: wanted.name,
            keyText: wanted.keyText,
            pool: wanted.poolName,
            crashPolicy: wanted.crashPolicy.rawValue,
            input: wanted.input
        )
        if !created, !orGet {
            struct Metadata: Encodable, Sendable {
                let key: String, existing_actor_id: String
            }
            let key = wanted.keyText ?? ""
            throw .api(
                "actor",
                "duplicate_key",
                "Actor key '\(key)' already in use for actor '\(actor.id)'",
                metadata: Metadata(key: key, existing_actor_id: actor.id.rawValue)
            )
        }
        var output: [UInt8] = []
        ActorsAPIResponse.writeActor(actor.record, created: orGet ? created : nil, to: &output)
        return output
    }

    /// The actor of a key, made where there is none; without a key always a new one.
    func resolve(
        name: String,
        keyText: String?,
        pool: String,
        crashPolicy: String,
        input: [UInt8]?
    ) throws(EngineError) -> (actor: HostedActor, created: Bool) {
        if let pools = engine.settings.pools, !pools.contains(pool) {
            throw .api("actor", "no_runner_config_configured", "No runner config is configured for this pool.")
        }
        if let keyText {
            guard !keyText.isEmpty else { throw .api("actor", "empty_key", "Actor key cannot be empty.") }
            guard keyText.utf8.count <= ActorKey.maxTextSize else {
                throw .api("actor", "key_too_large", "Key too large (max \(ActorKey.maxTextSize)).")
            }
        }
        if let input, input.count > ActorsAPIRequest.maxInputSize {
            throw .api(
                "actor",
                "input_too_large",
                "Input too large (max \(ActorsAPIRequest.maxInputSize)).",
                metadata: ["max_size": ActorsAPIRequest.maxInputSize]
            )
        }
        let creation = EngineState.Creation(
            name: name,
            keyText: keyText.map { ActorKey(text: $0).text },
            pool: pool,
            crashPolicy: crashPolicy,
            input: input.map { ByteChunk($0) }
        )
        return engine.getOrCreate(creation)
    }

    func check(_ namespace: String?) throws(EngineError) {
        guard let namespace else { throw badRequest("missing field `namespace`") }
        guard namespace == "default" else { throw .namespaceNotFound }
    }

    func badRequest(_ detail: String) -> EngineError {
        .api("api", "bad_request", "Request is invalid: \(detail)")
    }

    private func invalidInput(_ detail: String) -> EngineError {
        .api("validation", "invalid_input", "Invalid input: \(detail)")
    }
}

extension HostedActor {
    /// What the actors API tells of this actor.
    nonisolated var record: ActorRecord {
        var record = ActorRecord(
            actorID: id,
            name: creation.name,
            keyText: creation.keyText,
            namespaceID: engine.namespaceID,
            poolName: creation.pool,
            crashPolicy: creation.crashPolicy,
            createTime: createdAt
        )
        let facts = facts.withLock { $0 }
        record.startTime = facts.started
        record.connectableTime = facts.connectable
        record.sleepTime = facts.slept
        record.destroyTime = facts.destroyed
        return record
    }
}
