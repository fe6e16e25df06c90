// SPDX-License-Identifier: Apache-2.0
import RivetAsync
import RivetAsyncLocal
import Testing

extension EndToEnd {
    /// Connection parameters and what an actor's hooks make of them.
    @Suite struct HookTests {
        private static func options(_ parameters: Hooks.Parameters) -> HandleOptions {
            HandleOptions(parameters: .fixed(parameters))
        }

        @Test("parameters reach the hooks over HTTP and over a connection", arguments: EngineRow.all)
        func label(_ row: EngineRow) async throws {
            try await row.run { check in
                let hooks = check.actor(Hooks.self, "label", Self.options(.init(label: "blue ä")))
                #expect(try await hooks.send(Hooks.Me()).state?.label == "blue ä")
                let conn = hooks.connect()
                let info = try await conn.waitUntilConnected()
                let me = try await conn.send(Hooks.Me())
                #expect(me.state?.label == "blue ä")
                #expect(me.id == info.connectionID)
                #expect(info.actorID == (try await hooks.resolve()))
                await conn.disconnect()
            }
        }

        @Test("B40: parameters that are null, 0, false or empty are sent", arguments: EngineRow.all)
        func falsy(_ row: EngineRow) async throws {
            let values: [(RivetValue, Int)] = [(0, 1), (false, 5), ("", 2), (nil, 4), (12_345, 5)]
            try await row.run { check in
                let key = check.key("falsy")
                for (value, length) in values {
                    let options = HandleOptions(parameters: .fixed(value))
                    let hooks = check.client.getOrCreate(Hooks.self, key, options)
                    #expect(try await hooks.send(Hooks.Me()).paramsLength == length)
                    try await hooks.withConnection { conn throws in
                        #expect(try await conn.send(Hooks.Me()).paramsLength == length)
                    }
                }
            }
        }

        @Test("B90: events sent while it connects come, also those before Init", arguments: EngineRow.all)
        func earlyEvents(_ row: EngineRow) async throws {
            try await row.run { check throws in
                let hooks = check.actor(Hooks.self, "early", Self.options(.init(event: "hi", slowConnect: 20)))
                let conn = hooks.connect()
                let hellos = conn.events(of: Hooks.Hello.self)
                var iterator = hellos.makeAsyncIterator()
                #expect(await iterator.next() == Hooks.Hello(text: "hi", how: "sent"))
                #expect(await iterator.next() == Hooks.Hello(text: "hi", how: "late"))
                #expect(try await conn.send(Hooks.Ping()) == "pong")
                await conn.disconnect()
            }
        }

        struct Refusal: Sendable, CustomTestStringConvertible {
            let engine: EngineRow
            let name: String
            let parameters: Hooks.Parameters
            let group: String
            let code: String
            let message: String
            /// A further attempt is made (B152).
            let isTransient: Bool
            var testDescription: String { "\(engine.testDescription), \(name)" }
        }

        static let refusals = EngineRow.all.flatMap { engine in
            [
                Refusal(
                    engine: engine,
                    name: "user error before",
                    parameters: .init(refuse: "userCode"),
                    group: "user",
                    code: "declined",
                    message: "declined by hand",
                    isTransient: false
                ),
                Refusal(
                    engine: engine,
                    name: "user error late",
                    parameters: .init(refuseLate: "user"),
                    group: "user",
                    code: "user_error",
                    message: "plain user error",
                    isTransient: false
                ),
                Refusal(
                    engine: engine,
                    name: "plain error",
                    parameters: .init(refuse: "plain"),
                    group: "rivetkit",
                    code: "internal_error",
                    message: "a secret of the author",
                    isTransient: true
                ),
            ]
        }

        @Test("B152: a hook that refuses", arguments: refusals)
        func refused(_ row: Refusal) async throws {
            try await row.engine.run { check in
                let hooks = check.actor(Hooks.self, "refused", Self.options(row.parameters))
                let overHTTP = await #expect(throws: RivetError.self) { try await hooks.send(Hooks.Ping()) }
                #expect(overHTTP?.remote?.httpStatus == 500)
                let conn = hooks.connect()
                var overSocket: RivetError?
                for await status in conn.status {
                    if case .waiting(let retry) = status {
                        #expect(row.isTransient)
                        overSocket = retry.cause
                    } else if case .closed(.failed(let error)) = status {
                        #expect(!row.isTransient)
                        overSocket = error
                    }
                    if overSocket != nil { break }
                }
                #expect(overHTTP?.matches(row.group, row.code) == true)
                #expect(overSocket?.matches(row.group, row.code) == true)
                #expect(overSocket?.remote?.message == row.message)
                // Over HTTP it is masked as an action's error is; a refused connection hears every text.
                #expect(overHTTP?.remote?.message == (row.group == "user" ? row.message : ErrorTests.masked))
                await conn.disconnect()
            }
        }

        @Test("a hook that is too slow refuses the connection", arguments: EngineRow.once)
        func slow(_ row: EngineRow) async throws {
            var limits = LocalEngine.Limits()
            limits.hookTimeout = .milliseconds(200)
            try await row.run(limits: limits) { check in
                // Rivet gives a hook five seconds.
                let options = Self.options(.init(slowBefore: row.isLocal ? 500 : 5_500))
                let conn = check.actor(Hooks.self, "slow", options).connect()
                for await status in conn.status {
                    guard case .waiting(let retry) = status else { continue }
                    #expect(retry.cause.matches("actor", "callback_timed_out"), "\(retry.cause)")
                    break
                }
                await conn.disconnect()
            }
        }

        @Test("the hooks run around each connection and each HTTP action", arguments: EngineRow.all)
        func counts(_ row: EngineRow) async throws {
            try await row.run { check in
                let hooks = check.actor(Hooks.self, "counts")
                let conn = hooks.connect()
                #expect(try await conn.send(Hooks.Counts()) == .init(connected: 1, disconnected: 0))
                #expect(try await hooks.send(Hooks.Counts()).connected == 2)
                await conn.disconnect()
                // The ends are told in their own time.
                var counts = try await hooks.send(Hooks.Counts())
                while counts.disconnected < 2 { counts = try await hooks.send(Hooks.Counts()) }
                #expect(counts.connected - counts.disconnected <= 2)
            }
        }
    }
}
