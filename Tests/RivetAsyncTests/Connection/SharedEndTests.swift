// SPDX-License-Identifier: Apache-2.0
import RivetAsyncLocal
import Testing

@testable import RivetAsync

/// Shared connections that end, and many who come and go.
@Suite(.leavesNothing, .timeLimit(.minutes(3)))
struct SharedEndTests {
    @Test("B287: those on a connection that ended get its error; who comes then has a new one, which they do not touch")
    func ended() async throws {
        try await SharingClient.run {
            $0.reconnect = ReconnectPolicy(maxAttempts: 1)
        } _: { fixture in
            let old = [try await fixture.join(idle: .zero), try await fixture.join(idle: .zero)]
            var deliveries = old[0].connection.events(named: "e", as: Int.self).deliveries.makeAsyncIterator()
            let socket = try await fixture.upgrade()
            #expect(try await socket.next() == "subscribe e")
            socket.close(1_011, "guard.service_unavailable#r1")
            for user in old {
                let error = await #expect(throws: RivetError.self) { try await user.connection.waitUntilConnected() }
                #expect(error?.remote?.rayID == "r1")
            }
            // At once, before anybody has left.
            let new = try await fixture.join()
            try #require(new.connection.driver !== old[0].connection.driver)
            let next = try await fixture.open(for: new)
            let missed = await #expect(throws: RivetError.self) { try await deliveries.next() }
            #expect(missed?.remote?.rayID == "r1")
            for user in old {
                let late = await #expect(throws: RivetError.self) { try await user.connection.action("a") as Int }
                #expect(late?.remote?.rayID == "r1")
                await user.end()
                for await number in user.connection.events(named: "e", as: Int.self) { Issue.record("\(number)") }
                let gone = await #expect(throws: RivetError.self) { try await user.connection.action("a") as Int }
                #expect(gone?.remote?.rayID == "r1")
                guard case .closed(.failed) = user.connection.status.current else {
                    Issue.record("the status is \(user.connection.status.current)")
                    return
                }
            }
            #expect(try await next.isSilent())
            let another = try await fixture.join()
            #expect(another.connection.driver === new.connection.driver)
            await another.end()
            await new.end()
        }
    }

    @Test("B170: who comes to a client that closes is refused, also where a connection is shared that is still there")
    func closing() async throws {
        try await SharingClient.run { fixture in
            let user = try await fixture.join()
            let socket = try await fixture.open(for: user)
            // Its action has the grace, and so the connection.
            let call = Task { try await user.connection.action("a") as Int }
            #expect(try await socket.next() == "action 0 a")
            let closing = Task { await fixture.client.close(within: .seconds(100)) }
            try await until { fixture.client.context.isClosed }
            let error = await #expect(throws: RivetError.self) {
                try await fixture.handle.withSharedConnection { try await $0.waitUntilConnected() }
            }
            #expect(error?.code == .clientClosed)
            call.cancel()
            _ = await call.result
            await user.end()
            try #require(try await socket.isClosed())
            socket.close(1_000)
            socket.peer.finish()
            try await endingWithCaller { await closing.value }
        }
    }

    @Test("B287: a connection that ends while nobody uses it is not kept for the next one")
    func endedUnused() async throws {
        try await SharingClient.run {
            $0.reconnect = ReconnectPolicy(maxAttempts: 1)
        } _: { fixture in
            let first = try await fixture.join()
            let socket = try await fixture.open(for: first)
            await first.end()
            socket.close(1_011, "guard.service_unavailable#r1")
            try await until { first.connection.driver.statuses.latest?.name == "closed" }
            let second = try await fixture.join()
            try #require(second.connection.driver !== first.connection.driver)
            _ = try await fixture.open(for: second)
            await second.end()
        }
    }

    @Test("B287: the end of the client ends all at once, used or not, and who comes later hears of it")
    func clientClosed() async throws {
        try await SharingClient.run { fixture in
            let users = [try await fixture.join(), try await fixture.join()]
            let used = try await fixture.open(for: users[0], users[1])
            let other = fixture.client.getForID("b", ActorID(rawValue: AnsweringServer.id))
            let gone = try await SharingClient.User.join(other, idle: .seconds(50))
            let unused = try await fixture.open(for: gone)
            await gone.end()
            let calls = users.map { user in Task { try await user.connection.action("a") as Int } }
            for _ in calls { _ = try await used.next() }
            let closing = Task { await fixture.client.close(within: .zero) }
            for socket in [used, unused] {
                try #require(try await socket.isClosed())
                socket.close(1_000)
                socket.peer.finish()
            }
            try await endingWithCaller { await closing.value }
            for call in calls {
                let error = await #expect(throws: RivetError.self) {
                    try await endingWithCaller { try await call.value }
                }
                #expect(error?.code == .clientClosed)
                #expect(error?.execution == .mayHaveRun)
            }
            for user in users {
                #expect(user.connection.status.current.name == "closed")
                await user.end()
            }
            let late = await #expect(throws: RivetError.self) {
                try await fixture.handle.withSharedConnection { try await $0.action("a") as Int }
            }
            #expect(late?.code == .clientClosed)
        }
    }

    @Test("B286: a client that was let go is gone when its unused connection has been idle, and has closed it")
    func clientReleased() async throws {
        let server = try await LiteralServer.start()
        let clock = TestClock()
        func use() async throws -> (SharingClient.Socket, ResourceGauge, isThere: () -> Bool) {
            var configuration = try RivetConfiguration(endpoint: server.endpoint, token: .none)
            configuration.looksUpMetadata = false
            configuration.replyNudge = .off
            configuration.encoding = .json
            configuration.keepAlive = nil
            let client = RivetClient(configuration, clock: clock)
            let user = try await SharingClient.User.join(
                client.getForID("a", ActorID(rawValue: AnsweringServer.id)),
                idle: .seconds(10)
            )
            let socket = try await SharingClient.Socket.upgrade(server)
            socket.initialize()
            try await user.connection.waitUntilConnected()
            await user.end()
            let context = client.context
            let pool = context.pool
            return (socket, context.gauge, { [weak context, weak pool] in context != nil || pool != nil })
        }
        let (socket, gauge, isThere) = try await use()
        #expect(try await socket.isSilent())
        await clock.advance(by: .seconds(10))
        try #require(try await socket.isClosed())
        socket.close(1_000)
        socket.peer.finish()
        // Behind the context the pool and the lanes are closed, one after the other, by a task that has them until then.
        try await until { !isThere() && gauge.counts == .zero }
        await server.stop()
    }

    @Test("B285, B286, B287: fifty users who come and go get all their answers, and leave nothing behind")
    func many() async throws {
        let seed = SeededGenerator.printedSeed
        print("seed of SharedEndTests: \(seed)")
        let engine = try await LocalEngine.withCounter()
        let client = RivetClient(try RivetConfiguration(endpoint: engine.endpoint))
        let warnings = Recorder<String>()
        let diagnostics = client.diagnostics
        let watching = Task {
            for await line in diagnostics where line.level == .warning { warnings.add(line.message) }
        }
        let rounds = TestScale.count(full: 40, byDefault: 8)
        let counters = ["a", "b", "c"].map { client.getOrCreate(Counter.self, ActorKey([$0])) }
        try await withThrowingTaskGroup { group in
            for user in 0..<50 {
                group.addTask {
                    var random = SeededGenerator(seed: seed &+ UInt64(user))
                    for _ in 0..<rounds {
                        let idle =
                            [Duration.zero, .milliseconds(1), .seconds(50)].randomElement(using: &random) ?? .zero
                        let counter = counters[Int.random(in: 0..<3, using: &random)]
                        try await Self.visit(counter, idle, Int.random(in: 0..<6, using: &random))
                    }
                }
            }
            try await group.waitForAll()
        }
        var total = 0
        for counter in counters { total += try await counter.send(Count()) }
        #expect(total == 50 * rounds)
        await client.close(within: .zero)
        await watching.value
        #expect(warnings.all == [])
        await engine.stop()
        #expect(client.context.gauge.counts == .zero)
        #expect(engine.gauge.counts == .zero)
    }

    private static func visit(_ counter: ActorHandle<Counter>, _ idle: Duration, _ way: Int) async throws {
        struct Trouble: Error {}
        do {
            try await counter.withSharedConnection(idle: idle) { connection in
                let counts = connection.events(of: NewCount.self)
                let count = try await connection.send(Increment(amount: 1))
                switch way {
                case 0: throw Trouble()
                case 1:
                    await connection.disconnect()
                    for await _ in counts {}
                case 2:
                    // Its own event comes before the answer, or it is a later one.
                    for await event in counts where event.count >= count { break }
                case 3:
                    let hanging = Task { try await connection.send(Hang()) }
                    hanging.cancel()
                    await #expect(throws: (any Error).self) { try await hanging.value }
                case 4: try await connection.waitUntilConnected()
                default: break
                }
            }
        } catch is Trouble {
            #expect(way == 0)
        }
    }
}
