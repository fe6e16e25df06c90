// SPDX-License-Identifier: Apache-2.0
import RivetAsyncLocal
import Testing

@testable import RivetAsync

/// Answers that are errors, and answers that cannot be read: what a caller hears, and what it is not told apart by.
@Suite(.leavesNothing, .timeLimit(.minutes(3)))
struct RemoteErrorTests {
    typealias Server = AnsweringServer

    static let action = "POST /gateway/\(Server.id)/action/count"
    static func handle(_ client: RivetClient) -> ActorHandle<Untyped> {
        client.getForID("counter", ActorID(rawValue: Server.id))
    }

    struct Output: Sendable, CustomTestStringConvertible {
        var testDescription: String { "\(encoding), \(what)" }
        let encoding: RivetConfiguration.Encoding
        let what: String
        let body: [UInt8]
        /// Whether it reads as an answer, but not as the type.
        var isAnswer: Bool { what == "text" }

        init(_ encoding: RivetConfiguration.Encoding, _ what: String, _ body: [UInt8]) {
            (self.encoding, self.what, self.body) = (encoding, what, body)
        }
    }

    @Test(
        "B59: a success that does not decode is .ran, names action and type, and is not repeated",
        arguments: [
            Output(.bare, "text", [4, 0, 5, 0x64] + Array("text".utf8)),
            Output(.cbor, "text", [0xA1, 0x66] + Array("output".utf8) + [0x64] + Array("text".utf8)),
            Output(.json, "text", Array(#"{"output":"text"}"#.utf8)),
            Output(.bare, "no answer", Array("<html>".utf8)), Output(.cbor, "no answer", [0xFF]),
            Output(.json, "no answer", Array("<html>".utf8)), Output(.bare, "nothing", []),
            Output(.cbor, "nothing", []), Output(.json, "nothing", []),
        ]
    )
    func undecodable(_ output: Output) async throws {
        try await Server.run([], then: .http(200, ["x-rivet-ray-id: r"], output.body)) {
            $0.encoding = output.encoding
        } _: { client, server in
            let error = await #expect(throws: RivetError.self) {
                try await Self.handle(client).action("count", options: .init(isIdempotent: true)) as Int
            }
            #expect(error?.code == .decodingFailed)
            #expect(error?.execution == .ran)
            #expect(error?.message.contains(#""count""#) == true)
            if output.isAnswer { #expect(error?.message.contains("did not decode as Int") == true) }
            #expect(error?.message.contains(#""text""#) == false, "no value is shown")
            #expect(server.lines == [Self.action])
        }
    }

    struct Refusal: Sendable, CustomTestStringConvertible {
        var testDescription: String { "\(encoding), \(isRequest ? "request" : "answer")" }
        let encoding: RivetConfiguration.Encoding
        let isRequest: Bool
    }

    @Test(
        "B62: too large a request or answer fails its call, and the handle works on",
        arguments: Server.encodings.flatMap { encoding in
            [true, false].map { Refusal(encoding: encoding, isRequest: $0) }
        }
    )
    func tooLarge(_ row: Refusal) async throws {
        var limits = LocalEngine.Limits()
        limits.maxIncomingMessage = 500
        limits.maxOutgoingMessage = 700
        try await DurationTests.run(limits: limits) {
            $0.encoding = row.encoding
        } _: { setting in
            let error = await #expect(throws: RivetError.self) {
                if row.isRequest {
                    try await setting.probe.send(ProbeActor.Echo(text: String(repeating: "x", count: 600)))
                } else {
                    try await setting.probe.send(ProbeActor.Big(count: 800))
                }
            }
            #expect(error?.matches("message", row.isRequest ? "incoming_too_long" : "outgoing_too_long") == true)
            #expect(error?.execution == (row.isRequest ? .notSent : .ran))
            #expect(error?.isTransient == false)
            let answer = try await setting.probe.send(ProbeActor.Echo(text: "still here"))
            #expect(answer == "still here")
        }
    }

    @Test("B204: an internal error is a code and the generic message, and nothing more", arguments: Server.encodings)
    func internalError(_ encoding: RivetConfiguration.Encoding) async throws {
        try await DurationTests.run {
            $0.encoding = encoding
        } _: { setting in
            let overHTTP = await #expect(throws: RivetError.self) {
                try await setting.probe.send(ProbeActor.Fail(kind: "other"))
            }
            let overSocket = await #expect(throws: RivetError.self) {
                _ = try await setting.probe.withConnection { try await $0.send(ProbeActor.Fail(kind: "other")) }
            }
            for error in [try #require(overHTTP), try #require(overSocket)] {
                #expect(error.matches("rivetkit", "internal_error"))
                #expect(error.message == "An internal error occurred")
                #expect(error.remote?.message == "An internal error occurred")
                let metadata = try error.remote?.metadata(as: [String: String].self)
                #expect(metadata == nil)
                #expect(error.execution == .mayHaveRun)
                #expect(error.fault == .server)
                #expect(error.isTransient == false)
            }
        }
    }

    @Test("B211: errors are told apart by group and code, never by their text")
    func codes() async throws {
        // The text of another error.
        let text = "The actor does not exist or was destroyed. actor.not_found"
        for name in ["user.no_seat", "actor.action_not_found"] {
            try await Server.run(
                [Server.Answer.listed(Server.actor()), Server.Answer.error(400, name, message: text)]
            ) { client, server in
                let error = await #expect(throws: RivetError.self) {
                    try await client.get("counter", ["k"]).action("count") as Int
                }
                #expect(error?.message == text)
                #expect(error.map { "\($0.remote?.group ?? "").\($0.remote?.code ?? "")" } == name)
                #expect(error?.matches("actor", "not_found") == false)
                #expect(server.requests.count == 2)
            }
        }
        // The code, with a text that nobody knows, or the text of another.
        for text in ["", "Nie gehört", "Action `x` was not found."] {
            try await Server.run(
                [
                    Server.Answer.listed(Server.actor()), Server.Answer.error(404, "actor.not_found", message: text),
                    .listed(),
                ]
            ) { client, server in
                let error = await #expect(throws: RivetError.self) {
                    try await client.get("counter", ["k"]).action("count") as Int
                }
                #expect(error?.matches("actor", "not_found") == true)
                #expect(server.requests.count == 3)
            }
        }
    }

    @Test(
        "B61: a handle by id whose actor is destroyed while it waits hears that there is none",
        arguments: [
            "action", "queue", "raw request", "raw WebSocket", "connection",
        ]
    )
    func destroyedWhileWaiting(_ way: String) async throws {
        var settings = LocalEngine.Settings()
        settings.answersDestroyed = true
        try await Phoenix.run(settings: settings) { client, _ in
            let handle = try await client.create(Phoenix.self, ["k"])
            try await handle.send(Phoenix.Destroy())
            let error = await #expect(throws: RivetError.self) {
                guard let use = Phoenix.ways.first(where: { $0.testDescription == way }) else {
                    return try await handle.withWebSocket("x") { socket in for try await _ in socket.messages {} }
                }
                _ = try await use.who(handle)
            }
            #expect(error?.matches("actor", "not_found") == true, "\(error as Any)")
            let isSocket = way == "raw WebSocket" || way == "connection"
            #expect(error?.remote?.httpStatus == (isSocket ? nil : 400))
            #expect(error?.remote?.closeCode == (isSocket ? .internalError : nil))
            #expect(error?.remote?.rayID?.isEmpty == false)
        }
    }
}
