// SPDX-License-Identifier: Apache-2.0
import RivetAsyncLocal
import Testing

@testable import RivetAsync

/// Tokens on the wire: where they go, what a refusal does to each kind of request, and what connections do.
@Suite(.leavesNothing, .timeLimit(.minutes(3)))
struct TokenTests {
    private static func error(
        sourceLocation: SourceLocation = #_sourceLocation,
        _ body: () async throws -> Void
    ) async throws -> RivetError {
        try #require(
            await #expect(throws: RivetError.self, sourceLocation: sourceLocation) { try await body() },
            sourceLocation: sourceLocation
        )
    }

    @Test("B232, B228: a fixed token is a bearer for the API and stands in the gateway's URLs")
    func fixed() async throws {
        try await TokenEngine.run { engine in
            try await TokenEngine.withClient(engine, .fixed(TokenEngine.admin)) { client in
                let counter = client.getOrCreate(Counter.self)
                #expect(try await counter.send(Increment(amount: 2)) == 2)
                _ = try await counter.fetch(ActorRequest("x"))
                let count = try await counter.withConnection { try await $0.send(Count()) }
                #expect(count == 3)
                try await counter.withWebSocket { try await $0.send(.text("a")) }
            }
            let uses = engine.tokenUses
            // A raw WebSocket looks its actor up anew.
            #expect(uses.map(\.way) == [nil, .bearer, .path, .path, .path, .bearer, .path])
            #expect(uses.dropFirst().allSatisfy { $0.token?.reveal() == TokenEngine.admin.reveal() })
            #expect(uses.map(\.method) == ["GET", "PUT", "POST", "GET", "GET", "PUT", "GET"])
        }
    }

    @Test("B233, B234: without a token this machine gets default, and none gets none")
    func automatic() async throws {
        try await TokenEngine.run(.required(admin: TokenEngine.admin, acceptsDefault: true)) { engine in
            try await TokenEngine.withClient(engine, .automatic) { client in
                let count = try await client.getOrCreate(Counter.self).send(Increment(amount: 2))
                #expect(count == 2)
            }
            #expect(engine.tokenUses.dropFirst().allSatisfy { $0.token?.reveal() == "default" })
            try await TokenEngine.withClient(engine, .none) { client in
                let error = try await Self.error { _ = try await client.getOrCreate(Counter.self).send(Count()) }
                #expect(error.matches("auth", "invalid_token"))
            }
            #expect(engine.tokenUses.last?.way == nil)
        }
        // An engine that asks for none answers as ever.
        try await TokenEngine.run(.none) { engine in
            try await TokenEngine.withClient(engine, .automatic) { client in
                let count = try await client.getOrCreate(Counter.self).send(Increment(amount: 2))
                #expect(count == 2)
            }
        }
    }

    struct Refused: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var token: Secret?
        var code: String
        var kind: String
        var status = 401
    }

    @Test("B248: a refusal that no provider mends fails at once, ends a connection, and says what kind of token it was")
    func final() async throws {
        try await TokenEngine.run { engine in
            let over = engine.issueToken(validFor: .seconds(-10))
            let expiry = try #require(TokenText(over).expiry)
            let rows = [
                Refused(testDescription: "none", token: nil, code: "invalid_token", kind: "none"),
                Refused(
                    testDescription: "default",
                    token: "default",
                    code: "invalid_token",
                    kind: "the token \"default\""
                ),
                Refused(
                    testDescription: "secret",
                    token: "sk_hunter2",
                    code: "invalid_token",
                    kind: "a secret token (sk_…)"
                ),
                Refused(
                    testDescription: "expired",
                    token: over,
                    code: "token_expired",
                    kind: "a JWT with the expiry \(expiry) (seconds since 1970)"
                ),
            ]
            for row in rows {
                let token = row.token.map { AccessToken.fixed($0) } ?? .none
                try await TokenEngine.withClient(engine, token) { client in
                    let counter = client.getOrCreate(Counter.self)
                    let error = try await Self.error { _ = try await counter.send(Count()) }
                    #expect(error.matches("auth", row.code), "\(row.testDescription)")
                    #expect(error.remote?.httpStatus == row.status)
                    #expect(!error.isTransient && error.fault == .caller && error.execution == .notSent)
                    #expect(error.message.hasSuffix("; the token that was sent: \(row.kind)"), "\(error.message)")
                    let connection = counter.connect()
                    let end = try await Self.error { try await connection.waitUntilConnected() }
                    #expect(end.matches("auth", row.code))
                    #expect(connection.status.current.name == "closed")
                    // By id nothing is looked up: the gateway itself refuses.
                    let byID = client.getForID(Counter.self, "5jxlv5boumuljx2d2nvyat0o2edl00")
                    let refused = try await Self.error { _ = try await byID.send(Count()) }
                    #expect(refused.matches("auth", row.code) && refused.message.hasSuffix(row.kind))
                    let handshake = try await Self.error { try await byID.connect().waitUntilConnected() }
                    #expect(handshake.code == .handshakeRefused && handshake.matches("auth", row.code))
                    #expect(handshake.message.hasSuffix(row.kind))
                }
            }
        }
    }

    @Test("B248: what the token does not allow asks no provider")
    func insufficient() async throws {
        try await TokenEngine.run { engine in
            let provider = ScriptedTokenProvider(engine.issueToken(actors: []).reveal())
            try await TokenEngine.withClient(engine, provider.token) { client in
                let counter = client.getOrCreate(Counter.self)
                let error = try await Self.error { _ = try await counter.send(Count()) }
                #expect(error.matches("auth", "insufficient_permissions"))
                #expect(error.message.contains("the token that was sent: a JWT with the expiry"))
                let end = try await Self.error { try await counter.connect().waitUntilConnected() }
                #expect(end.matches("auth", "insufficient_permissions"))
            }
            #expect(provider.questions == ["-"])
        }
    }

    @Test("B243: a lookup, a GET and a HEAD are sent once more with the new token")
    func safeRequests() async throws {
        try await TokenEngine.run { engine in
            let tokens = (0..<4).map { _ in engine.issueToken() }
            let provider = ScriptedTokenProvider(
                tokens[0].reveal(),
                tokens[1].reveal(),
                tokens[2].reveal(),
                tokens[3].reveal()
            )
            try await TokenEngine.withClient(engine, provider.token) { client in
                let counter = client.getOrCreate(Counter.self)
                engine.withdraw(tokens[0])  // Never good: the lookup finds out.
                _ = try await counter.resolve()
                #expect(provider.questions == ["-", tokens[0].reveal()])
                engine.withdraw(tokens[1])
                let response = try await counter.fetch(ActorRequest("x"))
                #expect(String(decoding: try await response.body.collect(), as: UTF8.self) == "GET 1")
                engine.withdraw(tokens[2])
                _ = try await client.get(Counter.self).resolve()
                // Two in a row: the second refusal is handed out.
                engine.withdraw(tokens[3])
                provider.answer(tokens[0].reveal())
                provider.answer(engine.issueToken().reveal())
                let error = try await Self.error { _ = try await counter.fetch(ActorRequest("x")) }
                #expect(error.matches("auth", "invalid_token") && error.isTransient)
                #expect(error.execution == .mayHaveRun)
            }
            #expect(provider.questions == ["-"] + (0...3).map { tokens[$0].reveal() } + [tokens[0].reveal()])
        }
    }

    @Test("B244: anything else hears of the refusal, the provider is asked, and isIdempotent allows one repeat")
    func otherRequests() async throws {
        try await TokenEngine.run { engine in
            let tokens = (0..<4).map { _ in engine.issueToken() }
            let provider = ScriptedTokenProvider(tokens[0].reveal())
            try await TokenEngine.withClient(engine, provider.token) { client in
                let counter = client.getOrCreate(Counter.self)
                #expect(try await counter.send(Increment(amount: 1)) == 1)
                engine.withdraw(tokens[0])
                // The provider has not answered yet.
                let error = try await Self.error { _ = try await counter.send(Increment(amount: 1)) }
                #expect(error.matches("auth", "invalid_token"))
                #expect(error.remote?.httpStatus == 401)
                #expect(error.isTransient && error.execution == .mayHaveRun)
                await provider.asked(2)
                provider.answer(tokens[1].reveal())
                #expect(try await counter.send(Increment(amount: 1)) == 2)
                engine.withdraw(tokens[1])
                let request = ActorRequest("x", method: "POST", body: .bytes([1]))
                let post = try await Self.error { _ = try await counter.fetch(request) }
                #expect(post.matches("auth", "invalid_token") && post.execution == .mayHaveRun)
                provider.answer(tokens[2].reveal())
                #expect(try await counter.send(Count()) == 2)
                engine.withdraw(tokens[2])
                provider.answer(tokens[3].reveal())
                #expect(try await counter.send(Increment(amount: 1), .init(isIdempotent: true)) == 3)
            }
            #expect(provider.questions == ["-"] + (0...2).map { tokens[$0].reveal() })
        }
    }

    @Test("B245: a socket whose token is over comes back at once, with a gap; what was in flight may have run")
    func openSocket() async throws {
        try await TokenEngine.run { engine in
            let tokens = (0..<2).map { _ in engine.issueToken() }
            let provider = ScriptedTokenProvider(tokens[0].reveal())
            try await TokenEngine.withClient(engine, provider.token) { client in
                let connection = client.getOrCreate(Counter.self).connect()
                let counts = connection.events(of: NewCount.self)
                var deliveries = counts.deliveries.makeAsyncIterator()
                #expect(try await connection.send(Increment(amount: 1)) == 1)
                guard case .event(NewCount(count: 1))? = try await deliveries.next() else {
                    Issue.record("the first event is missing")
                    return
                }
                var statuses = connection.status.makeAsyncIterator()
                _ = await statuses.next()
                let hanging = Task.immediate { try await connection.send(Hang()) }
                _ = try await connection.send(Count())
                engine.withdraw(tokens[0])
                let lost = try await Self.error { _ = try await hanging.value }
                #expect(lost.matches("auth", "invalid_token") && lost.execution == .mayHaveRun)
                #expect(lost.remote?.closeCode == .policyViolation)
                #expect(lost.remote?.closeReason?.hasPrefix("auth.invalid_token") == true)
                guard case .waiting(let retry)? = await statuses.next() else {
                    Issue.record("not waiting: \(connection.status.current)")
                    return
                }
                #expect(retry.delay == .zero && retry.cause.isTransient)
                await provider.asked(2)
                provider.answer(tokens[1].reveal())
                #expect(try await connection.send(Increment(amount: 1)) == 2)
                guard case .gap(.reconnected(let info))? = try await deliveries.next() else {
                    Issue.record("the gap is missing")
                    return
                }
                #expect(info.connectionNumber == 2)
                await connection.disconnect()
            }
            #expect(provider.questions == ["-", tokens[0].reveal()])
        }
    }

    @Test(
        "B246, B245: a handshake that is refused for its token is tried again with another",
        arguments: [false, true]
    )
    func handshake(_ closes: Bool) async throws {
        try await TokenEngine.run(closesRefusedUpgrades: closes) { engine in
            let tokens = (0..<2).map { _ in engine.issueToken() }
            let provider = ScriptedTokenProvider(tokens[0].reveal(), tokens[1].reveal())
            engine.withdraw(tokens[0])
            let id = try await RivetClient.id(engine)
            try await TokenEngine.withClient(engine, provider.token) { client in
                let connection = client.getForID(Counter.self, id).connect()
                let info = try await connection.waitUntilConnected()
                #expect(info.connectionNumber == 1)
                await connection.disconnect()
            }
            #expect(provider.questions == ["-", tokens[0].reveal()])
        }
    }

    @Test("B247: a raw WebSocket whose token is over ends, and the next one has another")
    func rawWebSocket() async throws {
        try await TokenEngine.run { engine in
            let tokens = (0..<3).map { _ in engine.issueToken() }
            let provider = ScriptedTokenProvider(tokens[0].reveal())
            try await TokenEngine.withClient(engine, provider.token) { client in
                let counter = client.getOrCreate(Counter.self)
                let socket = try await counter.webSocket("w")
                engine.withdraw(tokens[0])
                let closed = try await Self.error { for try await _ in socket.messages {} }
                #expect(closed.matches("auth", "invalid_token") && closed.code == .closedByPeer)
                await provider.asked(2)
                provider.answer(tokens[1].reveal())
                try await counter.withWebSocket("w") { try await $0.send(.text("a")) }
                // A handshake that is refused is sent once more.
                engine.withdraw(tokens[1])
                provider.answer(tokens[2].reveal())
                try await counter.withWebSocket("w") { try await $0.send(.text("a")) }
            }
            #expect(provider.questions == ["-", tokens[0].reveal(), tokens[1].reveal()])
        }
    }

    @Test("B254, B256: a handle issues a token for its actor, and looks without making one")
    func issue() async throws {
        try await TokenEngine.run { engine in
            try await TokenEngine.withClient(engine, .fixed(TokenEngine.admin)) { client in
                let counter = client.getOrCreate(Counter.self, ["new"])
                #expect(try await counter.resolveIfExists() == nil)
                #expect(try await client.get(Counter.self, ["new"]).resolveIfExists() == nil)
                let issued = try await counter.issueToken(subject: "somebody", validFor: .milliseconds(90_500))
                let id = try #require(try await counter.resolveIfExists())
                #expect(try await client.getForID(Counter.self, id).resolveIfExists() == id)
                #expect(try await client.getForID("other", id).resolveIfExists() == nil)
                #expect(
                    try await client.getForID(Counter.self, "5jxlv5boumuljx2d2nvyat0o2edl00").resolveIfExists() == nil
                )
                // Whole seconds are asked for, and a JWT has whole seconds.
                #expect((89_001...90_000).contains(issued.expiresMilliseconds - issued.issuedMilliseconds))
                #expect(!"\(issued)".contains(issued.token.reveal()))
                try await TokenEngine.withClient(engine, .fixed(issued.token)) { other in
                    #expect(try await other.getForID(Counter.self, id).send(Count()) == 0)
                    let error = try await Self.error { _ = try await other.get(Counter.self, ["new"]).resolve() }
                    #expect(error.matches("auth", "insufficient_permissions"))
                    let refused = try await Self.error {
                        _ = try await other.getForID(Counter.self, id).issueToken()
                    }
                    #expect(refused.remote?.httpStatus == 403)
                }
            }
        }
    }

    @Test(
        "B255: what is out of range is the caller's mistake, at once",
        arguments: [
            (Duration.milliseconds(999), ["read"]), (.seconds(86_401), ["read"]), (.seconds(Int64.max), ["read"]),
            (.zero, ["read"]), (.seconds(-5), ["read"]), (.seconds(60), []),
        ]
    )
    func issueRange(_ validFor: Duration, _ operations: [String]) async throws {
        let client = try RivetClient.offline(.none)
        let error = await #expect(throws: RivetError.self) {
            try await client.getForID("counter", "id").issueToken(validFor: validFor, operations: operations)
        }
        #expect(error?.code == .invalidArgument && error?.fault == .caller)
        await client.close(within: .zero)
    }
}

extension RivetClient {
    /// The id of a counter that is made with the admin's token.
    fileprivate static func id(_ engine: LocalEngine) async throws -> ActorID {
        let client = RivetClient(
            try RivetConfiguration(endpoint: engine.endpoint, token: .fixed(TokenEngine.admin))
        )
        let id = try await client.getOrCreate(Counter.self).resolve()
        await client.close(within: .zero)
        return id
    }
}
