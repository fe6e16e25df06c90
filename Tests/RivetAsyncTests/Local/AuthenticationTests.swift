// SPDX-License-Identifier: Apache-2.0
import RivetAsync
import RivetAsyncLocal
import Testing

/// The engine asks for tokens, as Rivet 3 does (PROTOCOL a5, k11).
@Suite(.leavesNothing, .timeLimit(.minutes(3)))
struct AuthenticationTests {
    private static let query = "rvt-namespace=default&rvt-method=getOrCreate&rvt-runner=default&rvt-key=my-counter"
    private static let byAdmin = ["Authorization": "Bearer admin-1"]

    private func withSite(
        _ kind: StreamPair.Kind = .memory,
        clock: TestClock = TestClock(),
        _ authentication: LocalEngine.Authentication = .required(admin: "admin-1"),
        settings: LocalEngine.Settings = .init(),
        _ body: (LocalEngine, PlainPeer) async throws -> Void
    ) async throws {
        try await withEngine(
            clock: clock,
            transport: kind.transport,
            authentication: authentication,
            settings: settings
        ) {
            $0.actor(LocalCounter.self, state: 0) { counter in
                LocalCounter.define(&counter)
                counter.onRequest { _, _ in LocalResponse() }
            }
        } _: { engine in
            try await PlainPeer.with(engine, kind) { peer in try await body(engine, peer) }
        }
    }

    private func actor(_ peer: PlainPeer) async throws -> String {
        let body = #"{"name":"counter","key":"my-counter","runner_name_selector":"default","crash_policy":"sleep"}"#
        let answer = try await peer.request("PUT", "/actors?namespace=default", Self.byAdmin, body: Array(body.utf8))
        return String(answer.text.dropFirst(#"{"actor":{"actor_id":""#.count).prefix(30))
    }

    private func expect(
        _ answer: PlainPeer.Response,
        _ status: Int,
        _ code: String,
        _ message: String,
        sourceLocation: SourceLocation = #_sourceLocation
    ) {
        #expect(answer.status == status, sourceLocation: sourceLocation)
        #expect(answer["x-rivet-error"] == "auth.\(code)", sourceLocation: sourceLocation)
        #expect(answer["content-type"] == "application/json", sourceLocation: sourceLocation)
        let text = #"{"group":"auth","code":"\#(code)","message":"\#(message)"}"#
        #expect(answer.text == text, sourceLocation: sourceLocation)
    }

    private func expectInvalid(_ answer: PlainPeer.Response, sourceLocation: SourceLocation = #_sourceLocation) {
        expect(answer, 401, "invalid_token", "The token is invalid.", sourceLocation: sourceLocation)
    }

    private func expectForbidden(_ answer: PlainPeer.Response, sourceLocation: SourceLocation = #_sourceLocation) {
        let message = "The token does not allow this."
        expect(answer, 403, "insufficient_permissions", message, sourceLocation: sourceLocation)
    }

    struct Request: CustomTestStringConvertible {
        let method: String
        let target: String
        var isUpgrade = false
        let admitted: Int

        var testDescription: String { isUpgrade ? "WebSocket \(target)" : "\(method) \(target)" }
    }

    static let requests = [
        Request(method: "GET", target: "/actors?name=counter&namespace=default", admitted: 200),
        Request(method: "GET", target: "/actors?name=counter&key=a&namespace=default", admitted: 200),
        Request(method: "DELETE", target: "/actors/nothing?namespace=default", admitted: 400),
        Request(method: "GET", target: "/no-such-path", admitted: 404),
        Request(method: "GET", target: "/gateway/ID/health", admitted: 200),
        Request(method: "GET", target: "/gateway/ID/request/x", admitted: 200),
        Request(method: "GET", target: "/gateway/ID/no-such-route", admitted: 404),
        Request(method: "GET", target: "/gateway/counter/health?\(query)", admitted: 200),
        Request(method: "GET", target: "/gateway/ID/connect", isUpgrade: true, admitted: 101),
        Request(method: "GET", target: "/gateway/ID/websocket/x", isUpgrade: true, admitted: 101),
        Request(method: "GET", target: "/gateway/counter/connect?\(query)", isUpgrade: true, admitted: 101),
    ]

    @Test(arguments: requests)
    func everyRequestIsAskedForAToken(_ row: Request) async throws {
        try await withSite { (_, peer) async throws in
            let target = row.target.replacing("ID", with: try await actor(peer))
            for fields in [[:], ["Authorization": "Bearer other"], ["Authorization": "Basic admin-1"]] {
                expectInvalid(
                    row.isUpgrade
                        ? try await peer.upgrade(target, fields: fields)
                        : try await peer.request(row.method, target, fields)
                )
            }
            // The same TCP connection goes on.
            let admitted =
                row.isUpgrade
                ? try await peer.upgrade(target, fields: Self.byAdmin)
                : try await peer.request(row.method, target, Self.byAdmin)
            #expect(admitted.status == row.admitted)
        }
    }

    @Test func metadataIsOpenToAll() async throws {
        try await withSite { (_, peer) async throws in
            #expect(try await peer.request("GET", "/metadata?namespace=default").status == 200)
            #expect(try await peer.request("GET", "/metadata", ["x-rivet-token": "wrong"]).status == 200)
        }
    }

    @Test func withoutAuthenticationNobodyIsAskedAndTheUsesAreKnownAllTheSame() async throws {
        try await withSite(.memory, .none) { (engine, peer) async throws in
            let id = try await peer.getOrCreate("counter")
            #expect(try await peer.request("GET", "/gateway/\(id)@any/health").status == 200)
            #expect(engine.tokenUses.map(\.way) == [nil, .path])
            engine.withdraw("any")
            #expect(try await peer.request("GET", "/gateway/\(id)@any/health").status == 200)
        }
    }

    // MARK: Ways

    struct Carried: CustomTestStringConvertible {
        let way: TokenUse.Way
        let target: String
        var fields: [String: String] = [:]
        var subprotocols = "rivet, rivet_encoding.json"
        var isHTTP = true
        let recorded: String

        var testDescription: String { "\(way)" }
    }

    static let ways = [
        Carried(way: .path, target: "/gateway/ID@admin%2D1/PATH", recorded: "/gateway/ID/PATH"),
        Carried(
            way: .query,
            target: "/gateway/counter/PATH?x=1&\(query)&rvt-token=admin-1",
            recorded: "/gateway/counter/PATH?x=1&\(query)"
        ),
        Carried(
            way: .header,
            target: "/gateway/ID/PATH",
            fields: ["X-Rivet-Token": "admin-1", "Authorization": "Bearer own"],
            recorded: "/gateway/ID/PATH"
        ),
        Carried(
            way: .bearer,
            target: "/gateway/ID/PATH",
            fields: ["Authorization": "bearer admin-1"],
            recorded: "/gateway/ID/PATH"
        ),
        Carried(
            way: .subprotocol,
            target: "/gateway/ID/PATH",
            subprotocols: "rivet, rivet_encoding.json, rivet_token.admin-1",
            isHTTP: false,
            recorded: "/gateway/ID/PATH"
        ),
        // The URL's wins.
        Carried(
            way: .path,
            target: "/gateway/ID@admin-1/PATH",
            fields: ["x-rivet-token": "other", "authorization": "Bearer other"],
            recorded: "/gateway/ID/PATH"
        ),
    ]

    @Test(arguments: ways)
    func eachWayOfCarryingTheToken(_ row: Carried) async throws {
        try await withSite { (engine, peer) async throws in
            let id = try await actor(peer)
            func filled(_ text: String, _ path: String) -> String {
                text.replacing("ID", with: id).replacing("PATH", with: path)
            }
            var recorded: [String] = []
            if row.isHTTP {
                #expect(try await peer.request("GET", filled(row.target, "health"), row.fields).status == 200)
                recorded.append(filled(row.recorded, "health"))
            }
            let answer = try await peer.upgrade(
                filled(row.target, "connect"),
                subprotocols: row.subprotocols,
                fields: row.fields
            )
            #expect(answer.status == 101)
            #expect(try await peer.frame().text.contains(#""tag":"Init""#))
            recorded.append(filled(row.recorded, "connect"))
            let uses = engine.tokenUses.dropFirst()
            #expect(uses.map(\.target) == recorded)
            #expect(uses.map(\.isWebSocket) == (row.isHTTP ? [false, true] : [true]))
            for use in uses {
                #expect(use.way == row.way)
                #expect(use.token?.reveal() == "admin-1")
                #expect(!"\(use)".contains("admin"))
            }
        }
    }

    @Test func theURLWinsAlsoWhereItIsWrong() async throws {
        try await withSite { (_, peer) async throws in
            let id = try await actor(peer)
            expectInvalid(try await peer.request("GET", "/gateway/\(id)@other/health", Self.byAdmin))
            // An empty token is one.
            expectInvalid(try await peer.request("GET", "/gateway/\(id)@/health", Self.byAdmin))
        }
    }

    @Test func theActorsAPIReadsTheBearerOnly() async throws {
        try await withSite { (engine, peer) async throws in
            let lookup = "/actors?name=counter&namespace=default"
            expectInvalid(try await peer.request("GET", lookup, ["x-rivet-token": "admin-1"]))
            #expect(engine.tokenUses.map(\.way) == [.header])
        }
    }

    @Test func theWordDefaultCountsWhereItIsAccepted() async throws {
        let fields = ["Authorization": "Bearer default"]
        let lookup = "/actors?name=counter&namespace=default"
        try await withSite { (_, peer) async throws in
            expectInvalid(try await peer.request("GET", lookup, fields))
        }
        let accepting = LocalEngine.Authentication.required(admin: "admin-1", acceptsDefault: true)
        try await withSite(.memory, accepting) { (engine, peer) async throws in
            #expect(try await peer.request("GET", lookup, fields).status == 200)
            engine.withdraw("default")
            expectInvalid(try await peer.request("GET", lookup, fields))
        }
    }

    @Test(
        "no token stays in a target that is shown",
        arguments: [
            ("/gateway/id@hunter2/health?a=1", "/gateway/id/health?a=1"),
            ("/gateway/n?rvt-token=hunter2", "/gateway/n"), ("/gateway/n?a=1&rvt-token=hunter2&b", "/gateway/n?a=1&b"),
            ("/gateway/n?a=@", "/gateway/n?a=@"), ("/a@b/c", "/a@b/c"),
        ]
    )
    func shownTargets(_ target: String, _ shown: String) async throws {
        try await withSite { (engine, peer) async throws in
            _ = try await peer.request("OPTIONS", target)
            #expect(engine.tokenUses.map(\.target) == [shown])
        }
    }

    @Test func theUsesAreTheLastThousand() async throws {
        try await withSite { (engine, peer) async throws in
            for number in 0..<2_001 { _ = try await peer.request("OPTIONS", "/gateway/\(number)/health") }
            let targets = engine.tokenUses.map(\.target)
            #expect(targets.count == 1_000)
            #expect(targets.first == "/gateway/1001/health")
            #expect(targets.last == "/gateway/2000/health")
        }
    }

    // MARK: The end of a token

    @Test(arguments: StreamPair.Kind.all)
    func aTokenThatIsOver(_ kind: StreamPair.Kind) async throws {
        let clock = TestClock()
        try await withSite(kind, clock: clock) { (engine, peer) async throws in
            let id = try await actor(peer)
            let token = engine.issueToken(validFor: .seconds(60)).reveal()
            try await PlainPeer.with(engine, kind) { (raw) async throws in
                #expect(try await raw.upgrade("/gateway/\(id)@\(token)/websocket/").status == 101)
                try await PlainPeer.with(engine, kind) { (socket) async throws in
                    try await socket.connect("\(id)@\(token)")
                    // `exp` is a whole second, so it is up to 999 ms earlier.
                    await clock.advance(by: .seconds(59))
                    #expect(try await peer.request("GET", "/gateway/\(id)@\(token)/health").status == 200)
                    await clock.advance(by: .seconds(1))
                    let message = "The token has expired."
                    let late = try await peer.request("GET", "/gateway/\(id)@\(token)/health")
                    expect(late, 401, "token_expired", message)
                    expect(try await peer.upgrade("/gateway/\(id)@\(token)/connect"), 401, "token_expired", message)
                    // Open sockets have the clock skew, 30 s.
                    await clock.advance(by: .seconds(29))
                    socket.send(Wire.call(1, "getCount"))
                    #expect(try await socket.frame() == Wire.answer(1, "0"))
                    await clock.advance(by: .seconds(1))
                    #expect(try await socket.frame() == .close(1008, "auth.token_expired"))
                    #expect(try await raw.frame() == .close(1008, "auth.token_expired"))
                    for peer in [socket, raw] { peer.send(.close(1008)) }
                }
            }
        }
    }

    @Test(arguments: StreamPair.Kind.all)
    func aWithdrawnToken(_ kind: StreamPair.Kind) async throws {
        try await withSite(kind) { (engine, peer) async throws in
            let id = try await actor(peer)
            let (token, other) = (engine.issueToken(), engine.issueToken())
            try await PlainPeer.with(engine, kind) { (raw) async throws in
                #expect(try await raw.upgrade("/gateway/\(id)@\(token.reveal())/websocket/").status == 101)
                try await PlainPeer.with(engine, kind) { (socket) async throws in
                    try await socket.connect("\(id)@\(token.reveal())")
                    try await PlainPeer.with(engine, kind) { (kept) async throws in
                        try await kept.connect("\(id)@\(other.reveal())")
                        engine.withdraw(token)
                        #expect(try await socket.frame() == .close(1008, "auth.invalid_token"))
                        #expect(try await raw.frame() == .close(1008, "auth.invalid_token"))
                        for peer in [socket, raw] { peer.send(.close(1008)) }
                        expectInvalid(try await peer.request("GET", "/gateway/\(id)@\(token.reveal())/health"))
                        kept.send(Wire.call(1, "getCount"))
                        #expect(try await kept.frame() == Wire.answer(1, "0"))
                        engine.withdraw("admin-1")
                        expectInvalid(try await peer.request("GET", "/gateway/\(id)/health", Self.byAdmin))
                    }
                }
            }
        }
    }

    @Test(arguments: ["connect", "websocket/x"])
    func aTokenThatIsWithdrawnWhileTheUpgradeIsUnderWay(_ path: String) async throws {
        let (started, gate) = (Signal(), Signal())
        try await withEngine(authentication: .required(admin: "admin-1")) {
            $0.actor(LocalCounter.self) { _, _ in
                started.set()
                await gate.wait()
                return 0
            } _: {
                LocalCounter.define(&$0)
            }
        } _: { engine in
            try await PlainPeer.with(engine) { (peer) async throws in
                let id = try await actor(peer)
                let token = engine.issueToken()
                async let answer = peer.upgrade("/gateway/\(id)@\(token.reveal())/\(path)")
                await started.wait()
                engine.withdraw(token)
                gate.set()
                #expect(try await answer.status == 101)
                #expect(try await peer.frame() == .close(1008, "auth.invalid_token"))
                peer.send(.close(1008))
            }
        }
    }

    @Test func bySettingARefusedWebSocketIsClosedBehindThe101() async throws {
        var settings = LocalEngine.Settings()
        settings.closesRefusedUpgrades = true
        try await withSite(settings: settings) { (engine, peer) async throws in
            let id = try await actor(peer)
            #expect(try await peer.upgrade("/gateway/\(id)/connect").status == 101)
            #expect(try await peer.frame() == .close(1008, "auth.invalid_token"))
            peer.send(.close(1008))
        }
    }

    @Test func refusalsOfTokensOnDemand() async throws {
        try await withSite(.memory, .none) { (engine, peer) async throws in
            let id = try await peer.getOrCreate("counter")
            engine.faults.inject(.refuse(group: "auth", code: "token_expired"), at: .request, times: 2)
            for target in ["/gateway/\(id)/health", "/actors?name=counter&namespace=default"] {
                let answer = try await peer.request("GET", target)
                #expect(answer.status == 401)
                #expect(answer["x-rivet-error"] == "auth.token_expired")
            }
            engine.faults.inject(.refuse(group: "auth", code: "token_expired"), at: .upgrade)
            #expect(try await peer.upgrade("/gateway/\(id)/connect").status == 101)
            #expect(try await peer.frame() == .close(1008, "auth.token_expired"))
            peer.send(.close(1008))
        }
    }
}
