// SPDX-License-Identifier: Apache-2.0
import Synchronization
import Testing

@testable import RivetAsync

private enum Caller {
    @TaskLocal static var ray: String = "none"
}

/// What a request is tied to: asked once, checked at once, on all that a call causes.
@Suite(.leavesNothing, .timeLimit(.minutes(3)))
struct RequestContextTests {
    static let id: String = "5jxlv5boumuljx2d2nvyat0o2edl00"
    static let parent: String = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

    @Test("B261, B263: asked once in the caller's task, for lookup, metadata and every try")
    func once() async throws {
        let server = try await LiteralServer.start()
        var configuration = try RivetConfiguration(endpoint: server.endpoint, token: .none)
        let asked = Mutex(0)
        configuration.requestContext = {
            let count = asked.withLock { count in
                count += 1
                return count
            }
            return RequestContext(rayID: "\(Caller.ray)-\(count)", traceparent: Self.parent, tracestate: "a=1,b=2")
        }
        configuration.fields = ["traceparent": "not sent", "x-rivet-ray-id": "fallback"]
        let client = RivetClient(configuration)
        let call = Task {
            try await Caller.$ray.withValue("mine") {
                try await client.get("counter", ["k"]).action("count", options: .init(isIdempotent: true))
            }
        }
        let peer = try await server.accept()
        let actors =
            #"{"actors":[{"actor_id":"\#(Self.id)","name":"counter","key":"k","namespace_id":"n","datacenter":"d","#
            + #""runner_name_selector":"default","crash_policy":"sleep","create_ts":1,"start_ts":null,"#
            + #""pending_allocation_ts":null,"connectable_ts":null,"sleep_ts":null,"reschedule_ts":null,"#
            + #""destroy_ts":null}],"pagination":{"cursor":null}}"#
        let busy = #"{"group":"actor","code":"overloaded","message":"m"}"#
        let result = [UInt8]([4, 0, 1, 0xf6])
        var targets: [String] = []
        for (status, fields, body) in [
            ("200 OK", "", Array("{}".utf8)), ("200 OK", "", Array(actors.utf8)),
            ("503 Busy", "content-type: application/json\r\nx-rivet-actor: a\r\n", Array(busy.utf8)),
            ("200 OK", "x-rivet-actor: a\r\n", result),
        ] {
            let head = try await peer.readHead()
            targets.append(head[0])
            let length = head.first { $0.lowercased().hasPrefix("content-length: ") }.flatMap { Int($0.dropFirst(16)) }
            _ = try await peer.read(length ?? 0)
            let lines = head.map { $0.lowercased() }
            #expect(lines.contains("x-rivet-ray-id: mine-1"))
            #expect(lines.contains("traceparent: \(Self.parent)"))
            #expect(lines.contains("tracestate: a=1,b=2"))
            peer.write("HTTP/1.1 \(status)\r\n\(fields)content-length: \(body.count)\r\n\r\n")
            peer.write(body)
        }
        _ = await call.result
        #expect(
            targets == [
                "GET /metadata?namespace=default HTTP/1.1", "GET /actors?name=counter&key=k&namespace=default HTTP/1.1",
                "POST /gateway/\(Self.id)/action/count HTTP/1.1", "POST /gateway/\(Self.id)/action/count HTTP/1.1",
            ]
        )
        #expect(asked.withLock { $0 } == 1)
        await client.close(within: .zero)
        await server.stop()
    }

    struct Source: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var own: HTTPFields
        var sent: [String]
    }

    static let other: String = "00-11111111111111111111111111111111-2222222222222222-00"
    static let sources: [Source] = [
        Source(
            testDescription: "the context's",
            own: [:],
            sent: ["x-rivet-ray-id: ray", "traceparent: \(parent)", "tracestate: a=1"]
        ),
        Source(
            testDescription: "the call's parent takes the context's state along",
            own: ["traceparent": other],
            sent: ["x-rivet-ray-id: ray", "traceparent: \(other)"]
        ),
        Source(
            testDescription: "all the call's own",
            own: ["X-Rivet-Ray-Id": "own", "Traceparent": other, "Tracestate": "c=3"],
            sent: ["x-rivet-ray-id: own", "traceparent: \(other)", "tracestate: c=3"]
        ),
    ]

    @Test("B263: a call's own fields beat the context, and parent and state are of one source", arguments: sources)
    func ownFieldsWin(_ row: Source) async throws {
        let server = try await LiteralServer.start()
        var configuration = try RivetConfiguration(endpoint: server.endpoint, token: .none)
        configuration.looksUpMetadata = false
        configuration.requestContext = {
            RequestContext(rayID: "ray", traceparent: Self.parent, tracestate: "a=1")
        }
        let client = RivetClient(configuration)
        let handle = client.getForID("counter", ActorID(rawValue: Self.id))
        for isOfTheRequest in [false, true] {
            let call = Task {
                let request = ActorRequest("x", fields: isOfTheRequest ? row.own : [:])
                return try await handle.fetch(request, .init(fields: isOfTheRequest ? [:] : row.own))
            }
            let peer = try await server.accept()
            let lines = try await peer.readHead().map { $0.lowercased() }
            let sent = lines.filter { line in TraceFields.names.contains { line.hasPrefix($0) } }
            #expect(sent.sorted() == row.sent.sorted())
            peer.write("HTTP/1.1 200 OK\r\nx-rivet-actor: a\r\nconnection: close\r\ncontent-length: 0\r\n\r\n")
            #expect(try await call.value.status == 200)
            peer.close()
        }
        await client.close(within: .zero)
        await server.stop()
    }

    @Test("B262: an empty state is left out", arguments: [nil, parent])
    func emptyState(_ parent: String?) throws {
        let fields = try RequestContext(traceparent: parent, tracestate: "").checkedFields()
        #expect(fields["tracestate"] == nil)
        #expect(fields["traceparent"] == parent)
    }

    @Test(
        "B262: what Rivet would drop in silence is a mistake at once",
        arguments: [
            RequestContext(rayID: ""), RequestContext(rayID: String(repeating: "a", count: 31)),
            RequestContext(rayID: "a.b"), RequestContext(rayID: "ä"), RequestContext(traceparent: ""),
            RequestContext(traceparent: parent.uppercased()), RequestContext(traceparent: parent + "-00"),
            RequestContext(traceparent: "ff" + parent.dropFirst(2)),
            RequestContext(traceparent: "00-00000000000000000000000000000000-b7ad6b7169203331-01"),
            RequestContext(traceparent: "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01"),
            RequestContext(traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331"),
            RequestContext(tracestate: "a=1"),
            RequestContext(traceparent: parent, tracestate: String(repeating: "a", count: 513)),
            RequestContext(traceparent: parent, tracestate: String(repeating: "a=1,", count: 32) + "b=2"),
            RequestContext(traceparent: parent, tracestate: "a=\u{7f}"),
        ]
    )
    func malformed(_ context: RequestContext) async throws {
        var configuration = try RivetConfiguration(endpoint: "http://127.0.0.1:1")
        configuration.looksUpMetadata = false
        configuration.requestContext = { context }
        let client = RivetClient(configuration)
        let handle = client.getForID("counter", "id")
        let error = await #expect(throws: RivetError.self) { try await handle.action("count") }
        #expect(error?.code == .invalidArgument && error?.fault == .caller && error?.execution == .notSent)
        #expect(error?.message.hasPrefix("requestContext: ") == true)
        let ended = await #expect(throws: RivetError.self) { try await handle.connect().waitUntilConnected() }
        #expect(ended?.code == .invalidArgument)
        await client.close(within: .zero)
    }

    @Test("B262: a call's own and the default ray are checked too, and a later version may have more")
    func ownFields() async throws {
        let client = try RivetClient.offline(.none)
        for fields: HTTPFields in [["x-rivet-ray-id": "a b"], ["traceparent": "1"], ["tracestate": "a=1"]] {
            let error = await #expect(throws: RivetError.self) {
                try await client.getForID("counter", "id").action("count", options: .init(fields: fields))
            }
            #expect(error?.code == .invalidArgument)
        }
        await client.close(within: .zero)
        var configuration = try RivetConfiguration(endpoint: "http://engine.test")
        configuration.fields = ["x-rivet-ray-id": "a b"]
        #expect(throws: RivetError.self) { try configuration.validate() }
        configuration.fields = ["x-rivet-ray-id": "A-b_9"]
        try configuration.validate()
        let later = "01" + Self.parent.dropFirst(2) + "-more"
        #expect(try RequestContext(rayID: "a", traceparent: later).checkedFields()["traceparent"] == later)
    }
}
