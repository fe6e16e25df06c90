// SPDX-License-Identifier: Apache-2.0
import RivetAsync

/// A whole request and the id of its answer.
struct EngineRequest: Sendable {
    let head: HTTPRequestHead
    let body: [UInt8]
    let ray: String

    var path: Substring { head.target.prefix { $0 != "?" } }
    var isUpgrade: Bool { head.fields.list("upgrade", contains: "websocket") }
}

/// What the engine does with a request.
///
/// The ray and the date are added to a response when it is written.
enum EngineAnswer: Sendable {
    case response(HTTPResponseHead, [UInt8])
    case upgrade(EngineUpgrade)
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
        if request.isUpgrade { return .upgrade(await upgrade(request)) }
        let refusal = engine.faults.takeRefusal(at: .request)
        switch GatewayRoute(target: request.head.target) {
        case .elsewhere:
            if let refusal, !refusal.afterTheActionRan { return engineError(refusal.failure) }
            let answer = answerAPI(request)
            return refusal.map { engineError($0.failure) } ?? answer
        case let route:
            if request.head.method == "OPTIONS" { return .response(HTTPResponseHead(status: 204), []) }
            return await gateway(request, route, refusal)
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
