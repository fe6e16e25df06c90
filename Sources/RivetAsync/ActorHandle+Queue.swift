// SPDX-License-Identifier: Apache-2.0

/// What became of a message that was waited for.
public enum QueueOutcome<Reply: Sendable>: Sendable {
    /// The actor completed it, with a reply if it gave one.
    case completed(Reply?)
    /// It was not completed in time; it stays in the queue.
    case timedOut
    /// A status that this version does not know (an open set).
    case other(String)
}

extension ActorHandle {
    /// Puts a message into an actor's queue; returns when it is stored.
    ///
    /// - Throws: ``RivetError``; `queue.full`, `queue.message_too_large`. When the answer was lost, ``RivetError/execution``
    ///   is ``RivetError/Execution/mayHaveRun``: it may be stored. Repeats and cancellation as for ``send(_:_:)``.
    public func enqueue<M: ActorQueueMessage>(
        _ message: M,
        _ options: CallOptions = .init()
    ) async throws where M.Target == Definition {
        try await enqueue(M.queueName, message, options)
    }

    /// Puts a message into an actor's queue and waits until the actor has completed it.
    ///
    /// - Parameters:
    ///   - message: the message.
    ///   - timeout: how long the actor may take, positive, in whole milliseconds (a part of one counts as one); beyond
    ///     100 years, such as `.seconds(Int64.max)`, for no bound. Beyond the actor's own action time-out (60 s by
    ///     default) it ends as an error `actor.action_timed_out` instead.
    ///   - options: for this call; its default deadline is `timeout` and 15 s.
    /// - Returns: what became of the message.
    /// - Throws: ``RivetError`` as for `enqueue`, with ``RivetError/Code/invalidArgument`` at once where `timeout` is
    ///   not positive; `CancellationError`.
    public func enqueueAndWait<M: ActorQueueMessage>(
        _ message: M,
        timeout: Duration,
        _ options: CallOptions = .init()
    ) async throws -> QueueOutcome<M.Reply> where M.Target == Definition {
        try await enqueueAndWait(M.queueName, message, as: M.Reply.self, timeout: timeout, options)
    }

    /// As `enqueue` with a type, by name.
    public func enqueue(
        _ queueName: String,
        _ body: some Encodable & Sendable,
        _ options: CallOptions = .init()
    ) async throws {
        try await core.observed(.enqueue, queueName) { record in
            let body = try core.context.encodeBody(body, of: queueName)
            _ = try await core.enqueue(queueName, body, options, record)
        }
    }

    /// As `enqueueAndWait` with a type, by name.
    public func enqueueAndWait<Reply: Decodable & Sendable>(
        _ queueName: String,
        _ body: some Encodable & Sendable,
        as _: Reply.Type,
        timeout: Duration,
        _ options: CallOptions = .init()
    ) async throws -> QueueOutcome<Reply> {
        try await core.observed(.enqueue, queueName) { record in
            let body = try core.context.encodeBody(body, of: queueName)
            let result = try await core.enqueue(queueName, body, options, record, waiting: timeout)
            switch result.status {
            case QueueResult.completed:
                guard let response = result.response else { return .completed(nil) }
                return .completed(try core.context.value(response).decodeOutput(Reply?.self, of: queueName))
            case QueueResult.timedOut:
                return .timedOut
            default:
                return .other(result.status)
            }
        }
    }
}

extension HandleCore {
    func enqueue(
        _ name: String,
        _ body: ByteChunk,
        _ options: CallOptions,
        _ record: CallRecord?,
        waiting timeout: Duration? = nil
    ) async throws -> QueueResult {
        if let timeout { try RivetError.checkPositive("timeout", timeout) }
        let path = try RivetError.checking("the queue name \"\(name)\": ") { () throws(GatewayPathError) in
            try GatewayPath.queue(name)
        }
        let codec = MessageCodec(context.configuration.encoding.wire)
        let request = QueueRequest(
            body: body,
            waits: timeout != nil,
            timeout: timeout.flatMap(Self.milliseconds(waiting:))
        )
        let answer = try await post(
            .queue(name),
            path: path,
            body: ByteChunk { codec.writeQueueBody(request, to: &$0) },
            options,
            record,
            // Its connection waits with it (B51).
            as: timeout == nil ? .brief : .lingering,
            // The actor's answer at its own time-out comes first (B176).
            timeout: timeout.map { $0.withinReach + .seconds(15) }
        )
        return try answer.decodeRan(name) { try codec.readQueueResult($0) }
    }

    /// Nil, and then not written, for no bound (PROTOCOL e2): JavaScript takes a number beyond a timer's range for none.
    static func milliseconds(waiting timeout: Duration) -> UInt64? {
        timeout < .longest ? UInt64((timeout / .milliseconds(1)).rounded(.up)) : nil
    }
}
