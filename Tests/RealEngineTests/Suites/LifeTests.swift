// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import RivetAsync

extension EndToEnd {
    /// Sleep and wake, destroy and create again, disconnected by the actor.
    @Suite struct LifeTests {
        @Test(
            "B84: a connection outlives the sleep of its actor, with its id and its subscriptions",
            arguments: EngineRow.all
        )
        func sleep(_ row: EngineRow) async throws {
            try await row.run(configure: Self.withoutNudge) { check in
                let conn = check.actor(Sleeper.self).connect()
                let told = conn.events(of: Sleeper.Told.self)
                let id = try await conn.waitUntilConnected().connectionID
                let awake = try await conn.send(Sleeper.Info())
                #expect(awake.wakes == 1)
                #expect(awake.connId == id)
                #expect(try await conn.send(Sleeper.Nap()))
                try await Self.wait(until: .asleep, conn, check)
                let info = try await conn.send(Sleeper.Info())
                #expect(info.wakes == 2)
                #expect(info.connId == id)
                #expect(info.conns == 1)
                #expect(try await conn.send(Sleeper.Tell(text: "awake")) == 2)
                var iterator = told.makeAsyncIterator()
                #expect(await iterator.next() == Sleeper.Told(text: "awake", wakes: 2))
                guard case .connected(let now) = conn.status.current else {
                    Issue.record("the status is \(conn.status.current)")
                    return
                }
                #expect(now.connectionNumber == 1)
                await conn.disconnect()
            }
        }

        private enum Sleep { case asleep, awake }

        /// A message that comes while the actor falls asleep may never be answered by Rivet, or cost the connection.
        ///
        /// So the engine is asked whether it sleeps, and nothing is sent meanwhile, no nudge either.
        private static func wait(until sleep: Sleep, _ conn: ActorConnection<Sleeper>, _ check: Check) async throws {
            let id = try await conn.waitUntilConnected().actorID
            let context = check.client.context
            let deadline = context.time.now.advanced(by: .seconds(10))
            while true {
                let record = try await ActorResolver.record(context, of: id, in: context.scope(deadline: deadline))
                if (record?.sleepTime == nil) == (sleep == .awake) { return }
                try await Task.sleep(for: .milliseconds(20))
            }
        }

        private static func withoutNudge(_ configuration: inout RivetConfiguration) {
            configuration.replyNudge = .off
        }

        @Test("a schedule wakes a sleeping actor, and the connection is still its own", arguments: EngineRow.all)
        func scheduled(_ row: EngineRow) async throws {
            try await row.run(configure: Self.withoutNudge) { check throws in
                let conn = check.actor(Sleeper.self).connect()
                let told = conn.events(of: Sleeper.Told.self)
                let id = try await conn.waitUntilConnected().connectionID
                #expect(try await conn.send(Sleeper.TellLater(milliseconds: 1_500, text: "good morning")))
                #expect(try await conn.send(Sleeper.Nap()))
                try await Self.wait(until: .asleep, conn, check)
                if row.differs(.eventOfASchedule) {
                    var iterator = told.makeAsyncIterator()
                    #expect(await iterator.next() == Sleeper.Told(text: "good morning", wakes: 2))
                } else {
                    try await Self.wait(until: .awake, conn, check)
                }
                let info = try await conn.send(Sleeper.Info())
                #expect(info.wakes == 2)
                #expect(info.connId == id)
                await conn.disconnect()
            }
        }

        @Test("B31, B34: a destroyed actor is made anew under the same handle", arguments: EngineRow.all)
        func destroy(_ row: EngineRow) async throws {
            try await row.run { check in
                let doomed = check.actor(Doomed.self)
                #expect(try await doomed.send(Doomed.Ping()) == "pong")
                let first = try await doomed.resolve()
                let byID = check.client.getForID(Doomed.self, first)
                let conn = doomed.connect()
                #expect(try await conn.waitUntilConnected().actorID == first)
                var statuses = conn.status.makeAsyncIterator()
                #expect(try await doomed.send(Doomed.End()) == "going")
                var second: ConnectionInfo?
                while second == nil, let status = await statuses.next() {
                    if case .connected(let info) = status, info.connectionNumber == 2 { second = info }
                    if case .waiting(let retry) = status, retry.attempt == 1 {
                        #expect(retry.cause.remote?.closeCode == .normalClosure)
                    }
                }
                #expect(second?.actorID != first)
                #expect(try await conn.send(Doomed.Ping()) == "pong")
                #expect(try await doomed.send(Doomed.Ping()) == "pong")
                #expect(try await doomed.resolve() == second?.actorID)
                let gone = await #expect(throws: RivetError.self) { try await byID.send(Doomed.Ping()) }
                #expect(gone?.matches("actor", "not_found") == true, "\(String(describing: gone))")
                await conn.disconnect()
            }
        }

        struct Reason: Sendable, CustomTestStringConvertible {
            let engine: EngineRow
            let text: String
            var testDescription: String { "\(engine.testDescription), \(text.utf8.count) bytes" }
        }
        static let reasons = EngineRow.all.flatMap { engine in
            ["moved.away", String(repeating: "r", count: 123), String(repeating: "r", count: 200)].map {
                Reason(engine: engine, text: $0)
            }
        }

        @Test("B105, B222: disconnected by the actor, with a reason of any length, it comes back", arguments: reasons)
        func kicked(_ row: Reason) async throws {
            try await row.engine.run { check in
                let conn = check.actor(Doomed.self).connect()
                try await conn.waitUntilConnected()
                var statuses = conn.status.makeAsyncIterator()
                _ = try? await conn.send(Doomed.Kick(reason: row.text))
                var cause: RivetError?
                while cause == nil, let status = await statuses.next() {
                    if case .waiting(let retry) = status { cause = retry.cause }
                }
                #expect(cause?.code == .closedByPeer)
                #expect(cause?.remote?.closeCode == .normalClosure)
                let said = row.text == "moved.away" ? ["moved", "away", ""] : ["", "", row.text]
                #expect([cause?.remote?.group, cause?.remote?.code, cause?.remote?.message] == said)
                #expect(try await conn.send(Doomed.Ping()) == "pong")
                await conn.disconnect()
            }
        }
    }
}
