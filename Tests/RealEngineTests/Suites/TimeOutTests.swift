// SPDX-License-Identifier: Apache-2.0
import RivetAsync
import Testing

extension EndToEnd {
    /// The actor's time-out and ours.
    @Suite struct TimeOutTests {
        @Test("the actor's comes as an error of its own, and the connection lives", arguments: EngineRow.all)
        func theirs(_ row: EngineRow) async throws {
            try await row.run(limits: Hasty.limits) { check in
                let hasty = check.actor(Hasty.self)
                let conn = hasty.connect()
                try await conn.waitUntilConnected()
                async let overHTTP = #expect(throws: RivetError.self) {
                    try await hasty.send(Hasty.Work(milliseconds: 3_000))
                }
                async let overSocket = #expect(throws: RivetError.self) {
                    try await conn.send(Hasty.Work(milliseconds: 3_000))
                }
                let errors = await [overHTTP, overSocket]
                #expect(errors[0]?.remote?.httpStatus == 408)
                for error in errors {
                    #expect(error?.matches("actor", "action_timed_out") == true, "\(String(describing: error))")
                    #expect(error?.execution == .mayHaveRun)
                    #expect(error?.connectionSurvives == true)
                }
                #expect(try await conn.send(Hasty.Work(milliseconds: 1)) == 1)
                await conn.disconnect()
            }
        }

        @Test("ours ends the call alone, and nobody knows whether it ran", arguments: EngineRow.all)
        func ours(_ row: EngineRow) async throws {
            try await row.run { check in
                let hasty = check.actor(Hasty.self)
                let conn = hasty.connect()
                try await conn.waitUntilConnected()
                let options = CallOptions(timeout: .milliseconds(200))
                let overHTTP = await #expect(throws: RivetError.self) {
                    try await hasty.send(Hasty.Work(milliseconds: 900), options)
                }
                let overSocket = await #expect(throws: RivetError.self) {
                    try await conn.send(Hasty.Work(milliseconds: 900), options)
                }
                for error in [overHTTP, overSocket] {
                    #expect(error?.code == .deadlineExceeded)
                    #expect(error?.execution == .mayHaveRun)
                }
                #expect(try await conn.send(Hasty.Work(milliseconds: 1)) == 1)
                await conn.disconnect()
            }
        }

        @Test("an actor that cannot start", arguments: EngineRow.once)
        func unstartable(_ row: EngineRow) async throws {
            try await row.run { check in
                let actor = check.actor(Unstartable.self)
                let error = await #expect(throws: RivetError.self) { try await actor.send(Unstartable.Ping()) }
                #expect(error?.matches("guard", "actor_wake_retries_exceeded") == true, "\(String(describing: error))")
                #expect(error?.execution == .mayHaveRun)
                let conn = actor.connect()
                for await status in conn.status {
                    guard case .waiting(let retry) = status else { continue }
                    #expect(retry.cause.matches("guard", "actor_wake_retries_exceeded"), "\(retry.cause)")
                    break
                }
                await conn.disconnect()
            }
        }
    }
}
