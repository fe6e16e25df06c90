// SPDX-License-Identifier: Apache-2.0
import RivetAsync
import RivetAsyncLocal
import Testing

/// Trouble on demand does what it says (PROTOCOL k10), over sockets.
@Suite(.leavesNothing, .timeLimit(.minutes(3)))
struct FaultTests {
    private func withCounter(
        clock: any Clock<Duration> = TestClock(),
        transport: LocalEngine.Transport = .loopback(port: 0),
        limits: LocalEngine.Limits = .init(),
        _ body: (LocalEngine, PlainPeer, _ actor: String) async throws -> Void
    ) async throws {
        try await withEngine(clock: clock, transport: transport, limits: limits) {
            $0.actor(LocalCounter.self, state: 0, LocalCounter.define)
        } _: { engine in
            try await PlainPeer.with(engine) { peer in
                try await body(engine, peer, try await peer.getOrCreate("counter"))
            }
        }
    }

    private static let increment = Array(#"{"args":[1]}"#.utf8)

    private func call(_ peer: PlainPeer, _ actor: String) async throws -> PlainPeer.Response {
        try await peer.request("POST", "/gateway/\(actor)/action/increment", body: Self.increment)
    }

    struct Refusal: Sendable {
        var group: String, code: String
        var status: Int
    }

    @Test(arguments: [
        Refusal(group: "guard", code: "retry_attempts_exceeded", status: 502),
        Refusal(group: "guard", code: "actor_ready_timeout", status: 503),
        Refusal(group: "guard", code: "tunnel_message_timeout", status: 504),
        Refusal(group: "guard", code: "rate_limit", status: 429),
        Refusal(group: "guard", code: "actor_runner_failed", status: 400),
        Refusal(group: "actor", code: "overloaded", status: 500),
        Refusal(group: "actor", code: "dropped_reply", status: 500),
        Refusal(group: "actor", code: "destroyed_while_waiting_for_ready", status: 400),
        Refusal(group: "core", code: "internal_error", status: 500),
        // Rivet 3's (PROTOCOL i7).
        Refusal(group: "auth", code: "invalid_token", status: 401),
        Refusal(group: "auth", code: "token_expired", status: 401),
        Refusal(group: "auth", code: "insufficient_permissions", status: 403),
        Refusal(group: "guard", code: "request_delivery_indeterminate", status: 503),
        Refusal(group: "actor", code: "create_pending", status: 409),
        Refusal(group: "actor", code: "creation_rate_limit", status: 429),
        Refusal(group: "pool", code: "not_found", status: 400),
        Refusal(group: "queue", code: "message_identity_mismatch", status: 400),
        Refusal(group: "compute_gateway", code: "any", status: 400),
        Refusal(group: "sqlite", code: "any", status: 500),
    ])
    func anyErrorBeforeOrAfterTheActionRan(_ refusal: Refusal) async throws {
        try await withCounter { (engine, peer, actor) async throws in
            for ran in [false, true] {
                engine.faults.inject(
                    .refuse(group: refusal.group, code: refusal.code, afterTheActionRan: ran),
                    at: .request
                )
                let refused = try await call(peer, actor)
                #expect(refused.status == refusal.status)
                #expect(refused.text.contains("\"\(refusal.code)\""))
            }
            #expect(try await call(peer, actor).text == #"{"output":2}"#)
        }
    }

    @Test func aRefusalHasItsMetadata() async throws {
        try await withCounter { (engine, peer, actor) async throws in
            let refusal = Faults.Fault.refuse(
                group: "actor",
                code: "create_pending",
                message: "m",
                metadata: ["actor_id": actor]
            )
            engine.faults.inject(refusal, at: .request)
            let answer = try await peer.request("GET", "/actors?name=counter&namespace=default")
            #expect(answer.status == 409)
            let text = #"{"group":"actor","code":"create_pending","message":"m","metadata":{"actor_id":"\#(actor)"}}"#
            #expect(answer.text == text)
        }
    }

    @Test func aRefusalForTwoRequestsRefusesTwo() async throws {
        try await withCounter { (engine, peer, actor) async throws in
            engine.faults.inject(.refuse(group: "guard", code: "rate_limit"), at: .request, times: 2)
            #expect(try await call(peer, actor).status == 429)
            #expect(try await call(peer, actor).status == 429)
            #expect(try await call(peer, actor).text == #"{"output":1}"#)
        }
    }

    @Test func refusalsReachActionsOnAConnectionToo() async throws {
        try await withCounter { (engine, peer, actor) async throws in
            try await peer.connect(actor)
            engine.faults.inject(.refuse(group: "actor", code: "overloaded"), at: .request)
            peer.send(Wire.call(0, "increment", "1"))
            let masked = "An internal error occurred"
            #expect(try await peer.frame() == Wire.error(0, actor, "actor", "overloaded", masked))
            engine.faults.inject(.refuse(group: "actor", code: "dropped_reply"), at: .answer)
            peer.send(Wire.call(1, "increment", "1"))
            #expect(try await peer.frame() == Wire.error(1, actor, "actor", "dropped_reply", masked))
            peer.send(Wire.call(2, "increment", "1"))
            #expect(try await peer.frame() == Wire.answer(2, "2"))
        }
    }

    @Test func aRefusalAtTheUpgradeIsForOneHandshakeEach() async throws {
        let engine = try await LocalEngine.withCounter()
        var configuration = try RivetConfiguration(endpoint: engine.endpoint)
        configuration.reconnect = ReconnectPolicy(first: .milliseconds(1))
        engine.faults.inject(.refuse(group: "guard", code: "websocket_open_timeout"), at: .upgrade, times: 2)
        try await withRivetClient(configuration) { client in
            try await client.getOrCreate(Counter.self).withConnection { connection in
                try await connection.waitUntilConnected()
                #expect(connection.statistics.failedAttempts == 2)
            }
        }
        await engine.stop()
    }

    @Test(arguments: [0, 1, 20, 150])
    func anAnswerIsCutAtAnyByte(_ count: Int) async throws {
        try await withCounter { (engine, peer, actor) async throws in
            engine.faults.inject(.cut(afterBytes: count), at: .request)
            peer.send("GET /gateway/\(actor)/health HTTP/1.1\r\nHost: h\r\n\r\n")
            let (bytes, _) = try await peer.readToEnd()
            #expect(bytes.count == count)
            #expect("HTTP/1.1 200 OK\r\n".utf8.starts(with: bytes.prefix(17)))
        }
    }

    @Test func resetAndHalfClose() async throws {
        try await withCounter { (engine, peer, actor) async throws in
            engine.faults.inject(.reset, at: .request)
            peer.send("GET /metadata HTTP/1.1\r\nHost: h\r\n\r\n")
            let (bytes, end) = try await peer.readToEnd()
            #expect(bytes.isEmpty && end != .finished)
        }
        try await withCounter { (engine, peer, actor) async throws in
            try await peer.connect(actor)
            engine.faults.inject(.halfClose, at: .answer)
            peer.send(Wire.call(0, "increment", "1"))
            #expect(try await peer.frame() == Wire.answer(0, "1"))
            #expect(try await peer.readToEnd().end == .finished)
        }
    }

    @Test func behindOurEndNothingIsWritten() async throws {
        try await withCounter { (engine, peer, actor) async throws in
            try await peer.connect(actor)
            engine.faults.inject(.halfClose, at: .answer)
            peer.send(Wire.call(0, "increment", "1"))
            #expect(try await peer.frame() == Wire.answer(0, "1"))
            // As a client that hears the end does.
            peer.send(PlainPeer.Frame.close(1002))
            #expect(try await peer.readToEnd().bytes.isEmpty)
        }
        try await withCounter { (engine, peer, actor) async throws in
            try await peer.connect(actor)
            engine.faults.inject(.cut(afterBytes: 3), at: .event)
            peer.send(Wire.subscribe("newCount"))
            peer.send(Wire.call(0, "increment", "1"))
            #expect(try await peer.readToEnd().bytes.count == 3)
        }
    }

    @Test(arguments: [false, true])
    func aDelayedAnswerComesWhole(isLast: Bool) async throws {
        let clock = TestClock()
        try await withCounter(clock: clock, limits: .unhurried) { (engine, peer, actor) async throws in
            engine.faults.inject(.delay(.seconds(2)), at: .request)
            peer.send(
                "GET /gateway/\(actor)/health HTTP/1.1\r\nHost: h\r\n\(isLast ? "Connection: close\r\n" : "")\r\n"
            )
            // Another's answer does not come before it.
            if !isLast { peer.send("GET /nothing HTTP/1.1\r\nHost: h\r\n\r\n") }
            try await until {
                await clock.advance(by: .seconds(1))
                return !peer.receivedSoFar.isEmpty
            }
            #expect(try await peer.response().text == "ok")
            if !isLast { #expect(try await peer.response().status == 404) }
        }
    }

    @Test func anUpgradeThatIsHeldComesLater() async throws {
        try await withCounter(clock: ContinuousClock()) { (engine, peer, actor) async throws in
            engine.faults.inject(.holdUntilNextFrame, at: .upgrade)
            #expect(try await peer.upgrade("/gateway/\(actor)/connect").status == 101)
            #expect(try await peer.frame().opcode == 2)
        }
    }

    @Test func aClientThatGoesEndsTheStreamOfAnUpgrade() async throws {
        for fault in [Faults.Fault.withhold, .bytes(Array("HTTP/1.1 403 X\r\n\r\n".utf8))] {
            try await withCounter { (engine, peer, actor) async throws in
                engine.faults.inject(fault, at: .upgrade)
                peer.send("GET /gateway/\(actor)/connect HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\n\(Self.upgrade)")
                peer.finishWriting()
                #expect(try await peer.readToEnd().end == .finished)
            }
        }
        try await withCounter { (engine, peer, actor) async throws in
            peer.send("GET /gateway/\(actor)/connect HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\n\(Self.upgrade)")
            peer.finishWriting()
            #expect(try await peer.readToEnd().end == .finished)
        }
    }

    private static let upgrade =
        "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
        + "Sec-WebSocket-Protocol: rivet, rivet_encoding.bare\r\n\r\n"

    @Test func theUpgradeIsDelayedWithheldClosedOrReplaced() async throws {
        try await withCounter(clock: ContinuousClock()) { (engine, peer, actor) async throws in
            engine.faults.inject(.delay(.milliseconds(20)), at: .upgrade)
            #expect(try await peer.upgrade("/gateway/\(actor)/connect").status == 101)
            #expect(try await peer.frame().opcode == 2)
        }
        try await withCounter { (engine, peer, actor) async throws in
            engine.faults.inject(.close(1012, reason: "restart"), at: .upgrade)
            _ = try await peer.upgrade("/gateway/\(actor)/connect")
            #expect(try await peer.frame() == .close(1012, "restart"))
        }
        try await withCounter { (engine, peer, actor) async throws in
            engine.faults.inject(.refuse(group: "guard", code: "websocket_open_timeout"), at: .upgrade)
            let answer = try await peer.upgrade("/gateway/\(actor)/connect")
            let ray = answer["x-rivet-ray-id"] ?? ""
            #expect(try await peer.frame() == .close(1011, "guard.websocket_open_timeout#\(ray)"))
        }
        try await withCounter { (engine, peer, actor) async throws in
            engine.faults.inject(.bytes(Array("HTTP/1.1 403 Forbidden\r\n\r\n".utf8)), at: .upgrade)
            #expect(try await peer.upgrade("/gateway/\(actor)/connect").status == 403)
        }
    }

    @Test func messagesAreReplacedWithheldAndClosed() async throws {
        try await withCounter { (engine, peer, actor) async throws in
            engine.faults.inject(.bytes(Array("nonsense".utf8)), at: .initialMessage)
            #expect(try await peer.connect(actor) == .text("nonsense"))
            engine.faults.inject(.withhold, at: .event)
            engine.faults.inject(.close(1011, reason: String(repeating: "r", count: 200)), at: .event)
            peer.send(Wire.subscribe("newCount"))
            peer.send(Wire.call(0, "increment", "1"))
            #expect(try await peer.frame() == Wire.answer(0, "1"))
            peer.send(Wire.call(1, "increment", "1"))
            #expect(try await peer.frame() == .close(1011, String(repeating: "r", count: 200)))
        }
    }

    @Test func anAnswerIsHeldUntilTheNextFrame() async throws {
        let clock = TestClock()
        try await withCounter(clock: clock) { (engine, peer, actor) async throws in
            try await peer.connect(actor)
            engine.faults.inject(.holdUntilNextFrame, at: .answer, times: 2)
            peer.send(Wire.subscribe("newCount"))
            peer.send(Wire.call(0, "increment", "1"))
            // The event is not held. Any frame lets the answer go; without one the time does.
            #expect(try await peer.frame() == Wire.event("newCount", "1"))
            for _ in 0..<5 { await clock.advance(by: .milliseconds(1)) }
            #expect(peer.receivedSoFar.isEmpty)
            // The event comes before the answer is held: a frame may be too early.
            try await until {
                peer.send(Wire.subscribe("never", false))
                return !peer.receivedSoFar.isEmpty
            }
            #expect(try await peer.frame() == Wire.answer(0, "1"))
            peer.send(Wire.call(1, "increment", "1"))
            #expect(try await peer.frame() == Wire.event("newCount", "2"))
            try await until {
                await clock.advance(by: .milliseconds(1))
                return !peer.receivedSoFar.isEmpty
            }
            #expect(try await peer.frame() == Wire.answer(1, "2"))
        }
    }

    @Test func aDelayedEventIsOvertaken() async throws {
        let clock = TestClock()
        try await withCounter(clock: clock) { (engine, peer, actor) async throws in
            try await peer.connect(actor)
            engine.faults.inject(.delay(.milliseconds(30)), at: .event)
            peer.send(Wire.subscribe("newCount"))
            peer.send(Wire.call(0, "increment", "1"))
            // While the clock stands the event cannot come; its delay has begun before the answer left.
            #expect(try await peer.frame() == Wire.answer(0, "1"))
            await clock.advance(by: .milliseconds(30))
            #expect(try await peer.frame() == Wire.event("newCount", "1"))
        }
    }

    @Test func pongsAreWithheld() async throws {
        try await withCounter { (engine, peer, actor) async throws in
            try await peer.connect(actor)
            engine.faults.inject(.withhold, at: .pong)
            peer.send(PlainPeer.Frame(opcode: 9, payload: [1]))
            peer.send(PlainPeer.Frame(opcode: 9, payload: [2]))
            #expect(try await peer.frame() == PlainPeer.Frame(opcode: 10, payload: [2]))
        }
    }

    @Test func clearEndsWhatHasNotHappened() async throws {
        try await withCounter { (engine, peer, actor) async throws in
            engine.faults.inject(.reset, at: .request, times: 5)
            engine.faults.clear()
            #expect(try await call(peer, actor).text == #"{"output":1}"#)
        }
    }

    @Test(arguments: [LocalEngine.Transport.memory, .loopback(port: 0)])
    func everyConnectionIsCutAtOnce(_ transport: LocalEngine.Transport) async throws {
        try await withCounter(transport: transport) { (engine, peer, actor) async throws in
            try await peer.connect(actor)
            await engine.faults.cutAllConnections()
            let (bytes, _) = try await peer.readToEnd()
            #expect(bytes.isEmpty)
            // The engine goes on.
            try await PlainPeer.with(engine) { (other) async throws in
                #expect(try await call(other, actor).text == #"{"output":1}"#)
            }
        }
    }
}
