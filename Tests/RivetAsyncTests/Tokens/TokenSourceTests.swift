// SPDX-License-Identifier: Apache-2.0
import RivetAsyncLocal
import Testing

@testable import RivetAsync

/// When a provider is asked for a token, how often, and who hears what came of it.
@Suite(.leavesNothing, .timeLimit(.minutes(3)))
struct TokenSourceTests {
    @Test("B237, B238: many first calls ask once, with nil, and all get the answer")
    func asksOnce() async throws {
        let provider = ScriptedTokenProvider()
        let client = try RivetClient.offline(provider.token)
        let calls = (1...20).map { _ in Task { try await client.currentToken() } }
        // Beside the callers, the client waits for its next deadline.
        try await until { client.context.gauge.counts.waiters == 21 }
        provider.answer("a/b")
        for call in calls { #expect(try await call.value == "a/b") }
        #expect(try await client.currentToken() == "a/b")
        #expect(provider.questions == ["-"])
        await client.close(within: .zero)
    }

    @Test("B239: a JWT is kept until 5 s before its expiry, and one that is over serves who asked")
    func expiry() async throws {
        let clock = TestClock()
        let provider = ScriptedTokenProvider()
        let client = try RivetClient.offline(provider.token, clock: clock)
        let now = client.context.time.calendarMilliseconds / 1_000
        let (first, second) = (
            ScriptedTokenProvider.jwt("{\"exp\":\(now + 60)}"), ScriptedTokenProvider.jwt("{\"exp\":\(now + 58)}")
        )
        provider.answer(first)
        #expect(try await client.currentToken() == first)
        await clock.advance(by: .seconds(53))
        #expect(try await client.currentToken() == first)
        #expect(provider.questions == ["-"])
        await clock.advance(by: .seconds(3))
        provider.answer(second)
        #expect(try await client.currentToken() == second)
        #expect(provider.questions == ["-", "-"])
        // It was within 5 s of its end when it came.
        provider.answer("third")
        #expect(try await client.currentToken() == "third")
        #expect(provider.questions == ["-", "-", "-"])
        await client.close(within: .zero)
    }

    @Test(
        "B240: a token without a whole exp has no end of its own",
        arguments: [
            "opaque", "a.b", "a.b.c.d", "..", ScriptedTokenProvider.jwt("{}"),
            ScriptedTokenProvider.jwt("{\"exp\":1.5}"),
            ScriptedTokenProvider.jwt("{\"exp\":\"1\"}"), ScriptedTokenProvider.jwt("{\"exp\":1e300}"),
            ScriptedTokenProvider.jwt("{\"exp\":null}"),
            ScriptedTokenProvider.jwt("[1]"), ScriptedTokenProvider.jwt("{\"exp\":1"), "a.e30=.c", "a.e3+/.c",
            "a.!!!!.c",
        ]
    )
    func noExpiry(_ token: String) async throws {
        #expect(TokenText(Secret(token)).expiry == nil)
        let clock = TestClock()
        let provider = ScriptedTokenProvider(token)
        let client = try RivetClient.offline(provider.token, clock: clock)
        #expect(try await client.currentToken() == token)
        await clock.advance(by: .seconds(1_000_000))
        #expect(try await client.currentToken() == token)
        #expect(provider.questions == ["-"])
        await client.close(within: .zero)
    }

    @Test(
        "B239: the expiry is the second part's exp, the last one where there are several",
        arguments: [
            ("{\"exp\":7}", 7), ("{\"a\":{\"exp\":1},\"exp\":8,\"z\":[]}", 8), ("{\"exp\":1,\"exp\":9}", 9),
            ("{\"exp\":-3}", -3), ("{\"exp\":1e3}", 1_000), (" {\"exp\":9223372036854775807} ", Int64.max),
        ] as [(String, Int64)]
    )
    func expiryOf(_ claims: String, _ expiry: Int64) {
        #expect(TokenText(Secret(ScriptedTokenProvider.jwt(claims))).expiry == expiry)
    }

    @Test("B241, B242: only a refusal of the current token asks, once and with that token")
    func refusals() async throws {
        let provider = ScriptedTokenProvider("one")
        let client = try RivetClient.offline(provider.token)
        #expect(try await client.currentToken() == "one")
        let source = try #require(client.context.tokens)
        source.refused("zero")
        #expect(try await client.currentToken() == "one")
        source.refused("one")
        source.refused("one")
        await provider.asked(2)
        source.refused("one")
        provider.answer("two")
        #expect(try await client.currentToken() == "two")
        source.refused("one")
        #expect(try await client.currentToken() == "two")
        #expect(provider.questions == ["-", "one"])
        await client.close(within: .zero)
    }

    @Test("B242: a provider that fails for a refused token is asked for it again")
    func failsOnce() async throws {
        let provider = ScriptedTokenProvider("one")
        let client = try RivetClient.offline(provider.token)
        #expect(try await client.currentToken() == "one")
        try #require(client.context.tokens).refused("one")
        await provider.asked(2)
        let call = Task { try await client.currentToken() }
        // Beside the caller, the client waits for its next deadline.
        try await until { client.context.gauge.counts.waiters == 2 }
        provider.fail()
        await #expect(throws: RivetError.self) { try await call.value }
        provider.answer("two")
        #expect(try await client.currentToken() == "two")
        #expect(provider.questions == ["-", "one", "one"])
        await client.close(within: .zero)
    }

    @Test("B249: a provider that throws, or gives what cannot be sent, is the caller's fault, and is asked again")
    func unavailable() async throws {
        let provider = ScriptedTokenProvider()
        let client = try RivetClient.offline(provider.token)
        provider.fail()
        let thrown = await #expect(throws: RivetError.self) { try await client.currentToken() }
        #expect(thrown?.code == .tokenUnavailable)
        #expect(thrown?.fault == .caller)
        #expect(thrown?.execution == .notSent)
        #expect(thrown?.underlying as? ScriptedTokenProvider.Trouble == ScriptedTokenProvider.Trouble())
        #expect(thrown?.message == "no token could be had: its provider threw: Trouble")
        for token in ["", "line\nbreak", "ä"] {
            provider.answer(token)
            let error = await #expect(throws: RivetError.self) { try await client.currentToken() }
            #expect(
                error?.message
                    == "no token could be had: its provider gave one that is empty or has characters that cannot be sent"
            )
        }
        // An error of the provider's own making is no cancellation of the caller's (B210).
        provider.fail(CancellationError())
        let error = await #expect(throws: RivetError.self) { try await client.currentToken() }
        #expect(error?.code == .tokenUnavailable)
        #expect(provider.questions == ["-", "-", "-", "-", "-"])
        await client.close(within: .zero)
    }

    @Test("B250: a caller's deadline does not wait for the provider, and the others wait on")
    func deadline() async throws {
        let clock = TestClock()
        let provider = ScriptedTokenProvider()
        let engine = try await LocalEngine.start(clock: clock, transport: .memory) { _ in }
        var configuration = try RivetConfiguration(endpoint: engine.endpoint, token: provider.token)
        configuration.looksUpMetadata = false
        let client = RivetClient(configuration, clock: clock, transport: engine.transport)
        let patient = Task { try await client.currentToken() }
        await provider.asked(1)
        let call = Task {
            try await client.getForID("counter", "id").action("count", options: .init(timeout: .seconds(3)))
        }
        await clock.waitForSleepers(3)
        await clock.advance(by: .seconds(3))
        let error = await #expect(throws: RivetError.self) { try await call.value }
        #expect(error?.code == .deadlineExceeded)
        #expect(error?.execution == .notSent)
        #expect(error?.message.contains("the token's provider had not answered before the deadline") == true)
        provider.answer("late")
        #expect(try await patient.value == "late")
        #expect(provider.questions == ["-"])
        await client.close(within: .zero)
        await engine.stop()
    }

    @Test("B251, B317: a question that nobody answers is given up, and a late answer is dropped")
    func neverAnswered() async throws {
        let clock = TestClock()
        let provider = ScriptedTokenProvider()
        let client = try RivetClient.offline(provider.stubborn, clock: clock)
        let first = Task { try await client.currentToken() }
        await provider.asked(1)
        await clock.waitForSleepers(2)
        await clock.advance(by: .seconds(76))
        await #expect(throws: RivetError.self) { try await first.value }
        let second = Task { try await client.currentToken() }
        await provider.asked(2)
        provider.answer("answer to the first question")
        provider.answer("answer to the second")
        // Which of the two questions takes which answer is not fixed; the one given up counts for nothing.
        let token = try await second.value
        #expect(try await client.currentToken() == token)
        #expect(provider.questions == ["-", "-"])
        await client.close(within: .zero)
    }

    @Test("B317: closing does not wait for a provider that hears no cancellation, and says that it is left running")
    func closes() async throws {
        let provider = ScriptedTokenProvider()
        let client = try RivetClient.offline(provider.stubborn)
        var lines = client.diagnostics.makeAsyncIterator()
        let call = Task { try await client.currentToken() }
        await provider.asked(1)
        await client.close(within: .zero)
        let error = await #expect(throws: RivetError.self) { try await call.value }
        #expect(error?.code == .clientClosed)
        #expect(client.context.gauge.counts == .init(tasks: 1))
        var warnings: [String] = []
        while let line = await lines.next() { if line.level == .warning { warnings.append(line.message) } }
        #expect(warnings == ["the provider of the token was left running"])
        provider.answer("late")
        try await until { client.context.gauge.counts == .zero }
    }

    @Test("B252: a cancelled caller goes alone; the last one takes the provider's task along")
    func cancelled() async throws {
        let provider = ScriptedTokenProvider()
        let client = try RivetClient.offline(provider.token)
        let calls = (1...2).map { _ in Task { try await client.currentToken() } }
        try await until { client.context.gauge.counts.waiters == 3 }
        calls[0].cancel()
        await #expect(throws: CancellationError.self) { try await calls[0].value }
        #expect(provider.cancelled == 0)
        calls[1].cancel()
        await #expect(throws: CancellationError.self) { try await calls[1].value }
        try await until { provider.cancelled == 1 }
        provider.answer("next")
        #expect(try await client.currentToken() == "next")
        await client.close(within: .zero)
    }

    private static func expectItself(_ error: RivetError?) {
        let cause = error?.underlying as? RivetError
        #expect(cause?.code == .tokenUnavailable)
        #expect(
            cause?.message == "no token could be had: the provider itself uses the client that waits for its token"
        )
    }

    @Test("B318: a provider that needs its own client's token hears so at once")
    func needsItself() async throws {
        let box = Monitor<RivetClient?>(nil, gauge: ResourceGauge())
        let client = try RivetClient.offline(
            .provided { _ in
                guard let client = box.current else { throw ScriptedTokenProvider.Trouble() }
                return Secret(try await client.currentToken())
            }
        )
        box.update { $0 = client }
        Self.expectItself(await #expect(throws: RivetError.self) { try await client.currentToken() })
        box.update { $0 = nil }
        await client.close(within: .zero)
    }

    @Test(
        "B318: so does one that looks an actor up, which other tasks do, or connects",
        arguments: ["action", "resolve", "create", "connect", "shared", "its own connection", "its own opening"]
    )
    func needsItselfToLookUp(_ way: String) async throws {
        let box = Monitor<RivetClient?>(nil, gauge: ResourceGauge())
        let connections = Monitor<ActorConnection<Untyped>?>(nil, gauge: ResourceGauge())
        let client = try RivetClient.offline(
            .provided { _ in
                guard let client = box.current else { throw ScriptedTokenProvider.Trouble() }
                if way == "its own connection" {
                    _ = try await connections.current?.action("issue") as String?
                    return "never"
                }
                if way == "its own opening" { try await connections.current?.waitUntilConnected() }
                let handle = client.getOrCreate("auth", ["x"])
                switch way {
                case "action": return Secret(try await handle.action("issue") as String)
                case "resolve": _ = try await handle.resolve()
                case "create": _ = try await client.create("auth", ["x"])
                case "shared":
                    try await handle.withSharedConnection { connection in
                        _ = try await connection.action("issue") as String
                    }
                default: _ = try await handle.withConnection { connection in try await connection.waitUntilConnected() }
                }
                return "never"
            },
            clock: TestClock()
        )
        box.update { $0 = client }
        if way.hasPrefix("its own") { connections.update { $0 = client.getForID("auth", "x").connect() } }
        let error = await #expect(throws: RivetError.self) {
            try await client.getOrCreate("auth", ["x"]).action("issue") as String
        }
        #expect(error?.code == .tokenUnavailable)
        Self.expectItself(error)
        box.update { $0 = nil }
        await client.close(within: .zero)
    }

    @Test("B318: what a provider leaves running uses the client once it has answered")
    func leftRunning() async throws {
        let box = Monitor<RivetClient?>(nil, gauge: ResourceGauge())
        let answered = Signal()
        let left = Recorder<Task<(String, Bool), any Error>>()
        let client = try RivetClient.offline(
            .provided { _ in
                left.add(
                    Task {
                        await answered.wait()
                        guard let client = box.current else { throw ScriptedTokenProvider.Trouble() }
                        return (try await client.currentToken(), client.context.tokenError == nil)
                    }
                )
                return "first"
            }
        )
        box.update { $0 = client }
        #expect(try await client.currentToken() == "first")
        answered.set()
        let (token, isFree) = try await left.all[0].value
        #expect(token == "first" && isFree)
        box.update { $0 = nil }
        await client.close(within: .zero)
    }

    @Test("B253: what is printed of a token is what kind it is")
    func printed() throws {
        let jwt = ScriptedTokenProvider.jwt("{\"sub\":\"hunter2\",\"exp\":1795000000}")
        let kinds: [(token: String, kind: String)] = [
            ("default", "the token \"default\""), ("sk_hunter2", "a secret token (sk_…)"),
            ("pk_hunter2", "a public token (pk_…)"),
            (jwt, "a JWT with the expiry 1795000000 (seconds since 1970)"),
            ("hunter2", "a token of no kind that is known here"),
        ]
        for (token, kind) in kinds { #expect(TokenText(Secret(token)).kind == kind) }
        for token in [AccessToken.fixed(Secret(jwt)), "hunter2", .provided { _ in Secret(jwt) }] {
            var dumped = "\(token)"
            dump(token, to: &dumped)
            let configuration = try RivetConfiguration(endpoint: "http://engine.test", token: token)
            dump(configuration, to: &dumped)
            dumped += "\(configuration)"
            #expect(!dumped.contains("hunter2") && !dumped.contains(jwt))
        }
        #expect(AccessToken.fixed("a").description == "…")
        #expect(AccessToken.provided { _ in "a" }.description == "provided")
        #expect(AccessToken.automatic.description == "automatic")
        #expect(AccessToken.none.description == "none")
    }
}
