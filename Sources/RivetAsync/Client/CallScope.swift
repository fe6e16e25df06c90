// SPDX-License-Identifier: Apache-2.0
import Synchronization

/// What one call carries to everything that is done for it: lookups, metadata, tokens and each try.
struct CallScope: Sendable {
    let deadline: TimePoint
    /// What its requests are tied to, asked once in the caller's task (B261).
    let fields: HTTPFields
    /// Nil where nobody reads diagnostics.
    let record: CallRecord?
}

/// One call that somebody watches.
final class CallRecord: Sendable {
    let id: UInt64
    private let count = Atomic<Int>(0)

    init(id: UInt64) { self.id = id }

    var tries: Int { count.load(ordering: .relaxed) }
    func tryBegins() { count.add(1, ordering: .relaxed) }
}

extension ClientContext {
    /// The scope of a call that begins now, in the caller's task.
    ///
    /// - Throws: ``RivetError`` where what the request is tied to is out of form, or the client waits for this task to give
    ///   it a token.
    func scope(deadline: TimePoint, own: HTTPFields = [:], _ record: CallRecord? = nil) throws -> CallScope {
        if let tokenError { throw tokenError }
        var fields = try configuration.requestContext?().checkedFields() ?? HTTPFields()
        // The call's own beat those; `traceparent` and `tracestate` come from one source (B263).
        if own["traceparent"] != nil { (fields["traceparent"], fields["tracestate"]) = (nil, nil) }
        for name in TraceFields.names { if let value = own[name] { fields[name] = value } }
        return CallScope(deadline: deadline, fields: fields, record: record)
    }

    /// Runs a call of the user's: inside ``RivetConfiguration/aroundCall``, and measured where somebody reads (B259, B293).
    nonisolated(nonsending) func observed<R: Sendable>(
        _ info: @autoclosure () -> CallInfo,
        _ body: (CallRecord?) async throws -> R
    ) async throws -> R {
        guard let aroundCall = configuration.aroundCall else {
            guard diagnostics.isRead else { return try await body(nil) }
            return try await measured(info(), body)
        }
        let info = info()
        var result: Result<R, any Error>?
        try await aroundCall(info) {
            guard result == nil else {
                throw RivetError.invalidArgument("aroundCall ran the call of \(info.kind.rawValue) a second time")
            }
            // Set before it runs, so that a call within the call is a second one too.
            result = .failure(RivetError.invalidArgument("aroundCall returned before its call had ended"))
            do {
                result = .success(try await measured(info, body))
            } catch {
                result = .failure(error)
                throw error
            }
        }
        guard let result else {
            throw RivetError.invalidArgument("aroundCall returned without running the call of \(info.kind.rawValue)")
        }
        return try result.get()
    }

    private nonisolated(nonsending) func measured<R: Sendable>(
        _ info: CallInfo,
        _ body: (CallRecord?) async throws -> R
    ) async throws -> R {
        guard diagnostics.isRead else { return try await body(nil) }
        let record = CallRecord(id: nextSpanID())
        let began = time.now
        diagnostics.send(Diagnostic(callBegins: info, record))
        do {
            let value = try await body(record)
            diagnostics.send(Diagnostic(callEnds: info, record, after: began.duration(to: time.now), nil))
            return value
        } catch {
            diagnostics.send(Diagnostic(callEnds: info, record, after: began.duration(to: time.now), error))
            throw error
        }
    }

    /// A question to the engine about an actor: one call, within `callTimeout`, that fails at once where `check` throws.
    nonisolated(nonsending) func question<R: Sendable>(
        about actorName: String,
        check: () throws -> Void,
        _ body: (CallScope) async throws -> R
    ) async throws -> R {
        let info = CallInfo(kind: .resolve, actorName: actorName, name: "", overConnection: false)
        return try await observed(info) { record in
            try Task.checkCancellation()
            try beginCall()
            defer { endCall() }
            try check()
            return try await body(try scope(deadline: time.now.advanced(by: configuration.callTimeout), record))
        }
    }

    /// Runs a part of a call as a span of its own, such as a lookup or one try.
    nonisolated(nonsending) func part<R>(
        _ name: @autoclosure () -> String,
        of record: CallRecord?,
        _ body: () async throws -> R
    ) async throws -> R {
        guard diagnostics.isRead else { return try await body() }
        let (name, id, parent) = (name(), nextSpanID(), record?.id)
        diagnostics.send(Diagnostic(spanBegins: name, id: id, parent: parent))
        do {
            let value = try await body()
            diagnostics.send(Diagnostic(spanEnds: name, id: id, parent: parent, nil))
            return value
        } catch {
            diagnostics.send(Diagnostic(spanEnds: name, id: id, parent: parent, error))
            throw error
        }
    }
}
