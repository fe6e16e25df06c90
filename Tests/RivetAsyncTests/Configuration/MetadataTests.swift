// SPDX-License-Identifier: Apache-2.0
import RivetAsyncLocal
import Testing

@testable import RivetAsync

/// The question where everything goes: when it is asked, how long, and what an answer may change.
@Suite(.leavesNothing, .timeLimit(.minutes(3)))
struct MetadataTests {
    @Test("B13: without the lookup nobody asks, whatever is called", arguments: [false, true])
    func lookup(_ looksUp: Bool) async throws {
        try await AnsweringServer.run { request, _ in
            switch request.target {
            case let target where target.hasPrefix("/metadata"): .json(200, "{}")
            case let target where target.hasPrefix("/actors"): AnsweringServer.Answer.created()
            default: .http(404)
            }
        } _: {
            $0.looksUpMetadata = looksUp
        } _: { client, server in
            let handle = client.getOrCreate("counter", ["k"])
            _ = try await handle.resolve()
            _ = try await client.create("counter", ["l"])
            _ = try? await handle.action("b") as NoValue
            try? await handle.enqueue("b", 1)
            _ = try? await handle.fetch(ActorRequest("b"))
            _ = try? await handle.webSocket("b")
            _ = try await handle.gatewayURL()
            _ = try? await handle.connect().waitUntilConnected()
            #expect(server.lines.count { $0.contains("metadata") } == (looksUp ? 1 : 0))
            #expect(
                server.lines.first == (looksUp ? "GET /metadata?namespace=default" : "PUT /actors?namespace=default")
            )
        }
    }

    struct Fields: Sendable, CustomTestStringConvertible {
        let testDescription: String
        /// `HERE` stands for the server that metadata names.
        let metadata: String
        /// Namespace and token of the first request after it, and whether it goes there.
        let gives: String

        init(_ name: String, _ metadata: String, gives: String) {
            (testDescription, self.metadata, self.gives) = (name, metadata, gives)
        }
    }

    @Test(
        "B12: metadata is answered first, and its fields count only together with an endpoint",
        arguments: [
            Fields("nothing", "{}", gives: "own default none"),
            Fields("the endpoint", #"{"clientEndpoint":"HERE"}"#, gives: "named default none"),
            Fields(
                "all three",
                #"{"clientEndpoint":"HERE","clientNamespace":"m","clientToken":"t"}"#,
                gives: "named m Bearer t"
            ),
            Fields("all but the endpoint", #"{"clientNamespace":"m","clientToken":"t"}"#, gives: "own default none"),
            Fields(
                "an empty endpoint",
                #"{"clientEndpoint":"","clientNamespace":"m","clientToken":"t"}"#,
                gives: "own default none"
            ),
        ]
    )
    func fields(_ row: Fields) async throws {
        try await AnsweringServer.serving { _, _ in
            AnsweringServer.Answer.created()
        } _: { named in
            try await AnsweringServer.run { request, _ in
                request.target.hasPrefix("/metadata")
                    ? .json(200, row.metadata.replacing("HERE", with: named.endpoint))
                    : AnsweringServer.Answer.created()
            } _: {
                $0.looksUpMetadata = true
            } _: { client, own in
                _ = try await client.getOrCreate("counter", ["k"]).resolve()
                #expect(own.lines.first == "GET /metadata?namespace=default")
                let isNamed = !named.requests.isEmpty
                let request = try #require((isNamed ? named : own).requests.last)
                let namespace = request.target.split(separator: "=").last ?? ""
                let token = request.fields["authorization"] ?? "none"
                #expect("\(isNamed ? "named" : "own") \(namespace) \(token)" == row.gives)
                #expect(own.requests.count + named.requests.count == 2)
            }
        }
    }

    @Test("B14: one hanging question is not the whole deadline, and the next call asks again")
    func hanging() async throws {
        let clock = TestClock()
        let answers = Signal(gauge: ResourceGauge())
        let answer = { @Sendable (_: AnsweringServer.Request, _: Int) -> AnsweringServer.Answer in
            answers.isSet ? .json(200, "{}") : .silence
        }
        try await AnsweringServer.run(answer, clock: clock) {
            $0.looksUpMetadata = true
            $0.connectTimeout = .seconds(3)
            $0.callTimeout = .seconds(600)
        } _: { client, server in
            let handle = client.getForID("a", "x")
            let calling = Task { try await handle.action("b") as NoValue }
            try await until { server.requests.count >= 1 }
            await clock.advance(by: .seconds(12))
            #expect(server.requests.count == 1)
            await clock.advance(by: .seconds(1))
            // The pause before the second question; in steps so small that its connection is there before its time is over.
            try await until {
                await clock.advance(by: .milliseconds(1))
                return server.requests.count == 2
            }
            await clock.advance(by: .seconds(600))
            let error = await #expect(throws: RivetError.self) { try await calling.value }
            #expect(error?.code == .deadlineExceeded)
            #expect(error?.execution == .notSent)
            #expect(error?.message.contains("GET /metadata") == true)
            // On a busy machine the time of this clock passes before the next question has a connection.
            #expect((error?.underlying as? RivetError)?.fault == .network)
            answers.set()
            let next = Task { try await handle.action("b") as NoValue }
            // It may join a question that the server heard before it answers, and which has its own time.
            try await until {
                await clock.advance(by: .milliseconds(1))
                return server.lines.last == "POST /gateway/x/action/b"
            }
            next.cancel()
            _ = await next.result
        }
    }

    struct Answer: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let answer: AnsweringServer.Answer
        let code: RivetError.Code

        init(_ name: String, _ answer: AnsweringServer.Answer, _ code: RivetError.Code) {
            (testDescription, self.answer, self.code) = (name, answer, code)
        }
    }

    @Test(
        "B14: what a repeat cannot mend fails at once, for a connection too",
        arguments: [
            Answer("404", .http(404), .metadataUnavailable), Answer("403", .http(403), .metadataUnavailable),
            Answer("a page", .http(200, [], Array("<html>".utf8)), .metadataUnavailable),
            Answer("no URL", .json(200, #"{"clientEndpoint":"ftp://h"}"#), .invalidConfiguration),
        ]
    )
    func final(_ row: Answer) async throws {
        try await AnsweringServer.run([], then: row.answer) {
            $0.looksUpMetadata = true
        } _: { client, server in
            let handle = client.getForID("a", "x")
            let error = await #expect(throws: RivetError.self) { try await handle.action("b") as NoValue }
            #expect(error?.code == row.code)
            #expect(error?.execution == .notSent)
            #expect(server.requests.count == 1)
            // Neither is kept: the next one asks again.
            _ = try? await handle.action("b") as NoValue
            #expect(server.requests.count == 2)
            let ended = await #expect(throws: RivetError.self) { try await handle.connect().waitUntilConnected() }
            #expect(ended?.code == row.code)
            #expect(server.requests.count == 3)
        }
    }

    @Test(
        "B17: metadata that would give up TLS is refused, unless that is allowed",
        .enabled(if: TestCertificates.areAvailable, "needs openssl, python3 and sh in PATH"),
        arguments: [false, true]
    )
    func insecureRedirection(_ allows: Bool) async throws {
        try await AnsweringServer.serving { _, _ in
            .output(7)
        } _: { plain in
            try await AnsweringServer.serving { _, _ in
                .json(200, #"{"clientEndpoint":"\#(plain.endpoint)"}"#)
            } _: { server in
                let port = try #require(server.endpoint.split(separator: ":").last.flatMap { Int($0) })
                let terminator = try await TLSTerminator(forwardingTo: port)
                var configuration = try RivetConfiguration(endpoint: "https://127.0.0.1:\(terminator.port)")
                configuration.tls = terminator.options
                configuration.allowsInsecureRedirection = allows
                let client = RivetClient(configuration)
                let handle = client.getForID("a", "x")
                do {
                    let output: Int = try await handle.action("b")
                    #expect(allows && output == 7)
                } catch let error as RivetError {
                    #expect(!allows)
                    #expect(error.code == .invalidConfiguration)
                    #expect(error.message.contains("give up TLS"))
                }
                #expect(server.lines == ["GET /metadata?namespace=default"])
                #expect(plain.lines.count == (allows ? 1 : 0))
                await client.close(within: .zero)
                await terminator.stop()
            }
        }
    }
}
