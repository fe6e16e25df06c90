// SPDX-License-Identifier: Apache-2.0
import RivetAsync
import Testing

extension EndToEnd {
    /// Actions and the events they cause, by key and by id, over HTTP and over a connection.
    @Suite struct ActionTests {
        @Test("by key and by id it is one actor", arguments: EngineRow.all)
        func byKeyAndByID(_ row: EngineRow) async throws {
            try await row.run { check in
                let key = check.key("shared")
                let made = try await check.client.create(Counter.self, key)
                let handles = [
                    made, check.client.get(Counter.self, key), check.client.getOrCreate(Counter.self, key),
                    check.client.getForID(Counter.self, try await made.resolve()),
                ]
                for (index, handle) in handles.enumerated() {
                    #expect(try await handle.send(Counter.Increment(amount: 2)) == 2 * (index + 1))
                    #expect(try await handle.resolve() == made.resolve())
                }
                #expect(try await handles[1].action("increment", -8, as: Int.self) == 0)
                #expect(try await made.send(Counter.Nothing()) == NoValue())
                let taken = await #expect(throws: RivetError.self) {
                    _ = try await check.client.create(Counter.self, key)
                }
                #expect(taken?.matches("actor", "duplicate_key") == true)
            }
        }

        @Test("what is not there says so", arguments: EngineRow.all)
        func notFound(_ row: EngineRow) async throws {
            try await row.run { check in
                let missing = check.client.get(Counter.self, check.key("never made"))
                let absent = await #expect(throws: RivetError.self) { try await missing.send(Counter.Get()) }
                #expect(absent?.matches("actor", "not_found") == true)
                #expect(absent?.execution == .notSent)

                let echo = check.actor(Echo.self)
                let conn = echo.connect()
                for send in [{ _ = try await echo.action("nope") }, { _ = try await conn.action("nope") }] {
                    let unknown = await #expect(throws: RivetError.self) { try await send() }
                    #expect(unknown?.matches("actor", "action_not_found") == true)
                    #expect(unknown?.remote?.message == "Action `nope` was not found.")
                    #expect(unknown?.connectionSurvives == true)
                }
                await conn.disconnect()
            }
        }

        @Test("names with a slash, a blank and an umlaut", arguments: EngineRow.all)
        func names(_ row: EngineRow) async throws {
            try await row.run { check in
                let echo = check.actor(Echo.self, "a/b, c\\d ä")
                try await echo.withConnection { conn throws in
                    #expect(try await echo.send(Echo.Slash()) == "a/b")
                    #expect(try await conn.send(Echo.Slash()) == "a/b")
                    #expect(try await echo.send(Echo.Blank()) == "a b")
                    #expect(try await conn.send(Echo.Blank()) == "a b")
                    #expect(try await echo.send(Echo.Umlaut()) == "ä")
                    #expect(try await conn.send(Echo.Umlaut()) == "ä")
                }
            }
        }

        @Test("events reach every connection in order, and the caller's too", arguments: EngineRow.all)
        func events(_ row: EngineRow) async throws {
            try await row.run { check in
                let counter = check.actor(Counter.self)
                let first = counter.connect()
                let second = counter.connect()
                let streams = [first.events(of: Counter.NewCount.self), second.events(of: Counter.NewCount.self)]
                // An answer on each connection proves that its subscription was handled before.
                _ = try await first.send(Counter.Get())
                _ = try await second.send(Counter.Get())
                try await first.send(Counter.Increment(amount: 1))
                try await second.send(Counter.Increment(amount: 1))
                try await counter.send(Counter.Increment(amount: 1))
                for stream in streams {
                    var seen: [Int] = []
                    for await event in stream {
                        seen.append(event.count)
                        if seen.count == 3 { break }
                    }
                    #expect(seen == [1, 2, 3])
                }
                let ticks = first.events(of: Counter.Tick.self, buffering: .bounded(2_000, .finish))
                #expect(try await first.send(Counter.Burst(count: 1_000)) == 1_000)
                var numbers: [Int] = []
                for await tick in ticks {
                    numbers.append(tick.number)
                    if numbers.count == 1_000 { break }
                }
                #expect(numbers == Array(0..<1_000))
                await first.disconnect()
                await second.disconnect()
            }
        }

        @Test("many actions at once on one connection each get their own answer", arguments: EngineRow.all)
        func atOnce(_ row: EngineRow) async throws {
            try await row.run { check in
                try await check.actor(Echo.self).withConnection { conn in
                    try await withThrowingTaskGroup(of: (Int, RivetValue).self) { group in
                        for number in 0..<100 {
                            group.addTask { (number, try await conn.send(Echo.Identity(value: .integer(number)))) }
                        }
                        for try await (number, answer) in group { #expect(answer == .integer(number)) }
                    }
                }
            }
        }

        @Test(
            "an actor written in Rust: a struct is one argument",
            arguments: EngineRow.all.filter { $0.isLocal || RealEngine.hasRust }
        )
        func rust(_ row: EngineRow) async throws {
            try await row.run { check throws in
                let create = CreateOptions(poolName: RustCounter.pool)
                let counter = check.client.getOrCreate(RustCounter.self, check.key("rust"), create: create)
                let conn = counter.connect()
                let counts = conn.events(of: RustCounter.NewCount.self)
                #expect(try await conn.send(RustCounter.Increment(amount: 3)) == 3)
                #expect(try await counter.send(RustCounter.Increment(amount: 4)) == 7)
                var iterator = counts.makeAsyncIterator()
                #expect(await iterator.next() == RustCounter.NewCount(count: 3))
                #expect(await iterator.next() == RustCounter.NewCount(count: 7))
                #expect(try await counter.send(RustCounter.Reset()) == NoValue())
                #expect(try await conn.send(RustCounter.Reset()) == NoValue())
                #expect(try await conn.send(RustCounter.Get()) == 0)
                #expect(try await conn.send(RustCounter.Add(first: 2, second: 40)) == 42)
                #expect(try await counter.send(RustCounter.Add(first: 2, second: 41)) == 43)
                await conn.disconnect()
            }
        }

        @Test("B39: the input that an actor is created with", arguments: EngineRow.all)
        func input(_ row: EngineRow) async throws {
            let inputs: [(value: RivetValue?, type: String, text: String)] = [
                (0, "number", "0"), (false, "boolean", "false"), ("", "string", ""), ("text", "string", "text"),
                (["a": 1], "object", "[object Object]"), (nil, "undefined", "undefined"),
            ]
            try await row.run { check in
                for (index, input) in inputs.enumerated() {
                    let create = CreateOptions(input: input.value)
                    let actor = check.client.getOrCreate(WithInput.self, check.key("\(index)"), create: create)
                    let seen = try await actor.send(WithInput.Input()).seen
                    #expect(seen.type == input.type)
                    #expect(seen.text == input.text)
                }
            }
        }

        @Test("what is too long, to the actor and from it", arguments: EngineRow.all)
        func sizes(_ row: EngineRow) async throws {
            try await row.run { check in
                let long = Echo.Identity(value: .string(String(repeating: "x", count: 70_000)))
                let echo = check.actor(Echo.self)
                let refused = await #expect(throws: RivetError.self) { try await echo.send(long) }
                #expect(refused?.matches("message", "incoming_too_long") == true)
                let conn = echo.connect()
                try await conn.waitUntilConnected()
                let closed = await #expect(throws: RivetError.self) { try await conn.send(long) }
                #expect(closed?.remote?.closeCode == .internalError)
                #expect(closed?.matches("message", "incoming_too_long") == true)
                #expect(try await conn.send(Echo.Identity(value: 1)) == 1)
                await conn.disconnect()

                let values = check.actor(Values.self)
                #expect(try await values.send(Values.Big(length: 1_000_000)).count == 1_000_000)
                let tooBig = await #expect(throws: RivetError.self) {
                    try await values.send(Values.Big(length: 1 << 20))
                }
                #expect(tooBig?.matches("message", "outgoing_too_long") == true)
                #expect(tooBig?.execution == .ran)
                let listening = values.connect()
                let texts = listening.events(of: Values.BigText.self)
                let answer = await #expect(throws: RivetError.self) {
                    try await listening.send(Values.Big(length: 1 << 20))
                }
                #expect(answer?.matches("message", "outgoing_too_long") == true)
                #expect(answer?.connectionSurvives == true)
                // An event over the limit closes the connection, which comes back.
                var deliveries = texts.deliveries.makeAsyncIterator()
                _ = try? await listening.send(Values.TellBig(length: 1 << 20))
                guard case .gap(.reconnected(let info))? = try await deliveries.next() else {
                    Issue.record("no gap")
                    return
                }
                #expect(info.connectionNumber == 2)
                await listening.disconnect()
            }
        }
    }
}
