// SPDX-License-Identifier: Apache-2.0

/// A whole answer, read up to a limit.
struct HTTPAnswer: Sendable {
    let head: HTTPResponseHead
    let body: ByteChunk

    var isSuccess: Bool { (200..<300).contains(head.status) }
    var rayID: String? { head.fields["x-rivet-ray-id"] }
    /// Whether the actor side made it, whatever its status says (PROTOCOL d, B229).
    var isFromActor: Bool { head.fields["x-rivet-actor"] != nil }
    var retryAfter: Duration? {
        head.fields["retry-after"].flatMap { Int($0) }.map { .seconds(min(max($0, 0), 86_400)) }
    }

    /// Reads the body of a success; what does not decode is not from Rivet.
    func decode<T>(_ what: String, _ read: (ByteChunk) throws -> T) throws -> T {
        do {
            return try read(body)
        } catch {
            throw RivetError(
                .unexpectedResponse,
                "the server's answer (HTTP \(head.status)) is not \(what): \(error)",
                fault: .server,
                execution: .mayHaveRun,
                underlying: error
            )
        }
    }
}

extension ClientContext {
    /// A request to the actors API (PROTOCOL b).
    func executeAPI(
        _ method: String,
        _ target: String,
        body: ByteChunk? = nil,
        at address: ServerAddress,
        deadline: TimePoint
    ) async throws -> HTTPAnswer {
        var own: HTTPFields = [:]
        if body != nil { own["Content-Type"] = "application/json" }
        if let token = address.token { own["Authorization"] = "Bearer \(token.reveal())" }
        let head = HTTPRequestHead(method: method, target: address.endpoint.basePath + target, fields: fields(own: own))
        let answer = try await execute(head, body: body, at: address.endpoint, deadline: deadline)
        guard answer.isSuccess else { throw RivetError(answer: answer, encoding: .json, of: .lookup) }
        return answer
    }

    /// Waits before a repeat, longer each time, or throws `error` when that would be beyond the deadline.
    func pause(_ pause: inout Duration, before deadline: TimePoint, after error: any Error) async throws {
        let next = time.now.advanced(by: pause * random())
        guard next < deadline else { throw error }
        try await time.sleep(until: next)
        pause = min(pause * 2, .seconds(5))
    }
}
