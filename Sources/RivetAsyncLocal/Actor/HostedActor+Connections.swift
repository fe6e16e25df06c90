// SPDX-License-Identifier: Apache-2.0
import RivetAsync

extension HostedActor {
    var visibleConnections: [HostedConnection] {
        order.compactMap { attached[$0] }.filter(\.isVisible).map(\.connection)
    }

    /// How errors name this actor.
    var reference: ActorReference {
        ActorReference(
            actorID: id,
            generation: UInt64(generation),
            keyText: creation.keyText == nil ? nil : key.headerText
        )
    }

    // MARK: Open

    /// Takes a `/connect` socket: hooks, Init, then what the client has sent meanwhile (PROTOCOL h1).
    func spawnConnect(_ connection: HostedConnection) {
        attach(connection)
        spawn { hosted in await hosted.connect(connection) }
    }

    /// Begins work for a connection when the actor runs, which may have gone to sleep since the gateway looked; nil where it
    /// cannot, and the connection is closed, or where that is not wanted any more.
    private func beginWork(for connection: HostedConnection) async -> UInt64? {
        do {
            let token = try await beginWorkWhenReady()
            if attached[connection.id] != nil { return token }
            endWork(token)
        } catch {
            close(connection, for: EngineError(thrown: error))
        }
        return nil
    }

    private func connect(_ connection: HostedConnection) async {
        guard let token = await beginWork(for: connection) else { return }
        defer { endWork(token) }
        do {
            try await runConnectHooks(connection)
            guard attached[connection.id] != nil else { return }
            attached[connection.id]?.isVisible = true
            var message: [UInt8] = []
            connection.codec.writeInitial(actorID: id, connectionID: connection.id, to: &message)
            connection.outlet?.send(message, .initial)
            attached[connection.id]?.isOpen = true
            let early = attached[connection.id]?.early ?? []
            attached[connection.id]?.early = []
            for message in early { received(message, by: connection) }
        } catch {
            let failure = EngineError(thrown: error)
            if let message = try? connection.codec.message(failure, actionID: nil, actor: nil) {
                connection.outlet?.send(message, .error)
            }
            close(connection, for: failure)
        }
    }

    private func attach(_ connection: HostedConnection) {
        attached[connection.id] = Attached(connection: connection)
        order.append(connection.id)
    }

    private func detach(_ connection: HostedConnection) -> Attached? {
        order.removeAll { $0 == connection.id }
        return attached.removeValue(forKey: connection.id)
    }

    /// All hooks of one connection together have the time of one (PROTOCOL h1).
    private func runConnectHooks(_ connection: HostedConnection) async throws {
        guard let kind, let instance else { return }
        let deadline = engine.time.now.advanced(by: engine.limits.hookTimeout)
        for hook in [kind.onBeforeConnect, kind.createConnectionState] {
            guard let hook else { continue }
            try await engine.bounded(until: deadline, failingWith: .callbackTimedOut, on: lane.isolatedTaskExecutor) {
                try await hook(connection, instance)
            }
            // Whoever has gone meanwhile gets no more of them, since nobody would tell of its end.
            guard attached[connection.id] != nil else { return }
        }
        attached[connection.id]?.isVisible = true
        if let onConnect = kind.onConnect {
            try await engine.bounded(until: deadline, failingWith: .callbackTimedOut, on: lane.isolatedTaskExecutor) {
                try await onConnect(connection, instance)
            }
        }
    }

    /// Runs `body` within a connection of its own, as each HTTP request has one (PROTOCOL e1).
    func withConnection<R: Sendable>(
        _ connection: HostedConnection,
        _ body: (isolated HostedActor) async throws -> R
    ) async throws -> R {
        attach(connection)
        do {
            try await runConnectHooks(connection)
        } catch {
            ended(connection)
            // What refuses a connection is not masked (PROTOCOL i2), and the status is 500.
            throw RefusalError(error: EngineError(thrown: error))
        }
        do {
            let result = try await body(self)
            ended(connection)
            return result
        } catch {
            ended(connection)
            throw error
        }
    }

    // MARK: Raw

    /// Takes a raw WebSocket: hooks, then the actor's handler (PROTOCOL f4).
    func spawnConnectRaw(_ connection: HostedConnection, _ socket: LocalWebSocket) {
        attach(connection)
        spawn { hosted in await hosted.connectRaw(connection, socket) }
    }

    private func connectRaw(_ connection: HostedConnection, _ socket: LocalWebSocket) async {
        guard let token = await beginWork(for: connection) else { return }
        defer { endWork(token) }
        do {
            try await runConnectHooks(connection)
        } catch {
            return close(connection, for: EngineError(thrown: error))
        }
        guard attached[connection.id] != nil, let instance, let handler = kind?.onWebSocket else { return }
        rawTasks[connection.id] = spawn { hosted in
            do {
                try await handler(socket, instance)
                hosted.close(connection, 1000, "")
            } catch is CancellationError {
                hosted.close(connection, 1000, "actor.stopped")
            } catch {
                hosted.close(connection, for: EngineError(thrown: error).masked)
            }
            hosted.rawTasks[connection.id] = nil
            hosted.workChanged()
        }
        workChanged()
    }

    // MARK: Messages

    /// One message from the client.
    ///
    /// Messages of one connection come in their order.
    func received(_ message: ByteChunk, by connection: HostedConnection) {
        // Legal race: the actor has closed the connection, and the client does not know yet.
        guard let state = attached[connection.id] else { return }
        switch phase {
        case .running: break
        case .asleep, .starting, .stopping(destroys: false): return hold(.message(message, connection))
        case .stopping(destroys: true), .destroyed: return
        }
        guard state.isOpen else {
            attached[connection.id]?.early.append(message)
            return
        }
        guard message.count <= engine.limits.maxIncomingMessage else {
            return close(connection, 1011, "message.incoming_too_long")
        }
        guard let request = try? connection.codec.readClientMessage(message) else {
            return close(connection, 1011, "actor.invalid_request")
        }
        switch request {
        case .subscriptionRequest(let name, let subscribe):
            let name = String(decoding: name, as: UTF8.self)
            if subscribe {
                attached[connection.id]?.subscriptions.insert(ExactName(name))
            } else {
                attached[connection.id]?.subscriptions.remove(ExactName(name))
            }
        case .actionRequest(let id, let name, let arguments):
            guard connection.codec.encoding != .cbor || ServerValue.isPlainCBOR(arguments) else {
                return close(connection, 1011, "actor.invalid_request")
            }
            let name = String(decoding: name, as: UTF8.self)
            startAction(id, name, arguments, of: message, by: connection)
        }
    }

    private func startAction(
        _ id: UInt64,
        _ name: String,
        _ arguments: ByteChunk,
        of message: ByteChunk,
        by connection: HostedConnection
    ) {
        let refusal = engine.faults.takeRefusal(at: .request)
        if let refusal, !refusal.afterTheActionRan { return answer(id, .failure(refusal.failure), to: connection) }
        let token = beginWork(again: .message(message, connection))
        work[token]?.task = spawn { hosted in
            let result: Result<ByteChunk, EngineError>
            do {
                result = .success(try await hosted.perform(name, arguments, connection))
            } catch is OutgoingValue.UnencodableError {
                if hosted.endWork(token) { hosted.close(connection, 1011, "actor.send_failed") }
                return
            } catch {
                result = .failure(EngineError(thrown: error))
            }
            hosted.endAction(token, id, result, refusal?.failure, connection)
        }
        // No task waits for the other: what an action answers behind its time counts no more.
        let deadline = engine.time.now.advanced(by: engine.limits.actionTimeout)
        work[token]?.timer = engine.deadlines.schedule(at: deadline) { [weak self] in
            self?.run { hosted in
                hosted.work[token]?.task?.cancel()
                hosted.endAction(token, id, .failure(.actionTimedOut), refusal?.failure, connection)
            }
        }
    }

    private func endAction(
        _ token: UInt64,
        _ id: UInt64,
        _ result: Result<ByteChunk, EngineError>,
        _ refusal: EngineError?,
        _ connection: HostedConnection
    ) {
        guard endWork(token) else { return }
        let refusal = refusal ?? engine.faults.takeRefusal(at: .answer)?.failure
        answer(id, refusal.map { .failure($0) } ?? result, to: connection)
    }

    /// Runs one action, for as long as it takes.
    func perform(_ name: String, _ arguments: ByteChunk, _ connection: HostedConnection) async throws -> ByteChunk {
        guard let action = kind?.actions[ExactName(name)], let instance else { throw EngineError.actionNotFound(name) }
        return try await action(instance, arguments, connection.codec.encoding, connection)
    }

    private func answer(_ id: UInt64, _ result: Result<ByteChunk, EngineError>, to connection: HostedConnection) {
        // An action that disconnects its own connection is not answered (PROTOCOL h6).
        guard attached[connection.id] != nil else { return }
        do {
            switch result {
            case .success(let output):
                var message: [UInt8] = []
                connection.codec.writeActionResponse(id: id, output: output, to: &message)
                guard message.count <= engine.limits.maxOutgoingMessage else { throw EngineError.outgoingTooLong }
                connection.outlet?.send(message, .answer)
            case .failure(let failure):
                throw failure
            }
        } catch {
            let failure = EngineError(thrown: error).masked
            guard let message = try? connection.codec.message(failure, actionID: id, actor: reference) else {
                return close(connection, 1011, "actor.send_failed")
            }
            connection.outlet?.send(message, .answer)
        }
    }

    // MARK: Events

    func broadcast(_ event: OutgoingEvent) {
        var encoded: [WireEncoding: [UInt8]] = [:]
        let name = ExactName(event.name)
        for id in order {
            guard let attached = attached[id], attached.isVisible, attached.subscriptions.contains(name)
            else { continue }
            send(event, to: attached.connection, &encoded)
        }
    }

    func send(_ event: OutgoingEvent, to connection: HostedConnection) {
        var encoded: [WireEncoding: [UInt8]] = [:]
        guard attached[connection.id] != nil else { return }
        send(event, to: connection, &encoded)
    }

    private func send(_ event: OutgoingEvent, to connection: HostedConnection, _ encoded: inout [WireEncoding: [UInt8]])
    {
        guard let outlet = connection.outlet else { return }
        let encoding = connection.codec.encoding
        var message = encoded[encoding] ?? []
        if message.isEmpty {
            // An event that its encoding cannot hold is lost, and the socket lives (PROTOCOL g6).
            guard let arguments = try? event.encode(encoding) else { return }
            connection.codec.writeEvent(name: event.name, arguments: arguments, to: &message)
            encoded[encoding] = message
        }
        guard message.count <= engine.limits.maxOutgoingMessage else {
            return close(connection, 1011, "message.outgoing_too_long")
        }
        outlet.send(message, .event)
    }

    // MARK: The end

    func disconnect(_ connection: HostedConnection, _ closing: WebSocketClosing) {
        guard attached[connection.id] != nil else { return }
        connection.outlet?.close(closing)
        ended(connection)
    }

    func close(_ connection: HostedConnection, _ code: UInt16, _ reason: String) {
        disconnect(connection, WebSocketClosing(WebSocketCloseCode(rawValue: code), reason: reason))
    }

    func close(_ connection: HostedConnection, for failure: EngineError) {
        close(connection, 1011, failure.closeReason(ray: connection.outlet?.ray))
    }

    /// The connection is over, whoever ended it.
    func ended(_ connection: HostedConnection) {
        guard let state = detach(connection) else { return }
        rawTasks[connection.id]?.cancel()
        workChanged()
        guard state.isVisible, let onDisconnect = kind?.onDisconnect, let instance else { return }
        let token = beginWork()
        spawn { hosted in
            try? await hosted.bounded(by: hosted.engine.limits.hookTimeout, failingWith: .callbackTimedOut) {
                try await onDisconnect(connection, instance)
            }
            hosted.endWork(token)
        }
    }
}

/// A hook has refused the connection of an HTTP request.
struct RefusalError: Error {
    let error: EngineError
}
