// SPDX-License-Identifier: Apache-2.0
import RivetAsync
import Testing

extension EndToEnd {
    /// What an actor's author does not allow.
    @Suite struct PermissionTests {
        static let rows = EngineRow.all.filter { !$0.differs(.permissions) }

        @Test("an event that may not be listened to ends the connection", arguments: rows)
        func event(_ row: EngineRow) async throws {
            try await row.run { check throws in
                let guarded = check.actor(Guarded.self)
                let conn = guarded.connect()
                let open = conn.events(of: Guarded.Open.self)
                #expect(try await conn.send(Guarded.Tell()))
                var iterator = open.makeAsyncIterator()
                #expect(await iterator.next()?.number == 1)
                var secrets = conn.events(of: Guarded.Secret.self).deliveries.makeAsyncIterator()
                let error = await #expect(throws: RivetError.self) { _ = try await secrets.next() }
                #expect(error?.matches("auth", "forbidden") == true, "\(String(describing: error))")
                guard case .closed(.failed) = conn.status.current else {
                    Issue.record("the status is \(conn.status.current)")
                    return
                }
            }
        }

        @Test("a queue that may not be written to", arguments: rows)
        func queue(_ row: EngineRow) async throws {
            try await row.run { check in
                let error = await #expect(throws: RivetError.self) {
                    try await check.actor(Guarded.self).enqueue(Guarded.Shut(name: "a"))
                }
                #expect(error?.matches("auth", "forbidden") == true, "\(String(describing: error))")
                #expect(error?.remote?.httpStatus == 403)
                #expect(error?.execution == .notSent)
            }
        }
    }
}
