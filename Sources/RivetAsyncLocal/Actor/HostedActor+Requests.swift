// SPDX-License-Identifier: Apache-2.0
import RivetAsync
import Synchronization

/// A message that waits in an actor's queue, or is being consumed.
struct QueuedMessage: Sendable {
    let name: String
    let body: EncodedValue
    /// Gets the reply, in the encoding it asks for, or the failure.
    let waiter: Promise<ErasedKind.Reply>?
}

/// HTTP requests, queues and schedules.
extension HostedActor {
    /// Runs `body` when the actor runs, within a connection of its own; again, if the actor's end cut it off, as the
    /// gateway would send the request again (PROTOCOL e), unless that cannot be.
    ///
    /// `body` may finish the promise itself, and go on.
    private func serve<R: Sendable>(
        _ parameters: ByteChunk?,
        _ encoding: WireEncoding,
        isRepeatable: Bool = true,
        _ body: @escaping @Sendable (isolated HostedActor, HostedConnection, Promise<R>) async throws -> R
    ) async throws -> R {
        while true {
            let token = try await beginWorkWhenReady()
            let promise = Promise<R>(gauge: engine.gauge)
            work[token]?.task = spawn { hosted in
                let connection = HostedConnection(actor: hosted, parameters: parameters, encoding: encoding)
                let result: Result<R, any Error>
                do {
                    result = .success(
                        try await hosted.withConnection(connection) { try await body($0, connection, promise) }
                    )
                } catch {
                    result = .failure(error)
                }
                // False: the actor has been killed, or slept before this was done.
                promise.finish(hosted.endWork(token) ? result : .failure(CutOffError()))
            }
            do {
                return try await promise.value()
            } catch is CutOffError {
                try Task.checkCancellation()
                guard isRepeatable else { throw EngineError.requestAborted }
            }
        }
    }

    func call(
        _ name: String,
        _ arguments: ByteChunk,
        _ parameters: ByteChunk?,
        _ encoding: WireEncoding
    ) async throws -> ByteChunk {
        try await serve(parameters, encoding) { hosted, connection, _ in
            do {
                return try await hosted.bounded(by: hosted.engine.limits.actionTimeout, failingWith: .actionTimedOut) {
                    try await hosted.perform(name, arguments, connection)
                }
            } catch is OutgoingValue.UnencodableError {
                return try encoding.valueFormat.encode(RivetValue.null)
            }
        }
    }

    /// The answer of the actor's handler; one that streams comes as soon as its body begins.
    func request(
        _ request: LocalRequest,
        _ parameters: ByteChunk?,
        _ encoding: WireEncoding
    ) async throws -> (response: LocalResponse, body: MadeBody?) {
        let isWhole = if case .whole = request.chunks.content { true } else { false }
        return try await serve(parameters, encoding, isRepeatable: isWhole) { hosted, _, promise in
            guard let handler = hosted.kind?.onRequest, let instance = hosted.instance else {
                return (LocalResponse(status: 404), nil)
            }
            let limits = hosted.engine.limits
            let response = try await hosted.bounded(by: limits.actionTimeout, failingWith: .actionTimedOut) {
                var response = try await handler(request, instance)
                guard let producer = response.producer, !limits.streamsBodies else { return response }
                response.body = try await Self.collect(producer, upTo: limits.maxCollectedAnswer)
                return response
            }
            guard let producer = response.producer, limits.streamsBodies else { return (response, nil) }
            let body = MadeBody(gauge: hosted.engine.gauge)
            // Behind the answer the actor is at work, and has the connection, as long as the body is made.
            if promise.finish(.success((response, body))) { await body.fill(producer) }
            return (response, nil)
        }
    }

    private static func collect(_ producer: MadeBody.Producer, upTo limit: Int) async throws -> [UInt8] {
        var collected: [UInt8] = []
        try await producer { chunk in
            guard chunk.count <= limit - collected.count else { throw EngineError.responseTooLarge }
            collected.append(chunk)
        }
        return collected
    }

    // MARK: Queue

    enum QueueResult: Sendable {
        case completed(ByteChunk?)
        case timedOut
    }

    /// What a client sends to a queue.
    struct QueueSend: Sendable {
        var name: String
        var body: EncodedValue
        var wait = false
        var timeout: Duration?
    }

    func enqueue(_ send: QueueSend, _ parameters: ByteChunk?, _ encoding: WireEncoding) async throws -> QueueResult {
        let stored = StoredMessage()
        return try await serve(parameters, encoding) { hosted, _, _ in try await hosted.store(send, stored, encoding) }
    }

    /// What a send has put into the queue: cut off while it waits for the reply, it waits on, and sends nothing again.
    private final class StoredMessage: Sendable {
        let waiter = Mutex<Promise<ErasedKind.Reply>?>(nil)
    }

    private func store(
        _ send: QueueSend,
        _ stored: StoredMessage,
        _ encoding: WireEncoding
    ) async throws -> QueueResult {
        if let waiter = stored.waiter.withLock(\.self) { return try await reply(waiter, send, encoding) }
        guard kind?.queues[ExactName(send.name)] != nil else {
            guard !engine.settings.refusesUnknownQueues else {
                throw EngineError.actor("not_found", "The queue was not found.", metadata: ["resource": "queue"])
            }
            return .completed(nil)
        }
        let limits = engine.limits
        guard send.body.bytes.count <= limits.maxQueuedMessageSize else {
            throw EngineError(
                group: "queue",
                code: "message_too_large",
                message: "Queue message is too large (\(send.body.bytes.count) bytes). Limit is "
                    + "\(limits.maxQueuedMessageSize) bytes.",
                metadata: ["limit": limits.maxQueuedMessageSize, "size": send.body.bytes.count]
            )
        }
        guard queue.count < limits.maxQueuedMessages else {
            throw EngineError(
                group: "queue",
                code: "full",
                message: "Queue is full. Limit is \(limits.maxQueuedMessages) messages.",
                metadata: ["limit": limits.maxQueuedMessages]
            )
        }
        let waiter = send.wait ? Promise<ErasedKind.Reply>(gauge: engine.gauge) : nil
        stored.waiter.withLock { $0 = waiter }
        queue.append(QueuedMessage(name: send.name, body: send.body, waiter: waiter))
        consumeQueue()
        guard let waiter else { return .completed(nil) }
        return try await reply(waiter, send, encoding)
    }

    private func reply(
        _ waiter: Promise<ErasedKind.Reply>,
        _ send: QueueSend,
        _ encoding: WireEncoding
    ) async throws -> QueueResult {
        let limits = engine.limits
        let isTimeoutShorter = send.timeout.map { $0 < limits.actionTimeout } ?? false
        let limit = isTimeoutShorter ? send.timeout ?? limits.actionTimeout : limits.actionTimeout
        let timer = engine.deadlines.schedule(at: engine.time.now.advanced(by: limit)) {
            waiter.finish(.failure(isTimeoutShorter ? QueueTimeoutError() : EngineError.actionTimedOut))
        }
        defer { engine.deadlines.cancel(timer) }
        do {
            let reply = try await waiter.value()(encoding)
            return .completed(reply.isEmpty ? nil : reply)
        } catch is QueueTimeoutError {
            return .timedOut
        }
    }

    /// Hands the messages to the actor one after another.
    ///
    /// One that was being consumed when the actor's process was killed is still the first, and is consumed again.
    func consumeQueue() {
        guard !isConsuming, phase == .running, let first = queue.first, let instance else { return }
        guard let handler = kind?.queues[ExactName(first.name)] else { return }
        isConsuming = true
        let token = beginWork()
        work[token]?.task = spawn { hosted in
            let result: Result<ErasedKind.Reply, any Error>
            do {
                result = .success(try await handler(instance, first.body))
            } catch {
                result = .failure(error)
            }
            guard hosted.endWork(token) else { return }
            hosted.isConsuming = false
            hosted.queue.removeFirst()
            first.waiter?.finish(result)
            hosted.consumeQueue()
        }
    }

    // MARK: Schedule

    func schedule(_ action: ScheduledAction, after delay: Duration) {
        guard phase != .destroyed, phase != .stopping(destroys: true) else { return }
        lastWork += 1
        let number = lastWork
        scheduled[number] = engine.deadlines.schedule(at: engine.time.now.advanced(by: delay)) { [weak self] in
            self?.run { hosted in
                // Cancelled by a destroy in the same moment.
                guard hosted.scheduled.removeValue(forKey: number) != nil else { return }
                hosted.runScheduled(action)
            }
        }
    }

    func runScheduled(_ action: ScheduledAction) {
        switch phase {
        case .running: break
        case .asleep, .starting, .stopping(destroys: false): return hold(.scheduled(action))
        case .stopping(destroys: true), .destroyed: return
        }
        let token = beginWork(again: .scheduled(action))
        work[token]?.task = spawn { hosted in
            let connection = HostedConnection(actor: hosted, parameters: nil, encoding: .bare)
            _ = try? await hosted.perform(action.name, action.arguments, connection)
            hosted.endWork(token)
        }
    }
}

private struct QueueTimeoutError: Error {}

/// The actor's end has cut the work off.
private struct CutOffError: Error {}

extension EngineError {
    fileprivate static let requestAborted = gateway("guard", "tunnel_request_aborted", "The request was aborted.")
    fileprivate static let responseTooLarge = gateway(
        "guard",
        "invalid_response_body",
        "Response body is invalid: length limit exceeded"
    )
}
