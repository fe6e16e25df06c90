// SPDX-License-Identifier: Apache-2.0
import RivetAsyncLocal
import Testing

@testable import RivetAsync

/// When a handle looks its actor up, what it keeps, and what becomes of a handle whose actor is gone.
@Suite(.leavesNothing, .timeLimit(.minutes(3)))
struct ResolvingTests {
    typealias Server = AnsweringServer

    static let lookUp = "GET /actors?name=counter&key=k&namespace=default"
    static let getOrCreate = "PUT /actors?namespace=default"
    static let action = "POST /gateway/\(Server.id)/action/count"

    @Test("B22: making handles costs no network")
    func handles() async throws {
        let outcome = try await CallersMistakeTests.outcome({ $0.looksUpMetadata = true }) { client, _ in
            _ = client.get("a", ["k"])
            _ = client.getOrCreate("a", ["k"], create: CreateOptions(input: 1))
            _ = client.getForID("a", "x")
            _ = client.get(Phoenix.self).untyped
        }
        #expect(outcome == "works, 0 dials")
    }

    @Test("B23: create() is one POST, its handle is pinned to that id, and a taken key is an error")
    func create() async throws {
        let taken = Server.Answer.error(400, "actor.duplicate_key", isGateways: false)
        try await Server.run([Server.Answer.created(), .output(2), Self.gone, taken]) { client, server in
            let handle = try await client.create("counter", ["k"])
            #expect(server.lines == ["POST /actors?namespace=default"])
            #expect(try await handle.resolve().rawValue == Server.id)
            #expect(try await handle.action("count") as Int == 2)
            let gone = await #expect(throws: RivetError.self) { try await handle.action("count") as Int }
            #expect(gone?.matches("actor", "not_found") == true)
            #expect(server.lines == ["POST /actors?namespace=default", Self.action, Self.action])
            let error = await #expect(throws: RivetError.self) { _ = try await client.create("counter", ["k"]) }
            #expect(error?.matches("actor", "duplicate_key") == true)
            #expect(error?.execution == .notSent)
            #expect(server.lines.suffix(1) == ["POST /actors?namespace=default"])
            #expect(server.requests.count == 4)
        }
    }

    @Test("B28: who joined a lookup whose starter had less time goes on with another")
    func deadlines() async throws {
        let clock = TestClock()
        try await Server.run([.silence, Server.Answer.listed(Server.actor()), .output(2)], clock: clock) {
            client,
            server in
            let handle = client.get("counter", ["k"])
            let short = Task { try await handle.action("count", options: .init(timeout: .seconds(1))) as Int }
            try await until { !server.lines.isEmpty }
            let long = Task { try await handle.action("count", options: .init(timeout: .seconds(9))) as Int }
            // The client's deadlines, and the one who joined.
            await clock.waitForSleepers(2)
            await clock.advance(by: .seconds(1))
            let error = await #expect(throws: RivetError.self) { try await short.value }
            #expect(error?.code == .deadlineExceeded)
            #expect(try await long.value == 2)
            #expect(server.lines == [Self.lookUp, Self.lookUp, Self.action])
        }
    }

    @Test("B29: a failed lookup is not kept")
    func failedLookup() async throws {
        let refused = Server.Answer.error(400, "namespace.not_found", isGateways: false)
        try await Server.run([refused, .listed(), Server.Answer.listed(Server.actor()), .output(3)]) { client, server in
            let handle = client.get("counter", ["k"])
            for code in ["namespace.not_found", "actor.not_found"] {
                let error = await #expect(throws: RivetError.self) { try await handle.action("count") as Int }
                #expect(error.map { "\($0.remote?.group ?? "").\($0.remote?.code ?? "")" } == code)
            }
            let count: Int = try await handle.action("count")
            #expect(count == 3)
            #expect(server.lines == [Self.lookUp, Self.lookUp, Self.lookUp, Self.action])
        }
    }

    @Test("B31: a handle by key reaches the new actor, and the caller sees no error", arguments: Phoenix.ways)
    func newActor(_ way: Phoenix.Way) async throws {
        try await Phoenix.run { client, _ in
            let handle = client.getOrCreate(Phoenix.self, ["k"])
            let first = try await way.who(handle)
            #expect(try await way.who(handle) == first)
            try await client.getForID(Phoenix.self, ActorID(rawValue: first)).send(Phoenix.Destroy())
            let second = try await way.who(handle)
            #expect(second != first)
            #expect(try await way.who(handle) == second)
            #expect(try await handle.resolve().rawValue == second)
        }
    }

    @Test("B32: a handle by id says that its actor is gone, and makes no other", arguments: Phoenix.ways)
    func pinned(_ way: Phoenix.Way) async throws {
        try await Phoenix.run { client, _ in
            let created = try await client.create(Phoenix.self, ["k"])
            let id = try await created.resolve()
            try await created.send(Phoenix.Destroy())
            for handle in [created, client.getForID(Phoenix.self, id)] {
                let error = await #expect(throws: RivetError.self) { try await way.who(handle) }
                #expect(error?.matches("actor", "not_found") == true, "\(error as Any)")
                #expect(error?.execution != .ran)
            }
            #expect(try await client.get(Phoenix.self, ["k"]).resolveIfExists() == nil)
        }
    }

    static let gone = Server.Answer.error(404, "actor.not_found")

    @Test("B33: one lookup where there is no actor, one more where the id was stale")
    func lookups() async throws {
        try await Server.run([.listed()]) { client, server in
            let error = await #expect(throws: RivetError.self) {
                try await client.get("counter", ["k"]).action("count") as Int
            }
            #expect(error?.matches("actor", "not_found") == true)
            #expect(server.lines == [Self.lookUp])
        }
        try await Server.run([Server.Answer.listed(Server.actor()), .output(1), Self.gone, .listed()]) {
            client,
            server in
            let handle = client.get("counter", ["k"])
            _ = try await handle.action("count") as Int
            let error = await #expect(throws: RivetError.self) { try await handle.action("count") as Int }
            #expect(error?.matches("actor", "not_found") == true)
            #expect(server.lines == [Self.lookUp, Self.action, Self.action, Self.lookUp])
        }
    }

    @Test(
        "B33: a lookup that goes on naming an id that is not found is heard after one repeat",
        arguments: [false, true]
    )
    func sameID(_ isByID: Bool) async throws {
        try await Server.run { request, _ in
            request.method == "GET" ? Server.Answer.listed(Server.actor()) : Self.gone
        } _: { _ in
        } _: { client, server in
            let handle =
                isByID ? client.getForID("counter", ActorID(rawValue: Server.id)) : client.get("counter", ["k"])
            let error = await #expect(throws: RivetError.self) { try await handle.action("count") as Int }
            #expect(error?.matches("actor", "not_found") == true)
            #expect(error?.remote?.httpStatus == 404)
            #expect(
                server.lines == (isByID ? [Self.action] : [Self.lookUp, Self.action, Self.lookUp, Self.action])
            )
        }
    }

    @Test("B35: resolve() makes the actor of a getOrCreate handle, and of no other")
    func resolve() async throws {
        try await Phoenix.run { client, _ in
            let error = await #expect(throws: RivetError.self) {
                _ = try await client.get(Phoenix.self, ["k"]).resolve()
            }
            #expect(error?.matches("actor", "not_found") == true)
            #expect(error?.execution == .notSent)
            let id = try await client.getOrCreate(Phoenix.self, ["k"]).resolve()
            #expect(try await client.get(Phoenix.self, ["k"]).resolve() == id)
            #expect(try await client.getForID(Phoenix.self, id).send(Phoenix.Who()) == id.rawValue)
        }
    }

    @Test("B43: a key that another datacenter has is looked up, once", arguments: [false, true])
    func otherDatacenter(_ isThere: Bool) async throws {
        let reserved = Server.Answer.error(400, "actor.key_reserved_in_different_datacenter", isGateways: false)
        let found = isThere ? Server.Answer.listed(Server.actor()) : Server.Answer.listed()
        try await Server.run([reserved, found, .output(9)]) { client, server in
            let handle = client.getOrCreate("counter", ["k"])
            do {
                let output: Int = try await handle.action("count")
                #expect(isThere && output == 9)
            } catch let error as RivetError {
                #expect(!isThere)
                #expect(error.matches("actor", "key_reserved_in_different_datacenter"), "\(error)")
                #expect(error.execution == .notSent)
            }
            #expect(server.lines == [Self.getOrCreate, Self.lookUp] + (isThere ? [Self.action] : []))
        }
    }

    static let destroyed = Server.Answer.error(400, "actor.destroyed_during_creation", isGateways: false)

    @Test("B42: an actor that is destroyed while it is made is made again")
    func destroyedDuringCreation() async throws {
        try await Server.run([Self.destroyed, Self.destroyed, Server.Answer.created(), .output(1)]) { client, server in
            _ = try await client.getOrCreate("counter", ["k"]).action("count") as Int
            #expect(server.lines == [Self.getOrCreate, Self.getOrCreate, Self.getOrCreate, Self.action])
        }
        try await Server.run([Self.destroyed, Server.Answer.created()]) { client, server in
            _ = try await client.create("counter", ["k"])
            #expect(server.lines == Array(repeating: "POST /actors?namespace=default", count: 2))
        }
    }

    static let pending = Server.Answer.error(409, "actor.create_pending", isGateways: false)

    @Test("an actor of which the engine cannot tell whether it was made is asked for again, but never made twice")
    func pendingCreation() async throws {
        try await Server.run([Self.pending, Server.Answer.created(), .output(1)]) { client, server in
            _ = try await client.getOrCreate("counter", ["k"]).action("count") as Int
            #expect(server.lines == [Self.getOrCreate, Self.getOrCreate, Self.action])
        }
        try await Server.run([Self.pending]) { client, server in
            let error = await #expect(throws: RivetError.self) { try await client.create("counter", ["k"]) }
            #expect(error?.execution == .mayHaveRun)
            #expect(error?.isTransient == true)
            #expect(server.lines == ["POST /actors?namespace=default"])
        }
    }

    @Test("too many creations prove that nothing was made")
    func creationRateLimit() async throws {
        let answer = Server.Answer.error(429, "actor.creation_rate_limit", isGateways: false)
        try await Server.run([answer]) { client, server in
            let error = await #expect(throws: RivetError.self) { try await client.create("counter", ["k"]) }
            #expect(error?.execution == .notSent)
            #expect(error?.isTransient == true)
        }
    }

    /// What makes an actor.
    struct Making: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let make: @Sendable (RivetClient) async throws -> Void

        init(_ name: String, _ make: @escaping @Sendable (RivetClient) async throws -> Void) {
            (testDescription, self.make) = (name, make)
        }
    }

    @Test(
        "B42: that goes on until the deadline, whose error has the last cause",
        arguments: [
            Making("an action") { _ = try await $0.getOrCreate("counter", ["k"]).action("count") as NoValue },
            Making("resolve") { _ = try await $0.getOrCreate("counter", ["k"]).resolve() },
            Making("create") { _ = try await $0.create("counter", ["k"]) },
        ]
    )
    func destroyedUntilTheDeadline(_ making: Making) async throws {
        let clock = TestClock()
        try await Server.run([], then: Self.destroyed, clock: clock) {
            $0.callTimeout = .seconds(20)
        } _: { client, server in
            let calling = Task { try await making.make(client) }
            let ended = Signal(gauge: ResourceGauge())
            let watching = Task {
                _ = await calling.result
                ended.set()
            }
            while !ended.isSet {
                try Task.checkCancellation()
                // The client's deadlines and the pause: time stands while a request is on its way.
                await withTaskGroup { group in
                    group.addTask { await clock.waitForSleepers(2) }
                    group.addTask { await ended.wait() }
                    await group.next()
                    group.cancelAll()
                }
                await clock.advance(by: .milliseconds(10))
            }
            await watching.value
            let error = await #expect(throws: RivetError.self) { try await calling.value }
            #expect(error?.code == .deadlineExceeded)
            #expect(error?.execution == .notSent)
            #expect(error?.isTransient == true)
            let cause = error?.underlying as? RivetError
            #expect(cause?.matches("actor", "destroyed_during_creation") == true, "\(error as Any)")
            // Pauses of up to 0.1, 0.2, 0.4, … and then 5 s.
            #expect(server.requests.count > 4)
        }
    }

    @Test("B53, B209: a POST whose answer does not come may have made the actor, whatever came of those before it")
    func createdInSilence() async throws {
        let clock = TestClock()
        try await Server.run([Self.destroyed], clock: clock) {
            $0.callTimeout = .seconds(20)
        } _: { client, server in
            let calling = Task { try await client.create("counter", ["k"]) }
            // The client's deadlines, and the pause, of up to 0.1 s.
            await clock.waitForSleepers(2)
            await clock.advance(by: .milliseconds(100))
            try await until { server.requests.count == 2 }
            await clock.advance(by: .seconds(20))
            let error = await #expect(throws: RivetError.self) { _ = try await calling.value }
            #expect(error?.code == .deadlineExceeded)
            #expect(error?.execution == .mayHaveRun)
        }
    }

    @Test("B44: calls of one handle run side by side, and one that hangs holds up no other")
    func sideBySide() async throws {
        try await DurationTests.run { setting in
            let probe = setting.probe
            let hanging = ["a", "b", "c"].map { gate in Task { try await probe.send(ProbeActor.Wait(gate: gate)) } }
            try await until { setting.log.all.count(where: { $0.hasPrefix("start") }) >= 3 }
            let texts = (0..<20).map(String.init)
            let answers = try await withThrowingTaskGroup { group in
                for text in texts { group.addTask { try await probe.send(ProbeActor.Echo(text: text)) } }
                return try await group.reduce(into: [String]()) { $0.append($1) }
            }
            #expect(Set(answers) == Set(texts))
            for gate in ["c", "a", "b"] { setting.gates[gate].set() }
            for (task, gate) in zip(hanging, ["a", "b", "c"]) { #expect(try await task.value == gate) }
        }
    }
}
