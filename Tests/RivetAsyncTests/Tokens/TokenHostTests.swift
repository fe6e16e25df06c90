// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import RivetAsync

/// A token belongs to a host: what metadata moves, and what stays.
@Suite(.leavesNothing, .timeLimit(.minutes(3)))
struct TokenHostTests {
    struct Row: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var token: AccessToken
        var metadata: String
        var allowed: Set<String> = []
        /// The gateway's URL of the actor `id`.
        var url: String
    }

    static let rows = [
        Row(
            testDescription: "a fixed one, elsewhere",
            token: "mine",
            metadata: #"{"clientEndpoint":"http://engine.test:1"}"#,
            url: "http://engine.test:1/gateway/id"
        ),
        Row(
            testDescription: "a fixed one, elsewhere, where a token is named",
            token: "mine",
            metadata: #"{"clientEndpoint":"http://engine.test:1","clientToken":"theirs"}"#,
            url: "http://engine.test:1/gateway/id@theirs"
        ),
        Row(
            testDescription: "a fixed one, elsewhere, where a token is in the endpoint",
            token: "mine",
            metadata: #"{"clientEndpoint":"http://ns:theirs@engine.test:1","clientToken":""}"#,
            url: "http://engine.test:1/gateway/id@theirs"
        ),
        Row(
            testDescription: "a fixed one, elsewhere, allowed",
            token: "mine",
            metadata: #"{"clientEndpoint":"http://engine.test:1"}"#,
            allowed: ["Engine.TEST"],
            url: "http://engine.test:1/gateway/id@mine"
        ),
        Row(
            testDescription: "a fixed one, another port",
            token: "mine",
            metadata: #"{"clientEndpoint":"http://127.0.0.1:1"}"#,
            url: "http://127.0.0.1:1/gateway/id@mine"
        ),
        Row(
            testDescription: "a fixed one, another name of this machine",
            token: "mine",
            metadata: #"{"clientEndpoint":"http://localhost:1"}"#,
            url: "http://localhost:1/gateway/id"
        ),
        Row(
            testDescription: "a fixed one, no endpoint named",
            token: "mine",
            metadata: #"{"clientToken":"theirs"}"#,
            url: "http://127.0.0.1:PORT/gateway/id@mine"
        ),
        Row(
            testDescription: "a provided one, elsewhere",
            token: .provided { _ in "mine" },
            metadata: #"{"clientEndpoint":"http://engine.test:1","clientToken":"theirs"}"#,
            url: "http://engine.test:1/gateway/id"
        ),
        Row(
            testDescription: "a provided one, another port",
            token: .provided { _ in "mine" },
            metadata: #"{"clientEndpoint":"http://127.0.0.1:1","clientToken":"theirs"}"#,
            url: "http://127.0.0.1:1/gateway/id@mine"
        ),
        Row(
            testDescription: "this machine's, elsewhere",
            token: .automatic,
            metadata: #"{"clientEndpoint":"http://engine.test:1"}"#,
            url: "http://engine.test:1/gateway/id"
        ),
        Row(
            testDescription: "this machine's, here",
            token: .automatic,
            metadata: #"{"clientEndpoint":"http://localhost:1"}"#,
            url: "http://localhost:1/gateway/id@default"
        ),
        Row(
            testDescription: "none, here",
            token: .none,
            metadata: #"{"clientEndpoint":"http://localhost:1"}"#,
            url: "http://localhost:1/gateway/id"
        ),
    ]

    @Test("B234, B235, B236: which token goes where metadata points", arguments: rows)
    func token(_ row: Row) async throws {
        let server = try await LiteralServer.start()
        var configuration = try RivetConfiguration(endpoint: server.endpoint, token: row.token)
        configuration.allowedHosts = row.allowed
        let client = RivetClient(configuration)
        async let url = client.getForID("counter", "id").gatewayURL().reveal()
        let peer = try await server.accept()
        let head = try await peer.readHead()
        #expect(head[0] == "GET /metadata?namespace=default HTTP/1.1")
        #expect(!head.contains { $0.contains("mine") })
        peer.write("HTTP/1.1 200 OK\r\ncontent-length: \(row.metadata.utf8.count)\r\n\r\n\(row.metadata)")
        let expected = row.url.replacing("PORT", with: "\(server.port)")
        let named = try await url
        #expect(named == expected)
        await client.close(within: .zero)
        await server.stop()
    }

    @Test("B235: fields with credentials stay at home, those of one call and the actor's parameters follow")
    func fields() async throws {
        let (home, other) = (try await LiteralServer.start(), try await LiteralServer.start())
        for allowed in [false, true] {
            var configuration = try RivetConfiguration(endpoint: home.endpoint, token: "mine")
            configuration.fields = [
                "authorization": "a-1", "Proxy-Authorization": "a-2", "Cookie": "a-3", "X-Rivet-Token": "a-4",
                "x-plain": "p",
            ]
            configuration.requestContext = { RequestContext(fields: ["COOKIE": "c-1", "x-context": "c"]) }
            if allowed { configuration.allowedHosts = ["localhost"] }
            let client = RivetClient(configuration)
            let options = HandleOptions(parameters: .fixed("for the actor"))
            async let response = client.getForID("counter", "id", options).fetch(
                ActorRequest("x", fields: ["authorization": "own"])
            )
            let first = try await home.accept()
            let asked = try await first.readHead().map { $0.lowercased() }
            #expect(asked.contains("authorization: a-1") && asked.contains("x-rivet-token: a-4"))
            let metadata = #"{"clientEndpoint":"http://localhost:\#(other.port)"}"#
            first.write("HTTP/1.1 200 OK\r\ncontent-length: \(metadata.utf8.count)\r\n\r\n\(metadata)")
            let peer = try await other.accept()
            let head = try await peer.readHead().map { $0.lowercased() }
            #expect(
                head[0] == (allowed ? "get /gateway/id@mine/request/x http/1.1" : "get /gateway/id/request/x http/1.1")
            )
            #expect(head.contains("authorization: own") && head.contains("x-plain: p") && head.contains("x-context: c"))
            #expect(head.contains("x-rivet-conn-params: \"for the actor\""))
            for field in ["cookie: c-1", "proxy-authorization: a-2", "x-rivet-token: a-4"] {
                #expect(head.contains(field) == allowed, "\(field)")
            }
            peer.write("HTTP/1.1 200 OK\r\nx-rivet-actor: id\r\ncontent-length: 0\r\n\r\n")
            let status = try await response.status
            #expect(status == 200)
            await client.close(within: .zero)
        }
        await home.stop()
        await other.stop()
    }
}
