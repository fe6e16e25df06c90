// SPDX-License-Identifier: Apache-2.0
import RivetAsync
import Testing

extension EndToEnd {
    /// Errors of an actor's author, over HTTP and over a connection.
    @Suite struct ErrorTests {
        struct Kind: Sendable {
            let name: String
            let group: String
            let code: String
            let message: String
            var metadata: Errors.Limit?
            var hasOwnGroup: Bool { group == "billing" }
        }

        static let masked = "An internal error occurred"
        static let kinds = [
            Kind(name: "user", group: "user", code: "user_error", message: "plain user error"),
            Kind(
                name: "userCode",
                group: "user",
                code: "declined",
                message: "declined by hand",
                metadata: Errors.Limit(limit: 32, why: ["a", "b"])
            ),
            Kind(name: "plain", group: "rivetkit", code: "internal_error", message: masked),
            Kind(name: "text", group: "rivetkit", code: "internal_error", message: masked),
            Kind(name: "nothing", group: "rivetkit", code: "internal_error", message: masked),
            Kind(name: "customPublic", group: "billing", code: "declined", message: masked),
            Kind(name: "customPrivate", group: "billing", code: "hidden", message: masked),
            Kind(name: "customStatus", group: "billing", code: "teapot", message: masked),
        ]

        @Test("B201, B202: each error has the same fields over HTTP and over a connection", arguments: EngineRow.all)
        func each(_ row: EngineRow) async throws {
            try await row.run { check in
                let actor = check.actor(Errors.self)
                try await actor.withConnection { conn in
                    for kind in Self.kinds where !(kind.hasOwnGroup && row.differs(.ownGroups)) {
                        let overHTTP = await #expect(throws: RivetError.self) {
                            try await actor.send(Errors.Fail(kind: kind.name))
                        }
                        let overSocket = await #expect(throws: RivetError.self) {
                            try await conn.send(Errors.Fail(kind: kind.name))
                        }
                        #expect(overHTTP?.remote?.httpStatus == 500)
                        for error in [try #require(overHTTP), try #require(overSocket)] {
                            #expect(error.matches(kind.group, kind.code), "\(kind.name): \(error)")
                            #expect(error.remote?.message == kind.message)
                            #expect(error.execution == (kind.group == "user" ? .ran : .mayHaveRun), "\(kind.name)")
                            #expect(error.connectionSurvives)
                            #expect(try error.remote?.metadata(as: Errors.Limit.self) == kind.metadata)
                            #expect(try error.remote?.actorID == (await actor.resolve()))
                        }
                    }
                    #expect(try await conn.send(Errors.Fail(kind: "none of them")) == "none of them")
                }
            }
        }
    }
}
