// SPDX-License-Identifier: Apache-2.0
import Foundation
import RivetAsyncLocal
import Testing

@testable import RivetAsync

/// What a client is told, by whom, and what it takes where it is told nothing.
@Suite(.leavesNothing, .timeLimit(.minutes(3)))
struct ConfigurationTests {
    /// `ENDPOINT NAMESPACE TOKEN POOL` of a configuration, or the code of the error.
    static func read(_ make: () throws -> RivetConfiguration) -> String {
        do {
            let configuration = try make()
            var token = "\(configuration.token)"
            if case .fixed(let secret) = configuration.token.kind { token = secret.reveal() }
            return [configuration.endpoint.text, configuration.namespace, token, configuration.poolName]
                .joined(separator: " ")
        } catch let error as RivetError {
            return error.code.name
        } catch {
            return "\(error)"
        }
    }

    struct Given: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let endpoint: String
        var namespace: String?
        var token = AccessToken.automatic
        let gives: String

        init(
            _ name: String,
            _ endpoint: String,
            namespace: String? = nil,
            token: AccessToken = .automatic,
            gives: String
        ) {
            testDescription = name
            (self.endpoint, self.namespace, self.token, self.gives) = (endpoint, namespace, token, gives)
        }
    }

    @Test(
        "B6, B8, B9: endpoint and arguments",
        arguments: [
            Given("nothing but the host", "http://h", gives: "http://h default automatic default"),
            Given("both in the endpoint", "http://n:t@h", gives: "http://h n t default"),
            Given("both as arguments", "http://h", namespace: "n", token: "t", gives: "http://h n t default"),
            Given("one each", "http://n@h", token: "t", gives: "http://h n t default"),
            Given("the namespace twice", "http://n@h", namespace: "n", gives: "invalidConfiguration"),
            Given("the token twice", "http://n:t@h", token: "t", gives: "invalidConfiguration"),
            Given("a token and none", "http://n:t@h", token: .none, gives: "invalidConfiguration"),
            Given("no endpoint", "", gives: "invalidConfiguration"),
        ]
    )
    func arguments(_ given: Given) {
        let read = Self.read {
            try RivetConfiguration(endpoint: given.endpoint, namespace: given.namespace, token: given.token)
        }
        #expect(read == given.gives)
    }

    struct Variables: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let values: [String: String]
        let gives: String

        init(_ name: String, _ values: [String: String], gives: String) {
            (testDescription, self.values, self.gives) = (name, values, gives)
        }
    }

    static let others = ["RIVET_NAMESPACE": "vn", "RIVET_TOKEN": "vt", "RIVET_POOL": "vp", "RIVET_RUNNER": "vr"]

    @Test(
        "B6, B7, B8: variables, which the endpoint beats",
        arguments: [
            Variables("none", [:], gives: "invalidConfiguration"),
            Variables("all but the endpoint", others, gives: "invalidConfiguration"),
            Variables("an empty endpoint", ["RIVET_ENDPOINT": ""], gives: "invalidConfiguration"),
            Variables("a bad endpoint", ["RIVET_ENDPOINT": "ftp://h"], gives: "invalidConfiguration"),
            Variables("TypeScript's name", ["RIVET_ENGINE": "http://h"], gives: "invalidConfiguration"),
            Variables(
                "the endpoint alone, without a token",
                ["RIVET_ENDPOINT": "http://h"],
                gives: "http://h default automatic default"
            ),
            Variables(
                "all",
                others.merging(["RIVET_ENDPOINT": "http://h"]) { $1 },
                gives: "http://h vn vt vp"
            ),
            Variables(
                "the endpoint has its own",
                others.merging(["RIVET_ENDPOINT": "http://n:t@h"]) { $1 },
                gives: "http://h n t vp"
            ),
            Variables(
                "the endpoint has a namespace",
                others.merging(["RIVET_ENDPOINT": "http://n@h"]) { $1 },
                gives: "http://h n vt vp"
            ),
            Variables(
                "the runner in the pool's place",
                ["RIVET_ENDPOINT": "http://h", "RIVET_RUNNER": "vr"],
                gives: "http://h default automatic vr"
            ),
            Variables(
                "empty ones",
                [
                    "RIVET_ENDPOINT": "http://h", "RIVET_NAMESPACE": "", "RIVET_TOKEN": "", "RIVET_POOL": "",
                    "RIVET_RUNNER": "vr",
                ],
                gives: "http://h default automatic vr"
            ),
        ]
    )
    func variables(_ variables: Variables) {
        #expect(Self.read { try .fromEnvironment(variables.values) } == variables.gives)
    }

    @Test("B6, B7: only fromEnvironment reads the variables of the process")
    func variablesOfTheProcess() async {
        await #expect(processExitsWith: .success) {
            for (name, value) in ConfigurationTests.others { setenv(name, value, 1) }
            setenv("RIVET_ENDPOINT", "http://n@h", 1)
            let given = ConfigurationTests.read { try RivetConfiguration(endpoint: "http://g") }
            let both = ConfigurationTests.read {
                try RivetConfiguration(endpoint: "http://g", namespace: "a", token: "b", poolName: "c")
            }
            let read = ConfigurationTests.read { try .fromEnvironment() }
            #expect(given == "http://g default automatic default")
            #expect(both == "http://g a b c")
            #expect(read == "http://h n vt vp")
        }
    }

    struct Pools: Sendable, CustomTestStringConvertible {
        var testDescription: String { "client \(client ?? "-"), call \(call ?? "-")" }
        var client: String?
        var call: String?
        let gives: String
    }

    @Test(
        "B9, B10: the pool of a call, of the client, and the default one",
        arguments: [
            Pools(gives: "default"), Pools(client: "a", gives: "a"), Pools(call: "b", gives: "b"),
            Pools(client: "a", call: "b", gives: "b"),
        ]
    )
    func pools(_ row: Pools) async throws {
        try await AnsweringServer.serving { _, _ in
            AnsweringServer.Answer.created()
        } _: { server in
            var configuration = try RivetConfiguration(endpoint: server.endpoint, poolName: row.client)
            configuration.looksUpMetadata = false
            let client = RivetClient(configuration)
            let create = CreateOptions(poolName: row.call)
            _ = try await client.getOrCreate("counter", ["k"], create: create).resolve()
            _ = try await client.create("counter", ["k"], create: create)
            #expect(server.lines == ["PUT /actors?namespace=default", "POST /actors?namespace=default"])
            for request in server.requests {
                #expect(request.text.contains(#""runner_name_selector":"\#(row.gives)","#))
            }
            await client.close(within: .zero)
        }
    }

    @Test("B18: without a choice it is bare", arguments: [nil] + AnsweringServer.encodings)
    func encoding(_ encoding: RivetConfiguration.Encoding?) async throws {
        try await AnsweringServer.run([.output(1)]) {
            if let encoding { $0.encoding = encoding }
        } _: { client, server in
            let handle = client.getForID("counter", ActorID(rawValue: AnsweringServer.id))
            _ = try? await handle.action("count") as NoValue
            let connection = handle.connect()
            try await until { server.requests.count == 2 }
            let name = encoding.map { "\($0)" } ?? "bare"
            #expect(server.requests[0].fields["x-rivet-encoding"] == name)
            #expect(server.requests[1].fields["sec-websocket-protocol"] == "rivet, rivet_encoding.\(name)")
            if encoding == nil {
                #expect(server.requests[0].fields["content-type"] == "application/octet-stream")
                #expect(server.requests[0].body == [4, 0, 1, 0x80])
            }
            await connection.disconnect()
        }
    }

    struct Waits: Sendable, CustomTestStringConvertible {
        var testDescription: String {
            "client \(client), handle \(handle.map { "\($0)" } ?? "-"), call \(call.map { "\($0)" } ?? "-")"
        }
        let client: Bool
        var handle: Bool?
        var call: Bool?
        var skips: Bool { call ?? handle ?? client }
    }

    static let waits = [false, true].flatMap { client in
        [nil, false, true].flatMap { handle in
            [nil, false, true].map { Waits(client: client, handle: handle, call: $0) }
        }
    }

    @Test("B19: the call's own wish about the ready wait wins, in both directions", arguments: waits)
    func readyWait(_ row: Waits) async throws {
        try await AnsweringServer.run([], then: .http(404)) {
            $0.skipsReadyWait = row.client
        } _: { client, server in
            let handle = client.getForID("a", "x", HandleOptions(skipsReadyWait: row.handle))
            let options = CallOptions(skipsReadyWait: row.call)
            _ = try? await handle.action("b", options: options) as NoValue
            _ = try? await handle.enqueue("b", 1, options)
            _ = try? await handle.fetch(ActorRequest("b"), options)
            _ = try? await handle.webSocket("b", options)
            let connection = handle.connect(ConnectOptions(skipsReadyWait: row.call))
            _ = try? await connection.waitUntilConnected()
            #expect(
                server.lines == [
                    "POST /gateway/x/action/b", "POST /gateway/x/queue/b", "GET /gateway/x/request/b",
                    "GET /gateway/x/websocket/b", "GET /gateway/x/connect",
                ]
            )
            for request in server.requests.prefix(3) {
                #expect(request.fields["x-rivet-skip-ready-wait"] == (row.skips ? "1" : nil), "\(request.line)")
            }
            for request in server.requests.dropFirst(3) {
                let offered = request.fields["sec-websocket-protocol"]?.contains("rivet_skip_ready_wait")
                #expect(offered == row.skips, "\(request.line)")
            }
        }
    }
}
