// SPDX-License-Identifier: Apache-2.0
import RivetAsyncLocal
import Testing

@testable import RivetAsync

/// What a call carries beside its arguments, and that no name is special.
@Suite(.leavesNothing, .timeLimit(.minutes(3)))
struct CallFieldsTests {
    struct Session: Codable, Sendable { var session: String }

    private static func use(_ handle: ActorHandle<Untyped>) async {
        _ = try? await handle.action("b") as NoValue
        try? await handle.enqueue("b", 1)
        _ = try? await handle.enqueueAndWait("b", 1, as: Int.self, timeout: .seconds(1))
        _ = try? await handle.fetch(ActorRequest("b"))
    }

    @Test("B48, B188: parameters go as JSON in their field, raw requests' too, and never in a URL")
    func parameters() async throws {
        try await AnsweringServer.run([], then: .http(404)) { client, server in
            let options = HandleOptions(parameters: .fixed(Session(session: "hunter2/é")))
            await Self.use(client.getForID("a", "x", options))
            #expect(server.requests.count == 4)
            for request in server.requests {
                #expect(request.fields["x-rivet-conn-params"] == #"{"session":"hunter2/\u00e9"}"#)
                #expect(!request.target.contains("hunter2"))
                #expect(!request.text.contains("hunter2"))
            }
        }
        try await AnsweringServer.run([], then: .http(404)) { client, server in
            await Self.use(client.getForID("a", "x"))
            #expect(server.requests.map { $0.fields["x-rivet-conn-params"] } == [nil, nil, nil, nil])
        }
    }

    @Test(
        "B189: skipReadyWait is a field of every request, raw ones too, and a part of a gateway URL",
        arguments: [false, true]
    )
    func skipReadyWait(_ skips: Bool) async throws {
        try await AnsweringServer.run([], then: .http(404)) { client, server in
            let options = HandleOptions(skipsReadyWait: skips)
            await Self.use(client.getForID("a", "x", options))
            #expect(server.requests.count == 4)
            for request in server.requests {
                #expect(request.fields["x-rivet-skip-ready-wait"] == (skips ? "1" : nil))
                #expect(!request.target.contains("skip-ready-wait"))
            }
            let url = try await client.get("a", ["k"], options).gatewayURL().reveal()
            #expect(url.hasSuffix("&rvt-skip-ready-wait=true") == skips, "\(url)")
        }
    }

    @Test("B50: a provider of parameters is asked before each call over HTTP too")
    func provider() async throws {
        let asked = Recorder<Int>()
        try await AnsweringServer.run([], then: .http(404)) { client, server in
            let provider = ConnectionParameters.provided { asked.count(adding: 0) }
            let handle = client.getForID("a", "x", HandleOptions(parameters: provider))
            await Self.use(handle)
            _ = try? await handle.connect().waitUntilConnected()
            #expect(server.requests.prefix(4).map { $0.fields["x-rivet-conn-params"] } == ["0", "1", "2", "3"])
            #expect(
                server.requests.last?.fields["sec-websocket-protocol"]
                    == "rivet, rivet_encoding.bare, rivet_conn_params.4"
            )
        }
    }

    @Test("B54: an action called destroy is repeated like any other, and nobody asks whether the actor is gone")
    func destroy() async throws {
        let later = AnsweringServer.Answer.error(503, "guard.service_unavailable")
        for name in ["destroy", "create"] {
            try await AnsweringServer.run([AnsweringServer.Answer.created(), later, .output(1)]) { client, server in
                _ = try await client.getOrCreate("counter", ["k"]).action(name) as Int
                #expect(
                    server.lines == ["PUT /actors?namespace=default"]
                        + Array(repeating: "POST /gateway/\(AnsweringServer.id)/action/\(name)", count: 2)
                )
            }
        }
    }

    @Test("B220: a key or an input beyond the engine's limit is told at once, before metadata, with both numbers")
    func limits() async throws {
        let key = ActorKey([String(repeating: "a", count: 500), String(repeating: "/", count: 300)])
        let input = CreateOptions(input: String(repeating: "x", count: 1 << 20))
        let uses: [(String, (RivetClient) async throws -> Void)] = [
            ("1101 1024", { _ = try await $0.get("a", key).action("b") as NoValue }),
            ("1101 1024", { _ = try await $0.getOrCreate("a", key).action("b") as NoValue }),
            ("1101 1024", { _ = try await $0.getOrCreate("a", key).resolve() }),
            ("1101 1024", { _ = try await $0.get("a", key).resolveIfExists() }),
            ("1101 1024", { try await $0.get("a", key).enqueue("b", 1) }),
            ("1101 1024", { _ = try await $0.get("a", key).fetch(ActorRequest("b")) }),
            ("1101 1024", { _ = try await $0.get("a", key).webSocket("b") }),
            ("1101 1024", { try await $0.get("a", key).connect().waitUntilConnected() }),
            ("1101 1024", { _ = try await $0.create("a", key) }),
            ("1048581 1048576", { _ = try await $0.create("a", ["k"], create: input) }),
            ("1048581 1048576", { _ = try await $0.getOrCreate("a", ["k"], create: input).action("b") as NoValue }),
            ("1048581 1048576", { try await $0.getOrCreate("a", ["k"], create: input).connect().waitUntilConnected() }),
        ]
        for (index, (numbers, use)) in uses.enumerated() {
            let texts = Recorder<String>()
            let outcome = try await CallersMistakeTests.outcome({ $0.looksUpMetadata = true }) { client, _ in
                do {
                    try await use(client)
                } catch {
                    texts.add("\(error)")
                    throw error
                }
            }
            #expect(outcome == "limitExceeded, caller, notSent, 0 dials", "\(index)")
            for number in numbers.split(separator: " ") {
                #expect(texts.all.first?.contains(number) == true, "\(index): \(texts.all)")
            }
        }
    }

    @Test("B220: nothing else is refused by its length")
    func noOtherLimit() async throws {
        let long = String(repeating: "a", count: 2_000)
        let key = ActorKey([String(repeating: "a", count: 1_024)])
        try await AnsweringServer.run([], then: .http(404)) { client, server in
            _ = try? await client.getForID("a", ActorID(rawValue: long)).action(long) as NoValue
            try? await client.getForID("a", ActorID(rawValue: long)).enqueue(long, long)
            _ = try? await client.get(long, key).resolve()
            #expect(
                server.lines == [
                    "POST /gateway/\(long)/action/\(long)", "POST /gateway/\(long)/queue/\(long)",
                    "GET /actors?name=\(long)&key=\(key.text)&namespace=default",
                ]
            )
        }
    }
}
