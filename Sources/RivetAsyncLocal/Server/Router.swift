// SPDX-License-Identifier: Apache-2.0
import RivetAsync

/// A whole request and the id of its answer.
struct EngineRequest: Sendable {
    let head: HTTPRequestHead
    let body: [UInt8]
    /// The body instead, where it is still arriving.
    var arriving: HTTPBody?
    let ray: String
    let isUpgrade: Bool

    init(head: HTTPRequestHead, body: [UInt8], arriving: HTTPBody?, ray: String) {
        (self.head, self.body, self.arriving, self.ray) = (head, body, arriving, ray)
        isUpgrade = head.isUpgrade
    }

    var path: Substring { head.target.withoutQuery }
    /// HEAD is GET without the body (RFC 9110 §9.3.2), which the connection leaves out.
    var methodAsGet: String { head.method == "HEAD" ? "GET" : head.method }
}

/// What the engine does with a request.
///
/// The ray and the date are added to a response when it is written.
enum EngineAnswer: Sendable {
    case response(HTTPResponseHead, [UInt8])
    /// The body is being made.
    case stream(HTTPResponseHead, MadeBody)
    case upgrade(EngineUpgrade, Pass)

    /// It is not wanted any more.
    func abandon() { if case .stream(_, let body) = self { body.abandon() } }
}

/// What follows the 101.
enum EngineUpgrade: Sendable {
    /// A `/connect` socket.
    case connect(HostedActor, WireEncoding, parameters: ByteChunk?)
    /// A raw WebSocket.
    case raw(HostedActor, WireEncoding, parameters: ByteChunk?, path: String)
    /// A failure before the 101 is not a status: the 101 comes, and then this (PROTOCOL f2), after `silence`.
    case close(WebSocketClosing, silence: Duration = .zero)
}

/// Finds the answer to a request (PROTOCOL k1): the actors API, metadata and the gateway.
///
/// It knows no sockets.
struct Router: Sendable {
    let engine: EngineState

    func answer(_ request: EngineRequest) async -> EngineAnswer {
        // On 127.0.0.1 any web page could drive the engine, so browsers are refused.
        guard request.head.fields["origin"] == nil else {
            return engineError(.api("api", "forbidden", "Requests with an Origin are refused.", status: 403))
        }
        if request.isUpgrade {
            do throws(WebSocketHandshakeError) {
                try WebSocketHandshake.check(request.head)
            } catch {
                return .response(WebSocketHandshake.refusal(of: error), [])
            }
        }
        let route = GatewayRoute(
            target: request.head.target,
            readsKeyParts: engine.settings.readsKeyParts || engine.tokens.areAskedFor
        )
        let use = TokenUse(request, route)
        engine.tokens.record(use)
        if request.head.method == "OPTIONS", !route.isElsewhere { return .response(HTTPResponseHead(status: 204), []) }
        let pass: Pass
        do throws(EngineError) {
            pass = try admit(request, route, use)
        } catch {
            return request.isUpgrade ? refusedUpgrade(error, request) : engineError(error)
        }
        if request.isUpgrade { return await upgrade(request, route, pass) }
        let refusal = engine.faults.takeRefusal(at: .request)
        guard route.isElsewhere else { return await gateway(request, route, pass, refusal) }
        if let refusal, !refusal.afterTheActionRan { return engineError(refusal.failure) }
        let answer = answerAPI(request, pass)
        return refusal.map { engineError($0.failure) } ?? answer
    }

    private func admit(_ request: EngineRequest, _ route: GatewayRoute, _ use: TokenUse) throws(EngineError) -> Pass {
        switch route {
        // A URL that cannot be read reaches nothing.
        case .refused: Pass()
        case .elsewhere where request.path == "/metadata": Pass()
        case .elsewhere: try engine.tokens.admit(use, toAPI: true)
        case .byID, .byQuery: try engine.tokens.admit(use, toAPI: false)
        }
    }

    /// A refused token is a plain status, by setting a close behind the 101 like every other failure.
    func refusedUpgrade(_ failure: EngineError, _ request: EngineRequest) -> EngineAnswer {
        if failure.isOfToken, !engine.settings.closesRefusedUpgrades { return engineError(failure) }
        return .upgrade(.close(closing(failure, request)), Pass())
    }

    func closing(_ failure: EngineError, _ request: EngineRequest) -> WebSocketClosing {
        if failure.isOfToken { return failure.tokenClosing }
        return WebSocketClosing(.internalError, reason: failure.closeReason(ray: request.ray))
    }

    /// Whether the body goes to an actor's handler while it arrives.
    func streams(_ head: HTTPRequestHead) -> Bool {
        guard engine.limits.streamsBodies, let head = head.inOriginForm,
            !head.isUpgrade
        else { return false }
        switch GatewayRoute(target: head.target) {
        case .byID(_, _, let path), .byQuery(_, let path): return path == "/request" || path.hasPrefix("/request/")
        case .elsewhere, .refused: return false
        }
    }

    /// An answer of the engine itself.
    func engineError(_ failure: EngineError, nullForNoMetadata: Bool = false) -> EngineAnswer {
        var fields: HTTPFields = ["content-type": "application/json"]
        if failure.origin == .gateway { fields["x-rivet-error"] = "\(failure.group).\(failure.code)" }
        if failure.group == "envoy", failure.code == "actor_not_found" {
            return .response(
                HTTPResponseHead(status: 503, fields: ["x-rivet-error": "envoy.actor_not_found"]),
                Array("Actor not found".utf8)
            )
        }
        return .response(
            HTTPResponseHead(status: failure.httpStatus, fields: fields),
            failure.engineBody(nullForNoMetadata: nullForNoMetadata)
        )
    }

    func json(_ body: [UInt8]) -> EngineAnswer {
        .response(HTTPResponseHead(status: 200, fields: ["content-type": "application/json"]), body)
    }
}
