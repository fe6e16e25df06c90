// SPDX-License-Identifier: Apache-2.0
import RivetAsyncLocal
import Synchronization
import Testing

@testable import RivetAsync

/// What the caller got wrong is told to the caller at once: nothing is dialled, nothing is repeated, nobody else is
/// blamed.
@Suite(.leavesNothing, .timeLimit(.minutes(3)))
struct CallersMistakeTests {
    enum Echo: ActorDefinition {}
    struct Ask: ActorAction { typealias Target = Echo }
    struct Note: ActorQueueMessage { typealias Target = Echo }

    /// Counts who dials, and gets nobody anywhere.
    final class CountingDialer: Dialer {
        let dials = Atomic<Int>(0)

        func dial(_ request: DialRequest) async throws(TransportError) -> any ByteStream {
            dials.add(1, ordering: .relaxed)
            throw .laneShutDown
        }
    }

    /// The code and fault of the error, and that nothing was dialled, metadata not excluded.
    static func outcome(
        _ change: (inout RivetConfiguration) -> Void = { _ in },
        _ body: (RivetClient, ActorHandle<Echo>) async throws -> Void
    ) async throws -> String {
        var configuration = try RivetConfiguration(endpoint: "http://engine.test")
        change(&configuration)
        let dialer = CountingDialer()
        let client = RivetClient(configuration, transport: RivetTransport(dialer: dialer))
        let outcome = await DurationTests.outcome { try await body(client, client.getOrCreate(Echo.self, ["k"])) }
        await client.close(within: .zero)
        #expect(client.context.gauge.counts == .zero)
        return "\(outcome), \(dialer.dials.load(ordering: .relaxed)) dials"
    }

    static let invalidArgument = "invalidArgument, caller, notSent, 0 dials"
    static let invalidConfiguration = "invalidConfiguration, caller, notSent, 0 dials"

    /// Everything that can be called with fields.
    static let calls: [@Sendable (ActorHandle<Echo>, HTTPFields) async throws -> Void] = [
        { try await $0.send(Ask(), .init(fields: $1)) },
        { try await $0.enqueue(Note(), .init(fields: $1)) },
        { _ = try await $0.enqueueAndWait(Note(), timeout: .seconds(1), .init(fields: $1)) },
        { _ = try await $0.fetch(ActorRequest("x"), .init(fields: $1)) },
        { _ = try await $0.fetch(ActorRequest("x", fields: $1)) },
        { _ = try await $0.webSocket("x", .init(fields: $1)) },
    ]

    /// Fields that no head can hold.
    static let unsendable: [HTTPFields] = [
        ["": "x"], ["a b": "x"], ["a:": "x"], ["a\r\nb": "x"], ["\u{e9}": "x"], ["a": "b\r\nc: d"], ["a": "b\nc"],
        ["a": "\0"], ["a": "\u{7f}"], ["a": "caf\u{e9}"], ["a": "b\tc"], ["x-fine": "x", "a": "\u{1f600}"],
    ]

    /// Fields that the protocol writes itself.
    static let reserved: [HTTPFields] = [
        ["Host": "x"], ["host": "x"], ["Connection": "keep-alive"], ["Upgrade": "h2c"], ["Content-Length": "0"],
        ["Transfer-Encoding": "chunked"], ["Sec-WebSocket-Key": "x"], ["sec-websocket-protocol": "x"],
        ["X-Rivet-Encoding": "json"], ["x-rivet-conn-params": "{}"], ["x-rivet-skip-ready-wait": "1"],
        ["x-rivet-target": "actor"], ["x-rivet-actor": "x"],
    ]

    @Test(
        "B11, B184, B267: fields of a call that cannot be sent, or are the protocol's own",
        arguments: unsendable + reserved
    )
    func fieldsOfACall(_ fields: HTTPFields) async throws {
        for call in Self.calls {
            let outcome = try await Self.outcome { _, handle in try await call(handle, fields) }
            #expect(outcome == Self.invalidArgument)
        }
    }

    @Test(
        "B267: default fields that cannot be sent make the configuration invalid, for all that uses it",
        arguments: unsendable
    )
    func defaultFields(_ fields: HTTPFields) async throws {
        let uses: [(RivetClient, ActorHandle<Echo>) async throws -> Void] = [
            { _, handle in try await handle.send(Ask()) },
            { _, handle in _ = try await handle.fetch(ActorRequest("x")) },
            { _, handle in _ = try await handle.webSocket("x") },
            { _, handle in _ = try await handle.resolve() },
            { client, _ in _ = try await client.create(Echo.self) },
            { _, handle in try await handle.connect().waitUntilConnected() },
            { _, handle in try await handle.withConnection { _ = try await $0.send(Ask()) } },
        ]
        for use in uses {
            let outcome = try await Self.outcome({ $0.fields = fields }, use)
            #expect(outcome == Self.invalidConfiguration)
        }
        var configuration = try RivetConfiguration(endpoint: "http://engine.test")
        configuration.fields = fields
        let error = #expect(throws: RivetError.self) { try configuration.validate() }
        #expect(error?.code == .invalidConfiguration)
        #expect(error?.message.contains("caf") == false, "no value is shown")
    }

    @Test(
        "B267: what the request context cannot send fails the call",
        arguments: [
            RequestContext(rayID: "a\r\nb"), RequestContext(traceparent: "\u{e9}"),
            RequestContext(fields: ["a b": "x"]),
        ]
    )
    func requestContext(_ context: RequestContext) async throws {
        for looksUpMetadata in [false, true] {
            let uses: [(ActorHandle<Echo>) async throws -> Void] = [
                { try await $0.send(Ask()) }, { _ = try await $0.webSocket("x") },
                { try await $0.connect().waitUntilConnected() },
            ]
            for use in uses {
                let outcome = try await Self.outcome {
                    $0.requestContext = { context }
                    $0.looksUpMetadata = looksUpMetadata
                } _: { _, handle in
                    try await use(handle)
                }
                #expect(outcome == Self.invalidArgument)
            }
        }
    }

    @Test(
        "B194, B267, B314: subprotocols that cannot be offered",
        arguments: [
            ["a b"], [""], ["x", "x"], ["rivet"], ["x", "rivet"], ["rivet_encoding.bare"], ["rivet_conn_params.%7B%7D"],
            ["rivet_skip_ready_wait"], ["rivet_token.x"], ["rivet_target.actor"], ["rivet_actor.x"], ["a,b"],
            ["a\r\nb"],
            ["caf\u{e9}"], ["a/b"],
        ]
    )
    func subprotocols(_ list: [String]) async throws {
        let outcome = try await Self.outcome { _, handle in _ = try await handle.webSocket("x", subprotocols: list) }
        #expect(outcome == Self.invalidArgument)
        let scoped = try await Self.outcome { _, handle in
            try await handle.withWebSocket("x", subprotocols: list) { _ in }
        }
        #expect(scoped == Self.invalidArgument)
    }

    @Test(
        "B267: requests that cannot be written",
        arguments: [
            ActorRequest("x", method: ""), ActorRequest("x", method: "A B"), ActorRequest("x", method: "GET\r\n"),
            ActorRequest("x", method: "CONNECT"),
            ActorRequest("x", method: "PUT", body: .stream(AsyncStream<ByteChunk> { $0.finish() }, length: -1)),
        ]
    )
    func requests(_ request: ActorRequest) async throws {
        let outcome = try await Self.outcome { _, handle in _ = try await handle.fetch(request) }
        #expect(outcome == Self.invalidArgument)
    }

    @Test(
        "B267: a token that no field can carry is refused by the configuration, and not shown",
        arguments: [
            "secret\n", "sec\u{e9}ret", "sec\0ret",
        ]
    )
    func token(_ token: String) throws {
        for make in [
            { try RivetConfiguration(endpoint: "http://engine.test", token: .fixed(Secret(token))) },
            { try RivetConfiguration(endpoint: "http://ns:\(PercentEncoding.encode(token))@engine.test") },
        ] {
            let error = #expect(throws: RivetError.self) { _ = try make() }
            #expect(error?.code == .invalidConfiguration)
            #expect(error?.fault == .caller)
            #expect(error.map { "\($0)" }?.contains("sec") == false)
        }
    }

    @Test("B11: default fields of the protocol's own names are left out, of requests and of handshakes")
    func theProtocolsOwnStand() async throws {
        let names: Set<String> = [
            "host", "connection", "upgrade", "content-length", "transfer-encoding", "sec-websocket-version",
            "sec-websocket-protocol", "x-rivet-encoding", "x-rivet-conn-params", "x-rivet-target", "x-rivet-actor",
        ]
        func own(_ head: [String]) -> [String] {
            head.dropFirst().filter { names.contains($0.prefix { $0 != ":" }.lowercased()) }.map { $0.lowercased() }
                .sorted()
        }
        try await CauseTests.run({ configuration in
            for name in names { configuration.fields.append(.init(name, "wrong")) }
            configuration.fields.append(.init("Connection", "keep-alive"))
        }) { client, server in
            let handle = client.getForID(CauseTests.Echo.self, "a")
            let calling = Task { try await handle.send(CauseTests.Ask(), .init(timeout: .seconds(20))) }
            let peer = try await server.accept()
            let request = own(try await peer.readHead())
            #expect(
                request == ["content-length: 4", "host: 127.0.0.1:\(server.port)", "x-rivet-encoding: bare"]
            )
            calling.cancel()
            await #expect(throws: CancellationError.self) { _ = try await calling.value }
            let connection = handle.connect()
            let handshake = own(try await server.accept().readHead())
            #expect(
                handshake == [
                    "connection: upgrade", "host: 127.0.0.1:\(server.port)",
                    "sec-websocket-protocol: rivet, rivet_encoding.bare", "sec-websocket-version: 13",
                    "upgrade: websocket",
                ]
            )
            await connection.disconnect()
        }
    }

    @Test(
        "a handshake that was refused by ourselves is not tried again",
        arguments: [
            WebSocketHandshakeError.reservedField(name: "host"), .invalidSubprotocol(index: 0),
            .http(.invalidTarget(offset: 3)), .http(.invalidFieldName(index: 0)),
        ]
    )
    func refusedByOurselves(_ error: WebSocketHandshakeError) throws {
        let endpoint = try Endpoint.parse("http://engine.test").endpoint
        for ending in [
            AttemptEnding(opening: error, endpoint), AttemptEnding(attemptError: error, openTimeout: .seconds(1)),
        ] {
            #expect(ending.isPermanent)
            #expect(ending.error.code == .invalidArgument)
            #expect(ending.error.fault == .caller)
        }
    }

    @Test("a field of one call wins over a default one, and both are sent as they are")
    func theCallsOwnWins() async throws {
        try await CauseTests.run({ $0.fields = ["X-Team": "all", "X-Other": "o"] }) { client, server in
            let handle = client.getForID(CauseTests.Echo.self, "a")
            let calling = Task { try await handle.send(CauseTests.Ask(), .init(fields: ["x-team": "one"])) }
            let head = try await server.accept().readHead()
            #expect(head.filter { $0.lowercased().hasPrefix("x-team") } == ["x-team: one"])
            #expect(head.contains("X-Other: o"))
            calling.cancel()
            await #expect(throws: CancellationError.self) { _ = try await calling.value }
        }
    }
}
