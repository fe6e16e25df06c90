// SPDX-License-Identifier: Apache-2.0
import RivetAsync
import Testing

@Suite(.leavesNothing, .timeLimit(.minutes(3)))
struct GatewayTests {
    struct Path: Sendable {
        let given: String
        let request: String?
    }

    @Test(
        "B182, B183: a user's path below /request",
        arguments: [
            Path(given: "", request: "/request/"),
            Path(given: "/", request: "/request/"),
            Path(given: "api/echo", request: "/request/api/echo"),
            Path(given: "/api/echo?x=1&y=a%20b", request: "/request/api/echo?x=1&y=a%20b"),
            Path(given: "?x=1", request: "/request/?x=1"),
            Path(given: "a?u=http://h//p", request: "/request/a?u=http://h//p"),
            Path(given: "a#part", request: "/request/a"),
            Path(given: "größe und\r\nx", request: "/request/gr%C3%B6%C3%9Fe%20und%0D%0Ax"),
            Path(given: "//a", request: nil),
            Path(given: "a//b", request: nil),
            Path(given: "a?rvt-x=1", request: nil),
            Path(given: "a?b=1&%72vt-token=1", request: nil),
        ]
    )
    func userPaths(path: Path) {
        #expect((try? GatewayPath.request(path.given))?.text == path.request)
        let webSocket = path.request.map { "/websocket/" + $0.dropFirst("/request/".count) }
        #expect((try? GatewayPath.webSocket(path.given))?.text == webSocket)
    }

    struct Target: Sendable {
        let target: String
        let refused: String?
    }

    @Test(arguments: [
        Target(
            target: "/gateway/a/x?rvt-namespace=n&rvt-method=get&rvt-runner=p",
            refused: "query_get_disallowed_params"
        ),
        Target(target: "/gateway//x?rvt-namespace=n&rvt-method=get", refused: nil),
        Target(target: "/gateway/?rvt-namespace=n&rvt-method=get", refused: "query_empty_actor_name"),
        Target(target: "/gateway/a@t/x?rvt-namespace=n&rvt-method=get", refused: "query_path_token_syntax"),
        Target(target: "/gateway/a?rvt-namespace=n&rvt-namespace=n&rvt-method=get", refused: "query_duplicate_param"),
        Target(target: "/gateway/a?rvt-namespace=n&rvt-method=put", refused: "query_invalid_params"),
        Target(target: "/gateway/a?rvt-method=get", refused: "query_invalid_params"),
        Target(target: "/gateway/a?rvt-namespace=n&rvt-method=get&rvt-new=1", refused: "query_invalid_params"),
        Target(
            target: "/gateway/a?rvt-namespace=n&rvt-method=get&rvt-skip-ready-wait=yes",
            refused: "query_invalid_params"
        ),
        Target(target: "/gateway/a?rvt-namespace=n&rvt-method=getOrCreate", refused: "query_missing_pool"),
        Target(
            target: "/gateway/a?rvt-namespace=n&rvt-method=getOrCreate&rvt-pool=p&rvt-input=*",
            refused: "query_invalid_base64_input"
        ),
        Target(
            target: "/gateway/a?rvt-namespace=n&rvt-method=getOrCreate&rvt-pool=p&rvt-input=gQ",
            refused: "query_invalid_cbor_input"
        ),
        Target(
            target: "/gateway/a?rvt-namespace=%FF&rvt-method=get",
            refused: "query_invalid_percent_encoding"
        ),
        Target(target: "/gateway/", refused: nil),
        Target(target: "/gateway", refused: nil),
        Target(target: "/gateway/a/x//y", refused: nil),
        Target(target: "/actors", refused: nil),
    ])
    func whatTheGatewayRefuses(target: Target) {
        switch GatewayRoute(target: target.target) {
        case .refused(let code): #expect(code == target.refused)
        case .elsewhere: #expect(target.refused == nil)
        default: Issue.record("taken for a gateway URL")
        }
    }

    @Test func thePoolWinsOverTheRunner() {
        let target = "/gateway/a/request/?x=1&rvt-namespace=n&rvt-runner=r&rvt-method=getOrCreate&rvt-pool=p+q&y"
        guard case .byQuery(let query, let path) = GatewayRoute(target: target) else {
            Issue.record("not read")
            return
        }
        #expect(query.method == .getOrCreate(.init(poolName: "p q")))
        #expect(path == "/request/?x=1&y")
    }

    struct KeyParts: Sendable {
        let query: String
        let key: ActorKey
    }

    @Test(arguments: [
        KeyParts(query: "rvt-key-part=a&rvt-key-part=b", key: ["a", "b"]),
        KeyParts(query: "rvt-key-part=a%2Cb&rvt-key-part=c+%C3%A9", key: ["a,b", "c \u{e9}"]),
        KeyParts(query: "rvt-key-part=", key: [""]),
        KeyParts(query: "rvt-key-part=&rvt-key-part", key: ["", ""]),
        KeyParts(query: "rvt-key-part=a&rvt-key=b%2Cc&rvt-key-part=d", key: ["a", "d"]),
        KeyParts(query: "rvt-key=b%2Cc", key: ["b", "c"]),
        KeyParts(query: "rvt-key=", key: []),
    ])
    func keyPartsOfRivet3WinOverTheKey(_ row: KeyParts) {
        let target = "/gateway/a/x?rvt-namespace=n&rvt-method=get&\(row.query)"
        guard case .byQuery(let query, "/x") = GatewayRoute(target: target, readsKeyParts: true) else {
            Issue.record("not read")
            return
        }
        #expect(query.key == row.key)
        if row.query.contains("part") {
            guard case .refused("query_invalid_params") = GatewayRoute(target: target) else {
                Issue.record("2.3.x does not know the name")
                return
            }
        }
    }

    @Test func aKeyPartThatIsNoUTF8IsRefused() {
        let target = "/gateway/a?rvt-namespace=n&rvt-method=get&rvt-key-part=%FF"
        guard case .refused("query_invalid_percent_encoding") = GatewayRoute(target: target, readsKeyParts: true) else {
            Issue.record("read")
            return
        }
    }

    @Test("B20: an input too large for a URL is refused with both sizes")
    func inputsTooLargeForAURL() throws {
        let endpoint = try Endpoint.parse("http://h").endpoint
        func query(_ size: Int) -> GatewayQuery {
            let input = [UInt8](repeating: 0, count: size)
            let creation = GatewayQuery.Creation(poolName: "p", input: input)
            return GatewayQuery(namespace: "n", name: "a", key: [], method: .getOrCreate(creation))
        }
        #expect(throws: GatewayQueryError.inputTooLarge(limit: 4_096, size: 4_097)) {
            try query(4_097).target(endpoint, path: .connect)
        }
        #expect(throws: Never.self) { try query(4_096).target(endpoint, path: .connect) }
    }

    struct Text: Sendable {
        let text: String
        let error: EndpointError
    }

    @Test(
        "B3, B4: what an endpoint may not be",
        arguments: [
            Text(text: "http://h:0", error: .port), Text(text: "http://h:65536", error: .port),
            Text(text: "http://h:+80", error: .port), Text(text: "http://h:", error: .port),
            Text(text: "http://[::1", error: .host), Text(text: "http://[]", error: .host),
            Text(text: "http://a b", error: .host), Text(text: "http://hö", error: .host),
            Text(text: "http://h\r\nx", error: .host), Text(text: "http://n%zz@h", error: .userInfo),
            Text(text: "http://h/a b", error: .path), Text(text: "http:/h", error: .scheme),
            Text(text: "", error: .scheme), Text(text: "http://h/#a?b", error: .fragment),
            Text(text: "http://@", error: .host),
        ]
    )
    func badEndpoints(text: Text) {
        #expect(throws: text.error) { try Endpoint.parse(text.text) }
    }

    @Test func endpointsAreTakenApart() throws {
        let endpoint = try Endpoint.parse("HTTPS://ns@[2001:db8::1]:8443/api//").endpoint
        #expect(endpoint.usesTLS && endpoint.host == "2001:db8::1" && endpoint.port == 8443)
        #expect(endpoint.authority == "[2001:db8::1]:8443" && endpoint.basePath == "/api")
        #expect(try Endpoint.parse("http://h").endpoint.port == 80)
        #expect(try Endpoint.parse("https://h").endpoint.port == 443)
    }
}
