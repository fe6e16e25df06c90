// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import RivetAsync

/// What becomes of names, ids and paths that are no part of a URI, or lead elsewhere.
@Suite(.leavesNothing, .timeLimit(.minutes(3)))
struct TargetTests {
    typealias Echo = CallersMistakeTests.Echo

    @Test("B309: names and ids that cannot stand in a target", arguments: ["", ".", ".."])
    func names(_ name: String) async throws {
        let id = ActorID(rawValue: name)
        let uses: [(RivetClient, ActorHandle<Echo>) async throws -> Void] = [
            { _, handle in _ = try await handle.action(name) as NoValue },
            { _, handle in try await handle.withConnection { _ = try await $0.action(name) as NoValue } },
            { _, handle in try await handle.enqueue(name, 1) },
            { client, _ in _ = try await client.getForID("a", id).action("x") as NoValue },
            { client, _ in _ = try await client.getForID("a", id).fetch(ActorRequest("x")) },
            { client, _ in _ = try await client.getForID("a", id).webSocket("x") },
            { client, _ in _ = try await client.getForID("a", id).gatewayURL() },
            { client, _ in try await client.getForID("a", id).connect().waitUntilConnected() },
            { client, _ in _ = try await client.get(name).action("x") as NoValue },
            { client, _ in _ = try await client.getOrCreate(name, ["k"]).resolve() },
            { client, _ in _ = try await client.getOrCreate(name, ["k"]).gatewayURL() },
            { client, _ in try await client.get(name, ["k"]).connect().waitUntilConnected() },
            { client, _ in _ = try await client.create(name, ["k"]) },
        ]
        for (index, use) in uses.enumerated() {
            // The connection of the second one would dial before it is used.
            let outcome = try await CallersMistakeTests.outcome({ $0.looksUpMetadata = true }, use)
            if index == 1 {
                #expect(outcome.hasPrefix("invalidArgument, caller, notSent"))
            } else {
                #expect(outcome == CallersMistakeTests.invalidArgument, "\(index)")
            }
        }
    }

    @Test(
        "B309: paths that lead elsewhere",
        arguments: [
            "..", ".", "../action/destroy", "/../x", "a/..", "a/../b", "a/./b", "%2e%2E/x", ".%2e", "a/%2E/b", "%2e?x",
            "a//b", "a/\u{301}/\u{301}/../b", "/\u{301}/..", "?rvt-\u{301}=1", "?%72vt-%FF=1", "?a&rvt-x",
        ]
    )
    func paths(_ path: String) async throws {
        let fetch = try await CallersMistakeTests.outcome { _, handle in _ = try await handle.fetch(ActorRequest(path))
        }
        #expect(fetch == CallersMistakeTests.invalidArgument)
        let socket = try await CallersMistakeTests.outcome { _, handle in _ = try await handle.webSocket(path) }
        #expect(socket == CallersMistakeTests.invalidArgument)
    }

    @Test(
        "B27, B309: what leaves for a path",
        arguments: [
            ("...", "/request/..."), ("a.b/..c/d..", "/request/a.b/..c/d.."), ("a?x=../..", "/request/a?x=../.."),
            (#"<>"`{}|^\"#, "/request/%3C%3E%22%60%7B%7D%7C%5E%5C"),
            (#"?<>"`{}|^\"#, "/request/?%3C%3E%22%60%7B%7D%7C%5E%5C"),
            ("a b\tc\u{7f}\0", "/request/a%20b%09c%7F%00"), ("100%", "/request/100%25"), ("%", "/request/%25"),
            ("%zz%4", "/request/%25zz%254"), ("%41%e9", "/request/%41%e9"), ("a[]=1", "/request/a[]=1"),
            ("caf\u{e9}", "/request/caf%C3%A9"), ("cafe\u{301}", "/request/cafe%CC%81"),
            ("-._~!$&'()*+,;=:@", "/request/-._~!$&'()*+,;=:@"), ("a#\u{301}b", "/request/a"),
            ("/\u{301}a", "/request/%CC%81a"), ("a?\u{301}#\u{301}", "/request/a?%CC%81"),
        ]
    )
    func sent(_ path: String, _ target: String) throws {
        #expect(try GatewayPath.request(path).text == target)
    }

    @Test(
        "B27: a name in a target decodes to the same bytes",
        arguments: [
            ("...", "..."), (". ", ".%20"), ("../x", "..%2Fx"), ("a/b", "a%2Fb"), ("%2e%2e", "%252e%252e"),
            ("?#", "%3F%23"), ("caf\u{e9}", "caf%C3%A9"), ("cafe\u{301}", "cafe%CC%81"), ("\u{301}", "%CC%81"),
        ]
    )
    func segments(_ name: String, _ sent: String) throws {
        #expect(try GatewayPath.action(name).text == "/action/" + sent)
        #expect(try GatewayPath.queue(name).text == "/queue/" + sent)
        #expect(PercentEncoding.decode(sent).map { Array($0.utf8) } == Array(name.utf8))
    }

    @Test(
        "B309: base paths of endpoints that are no URI, or lead elsewhere",
        arguments: [
            "http://h/..", "http://h/a/../b", "http://h/./b", "http://h/%2E%2e/b", "http://h/a|b", "http://h/{x}",
            "http://h/a\\b", "http://h/a^b", "http://h/<a>", "http://h/a%", "http://h/a\u{301}", "http://h/%zz",
        ]
    )
    func basePaths(_ text: String) {
        #expect(throws: EndpointError.path) { try Endpoint.parse(text) }
    }

    @Test("a token that begins with a combining mark is no part of the namespace")
    func userInfo() throws {
        let parsed = try Endpoint.parse("http://ns:\u{301}tok@h/a")
        #expect(parsed.namespace == "ns")
        #expect(parsed.token?.reveal() == "\u{301}tok")
    }
}
