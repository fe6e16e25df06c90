// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import RivetAsync

/// An actor that does not start: the engine's own account of it takes the place of the gateway's words.
@Suite(.leavesNothing, .timeLimit(.minutes(3)))
struct StartFailureTests {
    typealias Server = AnsweringServer

    static let action = "POST /gateway/\(Server.id)/action/count"
    static let asked = "GET /actors?actor_ids=\(Server.id)&namespace=default"

    struct Row: Sendable, CustomTestStringConvertible {
        var testDescription: String { json.isEmpty ? "none" : String(json.prefix(60)) }
        let json: String
        var kind = ""
        var status: Int?
        var message: String?
        var body: String?
    }

    static let rows = [
        Row(json: #""no_capacity""#, kind: "no_capacity"), Row(json: #""no_envoys""#, kind: "no_envoys"),
        Row(json: #""internal_error""#, kind: "internal_error"),
        Row(json: #""concurrent_actor_limit_reached""#, kind: "concurrent_actor_limit_reached"),
        Row(json: #"{"runner_pool_error":"downgrade"}"#, kind: "runner_pool_error.downgrade"),
        Row(
            json: #"{"runner_pool_error":{"serverless_http_error":{"status_code":502,"body":"no route"}}}"#,
            kind: "runner_pool_error.serverless_http_error",
            status: 502,
            body: "no route"
        ),
        Row(
            json: #"{"runner_pool_error":{"serverless_connection_error":{"message":"refused"}}}"#,
            kind: "runner_pool_error.serverless_connection_error",
            message: "refused"
        ),
        Row(
            json: #"{"runner_pool_error":{"serverless_invalid_sse_payload":{"message":"m","raw_payload":"p"}}}"#,
            kind: "runner_pool_error.serverless_invalid_sse_payload",
            message: "m",
            body: "p"
        ),
        Row(
            json: #"{"runner_pool_error":{"serverless_invalid_sse_payload":{"message":"m","raw_payload":null}}}"#,
            kind: "runner_pool_error.serverless_invalid_sse_payload",
            message: "m"
        ),
        Row(json: #"{"crashed":{"message":"boom"}}"#, kind: "crashed", message: "boom"),
        Row(json: #"{"crashed":{"message":null}}"#, kind: "crashed"),
        Row(json: #"{"runner_no_response":{"runner_id":"r"}}"#, kind: "runner_no_response"),
        Row(json: #"{"envoy_no_response":{"envoy_key":null}}"#, kind: "envoy_no_response"),
        Row(json: #""something_new""#, kind: "something_new"),
        Row(json: #"{"something_new":{"message":["m"],"status_code":"1","more":{"deep":[1]}}}"#, kind: "something_new"),
        Row(json: #"{"something_new":7,"and_more":8}"#, kind: "something_new"),
        Row(json: "7", kind: "unknown"), Row(json: "{}", kind: "unknown"), Row(json: "[]", kind: "unknown"),
        Row(json: #"{"runner_pool_error":7}"#, kind: "runner_pool_error"),
    ]

    private static func expect(_ error: RivetError?, _ row: Row, sourceLocation: SourceLocation = #_sourceLocation) {
        let failure = error?.startFailure
        #expect(error?.code == .actorUnavailable, sourceLocation: sourceLocation)
        #expect(
            failure
                == ActorStartFailure(
                    actorID: ActorID(rawValue: Server.id),
                    kind: row.kind,
                    httpStatus: row.status,
                    message: row.message,
                    body: row.body,
                    json: row.json
                ),
            sourceLocation: sourceLocation
        )
        let status = row.status.map { ", HTTP \($0)" } ?? ""
        let text = "the actor \(Server.id) could not be started: \(row.kind)\(status)"
        #expect(error?.message == text, sourceLocation: sourceLocation)
    }

    private static func record(_ row: Row) -> Server.Answer {
        Server.Answer.listed(Server.actor(Server.id, row.json.isEmpty ? "" : #","error":\#(row.json)"#))
    }

    @Test("B60: the actor is fetched, once, and all that the engine says of it is on the error", arguments: rows)
    func details(_ row: Row) async throws {
        let refused = Server.Answer.error(503, "guard.actor_runner_failed")
        try await Server.run([refused, Self.record(row)]) { client, server in
            let handle = client.getForID("counter", ActorID(rawValue: Server.id))
            let error = await #expect(throws: RivetError.self) { try await handle.action("count") as Int }
            Self.expect(error, row)
            #expect(error?.matches("guard", "actor_runner_failed") == true)
            #expect(error?.remote?.httpStatus == 503)
            #expect(error?.remote?.rayID == "ray-of-answer")
            #expect(error?.execution == .mayHaveRun)
            #expect((error?.underlying as? RivetError)?.matches("guard", "actor_runner_failed") == true)
            #expect(server.lines == [Self.action, Self.asked])
        }
    }

    @Test(
        "B60: where the engine has no account, the gateway's error is handed out",
        arguments: ["actor_ready_timeout", "actor_runner_failed"]
    )
    func none(_ code: String) async throws {
        // One that is reset on the kept connection is sent again, on a fresh one.
        for answers in [[Self.record(Row(json: ""))], [.listed()], [.http(500)], [.reset, .reset]] {
            try await Server.run([Server.Answer.error(503, "guard.\(code)")] + answers) { client, server in
                let handle = client.getForID("counter", ActorID(rawValue: Server.id))
                let error = await #expect(throws: RivetError.self) { try await handle.action("count") as Int }
                #expect(error?.code == .remote)
                #expect(error?.matches("guard", code) == true)
                #expect(error?.startFailure == nil)
                #expect(server.lines == [Self.action] + answers.map { _ in Self.asked })
            }
        }
    }

    @Test("B56: a call that is cancelled while the engine is asked hears of that")
    func cancelled() async throws {
        try await Server.run([Server.Answer.error(503, "guard.actor_runner_failed"), .silence]) { client, server in
            let handle = client.getForID("counter", ActorID(rawValue: Server.id))
            let call = Task { try await handle.action("count") as Int }
            try await until { server.lines.count == 2 }
            call.cancel()
            await #expect(throws: CancellationError.self) { try await call.value }
        }
    }

    @Test("B60: of a long answer of an endpoint 1 KiB is kept, in whole characters")
    func longBody() async throws {
        let body = "a" + String(repeating: "é", count: 2_000)
        let json = #"{"runner_pool_error":{"serverless_http_error":{"status_code":500,"body":"\#(body)"}}}"#
        let refused = Server.Answer.error(503, "guard.actor_runner_failed")
        try await Server.run([refused, Self.record(Row(json: json))]) { client, _ in
            let handle = client.getForID("counter", ActorID(rawValue: Server.id))
            let error = await #expect(throws: RivetError.self) { try await handle.action("count") as Int }
            #expect(error?.startFailure?.body == "a" + String(repeating: "é", count: 511))
            #expect(error?.startFailure.map { $0.json.utf8.count <= 1_024 } == true)
            #expect(error?.message.contains("é") == false)
        }
    }

    @Test("B60, B208: the same for a connection, whose status has it as its cause", arguments: [false, true])
    func connection(_ isOpenBefore: Bool) async throws {
        let row = Row(json: #"{"crashed":{"message":"boom"}}"#, kind: "crashed", message: "boom")
        let opened = isOpenBefore ? Server.frame(2, Server.initialMessage(.bare)) : []
        let refused = Server.Answer.webSocket(opened + Server.close(1_011, "guard.actor_ready_timeout#ray-of-reason"))
        try await Server.run([refused, Self.record(row)]) {
            $0.reconnect = ReconnectPolicy(maxAttempts: 1)
        } _: { client, server in
            let connection = client.getForID("counter", ActorID(rawValue: Server.id)).connect()
            var last: ConnectionStatus?
            for await status in connection.status { last = status }
            guard case .closed(.failed(let error))? = last else {
                Issue.record("\(last as Any)")
                return
            }
            Self.expect(error, row)
            #expect(error.remote?.closeCode == .internalError)
            #expect(error.remote?.rayID == "ray-of-reason")
            #expect(error.connectionSurvives == false)
            #expect(server.lines == ["GET /gateway/\(Server.id)/connect", Self.asked])
            let held = await #expect(throws: RivetError.self) { _ = try await connection.action("count") as NoValue }
            Self.expect(held, row)
        }
    }

    @Test("B208: the same for a raw WebSocket, whose messages end with it", arguments: [false, true])
    func rawWebSocket(_ isKnown: Bool) async throws {
        let row = Row(json: isKnown ? #""no_envoys""# : "", kind: "no_envoys")
        let refused = Server.Answer.webSocket(Server.close(1_011, "guard.actor_runner_failed#ray-of-reason"))
        try await Server.run([refused, Self.record(row)]) { client, server in
            let handle = client.getForID("counter", ActorID(rawValue: Server.id))
            let error = await #expect(throws: RivetError.self) {
                try await handle.withWebSocket("x") { socket in for try await _ in socket.messages {} }
            }
            if isKnown { Self.expect(error, row) } else { #expect(error?.code == .closedByPeer) }
            #expect(error?.matches("guard", "actor_runner_failed") == true)
            #expect(error?.remote?.closeCode == .internalError)
            #expect(error?.remote?.rayID == "ray-of-reason")
            #expect(server.lines == ["GET /gateway/\(Server.id)/websocket/x", Self.asked])
        }
    }

    @Test("B60: disconnect() does not wait for the engine's account")
    func disconnecting() async throws {
        let refused = Server.Answer.webSocket(Server.close(1_011, "guard.actor_ready_timeout#r"))
        try await Server.run([refused]) { client, server in
            let connection = client.getForID("counter", ActorID(rawValue: Server.id)).connect()
            try await until { server.requests.count == 2 }
            await connection.disconnect()
            guard case .closed(.requested) = connection.status.current else {
                Issue.record("\(connection.status.current)")
                return
            }
        }
    }
}
