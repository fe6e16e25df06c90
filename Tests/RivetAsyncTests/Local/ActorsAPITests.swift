// SPDX-License-Identifier: Apache-2.0
import RivetAsync
import RivetAsyncLocal
import Testing

/// The engine's own answers: actors API, metadata, gateway errors (PROTOCOL a3, b, i3), vectors of group `http`.
@Suite(.leavesNothing, .timeLimit(.minutes(3)))
struct ActorsAPITests {
    private static let id = "5jxlv5boumuljx2d2nvyat0o2edl00"
    private static let namespace = "tlf0xcg1buacno4zofgpr7isbeal00"

    private func vector(_ id: String) -> Vector {
        VectorFile.group("http").first { $0.id == id } ?? Vector(id: "missing", fields: .null)
    }

    /// The vector's answer, with the ids and the time of this run.
    private func expect(_ answer: PlainPeer.Response, _ id: String, actor: String = "") {
        let response = vector(id)["response"]
        let sample = answer.text
        func part(_ name: String, _ count: Int) -> String {
            sample.firstRange(of: "\"\(name)\":").map {
                String(sample[$0.upperBound...].drop { $0 == "\"" }.prefix(count))
            } ?? ""
        }
        let text = (response?["body"]?["text"]?.text ?? "missing")
            .replacing(Self.id, with: actor.isEmpty ? part("actor_id", 30) : actor)
            .replacing(Self.namespace, with: part("namespace_id", 30))
            .replacing("1754512646123", with: part("create_ts", 13))
        #expect(answer.text == text)
        #expect(answer.status == response?["status"]?.int)
        for (name, value) in response?["headers"]?.object ?? [:] where name != "x-rivet-ray-id" {
            #expect(answer[name] == value.text)
        }
        #expect(answer["x-rivet-ray-id"]?.count == 30)
    }

    private func withCounter(
        clock: any Clock<Duration> = TestClock(),
        limits: LocalEngine.Limits = .init(),
        settings: LocalEngine.Settings = .init(),
        _ body: (LocalEngine, PlainPeer) async throws -> Void
    ) async throws {
        try await withEngine(clock: clock, limits: limits, settings: settings) {
            $0.actor(LocalCounter.self, state: 0, LocalCounter.define)
        } _: { engine in
            try await PlainPeer.with(engine) { peer in try await body(engine, peer) }
        }
    }

    private func send(_ id: String, _ peer: PlainPeer) async throws -> PlainPeer.Response {
        let request = vector(id)["request"]
        let fields = (request?["headers"]?.object ?? [:]).mapValues { $0.text ?? "" }
        let body = Vector(id: "", fields: request?["body"] ?? .null).bytes
        return try await peer.request(
            request?["method"]?.text ?? "",
            request?["target"]?.text ?? "",
            fields,
            body: body
        )
    }

    @Test func creationAndLookup() async throws {
        try await withCounter { (_, peer) async throws in
            expect(try await send("http.actors.notFound", peer), "http.actors.notFound")
            let created = try await send("http.actors.getOrCreate", peer)
            expect(created, "http.actors.getOrCreate")
            expect(try await send("http.actors.found", peer), "http.actors.found")
            let actor = String(created.text.dropFirst(#"{"actor":{"actor_id":""#.count).prefix(30))
            expect(try await send("http.actors.create", peer), "http.actors.create.taken", actor: actor)
            let again = try await send("http.actors.getOrCreate", peer)
            #expect(again.text == created.text.replacing("\"created\":true", with: "\"created\":false"))
            let byID = try await peer.request("GET", "/actors?actor_ids=\(actor)&namespace=default")
            #expect(byID.text.contains(actor))
            let other = try await peer.request("GET", "/actors?name=counter&key=a&namespace=other")
            expect(other, "http.actors.namespaceNotFound")
        }
        try await withCounter { (_, peer) async throws in
            expect(try await send("http.actors.create", peer), "http.actors.create")
            #expect(try await send("http.actors.getOrCreate.input", peer).status == 200)
        }
    }

    @Test func metadata() async throws {
        try await withCounter { (_, peer) async throws in
            expect(try await peer.request("GET", "/metadata"), "http.metadata.engine")
        }
        var settings = LocalEngine.Settings()
        settings.metadata = .init(
            clientEndpoint: "https://api.rivet.dev",
            clientNamespace: "my-ns",
            clientToken: "pk_abc"
        )
        try await withCounter(settings: settings) { (_, peer) async throws in
            expect(try await peer.request("GET", "/metadata?namespace=default"), "http.metadata.runtime")
        }
    }

    @Test func gatewayErrors() async throws {
        var settings = LocalEngine.Settings()
        settings.answersDestroyed = true
        try await withCounter(settings: settings) { (engine, peer) async throws in
            expect(try await peer.request("POST", "/gateway/\(Self.id)/action/x"), "http.gateway.notFound")
            expect(try await peer.request("POST", "/gateway/nonsense/action/x"), "http.gateway.internal")
            let zeros = String(repeating: "0", count: 30)
            expect(try await peer.request("POST", "/gateway/\(zeros)/action/x"), "http.gateway.internal")
            let unknown = try await peer.getOrCreate("nobody")
            let failed = try await peer.request("POST", "/gateway/\(unknown)/action/x")
            expect(failed, "http.gateway.wakeRetriesExceeded", actor: unknown)
            let actor = try await peer.getOrCreate("counter")
            expect(try await peer.request("POST", "/gateway/\(actor)/action/%zz"), "http.envoy.fetchFailed")
            engine.faults.inject(.refuse(group: "envoy", code: "actor_not_found"), at: .request)
            expect(try await peer.request("POST", "/gateway/\(actor)/action/x"), "http.envoy.actorNotFound")
            #expect(try await peer.request("DELETE", "/actors/\(actor)?namespace=default").text == "{}")
            expect(
                try await peer.request("POST", "/gateway/\(actor)/action/x"),
                "http.gateway.destroyedWhileWaiting"
            )
        }
        var limits = LocalEngine.Limits()
        limits.readyTimeout = .milliseconds(1)
        settings.unknownKindTimesOut = true
        try await withCounter(clock: ContinuousClock(), limits: limits, settings: settings) { (_, peer) async throws in
            let unknown = try await peer.getOrCreate("nobody")
            let failed = try await peer.request("POST", "/gateway/\(unknown)/action/x")
            expect(failed, "http.gateway.readyTimeout", actor: unknown)
        }
    }

    struct Refused: Sendable {
        var method = "GET"
        var target: String
        var fields: [String: String] = [:]
        var body = ""
        var status = 400
        var error: String
    }

    @Test(arguments: [
        Refused(target: "/nothing", status: 404, error: "api.not_found"),
        Refused(target: "/gateway", status: 404, error: "api.not_found"),
        Refused(target: "/gateway/", status: 404, error: "api.not_found"),
        Refused(target: "/gateway/ID//action/x", status: 404, error: "api.not_found"),
        Refused(target: "/metadata", fields: ["Origin": "http://localhost"], status: 403, error: "api.forbidden"),
        Refused(target: "/actors?name=a&actor_ids=ID&namespace=default", error: "validation.invalid_input"),
        Refused(target: "/actors?actor_ids=nonsense&namespace=default", error: "validation.invalid_input"),
        Refused(
            target: "/actors?actor_ids=\(String(repeating: "a,", count: 33))&namespace=default",
            error: "validation.too_many_actor_ids"
        ),
        Refused(target: "/actors?name=a&key=b&namespace=default&x=1", error: "api.bad_request"),
        Refused(target: "/actors?name=a&key=b", error: "api.bad_request"),
        Refused(method: "PUT", target: "/actors?namespace=default", body: "{}", error: "api.bad_request"),
        Refused(method: "PUT", target: "/actors?namespace=default", body: "nonsense", error: "api.bad_request"),
        Refused(
            method: "PUT",
            target: "/actors?namespace=default",
            body: #"{"name":"a","key":"","runner_name_selector":"p","crash_policy":"sleep"}"#,
            error: "actor.empty_key"
        ),
        Refused(
            method: "PUT",
            target: "/actors?namespace=default",
            body: #"{"name":"a","key":"b","runner_name_selector":"p","crash_policy":"sleep","more":1}"#,
            error: "api.bad_request"
        ),
        Refused(
            method: "PUT",
            target: "/actors?namespace=default",
            body: #"{"name":"a","key":"\#(String(repeating: "k", count: 1_025))","runner_name_selector":"p","#
                + #""crash_policy":"sleep"}"#,
            error: "actor.key_too_large"
        ),
        Refused(method: "POST", target: "/gateway/ID/no-such-route", status: 404, error: "actor.not_found"),
        Refused(method: "POST", target: "/gateway/ID/action/", status: 404, error: "actor.not_found"),
        Refused(method: "POST", target: "/gateway/ID/action/a/b", status: 404, error: "actor.not_found"),
        Refused(target: "/gateway/ID/request?x=1", status: 500, error: "envoy.fetch_failed"),
        Refused(
            method: "POST",
            target: "/gateway/ID/action/increment",
            fields: ["x-rivet-conn-params": "{"],
            body: #"{"args":[]}"#,
            error: "core.internal_error"
        ),
        Refused(method: "POST", target: "/gateway/ID/action/increment", body: "{", error: "core.internal_error"),
        Refused(
            method: "POST",
            target: "/gateway/ID/action/increment",
            fields: ["x-rivet-skip-ready-wait": "yes"],
            error: "guard.invalid_header"
        ),
        Refused(
            method: "POST",
            target: "/gateway/5jxlv5boumuljx2d2nvyat0o2edl01/action/x",
            error: "datacenter.not_found"
        ),
        Refused(target: "/gateway/counter/?rvt-namespace=default&rvt-method=take", error: "guard.query_invalid_params"),
        Refused(target: "/gateway/counter/?rvt-namespace=default", error: "guard.query_invalid_params"),
        Refused(target: "/gateway/?rvt-method=get", error: "guard.query_empty_actor_name"),
        Refused(
            target: "/gateway/a@b/?rvt-namespace=default&rvt-method=get",
            error: "guard.query_path_token_syntax"
        ),
        Refused(
            target: "/gateway/a/?rvt-namespace=default&rvt-namespace=default&rvt-method=get",
            error: "guard.query_duplicate_param"
        ),
        Refused(
            target: "/gateway/a/?rvt-namespace=default&rvt-method=get&rvt-pool=p",
            error: "guard.query_get_disallowed_params"
        ),
        Refused(
            target: "/gateway/a/?rvt-namespace=default&rvt-method=getOrCreate",
            error: "guard.query_missing_pool"
        ),
        Refused(
            target: "/gateway/a/?rvt-namespace=default&rvt-method=getOrCreate&rvt-pool=p&rvt-input=*",
            error: "guard.query_invalid_base64_input"
        ),
        Refused(
            target: "/gateway/a/?rvt-namespace=default&rvt-method=getOrCreate&rvt-pool=p&rvt-input=gQ",
            error: "guard.query_invalid_cbor_input"
        ),
        Refused(
            target: "/gateway/never/?rvt-namespace=default&rvt-method=get",
            status: 404,
            error: "actor.not_found"
        ),
        Refused(target: "/gateway/a/?rvt-namespace=other&rvt-method=get", error: "namespace.not_found"),
    ])
    func refusals(_ refused: Refused) async throws {
        try await withCounter { (_, peer) async throws in
            let actor = try await peer.getOrCreate("counter")
            let answer = try await peer.request(
                refused.method,
                refused.target.replacing("ID", with: actor),
                refused.fields,
                body: Array(refused.body.utf8)
            )
            #expect(answer.status == refused.status)
            let parts = refused.error.split(separator: ".")
            #expect(answer.text.contains("\"group\":\"\(parts[0])\""), "\(answer.text)")
            #expect(answer.text.contains("\"code\":\"\(parts[1])\""), "\(answer.text)")
            // The gateway names its errors in a field; the API and the actor side do not.
            let isOfGateway = answer["x-rivet-actor"] == nil && refused.target.hasPrefix("/gateway/")
            if isOfGateway, parts[0] != "api" { #expect(answer["x-rivet-error"] == refused.error) }
        }
    }

    @Test func gatewayByQueryCreatesAndCalls() async throws {
        try await withCounter { (_, peer) async throws in
            let query = "rvt-namespace=default&rvt-method=getOrCreate&rvt-runner=default&rvt-key=a,b"
            let target = "/gateway/counter/action/increment?\(query)"
            let first = try await peer.request("POST", target, body: Array(#"{"args":[3]}"#.utf8))
            #expect(first.text == #"{"output":3}"#)
            #expect(first["x-rivet-actor-key"] == "a/b")
            let second = try await peer.request("POST", target, body: Array(#"{"args":[3]}"#.utf8))
            #expect(second.text == #"{"output":6}"#)
        }
    }

    @Test func optionsAreAnsweredByTheGateway() async throws {
        try await withCounter { (_, peer) async throws in
            #expect(try await peer.request("OPTIONS", "/gateway/anything/action/x").status == 204)
        }
    }

    @Test func aConfiguredTokenIsWanted() async throws {
        var settings = LocalEngine.Settings()
        settings.token = "secret"
        try await withCounter(settings: settings) { (_, peer) async throws in
            let lookup = "/actors?name=counter&key=a&namespace=default"
            #expect(try await peer.request("GET", lookup).status == 403)
            #expect(try await peer.request("GET", lookup, ["Authorization": "Bearer secret"]).status == 200)
            let call = "rvt-namespace=default&rvt-method=getOrCreate&rvt-runner=default"
            #expect(try await peer.request("GET", "/gateway/counter/health?\(call)").status == 403)
            #expect(try await peer.request("GET", "/gateway/counter/health?\(call)&rvt-token=secret").text == "ok")
        }
    }

    @Test func chunkedBodiesAndPipelinedRequestsAreRead() async throws {
        try await withCounter { (_, peer) async throws in
            let actor = try await peer.getOrCreate("counter")
            let request =
                "POST /gateway/\(actor)/action/increment HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
                + "5\r\n{\"arg\r\n6\r\ns\":[1]\r\n1\r\n}\r\n0\r\n\r\n"
            peer.send(request + request)
            #expect(try await peer.response().text == #"{"output":1}"#)
            #expect(try await peer.response().text == #"{"output":2}"#)
        }
    }

    @Test func badHTTPIsRefusedAndTheConnectionEnds() async throws {
        try await withCounter { (_, peer) async throws in
            peer.send("NONSENSE\r\n\r\n")
            #expect(try await peer.response().status == 400)
            #expect(try await peer.readToEnd().end == .finished)
        }
        try await withCounter { (_, peer) async throws in
            let answer = try await peer.request("GET", "/" + String(repeating: "a", count: 70_000))
            #expect(answer.status == 414)
        }
        var limits = LocalEngine.Limits()
        limits.maxRequestBody = 100
        try await withCounter(limits: limits) { (_, peer) async throws in
            let answer = try await peer.request("POST", "/gateway/x/action/y", body: Array(repeating: 0, count: 101))
            #expect(answer.status == 413)
            #expect(answer["x-rivet-error"] == "guard.invalid_request_body")
        }
    }
}
