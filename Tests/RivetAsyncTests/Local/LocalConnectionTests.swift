// SPDX-License-Identifier: Apache-2.0
import RivetAsync
import RivetAsyncLocal
import Testing

/// A `/connect` WebSocket from the server's side (PROTOCOL f, g, h), literal messages.
@Suite(.leavesNothing, .timeLimit(.minutes(3)))
struct LocalConnectionTests {
    @Test(arguments: StreamPair.Kind.all)
    func initialMessageInEachEncoding(_ kind: StreamPair.Kind) async throws {
        try await ProbeEngine(kind: kind).run { (_, peer) async throws in
            let actor = try await peer.getOrCreate("probe")
            let initial = try await peer.connect(actor, "json")
            #expect(initial.opcode == 1)
            #expect(initial.text.hasPrefix(#"{"body":{"tag":"Init","val":{"actorId":"\#(actor)","connectionId":""#))
        }
        try await ProbeEngine(kind: kind).run { (_, peer) async throws in
            let actor = try await peer.getOrCreate("probe")
            let initial = try await peer.connect(actor, "cbor")
            #expect(initial.opcode == 2)
            let head = "a164626f6479a2637461676449" + "6e69746376616ca2676163746f724964781e" + hex(actor.utf8)
            #expect(hex(initial.payload).hasPrefix(head))
        }
    }

    @Test(arguments: StreamPair.Kind.all)
    func withoutAnEncodingItIsJSON(_ kind: StreamPair.Kind) async throws {
        try await ProbeEngine(kind: kind).run { (_, peer) async throws in
            let actor = try await peer.getOrCreate("probe")
            _ = try await peer.upgrade("/gateway/\(actor)/connect", subprotocols: "rivet")
            #expect(try await peer.frame().opcode == 1)
        }
    }

    @Test(arguments: StreamPair.Kind.all)
    func answersComeInAnyOrderAndActionsStartInTheirs(_ kind: StreamPair.Kind) async throws {
        let test = ProbeEngine(kind: kind)
        try await test.run { (_, peer) async throws in
            let actor = try await peer.getOrCreate("probe")
            try await peer.connect(actor)
            for (id, gate) in ["a", "b", "c"].enumerated() { peer.send(Wire.call(id, "wait", "\"\(gate)\"")) }
            try await test.waitFor("start c")
            #expect(test.log.all.filter { $0.hasPrefix("start") } == ["start a", "start b", "start c"])
            for (id, gate) in [(2, "c"), (0, "a"), (1, "b")] {
                test.gates[gate].set()
                #expect(try await peer.frame() == Wire.answer(id, "\"\(gate)\""))
            }
        }
    }

    @Test(arguments: StreamPair.Kind.all)
    func onlySubscribersGetABroadcast(_ kind: StreamPair.Kind) async throws {
        try await ProbeEngine(kind: kind).run { (engine, peer) async throws in
            let actor = try await peer.getOrCreate("probe")
            try await peer.connect(actor)
            try await PlainPeer.with(engine, kind) { (other) async throws in
                try await other.connect(actor)
                // Twice is once; removing an unknown one is nothing.
                other.send(Wire.subscribe("said"))
                other.send(Wire.subscribe("said"))
                other.send(Wire.subscribe("other", false))
                other.send(Wire.call(0, "echo", #""ready""#))
                #expect(try await other.frame() == Wire.answer(0, #""ready""#))
                peer.send(Wire.call(0, "say", #""one""#))
                #expect(try await peer.frame() == Wire.answer(0, "null"))
                #expect(try await other.frame() == Wire.event("said", #""one""#))
                other.send(Wire.subscribe("said", false))
                other.send(Wire.call(1, "say", #""two""#))
                #expect(try await other.frame() == Wire.answer(1, "null"))
                // One connection's own event comes whether it is subscribed or not.
                other.send(Wire.call(2, "whisper"))
                #expect(try await other.frame() == Wire.event("said", #""psst""#))
                #expect(try await other.frame() == Wire.answer(2, "null"))
            }
        }
    }

    struct Thrown: Sendable {
        var kind: String
        var group: String, code: String, message: String
        var metadata: String?
    }

    @Test(
        arguments: [
            Thrown(kind: "user", group: "user", code: "user_error", message: "no"),
            Thrown(
                kind: "coded",
                group: "user",
                code: "declined",
                message: "declined",
                metadata: #"{"a":1.0,"b":2.5}"#
            ),
            Thrown(
                kind: "mistake",
                group: "rivetkit",
                code: "internal_error",
                message: "An internal error occurred"
            ),
        ],
        StreamPair.Kind.all
    )
    func whatAnActionThrows(_ thrown: Thrown, _ kind: StreamPair.Kind) async throws {
        try await ProbeEngine(kind: kind).run { (_, peer) async throws in
            let actor = try await peer.getOrCreate("probe")
            try await peer.connect(actor)
            peer.send(Wire.call(7, "fail", "\"\(thrown.kind)\""))
            let expected = Wire.error(7, actor, thrown.group, thrown.code, thrown.message, metadata: thrown.metadata)
            #expect(try await peer.frame() == expected)
        }
    }

    struct Violation: Sendable {
        var name: String
        var frame: PlainPeer.Frame
        var first: UInt8?
        var masked = true
        var code: UInt16 = 1011
        var reason: String
    }

    @Test(
        arguments: [
            Violation(name: "no JSON", frame: .text("nonsense"), reason: "actor.invalid_request"),
            Violation(
                name: "unknown tag",
                frame: .text(#"{"body":{"tag":"Nope","val":{}}}"#),
                reason: "actor.invalid_request"
            ),
            Violation(
                name: "no arguments",
                frame: .text(#"{"body":{"tag":"ActionRequest","val":{"id":1,"name":"echo"}}}"#),
                reason: "actor.invalid_request"
            ),
            Violation(
                name: "one byte too long",
                frame: Wire.call(0, "echo", "\"" + String(repeating: "x", count: 65_537 - 89 + 6) + "\""),
                reason: "message.incoming_too_long"
            ),
            Violation(name: "unmasked", frame: .text("{}"), masked: false, reason: "core.internal_error#"),
            Violation(name: "reserved bits", frame: .text("{}"), first: 0xC1, reason: "core.internal_error#"),
            Violation(name: "reserved opcode", frame: .text("{}"), first: 0x83, reason: "core.internal_error#"),
            Violation(name: "close 1005", frame: .close(1005), code: 1002, reason: "Protocol violation"),
        ],
        StreamPair.Kind.all
    )
    func badMessagesCloseTheConnection(_ violation: Violation, _ kind: StreamPair.Kind) async throws {
        try await ProbeEngine(kind: kind).run { (_, peer) async throws in
            let actor = try await peer.getOrCreate("probe")
            try await peer.connect(actor)
            peer.send(violation.frame, masked: violation.masked, first: violation.first)
            let close = try await peer.frame()
            #expect(close.opcode == 8)
            #expect(Array(close.payload.prefix(2)) == [UInt8(violation.code >> 8), UInt8(violation.code & 0xFF)])
            let reason = String(decoding: close.payload.dropFirst(2), as: UTF8.self)
            if violation.reason.hasSuffix("#") {
                #expect(reason.hasPrefix(violation.reason) && reason.count == violation.reason.count + 30)
            } else {
                #expect(reason == violation.reason)
            }
        }
    }

    @Test(arguments: ["c100", "42ff00"], StreamPair.Kind.all)
    func cborArgumentsThatJSONCannotHoldAreInvalid(_ argument: String, _ kind: StreamPair.Kind) async throws {
        try await ProbeEngine(kind: kind).run { (_, peer) async throws in
            let actor = try await peer.getOrCreate("probe")
            try await peer.connect(actor, "cbor")
            let head = "a164626f6479a2637461676d416374696f6e526571756573746376616ca362696400646e616d65646563686f"
            peer.send(.binary(unhex(head + "646172677381" + argument)))
            #expect(try await peer.frame() == .close(1011, "actor.invalid_request"))
        }
    }

    struct Ending: Sendable {
        var target = "/gateway/ID/connect"
        var subprotocols: String?
        var code: UInt16 = 1011
        var reason: String
    }

    @Test(
        arguments: [
            Ending(
                subprotocols: "rivet, rivet_encoding.xml",
                code: 1003,
                reason: "actor.unsupported_websocket_encoding"
            ),
            Ending(subprotocols: nil, reason: "guard.missing_header#"),
            Ending(
                target: "/gateway/5jxlv5boumuljx2d2nvyat0o2edl00/connect",
                subprotocols: "rivet",
                reason: "actor.not_found#"
            ),
            Ending(target: "/gateway/nonsense/connect", subprotocols: "rivet", reason: "core.internal_error#"),
            Ending(
                target: "/gateway/nobody/connect?rvt-namespace=default&rvt-method=getOrCreate&rvt-runner=default",
                subprotocols: "rivet",
                reason: "guard.actor_wake_retries_exceeded#"
            ),
        ],
        StreamPair.Kind.all
    )
    func failuresBeforeThe101ComeBehindIt(_ ending: Ending, _ kind: StreamPair.Kind) async throws {
        try await ProbeEngine(kind: kind).run { (_, peer) async throws in
            let actor = try await peer.getOrCreate("probe")
            let target = ending.target.replacing("ID", with: actor)
            let answer = try await peer.upgrade(target, subprotocols: ending.subprotocols)
            #expect(answer.status == 101)
            #expect(answer["sec-websocket-protocol"] == "rivet")
            let ray = ending.reason.hasSuffix("#") ? answer["x-rivet-ray-id"] ?? "" : ""
            #expect(try await peer.frame() == .close(ending.code, ending.reason + ray))
        }
    }

    // MARK: Hooks

    @Test(arguments: StreamPair.Kind.all)
    func hooksRunInOrderAndTheStateIsTheirs(_ kind: StreamPair.Kind) async throws {
        let test = ProbeEngine(kind: kind)
        try await test.run { (_, peer) async throws in
            let actor = try await peer.getOrCreate("probe")
            let parameters = "rivet_conn_params.%7B%22name%22%3A%22Ada%22%7D"
            _ = try await peer.upgrade("/gateway/\(actor)/connect", subprotocols: "rivet, \(parameters)")
            _ = try await peer.frame()
            peer.send(Wire.call(0, "parameters"))
            #expect(try await peer.frame() == Wire.answer(0, #""Ada, state of Ada""#))
            peer.send(.close(1000, "bye"))
            // Code and reason come back.
            #expect(try await peer.frame() == .close(1000, "bye"))
            try await test.waitFor("disconnect, 0 visible")
            #expect(
                test.log.all == [
                    "wake 1", "before", "create, 0 visible", "connect, 1 visible", "disconnect, 0 visible",
                ]
            )
        }
    }

    @Test(arguments: StreamPair.Kind.all)
    func anEventOfOnConnectComesBeforeInit(_ kind: StreamPair.Kind) async throws {
        try await ProbeEngine(kind: kind).run { (_, peer) async throws in
            let actor = try await peer.getOrCreate("probe")
            let parameters = "rivet_conn_params.%7B%22greet%22%3Atrue%7D"
            _ = try await peer.upgrade("/gateway/\(actor)/connect", subprotocols: "rivet, \(parameters)")
            #expect(try await peer.frame() == Wire.event("said", #""welcome""#))
            #expect(try await peer.frame().text.contains("Init"))
        }
    }

    struct Refused: Sendable {
        var wish: String
        var error: String
        /// Where it is another than `error`.
        var overHTTP: String?
        var reason: String
    }

    @Test(
        arguments: [
            Refused(
                wish: "refuseBefore",
                error: #""code":"no_entry","group":"user","message":"Not you","metadata":{"why":"list"}"#,
                reason: "user.no_entry"
            ),
            Refused(
                wish: "refuseAfter",
                error: #""code":"not_now","group":"user","message":"Not now""#,
                reason: "user.not_now"
            ),
            // What refuses a connection is not masked; over HTTP it is, as an action's error.
            Refused(
                wish: "crash",
                error: #""code":"internal_error","group":"rivetkit","message":"Mistake()""#,
                overHTTP: #""code":"internal_error","group":"rivetkit","message":"An internal error occurred""#,
                reason: "rivetkit.internal_error"
            ),
        ],
        StreamPair.Kind.all
    )
    func hooksRefuse(_ refused: Refused, _ kind: StreamPair.Kind) async throws {
        try await ProbeEngine(kind: kind).run { (_, peer) async throws in
            let actor = try await peer.getOrCreate("probe")
            let wish = #"{"\#(refused.wish)":true}"#
            let overHTTP = try await peer.request(
                "POST",
                "/gateway/\(actor)/action/echo",
                ["x-rivet-conn-params": wish],
                body: Array(#"{"args":["x"]}"#.utf8)
            )
            #expect(overHTTP.status == 500)
            #expect(
                overHTTP.text
                    == #"{"actor":{"actorId":"\#(actor)","generation":1,"key":"my-counter"},\#(refused.overHTTP ?? refused.error)}"#
            )
            let parameters = "rivet_conn_params.%7B%22\(refused.wish)%22%3Atrue%7D"
            _ = try await peer.upgrade("/gateway/\(actor)/connect", subprotocols: "rivet, \(parameters)")
            #expect(
                try await peer.frame() == .text(#"{"body":{"tag":"Error","val":{"actionId":null,\#(refused.error)}}}"#)
            )
            #expect(try await peer.frame() == .close(1011, refused.reason))
        }
    }

    @Test(arguments: StreamPair.Kind.all)
    func aSlowHookTimesOut(_ kind: StreamPair.Kind) async throws {
        let clock = TestClock()
        let test = ProbeEngine(kind: kind, clock: clock)
        try await test.run { (_, peer) async throws in
            let actor = try await peer.getOrCreate("probe")
            let parameters = "rivet_conn_params.%7B%22hang%22%3Atrue%7D"
            _ = try await peer.upgrade("/gateway/\(actor)/connect", subprotocols: "rivet, \(parameters)")
            try await test.waitFor("before")
            await clock.advance(by: .seconds(5))
            let error = #""code":"callback_timed_out","group":"actor","message":"Callback timed out""#
            #expect(try await peer.frame() == .text(#"{"body":{"tag":"Error","val":{"actionId":null,\#(error)}}}"#))
            #expect(try await peer.frame() == .close(1011, "actor.callback_timed_out"))
        }
    }

    @Test(arguments: StreamPair.Kind.all)
    func parametersThatAreNotJSONMeetSilence(_ kind: StreamPair.Kind) async throws {
        let clock = TestClock()
        try await ProbeEngine(kind: kind, clock: clock).run { (_, peer) async throws in
            let actor = try await peer.getOrCreate("probe")
            let answer = try await peer.upgrade(
                "/gateway/\(actor)/connect",
                subprotocols: "rivet, rivet_conn_params.nonsense"
            )
            let ray = answer["x-rivet-ray-id"] ?? ""
            await clock.advance(by: .milliseconds(19_100))
            #expect(peer.receivedSoFar.isEmpty)
            await clock.advance(by: .milliseconds(100))
            #expect(try await peer.frame() == .close(1011, "guard.websocket_closed_before_open#\(ray)"))
        }
    }

    // MARK: Ends and limits

    @Test(arguments: ["own reason", String(repeating: "r", count: 200)], StreamPair.Kind.all)
    func theActorDisconnects(_ reason: String, _ kind: StreamPair.Kind) async throws {
        try await ProbeEngine(kind: kind).run { (_, peer) async throws in
            let actor = try await peer.getOrCreate("probe")
            try await peer.connect(actor)
            peer.send(Wire.call(0, "kick", "\"\(reason)\""))
            // Not answered, and the reason is not cut.
            #expect(try await peer.frame() == .close(1000, reason))
            peer.send(.close(1000))
            #expect(try await peer.readToEnd().end == .finished)
        }
    }

    @Test(arguments: StreamPair.Kind.all)
    func aLostSocketIsADisconnect(_ kind: StreamPair.Kind) async throws {
        let test = ProbeEngine(kind: kind)
        try await test.run { (engine, peer) async throws in
            let actor = try await peer.getOrCreate("probe")
            try await PlainPeer.with(engine, kind) { other in try await other.connect(actor) }
            try await test.waitFor("disconnect, 0 visible")
        }
    }

    @Test(arguments: StreamPair.Kind.all)
    func outgoingLimits(_ kind: StreamPair.Kind) async throws {
        try await ProbeEngine(kind: kind).run { (_, peer) async throws in
            let actor = try await peer.getOrCreate("probe")
            try await peer.connect(actor)
            // Envelope and quotes take 73 bytes around the text.
            let room = (1 << 20) - Wire.answer(0, #""""#).payload.count
            peer.send(Wire.call(0, "big", "\(room)"))
            #expect(try await peer.frame().payload.count == 1 << 20)
            peer.send(Wire.call(1, "big", "\(room + 1)"))
            #expect(
                try await peer.frame()
                    == Wire.error(1, actor, "message", "outgoing_too_long", "Outgoing message too long")
            )
            // The connection lives on, until an event is too long.
            peer.send(Wire.subscribe("said"))
            peer.send(Wire.call(2, "bigEvent", "\(1 << 20)"))
            #expect(try await peer.frame() == .close(1011, "message.outgoing_too_long"))
        }
    }

    @Test(arguments: StreamPair.Kind.all)
    func anActionTimesOut(_ kind: StreamPair.Kind) async throws {
        let clock = TestClock()
        let test = ProbeEngine(kind: kind, clock: clock)
        try await test.run { (_, peer) async throws in
            let actor = try await peer.getOrCreate("probe")
            try await peer.connect(actor)
            peer.send(Wire.call(0, "wait", #""never""#))
            try await test.waitFor("start never")
            await clock.advance(by: .seconds(60))
            #expect(try await peer.frame() == Wire.error(0, actor, "actor", "action_timed_out", "Action timed out"))
        }
    }

    @Test(arguments: StreamPair.Kind.all)
    func pingsAndFragmentsAreTaken(_ kind: StreamPair.Kind) async throws {
        try await ProbeEngine(kind: kind).run { (_, peer) async throws in
            let actor = try await peer.getOrCreate("probe")
            try await peer.connect(actor)
            let payload = Wire.call(0, "echo", #""hi""#).payload
            peer.send(PlainPeer.Frame(opcode: 1, payload: Array(payload.prefix(20))), first: 0x01)
            peer.send(PlainPeer.Frame(opcode: 9, payload: [1, 2, 3]))
            peer.send(PlainPeer.Frame(opcode: 0, payload: Array(payload.dropFirst(20))))
            #expect(try await peer.frame() == PlainPeer.Frame(opcode: 10, payload: [1, 2, 3]))
            #expect(try await peer.frame() == Wire.answer(0, #""hi""#))
        }
    }

    @Test(arguments: StreamPair.Kind.all)
    func whatComesBehindTheUpgradeIsHandledAfterInit(_ kind: StreamPair.Kind) async throws {
        try await ProbeEngine(kind: kind).run { (_, peer) async throws in
            let actor = try await peer.getOrCreate("probe")
            var request = "GET /gateway/\(actor)/connect HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\n"
            request += "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
            request += "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: rivet\r\n\r\n"
            peer.send(request)
            peer.send(Wire.subscribe("said"))
            peer.send(Wire.call(0, "say", #""early""#))
            #expect(try await peer.response(hasBody: false).status == 101)
            #expect(try await peer.frame().text.contains("Init"))
            #expect(try await peer.frame() == Wire.event("said", #""early""#))
            #expect(try await peer.frame() == Wire.answer(0, "null"))
        }
    }
}
