// SPDX-License-Identifier: Apache-2.0
import RivetAsync
import RivetAsyncLocal
import Testing

/// What tokens allow, and `POST /auth/tokens` (PROTOCOL a5).
@Suite(.leavesNothing, .timeLimit(.minutes(3)))
struct TokenIssueTests {
    private static let admin = ["Authorization": "Bearer admin-1"]

    private func withCounter(
        clock: TestClock = TestClock(),
        _ authentication: LocalEngine.Authentication = .required(admin: "admin-1"),
        _ body: (LocalEngine, PlainPeer, String) async throws -> Void
    ) async throws {
        try await withEngine(clock: clock, authentication: authentication) {
            $0.actor(LocalCounter.self, state: 0, LocalCounter.define)
        } _: { engine in
            try await PlainPeer.with(engine) { peer in
                let created = try await send(peer, Row("PUT", "/actors?namespace=default"), Self.admin)
                try await body(
                    engine,
                    peer,
                    String(created.text.dropFirst(#"{"actor":{"actor_id":""#.count).prefix(30))
                )
            }
        }
    }

    private func send(
        _ peer: PlainPeer,
        _ row: Row,
        id: String = "",
        _ fields: [String: String]
    ) async throws -> PlainPeer.Response {
        let creation =
            #"{"name":"counter","key":"my-counter","runner_name_selector":"default","crash_policy":"sleep"}"#
        let body = row.method == "PUT" || row.method == "POST" ? creation : ""
        let target = row.target.replacing("ID", with: id)
        return try await peer.request(row.method, target, fields, body: Array(body.utf8))
    }

    struct Row: CustomTestStringConvertible {
        let method: String
        let target: String
        var testDescription: String { "\(method) \(target)" }

        init(_ method: String, _ target: String) { (self.method, self.target) = (method, target) }
    }

    /// Which requests a token allows; none of them is refused for anything else.
    struct Allowed: CustomTestStringConvertible {
        let testDescription: String
        /// `id` is the actor's.
        let token: @Sendable (LocalEngine, String) -> Secret
        let rows: Set<Int>

        init(_ name: String, _ rows: Set<Int>, _ token: @escaping @Sendable (LocalEngine, String) -> Secret) {
            (testDescription, self.rows, self.token) = (name, rows, token)
        }
    }

    static let requests = [
        Row("GET", "/gateway/ID/health"),
        Row("GET", "/gateway/counter/health?rvt-namespace=default&rvt-method=get&rvt-key=my-counter"),
        Row(
            "GET",
            "/gateway/counter/health?rvt-namespace=default&rvt-method=getOrCreate&rvt-pool=default&rvt-key=my-counter"
        ),
        Row("GET", "/actors?actor_ids=ID&namespace=default"),
        Row("GET", "/actors?name=counter&key=my-counter&namespace=default"),
        Row("GET", "/actors?name=counter&namespace=default"),
        Row("PUT", "/actors?namespace=default"),
        Row("DELETE", "/actors/ID?namespace=default"),
    ]

    @Test(arguments: [
        Allowed("everything", Set(0...7)) { engine, _ in engine.issueToken() },
        Allowed("nothing", []) { engine, _ in engine.issueToken(operations: []) },
        Allowed("read", [0, 1, 3, 4]) { engine, _ in engine.issueToken(operations: ["read"]) },
        Allowed("create", [6]) { engine, _ in engine.issueToken(operations: ["create"]) },
        Allowed("create, read", [0, 1, 2, 3, 4, 6]) { engine, _ in engine.issueToken(operations: ["create", "read"]) },
        Allowed("list", [5]) { engine, _ in engine.issueToken(operations: ["list"]) },
        Allowed("delete", [7]) { engine, _ in engine.issueToken(operations: ["delete"]) },
        Allowed("traffic to this actor", [0]) { engine, id in engine.issueToken(actors: [ActorID(rawValue: id)]) },
        Allowed("traffic to another", []) { engine, _ in engine.issueToken(actors: ["other"]) },
    ])
    func whatATokenAllows(_ row: Allowed) async throws {
        try await withCounter { (engine, peer, id) async throws in
            let token = row.token(engine, id).reveal()
            for (index, request) in Self.requests.enumerated() {
                let answer = try await send(peer, request, id: id, ["Authorization": "Bearer \(token)"])
                let isAllowed = row.rows.contains(index)
                #expect(answer.status == (isAllowed ? 200 : 403), "\(request.testDescription)")
                #expect(answer["x-rivet-error"] == (isAllowed ? nil : "auth.insufficient_permissions"))
            }
        }
    }

    @Test func aWebSocketWithoutTheGrantIsAPlain403() async throws {
        try await withCounter { (engine, peer, id) async throws in
            let token = engine.issueToken(actors: ["other"]).reveal()
            let refused = try await peer.upgrade("/gateway/\(id)@\(token)/connect")
            #expect(refused.status == 403)
            #expect(refused["x-rivet-error"] == "auth.insufficient_permissions")
        }
    }

    @Test func whoAsksForTokensReadsKeyPartsToo() async throws {
        try await withCounter { (engine, peer, id) async throws in
            let query = "rvt-namespace=default&rvt-method=get&rvt-key-part=my-counter"
            let answer = try await peer.request("GET", "/gateway/counter/health?\(query)", Self.admin)
            #expect(answer["x-rivet-actor"] == id)
        }
        try await withCounter(.none) { (_, peer, _) async throws in
            let query = "rvt-namespace=default&rvt-method=get&rvt-key-part=my-counter"
            let answer = try await peer.request("GET", "/gateway/counter/health?\(query)")
            #expect(answer["x-rivet-error"] == "guard.query_invalid_params")
        }
    }

    // MARK: POST /auth/tokens

    private func issue(
        _ peer: PlainPeer,
        _ body: String,
        by token: String = "admin-1"
    ) async throws -> PlainPeer.Response {
        try await peer.request("POST", "/auth/tokens", ["Authorization": "Bearer \(token)"], body: Array(body.utf8))
    }

    private struct Answer: Decodable {
        let token: String
        let issued_ts: Int64
        let expires_ts: Int64
    }

    private struct Claims: Decodable {
        struct Grant: Decodable {
            struct Target: Decodable { let id: String }
            let resource: String
            let target: Target
            let operations: [String]
        }
        let sub: String?
        let ns: String
        let iat: Int64
        let exp: Int64
        let grants: [Grant]
    }

    private func claims(_ token: String) throws -> Claims {
        let parts = token.split(separator: ".", omittingEmptySubsequences: false)
        try #require(parts.count == 3)
        var payload = parts[1].replacing("-", with: "+").replacing("_", with: "/")
        while payload.utf8.count % 4 != 0 { payload += "=" }
        return try ValueFormat.json.decode(from: ByteChunk(try #require(Base64.decode(payload.utf8))))
    }

    @Test func anIssuedTokenReachesWhatItSays() async throws {
        let clock = TestClock()
        try await withCounter(clock: clock) { (engine, peer, id) async throws in
            let grants = #"[{"resource":"actor_gateway","target":{"id":"\#(id)"},"operations":["read"]}]"#
            let issued = try await issue(
                peer,
                #"{"namespace":"default","subject":"me","duration":120,"grants":\#(grants)}"#
            )
            #expect(issued.status == 200)
            #expect(issued["content-type"] == "application/json")
            let answer: Answer = try ValueFormat.json.decode(from: ByteChunk(issued.body))
            let claims = try claims(answer.token)
            #expect(claims.sub == "me")
            #expect(claims.ns == "default")
            #expect(claims.iat == answer.issued_ts / 1_000)
            #expect(claims.exp == claims.iat + 120)
            #expect(answer.expires_ts == claims.exp * 1_000)
            #expect(claims.grants.map(\.resource) == ["actor_gateway"])
            #expect(claims.grants.first?.target.id == id)
            #expect(claims.grants.first?.operations == ["read"])
            #expect(try await peer.request("GET", "/gateway/\(id)@\(answer.token)/health").status == 200)
            let lookup = "/actors?actor_ids=\(id)&namespace=default"
            let refused = try await peer.request("GET", lookup, ["Authorization": "Bearer \(answer.token)"])
            #expect(refused.status == 403)
            engine.withdraw(Secret(answer.token))
            #expect(try await peer.request("GET", "/gateway/\(id)@\(answer.token)/health").status == 401)
        }
    }

    @Test func onlyWhoMayDoEverythingIssuesTokens() async throws {
        let body = #"{"namespace":"default","grants":[{"resource":"actor","target":"any","operations":["read"]}]}"#
        try await withCounter { (engine, peer, _) async throws in
            let issued = try await issue(peer, body)
            let answer: Answer = try ValueFormat.json.decode(from: ByteChunk(issued.body))
            #expect(answer.expires_ts / 1_000 - answer.issued_ts / 1_000 == 3_600)
            #expect(try await issue(peer, body, by: answer.token).status == 403)
            #expect(try await issue(peer, body, by: engine.issueToken().reveal()).status == 403)
            #expect(try await issue(peer, body, by: "other").status == 401)
        }
        try await withCounter(.none) { (_, peer, _) async throws in
            #expect(try await issue(peer, body, by: "other").status == 200)
        }
    }

    struct Refused: CustomTestStringConvertible {
        let testDescription: String
        let members: String
        let status: Int
        let code: String

        init(_ name: String, _ members: String, _ status: Int = 400, _ code: String = "bad_request") {
            (testDescription, self.members, self.status, self.code) = (name, members, status, code)
        }
    }

    private static let any = #""grants":[{"resource":"actor","target":"any","operations":["read"]}]"#

    @Test(arguments: [
        Refused(
            "longer than a day",
            #""namespace":"default","duration":86401,\#(any)"#,
            403,
            "insufficient_permissions"
        ),
        Refused("no time", #""namespace":"default","duration":0,\#(any)"#),
        Refused("negative", #""namespace":"default","duration":-9223372036854775808,\#(any)"#),
        Refused("a fraction", #""namespace":"default","duration":1.5,\#(any)"#),
        Refused("beyond 64 bits", #""namespace":"default","duration":9223372036854775808,\#(any)"#),
        Refused("another namespace", #""namespace":"other",\#(any)"#, 400, "not_found"),
        Refused("no namespace", any),
        Refused("no grants", #""namespace":"default""#),
        Refused("empty grants", #""namespace":"default","grants":[]"#),
        Refused(
            "no operation",
            #""namespace":"default","grants":[{"resource":"actor","target":"any","operations":[]}]"#
        ),
        Refused(
            "another operation",
            #""namespace":"default","grants":[{"resource":"actor","target":"any","operations":["write"]}]"#
        ),
        Refused(
            "another target",
            #""namespace":"default","grants":[{"resource":"actor","target":"all","operations":["read"]}]"#
        ),
    ])
    func aRequestThatIsRefused(_ row: Refused) async throws {
        try await withCounter { (_, peer, _) async throws in
            let answer = try await issue(peer, "{\(row.members)}")
            #expect(answer.status == row.status)
            #expect(answer.text.contains(#""code":"\#(row.code)""#))
        }
    }

    @Test func aDayAndASecondAreAllowed() async throws {
        try await withCounter { (_, peer, _) async throws in
            for duration in [1, 86_400] {
                let answer = try await issue(peer, #"{"namespace":"default","duration":\#(duration),\#(Self.any)}"#)
                #expect(answer.status == 200)
            }
        }
    }

    @Test func durationsAtTheEndsMakeATokenThatIsOverOrNever() async throws {
        try await withCounter { (engine, peer, id) async throws in
            for (duration, status) in [
                (Duration.seconds(Int64.max), 200), (.seconds(Int64.min), 401), (.zero, 401), (.milliseconds(-1), 401),
            ] {
                let token = engine.issueToken(validFor: duration).reveal()
                #expect(try await peer.request("GET", "/gateway/\(id)@\(token)/health").status == status)
            }
        }
    }
}
