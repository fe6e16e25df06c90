// SPDX-License-Identifier: Apache-2.0
import RivetAsync
import RivetAsyncLocal
import Testing

/// Plain HTTP and plain WebSockets to an actor (PROTOCOL e3, f4).
@Suite(.leavesNothing, .timeLimit(.minutes(3)))
struct LocalRawTests {
    private enum Site: ActorDefinition {
        struct Rest: ActorAction { typealias Target = Site }
    }

    private func withSite(
        _ kind: StreamPair.Kind,
        _ body: (LocalEngine, PlainPeer, String) async throws -> Void
    ) async throws {
        try await withEngine(transport: kind.transport) {
            $0.actor(Site.self, state: 0) { site in
                site.on(Site.Rest.self) { _, actor in
                    actor.sleep()
                    return NoValue()
                }
                site.onRequest { request, _ in
                    if request.path == "/fail" { throw UserError("failed") }
                    var fields: HTTPFields = ["content-type": "text/plain", "x-own": "yes"]
                    fields["x-saw"] = request.fields["x-sent"]
                    let text = "\(request.method) \(request.path) \(request.fields["authorization"] ?? "-")"
                    return LocalResponse(status: 201, fields: fields, body: Array(text.utf8) + request.body)
                }
                site.onWebSocket { socket, _ in
                    try await socket.send(.text(socket.path))
                    for try await message in socket.messages {
                        if message == .text("enough") { await socket.close(4_000, reason: "as you like") }
                        try await socket.send(message)
                    }
                }
            }
        } _: { engine in
            try await PlainPeer.with(engine, kind) { peer in
                try await body(engine, peer, try await peer.getOrCreate("site"))
            }
        }
    }

    @Test(arguments: StreamPair.Kind.all)
    func requestsAndAnswersPassWhole(_ kind: StreamPair.Kind) async throws {
        try await withSite(kind) { (_, peer, actor) async throws in
            let answer = try await peer.request(
                "PATCH",
                "/gateway/\(actor)/request/a%2Fb?x=1&y=%20",
                ["X-Sent": "1", "Authorization": "Bearer own"],
                body: [0, 1, 2]
            )
            #expect(answer.status == 201)
            #expect(answer.body == Array("PATCH /a%2Fb?x=1&y=%20 Bearer own".utf8) + [0, 1, 2])
            #expect(answer["x-own"] == "yes")
            #expect(answer["x-saw"] == "1")
            #expect(answer["x-rivet-actor"] == actor)
            #expect(try await peer.request("GET", "/gateway/\(actor)/request").text == "GET / -")
            #expect(try await peer.request("GET", "/gateway/\(actor)/request/?x=1").text == "GET /?x=1 -")
            let failed = try await peer.request("GET", "/gateway/\(actor)/request/fail", ["x-rivet-encoding": "json"])
            #expect(failed.status == 500)
            #expect(failed.text.contains(#""code":"user_error","group":"user","message":"failed""#))
        }
    }

    @Test func withoutAHandlerItIsAnEmpty404() async throws {
        try await ProbeEngine().run { (_, peer) async throws in
            let actor = try await peer.getOrCreate("probe")
            let answer = try await peer.request("GET", "/gateway/\(actor)/request/x")
            #expect(answer.status == 404)
            #expect(answer.body.isEmpty)
        }
    }

    @Test(arguments: StreamPair.Kind.all)
    func messagesPassBothWaysAndTheActorCloses(_ kind: StreamPair.Kind) async throws {
        try await withSite(kind) { (_, peer, actor) async throws in
            let answer = try await peer.upgrade("/gateway/\(actor)/websocket/chat?room=1", subprotocols: "rivet, own")
            #expect(answer["sec-websocket-protocol"] == "rivet")
            // No Init: the first message is the actor's own.
            #expect(try await peer.frame() == .text("/websocket/chat?room=1"))
            peer.send(.binary([1, 2, 3]))
            #expect(try await peer.frame() == .binary([1, 2, 3]))
            peer.send(.text("enough"))
            #expect(try await peer.frame() == .close(4_000, "as you like"))
            peer.send(.close(4_000))
            #expect(try await peer.readToEnd().end == .finished)
        }
    }

    @Test(arguments: StreamPair.Kind.all)
    func theClientCloses(_ kind: StreamPair.Kind) async throws {
        try await withSite(kind) { (_, peer, actor) async throws in
            _ = try await peer.upgrade("/gateway/\(actor)/anything", subprotocols: "rivet")
            #expect(try await peer.frame() == .text("/anything"))
            peer.send(.close(1000))
            #expect(try await peer.frame() == .close(1000))
            #expect(try await peer.readToEnd().end == .finished)
        }
    }

    @Test(arguments: StreamPair.Kind.all)
    func aRawSocketEndsWhenItsActorSleeps(_ kind: StreamPair.Kind) async throws {
        try await withSite(kind) { (engine, peer, actor) async throws in
            _ = try await peer.upgrade("/gateway/\(actor)/websocket/", subprotocols: "rivet")
            #expect(try await peer.frame() == .text("/websocket/"))
            try await PlainPeer.with(engine, kind) { (other) async throws in
                let done = try await other.request("POST", "/gateway/\(actor)/action/rest", body: Array("{}".utf8))
                #expect(done.status == 200)
            }
            #expect(try await peer.frame() == .close(1000, "actor.stopped"))
            peer.send(.close(1000))
        }
    }

    @Test(arguments: StreamPair.Kind.all)
    func aRefusedRawSocketIsClosedWithTheReason(_ kind: StreamPair.Kind) async throws {
        try await ProbeEngine(kind: kind).run { (_, peer) async throws in
            let actor = try await peer.getOrCreate("probe")
            let parameters = "rivet_conn_params.%7B%22refuseBefore%22%3Atrue%7D"
            _ = try await peer.upgrade("/gateway/\(actor)/websocket/x", subprotocols: "rivet, \(parameters)")
            #expect(try await peer.frame() == .close(1011, "user.no_entry"))
            peer.send(.close(1011))
        }
    }
}
