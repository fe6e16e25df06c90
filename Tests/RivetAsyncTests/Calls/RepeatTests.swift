// SPDX-License-Identifier: Apache-2.0
import RivetAsyncLocal
import Testing

@testable import RivetAsync

/// Which answers of a real peer are repeated, and what the caller hears of those that are not.
@Suite(.leavesNothing, .timeLimit(.minutes(3)))
struct RepeatTests {
    typealias Server = AnsweringServer

    struct Row: Sendable, CustomTestStringConvertible {
        var testDescription: String { name }
        let name: String
        let answer: Server.Answer
        /// On a handle by key the actor is looked up again.
        var isOfKey = false

        init(_ name: String, isGateways: Bool = true, isOfKey: Bool = false) {
            self.name = name
            answer = Server.Answer.error(503, name, isGateways: isGateways)
            self.isOfKey = isOfKey
        }

        private init(_ name: String, answer: Server.Answer) { (self.name, self.answer) = (name, answer) }

        static let reset = Row("a reset", answer: .reset)
        static let page = Row("a page of a proxy", answer: .http(502, [], Array("<html>".utf8)))
    }

    private func lines(_ count: Int) -> [String] {
        Array(repeating: "POST /gateway/\(Server.id)/action/count", count: count)
    }

    @Test(
        "B52: an answer that proves that nothing ran is followed by a repeat",
        arguments: [
            Row("actor.overloaded", isGateways: false), Row("actor.callback_timed_out", isGateways: false),
            Row("guard.service_unavailable"), Row("envoy.actor_not_found"), Row("guard.rate_limit"),
        ]
    )
    func safe(_ row: Row) async throws {
        try await Server.run([row.answer, row.answer, .output(5)]) { client, server in
            let count: Int = try await client.getForID("counter", ActorID(rawValue: Server.id)).action("count")
            #expect(count == 5)
            #expect(server.lines == lines(3))
        }
    }

    @Test(
        "B52: a stale id of a key is looked up again, and the call repeated",
        arguments: ["actor.not_found", "actor.destroyed_while_waiting_for_ready"]
    )
    func stale(_ name: String) async throws {
        try await Server.run([
            Server.Answer.created("old"), Server.Answer.error(404, name), Server.Answer.created(), .output(5),
        ]) {
            client,
            server in
            let count: Int = try await client.getOrCreate("counter", ["k"]).action("count")
            #expect(count == 5)
            #expect(
                server.lines == [
                    ResolvingTests.getOrCreate, "POST /gateway/old/action/count", ResolvingTests.getOrCreate,
                    ResolvingTests.action,
                ]
            )
        }
    }

    static let unknown = [
        Row("guard.retry_attempts_exceeded"), Row("guard.tunnel_message_timeout"),
        Row("guard.gateway_response_start_timeout"), Row("actor.dropped_reply", isGateways: false),
        Row("actor.starting", isGateways: false), Row("actor.stopping", isGateways: false),
        Row("actor.destroying", isGateways: false), Row("actor.restarting", isGateways: false), .reset,
    ]

    @Test("B53: what may have run is handed out, and repeated only where that is allowed", arguments: unknown)
    func maybe(_ row: Row) async throws {
        try await Server.run([row.answer, .output(5), row.answer, .output(6)]) { client, server in
            let handle = client.getForID("counter", ActorID(rawValue: Server.id))
            let error = await #expect(throws: RivetError.self) { try await handle.action("count") as Int }
            #expect(error?.execution == .mayHaveRun)
            #expect(server.lines == lines(1))
            #expect(try await handle.action("count") as Int == 5)
            let count: Int = try await handle.action("count", options: .init(isIdempotent: true))
            #expect(count == 6)
            #expect(server.lines == lines(4))
        }
    }

    @Test("B53: the worst of all tries is what the caller hears")
    func worst() async throws {
        let refused = Server.Answer.error(400, "guard.no_route")
        try await Server.run([Self.unknown[0].answer, refused, refused]) { client, server in
            let handle = client.getForID("counter", ActorID(rawValue: Server.id))
            let error = await #expect(throws: RivetError.self) {
                try await handle.action("count", options: .init(isIdempotent: true)) as Int
            }
            #expect(error?.matches("guard", "no_route") == true)
            #expect(error?.execution == .mayHaveRun)
            #expect(server.lines == lines(2))
            let alone = await #expect(throws: RivetError.self) { try await handle.action("count") as Int }
            #expect(alone?.execution == .notSent)
        }
    }

    @Test(
        "B52: what an action has from a call of its own, and passes on, proves nothing of that action",
        arguments: ["guard.service_unavailable", "envoy.actor_not_found", "actor.destroyed_during_creation"]
    )
    func passedOn(_ name: String) async throws {
        let passedOn = Server.Answer.error(500, name, isGateways: false, fields: ["x-rivet-actor: \(Server.id)"])
        try await Server.run([.created(), passedOn, .output(5)]) { client, server in
            let handle = client.getOrCreate("counter", ["k"])
            let error = await #expect(throws: RivetError.self) { try await handle.action("count") as Int }
            #expect(error?.execution == .mayHaveRun)
            #expect(error?.isTransient == true)
            // Nor is its id stale.
            let count: Int = try await handle.action("count")
            #expect(count == 5)
            #expect(server.lines == [ResolvingTests.getOrCreate, ResolvingTests.action, ResolvingTests.action])
        }
    }

    @Test(
        "B52: what this does not name is not repeated",
        arguments: [
            Row("queue.full", isGateways: false), Row("auth.forbidden", isGateways: false),
            Row("user.no", isGateways: false),
            Row("actor.action_not_found", isGateways: false), Row("guard.no_route"), .page,
        ]
    )
    func others(_ row: Row) async throws {
        try await Server.run([], then: row.answer) { client, server in
            let handle = client.getForID("counter", ActorID(rawValue: Server.id))
            await #expect(throws: RivetError.self) { try await handle.action("count") as Int }
            #expect(server.lines == lines(1))
        }
    }
}
