// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import RivetAsync

/// Raw requests over sockets: what leaves, whose answer it is, and what is repeated.
@Suite(.leavesNothing, .timeLimit(.minutes(3)))
struct RawRequestTests {
    static let id = CauseTests.id

    /// One answer: its lines without `content-length`, and its body.
    static func answer(_ head: String, _ body: String = "") -> String {
        "HTTP/1.1 \(head)\r\ncontent-length: \(body.utf8.count)\r\n\r\n\(body)"
    }

    static let ofActor = "x-rivet-actor: \(id)\r\nx-rivet-actor-generation: 1"
    static let json = "content-type: application/json"

    /// What the actor side says instead of its handler.
    static func error(_ group: String, _ code: String, actor: String? = id) -> String {
        let actor = actor.map { #""actor":{"actorId":"\#($0)","generation":1,"key":"k"},"# } ?? ""
        return #"{\#(actor)"code":"\#(code)","group":"\#(group)","message":"why"}"#
    }

    // MARK: What leaves

    @Test(
        "B182: a path, with or without slash, with query",
        arguments: [
            ("", "/request/"), ("/", "/request/"), ("a/b", "/request/a/b"), ("/a/b", "/request/a/b"),
            ("a/", "/request/a/"), ("?x=1&y=%20+", "/request/?x=1&y=%20+"), ("/?x=1", "/request/?x=1"),
            ("/a?x=/b//c", "/request/a?x=/b//c"),
        ]
    )
    func paths(_ path: String, _ target: String) async throws {
        try await CauseTests.run { client, server in
            async let answer = ConnectionLimitTests.handle(client).fetch(ActorRequest(path))
            let peer = try await server.accept()
            let head = try await peer.readHead()
            #expect(head.first == "GET /gateway/\(Self.id)@secret\(target) HTTP/1.1")
            peer.write(Self.answer("200 OK"))
            #expect(try await answer.status == 200)
        }
    }

    @Test(
        "B183, B309: what no gateway URL carries is refused before the network",
        arguments: ["a//b", "?rvt-x=1", "a/.."]
    )
    func refused(_ path: String) async throws {
        let outcome = try await CallersMistakeTests.outcome { _, handle in
            _ = try await handle.fetch(ActorRequest(path))
        }
        #expect(outcome == CallersMistakeTests.invalidArgument)
    }

    @Test(
        "B310: a folded field of an answer is one field with a blank in the fold's place",
        arguments: ["x-note: one\r\n two", "x-note: one \t\r\n\t  two", "x-note:\r\n one\r\n two", "x-note: one two"]
    )
    func folded(_ lines: String) async throws {
        try await AnsweringServer.run([.http(200, [lines, "content-type:\r\n text/plain"], [104, 105])]) { client, _ in
            let answer = try await ConnectionLimitTests.handle(client).fetch(ActorRequest("x"))
            #expect(answer.fields["x-note"] == "one two")
            #expect(answer.fields["content-type"] == "text/plain")
            #expect(try await answer.body.collect() == [104, 105])
        }
    }

    @Test("B184: method, fields and body leave unchanged", arguments: ["GET", "POST", "DELETE", "QUERY", "x-own!"])
    func unchanged(_ method: String) async throws {
        try await CauseTests.run { client, server in
            let body = (0...255).map { UInt8($0) }
            let request = ActorRequest(
                "x",
                method: method,
                fields: ["X-Own": "a,  b;\"c\" ~", "authorization": "Bearer own", "Content-Type": "x/y"],
                body: .bytes(body)
            )
            async let answer = ConnectionLimitTests.handle(client).fetch(request, .init(fields: ["x-call": "1"]))
            let peer = try await server.accept()
            let head = try await peer.readHead()
            #expect(head.first?.hasPrefix("\(method) /gateway/") == true)
            for line in [
                "X-Own: a,  b;\"c\" ~", "authorization: Bearer own", "Content-Type: x/y", "x-call: 1",
                "content-length: 256",
            ] { #expect(head.contains(line), "\(line)") }
            #expect(try await peer.read(256) == body)
            peer.write(Self.answer("299 Own\r\nX-Own: c", "d"))
            #expect(try await answer.status == 299)
            #expect(try await answer.fields["x-own"] == "c")
            #expect(try await answer.body.collect() == [0x64])
        }
    }

    // MARK: Whose answer it is

    struct Row: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let answer: String
        /// "returned" with status and body, or the error's code.
        let outcome: String

        init(_ name: String, _ answer: String, _ outcome: String) {
            (testDescription, self.answer, self.outcome) = (name, answer, outcome)
        }
    }

    static let long = #"{"a":""# + String(repeating: "x", count: 600_000) + #""}"#

    static let handlers = [
        Row("a text", answer("404 Not Found\r\n\(ofActor)\r\ncontent-type: text/plain", "no"), "returned 404 no"),
        Row("nothing", answer("500 Internal Server Error\r\n\(ofActor)"), "returned 500 "),
        Row("JSON of its own", answer("422 Own\r\n\(ofActor)\r\n\(json)", #"{"a":1}"#), #"returned 422 {"a":1}"#),
        Row("other JSON", answer("400 Bad Request\r\n\(ofActor)\r\n\(json)", "[1]"), "returned 400 [1]"),
        Row("long JSON", answer("400 Bad Request\r\n\(ofActor)\r\n\(json)", long), "returned 400 " + long),
        Row(
            "an error that names no actor",
            answer("403 Forbidden\r\n\(ofActor)\r\n\(json)", error("auth", "forbidden", actor: nil)),
            "returned 403 " + error("auth", "forbidden", actor: nil)
        ),
        Row(
            "an error that names another actor",
            answer("403 Forbidden\r\n\(ofActor)\r\n\(json)", error("auth", "forbidden", actor: "other")),
            "returned 403 " + error("auth", "forbidden", actor: "other")
        ),
        Row(
            "an error and more",
            answer("403 Forbidden\r\n\(ofActor)\r\n\(json)", error("auth", "forbidden") + "!"),
            "returned 403 " + error("auth", "forbidden") + "!"
        ),
        Row(
            "an error with a status below 400",
            answer("299 Own\r\n\(ofActor)\r\n\(json)", error("auth", "forbidden")),
            "returned 299 " + error("auth", "forbidden")
        ),
        Row(
            "an error of another type",
            answer("403 Forbidden\r\n\(ofActor)\r\ncontent-type: application/cbor", error("auth", "forbidden")),
            "returned 403 " + error("auth", "forbidden")
        ),
        Row("a redirection", answer("302 Found\r\n\(ofActor)\r\nlocation: /x"), "returned 302 "),
        Row("a redirection of nobody's", answer("302 Found\r\nlocation: /x"), "returned 302 "),
        Row(
            "the beginning of one, cut",
            "HTTP/1.1 400 Bad Request\r\n\(ofActor)\r\n\(json)\r\ncontent-length: 99\r\nconnection: close\r\n\r\n{\"a\"",
            "returned 400, then connectionLost"
        ),
    ]

    @Test("B185, B229: what the actor's handler answers is returned, whatever its status", arguments: handlers)
    func returned(_ row: Row) async throws { try await Self.check(row) }

    static let ofRivets = [
        Row(
            "the actor side",
            answer("403 Forbidden\r\n\(ofActor)\r\n\(json)", error("auth", "forbidden")),
            "auth.forbidden why, 403, notSent"
        ),
        Row(
            "the actor side, with white space and a charset",
            answer("500 Own\r\n\(ofActor)\r\n\(json);charset=utf-8", "\n " + error("user", "own") + "\n"),
            "user.own why, 500, ran"
        ),
        Row(
            "the actor side, without a type",
            answer("403 Forbidden\r\n\(ofActor)", error("auth", "forbidden")),
            "auth.forbidden why, 403, notSent"
        ),
        Row(
            "the actor side, whatever else it says",
            answer("403 Forbidden\r\nx-rivet-error: guard.x\r\n\(ofActor)\r\n\(json)", error("auth", "forbidden")),
            "auth.forbidden why, 403, notSent"
        ),
        Row(
            "the gateway",
            answer("404 Not Found\r\nx-rivet-error: guard.no_route\r\n\(json)", error("guard", "no_route", actor: nil)),
            "guard.no_route why, 404, notSent"
        ),
        Row(
            "the gateway, without a body that reads",
            answer("404 Not Found\r\nx-rivet-error: guard.no_route", "<html>"),
            "guard.no_route <html>, 404, notSent"
        ),
        Row("nobody of Rivet's", answer("404 Not Found", "<html>"), "unexpectedResponse <html>, 404, mayHaveRun"),
        Row(
            "nobody of Rivet's, though it reads so",
            answer("403 Forbidden\r\n\(json)", error("auth", "forbidden")),
            "unexpectedResponse \(error("auth", "forbidden")), 403, mayHaveRun"
        ),
    ]

    @Test("B186, B229: what is an error of Rivet's, or of nobody's, is thrown", arguments: ofRivets)
    func thrown(_ row: Row) async throws { try await Self.check(row) }

    static func check(_ row: Row) async throws {
        try await CauseTests.run { client, server in
            let call = Task { () async throws -> String in
                let answer = try await ConnectionLimitTests.handle(client).fetch(ActorRequest("x"))
                do {
                    return "returned \(answer.status) "
                        + String(decoding: try await answer.body.collect(), as: UTF8.self)
                } catch let error as RivetError {
                    return "returned \(answer.status), then \(error.code.name)"
                }
            }
            let peer = try await server.accept()
            _ = try await peer.readHead()
            peer.write(row.answer)
            if row.answer.contains("connection: close") { peer.finish() }
            var outcome: String
            do {
                outcome = try await call.value
            } catch let error as RivetError {
                let remote = try #require(error.remote)
                outcome = error.code == .remote ? "\(remote.group).\(remote.code)" : error.code.name
                outcome += " \(remote.message), \(remote.httpStatus ?? 0), \(error.execution)"
            }
            #expect(outcome == row.outcome)
        }
    }

    @Test("B229: a head is handed out as soon as its body cannot be an error of Rivet's")
    func atOnce() async throws {
        for (type, begin) in [("text/event-stream", ""), ("application/json", "[")] {
            try await CauseTests.run { client, server in
                async let answer = ConnectionLimitTests.handle(client).fetch(ActorRequest("x"))
                let peer = try await server.accept()
                _ = try await peer.readHead()
                let fields = "\(Self.ofActor)\r\ncontent-type: \(type)\r\ncontent-length: 9"
                peer.write("HTTP/1.1 500 Own\r\n\(fields)\r\n\r\n\(begin)")
                #expect(try await answer.status == 500)
            }
        }
    }

    @Test("B229: of what is nobody's a piece is read, however long it is")
    func piece() async throws {
        try await CauseTests.run { client, server in
            let call = Task { try await ConnectionLimitTests.handle(client).fetch(ActorRequest("x")) }
            let peer = try await server.accept()
            _ = try await peer.readHead()
            peer.write("HTTP/1.1 404 Not Found\r\n\r\n" + String(repeating: "x", count: 201))
            let error = await #expect(throws: RivetError.self) { try await call.value }
            #expect(error?.code == .unexpectedResponse)
            #expect(error?.remote?.message == String(repeating: "x", count: 200) + "…")
            #expect(await peer.isEnded())
        }
    }

    // MARK: Repeats

    /// Answers one lookup.
    static func lookUp(_ peer: LiteralServer.Peer) async throws {
        let head = try await peer.readHead()
        #expect(head.first?.hasPrefix("GET /actors?") == true)
        let actor =
            #"{"actors":[{"actor_id":"\#(id)","name":"a","key":"k","namespace_id":"n","datacenter":"d","#
            + #""runner_name_selector":"default","crash_policy":"sleep","create_ts":1,"start_ts":null,"#
            + #""pending_allocation_ts":null,"connectable_ts":null,"sleep_ts":null,"reschedule_ts":null,"#
            + #""destroy_ts":null}],"pagination":{"cursor":null}}"#
        peer.write(answer("200 OK\r\n\(json)", actor))
    }

    static let refusals = [
        Row("a stale id", answer("404 Not Found\r\n\(ofActor)\r\n\(json)", error("actor", "not_found")), "resolved"),
        Row("an overload", answer("503 Busy\r\n\(ofActor)\r\n\(json)", error("actor", "overloaded")), "resolved"),
        Row("a stop", answer("503 Busy\r\n\(ofActor)\r\n\(json)", error("actor", "stopping")), "handed out"),
    ]

    @Test(
        "B186, B187: a refusal of the actor side is repeated as any call's, unless the body was read once",
        arguments: refusals
    )
    func repeats(_ row: Row) async throws {
        for isStream in [false, true] {
            try await CauseTests.run { client, server in
                let body: RequestBody =
                    isStream
                    ? .stream(
                        AsyncStream {
                            $0.yield(ByteChunk([1, 2])); $0.finish()
                        },
                        length: 2
                    ) : .bytes([1, 2])
                let request = ActorRequest("x", method: "POST", body: body)
                let call = Task { try await client.get("a", ["k"]).fetch(request, .init(timeout: .seconds(30))) }
                let peer = try await server.accept()
                try await Self.lookUp(peer)
                _ = try await peer.readHead()
                #expect(try await peer.read(2) == [1, 2])
                peer.write(row.answer)
                if row.outcome == "handed out" || isStream {
                    let error = await #expect(throws: RivetError.self) { try await call.value }
                    #expect(error?.remote?.group == "actor")
                } else {
                    // An overload says nothing of the id, which is kept.
                    if row.testDescription == "a stale id" { try await Self.lookUp(peer) }
                    _ = try await peer.readHead()
                    #expect(try await peer.read(2) == [1, 2])
                    peer.write(Self.answer("200 OK\r\n\(Self.ofActor)", "ok"))
                    #expect(try await call.value.body.collect() == Array("ok".utf8))
                }
            }
        }
    }
}
