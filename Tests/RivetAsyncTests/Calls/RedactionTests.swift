// SPDX-License-Identifier: Apache-2.0
import RivetAsyncLocal
import Testing

@testable import RivetAsync

/// What a client says of itself holds no secret, goes nowhere by itself, and holds nobody up.
@Suite(.leavesNothing, .timeLimit(.minutes(3)))
struct RedactionTests {
    static let secret = Showing.secret
    static let token = AccessToken.fixed(Secret("token-of-\(secret)"))

    struct Wish: Encodable, Sendable { var name = RedactionTests.secret }

    /// A value that no encoding takes, with a secret name in it.
    struct Faulty: Encodable, Sendable { var values = [RedactionTests.secret: Double.nan] }

    /// A value that is nested too deep, with a secret at its bottom.
    indirect enum Deep: Encodable, Sendable {
        case bottom
        case level(Deep)

        static let tooDeep = (0..<200).reduce(Deep.bottom) { deep, _ in .level(deep) }

        func encode(to encoder: any Encoder) throws {
            var container = encoder.container(keyedBy: MapKey.self)
            switch self {
            case .bottom: try container.encode(1, forKey: MapKey())
            case .level(let deep): try container.encode(deep, forKey: MapKey())
            }
        }
    }
    struct MapKey: CodingKey {
        var stringValue = RedactionTests.secret
        var intValue: Int? { nil }
        init() {}
        init(stringValue: String) {}
        init?(intValue: Int) { nil }
    }

    /// Calls over HTTP, with the secret in them, that work and that fail.
    private static func call(_ probe: ActorHandle<ProbeActor>, _ setting: DurationTests.Setting, _ seen: Showing) async
    {
        let untyped = probe.untyped
        let brief = CallOptions(timeout: .milliseconds(50))
        let calls: [() async throws -> Void] = [
            { _ = try await untyped.action("echo", secret) as String },
            { _ = try await untyped.action("echo", secret) as Int },
            { _ = try await untyped.action("echo", secret) as [String: Int] },
            { _ = try await untyped.action("echo", [secret: 1]) as Int },
            { _ = try await untyped.action("echo", Faulty()) as Int },
            { _ = try await untyped.action("echo", Deep.tooDeep) as Int },
            { _ = try await untyped.action("none", secret) as NoValue },
            { _ = try await untyped.action("wait", secret, options: brief) as String },
            { try await probe.send(ProbeActor.Fail(kind: secret)) },
            { try await probe.send(ProbeActor.Fail(kind: "coded")) },
            { try await probe.enqueue(ProbeActor.Job(name: secret)) },
            { _ = try await untyped.enqueueAndWait("job", ["name": secret], as: Int.self, timeout: .seconds(9)) },
            { try await untyped.enqueue("job", Faulty()) },
            {
                _ = try await untyped.enqueueAndWait(
                    "job",
                    ["name": "wait \(secret)"],
                    as: String.self,
                    timeout: .seconds(9),
                    brief
                )
            },
            {
                _ = try await probe.fetch(ActorRequest("x?q=\(secret)", body: .bytes(Array(secret.utf8)))).body
                    .collect()
            },
            { _ = try await probe.fetch(ActorRequest("x", fields: ["x-own": "\(secret)\r\n"])) },
            {
                _ =
                    try await untyped.action("echo", 1, options: CallOptions(fields: ["x-own": "\(secret)\u{e9}"]))
                    as Int
            },
            { _ = try await probe.resolve() },
            { seen.add(try await probe.gatewayURL()) },
        ]
        for call in calls { await seen.errors(call) }
        for fault in [Faults.Fault.cut(afterBytes: 20), .reset, .bytes(Array("HTTP/1.1 \(secret)\r\n\r\n".utf8))] {
            setting.engine.faults.inject(fault, at: .request)
            await seen.errors { _ = try await untyped.action("echo", secret) as Int }
        }
        setting.engine.faults.clear()
    }

    /// A connection with the secret in what goes over it, that works, fails and is lost.
    private static func connect(_ probe: ActorHandle<ProbeActor>, _ setting: DurationTests.Setting, _ seen: Showing)
        async
    {
        await seen.errors {
            let connection = probe.connect()
            let statuses = seen.statuses(connection)
            var numbers = connection.events(of: ConnectionMessageTests.Numbers.self).deliveries.makeAsyncIterator()
            try await connection.send(ProbeActor.Say(text: secret))
            if let gap = try await numbers.next() { seen.add(gap) }
            await seen.errors { _ = try await connection.action("echo", secret, as: Int.self) }
            await seen.errors { _ = try await connection.action("echo", Faulty()) }
            await seen.errors { _ = try await connection.send(ProbeActor.Fail(kind: secret)) }
            let brief = CallOptions(timeout: .milliseconds(50))
            await seen.errors { _ = try await connection.send(ProbeActor.Wait(gate: secret), brief) }
            let lost = Task { try await connection.send(ProbeActor.Wait(gate: "\(secret) 2")) }
            try await until { setting.log.all.contains("start \(secret) 2") }
            seen.add(connection)
            await setting.engine.faults.cutAllConnections()
            await seen.errors { _ = try await lost.value }
            try await connection.send(ProbeActor.Say(text: secret))
            if let gap = try await numbers.next() { seen.add(gap) }
            seen.add(connection)
            seen.add(connection.status.current)
            await connection.disconnect()
            await seen.errors { _ = try await connection.send(ProbeActor.Say(text: secret)) }
            await statuses.value
        }
    }

    /// Connections that are refused, and raw WebSockets.
    private static func refuse(_ client: RivetClient, _ probe: ActorHandle<ProbeActor>, _ seen: Showing) async {
        let wish = HandleOptions(parameters: .fixed(ProbeActor.Wish(refuseBefore: true, name: secret)))
        let refusing = client.getOrCreate(ProbeActor.self, ["k"], wish)
        await seen.errors { try await refusing.connect().waitUntilConnected() }
        await seen.errors { try await refusing.send(ProbeActor.Echo(text: secret)) }
        let faulty = HandleOptions(parameters: .fixed(Faulty()))
        await seen.errors {
            try await client.getOrCreate(ProbeActor.self, ["k"], faulty).send(ProbeActor.Echo(text: "a"))
        }
        let large = CreateOptions(input: Array(repeating: secret, count: 100))
        let tooLarge = client.getOrCreate(ProbeActor.self, ["large"], create: large)
        seen.add(large)
        seen.add(tooLarge)
        await seen.errors { _ = try await tooLarge.resolve() }
        await seen.errors {
            try await probe.withWebSocket("x?q=\(secret)") { socket in
                try await socket.send(.text(secret))
                seen.add(socket)
            }
        }
        await seen.errors { _ = try await probe.webSocket("x", subprotocols: ["\(secret) "]) }
    }

    /// An error of the user's own: what it says is nobody's business but theirs who catch it.
    struct Trouble: Error { var text = RedactionTests.secret }

    @Test(
        "B213, B214: no line, error, description, mirror or dump holds what is secret",
        arguments: AnsweringServer.encodings
    )
    func secrets(_ encoding: RivetConfiguration.Encoding) async throws {
        let seen = Showing()
        try await DurationTests.run {
            $0 = try RivetConfiguration(endpoint: $0.endpoint.text, token: Self.token)
            $0.encoding = encoding
            $0.reconnect = ReconnectPolicy(first: .zero)
            $0.callTimeout = .seconds(60)
            $0.maxInputSize = 100
            $0.fields = ["x-own": Self.secret, "authorization": "Bearer \(Self.secret)"]
        } _: { setting in
            let client = setting.client
            let lines = seen.lines(client)
            let options = HandleOptions(parameters: .fixed(Wish()))
            let probe = client.getOrCreate(ProbeActor.self, ["k"], options)
            await Self.call(probe, setting, seen)
            await Self.connect(probe, setting, seen)
            await Self.refuse(client, probe, seen)
            seen.add(client)
            seen.add(probe)
            seen.add(options)
            seen.add(ConnectOptions(parameters: .fixed(Wish())))
            seen.add(client.context.configuration)
            await client.close(within: .zero)
            await seen.errors { _ = try await probe.send(ProbeActor.Echo(text: Self.secret)) }
            #expect(await lines.value > 50)
        }
        #expect(seen.count > 200)
        seen.expectNoSecret()
    }

    @Test("B213: what a provider of the user's throws is in no text of ours")
    func usersErrors() async throws {
        // No time passes: nothing is repeated, and on the connection the call waits when the provider throws.
        try await DurationTests.run(clock: TestClock()) { setting in
            let seen = Showing()
            let lines = seen.lines(setting.client)
            let isHeld = Signal(gauge: ResourceGauge())
            let throwing = HandleOptions(
                parameters: .provided { () async throws -> Int in
                    await isHeld.wait()
                    throw Trouble()
                }
            )
            let probe = setting.client.getOrCreate(ProbeActor.self, ["k"], throwing)
            for call in [
                {
                    try await probe.withConnection { connection in
                        async let answer = connection.send(ProbeActor.Echo(text: "a"))
                        try await until { await connection.driver.machine.heldCount == 1 }
                        isHeld.set()
                        _ = try await answer
                    }
                },
                { _ = try await probe.send(ProbeActor.Echo(text: "a")) },
            ] as [@Sendable () async throws -> Void] {
                let error = await #expect(throws: RivetError.self) { try await call() }
                var lowest = error?.underlying
                while let next = (lowest as? RivetError)?.underlying { lowest = next }
                #expect(lowest is Trouble)
                #expect(error.map { "\($0) \($0.message)".contains(Self.secret) } == false)
            }
            await setting.client.close(within: .zero)
            #expect(await lines.value > 4)
            seen.expectNoSecret()
        }
    }

    @Test("B213, B214: a token that is refused, over HTTP, in a handshake and on a socket", arguments: [false, true])
    func refusedTokens(_ closesRefusedUpgrades: Bool) async throws {
        let seen = Showing()
        try await TokenEngine.run(closesRefusedUpgrades: closesRefusedUpgrades) { engine in
            for token in [Self.token, .provided { _ in Secret("token-of-\(Self.secret)") }] {
                try await TokenEngine.withClient(engine, token) {
                    $0.reconnect = ReconnectPolicy(first: .zero, maxAttempts: 2)
                } _: { client in
                    let lines = seen.lines(client)
                    let handle = client.getForID(Counter.self, ActorID(rawValue: AnsweringServer.id))
                    let error = await seen.errors { try await handle.send(Increment(amount: 1)) }
                    #expect(error?.remote?.group == "auth", "\(error as Any)")
                    await seen.errors { _ = try await client.getOrCreate(Counter.self).resolve() }
                    await seen.errors { _ = try await handle.fetch(ActorRequest("x")) }
                    await seen.errors { try await handle.connect().waitUntilConnected() }
                    await seen.errors { try await handle.withWebSocket("x") { for try await _ in $0.messages {} } }
                    seen.add(client)
                    await client.close(within: .zero)
                    #expect(await lines.value > 10)
                }
            }
        }
        seen.expectNoSecret()
    }

    @Test("B213: a server that does not speak TLS, metadata that does not read, and answers that are nobody's")
    func foreignServers() async throws {
        let seen = Showing()
        let answers: [AnsweringServer.Answer] = [
            .json(200, #"{"clientToken":"\#(Self.secret)","clientEndpoint":7}"#),
            .json(200, #"{"clientToken":"\#(Self.secret)\n","clientEndpoint":"http://localhost"}"#),
            .http(302, ["location: http://u:\(Self.secret)@elsewhere.test/x?token=\(Self.secret)"]),
        ]
        for answer in answers {
            try await AnsweringServer.run([], then: answer) {
                $0.looksUpMetadata = true
                $0.callTimeout = .milliseconds(300)
            } _: { client, server in
                let lines = seen.lines(client)
                #expect(await seen.errors { _ = try await client.get("a").resolve() } != nil)
                let secure = "https" + server.endpoint.dropFirst("http".count)
                var configuration = try RivetConfiguration(endpoint: secure, token: Self.token)
                configuration.callTimeout = .milliseconds(300)
                try await withRivetClient(configuration) { client in
                    #expect(await seen.errors { _ = try await client.get("a").action("b", Self.secret) } != nil)
                    seen.add(client)
                }
                await client.close(within: .zero)
                #expect(await lines.value > 3)
            }
        }
        seen.expectNoSecret()
    }

    @Test(
        "B213: a redirection of a request that has the token in its path is shown without it",
        arguments: [
            ("https://host.test:1/gateway/id@hunter2/action/a?x=hunter2", "https://host.test:1/gateway/id/action/a"),
            ("/gateway/id@hunter2/x", "/gateway/id/x"), ("gateway/id@\u{301}hunter2", "gateway/id"),
            ("//u:hunter2@host.test/a@hunter2#hunter2", "//host.test/a"),
            ("https://a@b@host.test", "https://host.test"),
        ]
    )
    func redirection(_ location: String, _ shown: String) async throws {
        let fields: HTTPFields = ["location": location]
        let page = ByteChunk(#"<a href="/gateway/id@hunter2/x">Moved</a>"#.utf8)
        let answer = HTTPAnswer(head: HTTPResponseHead(status: 301, fields: fields), body: page)
        let error = RivetError.unexpected(answer, "it was answered", piece: answer.body.boundedText)
        #expect(error.message.hasSuffix("a redirection to \(shown) that is not followed"), "\(error.message)")
        #expect(!"\(error) \(String(reflecting: error))".contains("hunter2"))
        #expect(error.remote?.message == "")
    }

    @Test("B216: a library that nobody listens to prints nothing")
    func silence() async throws {
        // Reading what it prints holds a thread.
        let result = await #expect(processExitsWith: .success, observing: [\.standardOutputContent]) {
            try await DurationTests.run { setting in
                let seen = Showing()
                await RedactionTests.call(setting.probe, setting, seen)
                await RedactionTests.connect(setting.probe, setting, seen)
                _ = setting.probe.connect()
            }
            print("end of the test")
        }
        let output = String(decoding: result?.standardOutputContent ?? [], as: UTF8.self)
        #expect(output.split(separator: "\n").map(String.init) == ["end of the test"])
    }
}
