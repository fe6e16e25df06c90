// SPDX-License-Identifier: Apache-2.0
import RivetAsyncLocal
import Testing

@testable import RivetAsync

/// Those who share a connection: how each ends alone, and when the socket closes.
@Suite(.leavesNothing, .timeLimit(.minutes(3)))
struct SharedUserTests {
    @Test(
        "B286: one who leaves, throws, is cancelled or disconnects ends alone",
        arguments: SharingClient.User.End.allCases
    )
    func oneEnds(_ end: SharingClient.User.End) async throws {
        try await SharingClient.run { fixture in
            let (kept, gone) = (try await fixture.join(), try await fixture.join(idle: .zero))
            let socket = try await fixture.open(for: kept, gone)
            var keptEvents = kept.connection.events(named: "e", as: Int.self).makeAsyncIterator()
            #expect(try await socket.next() == "subscribe e")
            var goneEvents = gone.connection.events(named: "e", as: Int.self).deliveries.makeAsyncIterator()
            var goneStatuses = gone.connection.status.makeAsyncIterator()
            #expect(await goneStatuses.next()?.name == "connected 1")
            let own = gone.connection.events(named: "own", as: Int.self)
            #expect(try await socket.next() == "subscribe own")
            let keptCall = Task { try await kept.connection.action("a") as Int }
            #expect(try await socket.next() == "action 0 a")
            let goneCall = Task { try await gone.connection.action("b") as Int }
            #expect(try await socket.next() == "action 1 b")
            socket.event("1")
            #expect(await keptEvents.next() == 1)

            #expect(await gone.end(end))
            #expect(try await socket.next() == "unsubscribe own")
            let error = await #expect(throws: RivetError.self) {
                try await endingWithCaller { try await goneCall.value }
            }
            #expect(error?.code == .connectionClosed)
            #expect(error?.execution == .mayHaveRun)
            guard case .event(1) = try await goneEvents.next() else {
                Issue.record("what had come before the end is gone")
                return
            }
            #expect(try await goneEvents.next() == nil)
            for await number in own { Issue.record("\(number)") }
            guard case .closed(.requested) = await goneStatuses.next() else {
                Issue.record("the status is \(gone.connection.status.current)")
                return
            }
            #expect(await goneStatuses.next() == nil)

            // From here on it does nothing to the others.
            let late = await #expect(throws: RivetError.self) { try await gone.connection.action("c") as Int }
            #expect(late?.code == .connectionClosed)
            #expect(late?.execution == .notSent)
            for await number in gone.connection.events(named: "late", as: Int.self) { Issue.record("\(number)") }
            await #expect(throws: RivetError.self) { try await gone.connection.waitUntilConnected() }
            await gone.connection.pause()
            gone.connection.resume()
            await gone.connection.disconnect()
            #expect(try await socket.isSilent())
            socket.answer(0, "7")
            socket.event("2")
            #expect(try await endingWithCaller { try await keptCall.value } == 7)
            #expect(await keptEvents.next() == 2)
            #expect(kept.connection.status.current.name == "connected 1")
            await gone.end()
            await kept.end()
        }
    }

    @Test("B286: an action that is held is never sent when its user has left, and those of others are")
    func held() async throws {
        try await SharingClient.run { fixture in
            let (kept, gone) = (try await fixture.join(), try await fixture.join())
            let driver = kept.connection.driver
            let goneCall = Task { try await gone.connection.action("a") as Int }
            try await fixture.untilHeld(1, driver)
            let keptCall = Task { try await kept.connection.action("b") as Int }
            try await fixture.untilHeld(2, driver)
            await gone.end()
            let error = await #expect(throws: RivetError.self) {
                try await endingWithCaller { try await goneCall.value }
            }
            #expect(error?.execution == .notSent)
            let socket = try await fixture.open(for: kept)
            #expect(try await socket.next() == "action 1 b")
            socket.answer(1, "5")
            #expect(try await endingWithCaller { try await keptCall.value } == 5)
            await kept.end()
        }
    }

    @Test("B286: one who is cancelled while the connection opens leaves; the others find it open")
    func cancelledBeforeOpen() async throws {
        try await SharingClient.run { fixture in
            let kept = try await fixture.join()
            let gone = Task {
                _ = try await fixture.handle.withSharedConnection(idle: .zero) { try await $0.waitUntilConnected() }
            }
            try await until { await kept.connection.driver.shares.count == 2 }
            gone.cancel()
            await #expect(throws: CancellationError.self) { try await gone.value }
            _ = try await fixture.open(for: kept)
            #expect(kept.connection.status.current.name == "connected 1")
            await kept.end()
        }
    }

    @Test("B286: idle after the last has left the socket closes with 1000; who comes before that takes it over")
    func idle() async throws {
        try await SharingClient.run { fixture in
            let first = try await fixture.join()
            let socket = try await fixture.open(for: first)
            await first.end()
            await fixture.clock.advance(by: .seconds(49))
            let second = try await fixture.join()
            try #require(second.connection.status.current.name == "connected 1")
            await fixture.clock.advance(by: .seconds(2))
            #expect(try await socket.isSilent())
            await second.end()
            await fixture.clock.advance(by: .seconds(49))
            #expect(try await socket.isSilent())
            await fixture.clock.advance(by: .seconds(1))
            try #require(try await socket.isClosed())
            socket.close(1_000)
            #expect(fixture.server.connectionCount == 1)
            let third = try await fixture.join()
            _ = try await fixture.open(for: third)
            #expect(fixture.server.connectionCount == 2)
            await third.end()
        }
    }

    @Test("B286: the idle time of who leaves last counts")
    func lastOnesIdle() async throws {
        try await SharingClient.run { fixture in
            let (brief, long) = (try await fixture.join(idle: .zero), try await fixture.join(idle: .seconds(10)))
            let socket = try await fixture.open(for: brief, long)
            await brief.end()
            await long.end()
            await fixture.clock.advance(by: .seconds(9))
            #expect(try await socket.isSilent())
            await fixture.clock.advance(by: .seconds(1))
            try #require(try await socket.isClosed())
            socket.close(1_000)
        }
    }

    @Test("B286: with zero or less the last one's call returns when the socket has closed", arguments: [0, -1])
    func zero(_ seconds: Int) async throws {
        try await SharingClient.run { fixture in
            let user = try await fixture.join(idle: .seconds(seconds))
            let socket = try await fixture.open(for: user)
            let order = Recorder<String>()
            let ending = Task {
                await user.end()
                order.add("left")
            }
            try #require(try await socket.isClosed())
            let again = Task {
                await user.connection.disconnect()
                order.add("left")
            }
            // Both wait for the end of the connection, its own task for that of the socket, and that of the deadlines for the
            // next one.
            try await until { fixture.client.context.gauge.counts.waiters == 4 || !order.all.isEmpty }
            order.add("answered")
            socket.close(1_000)
            try await endingWithCaller { await ending.value }
            try await endingWithCaller { await again.value }
            #expect(order.all == ["answered", "left", "left"])
        }
    }

    @Test("B286: one who has disconnected counts as gone, once, and whoever comes takes the socket over")
    func disconnectedInside() async throws {
        try await SharingClient.run { fixture in
            let gone = try await fixture.join(idle: .seconds(10))
            let socket = try await fixture.open(for: gone)
            await gone.end(.disconnects)
            // Nobody is left who would have to want it too.
            try await Self.expectNoRest(after: gone, socket)
            await fixture.clock.advance(by: .seconds(9))
            let next = try await fixture.join(idle: .seconds(20))
            await gone.end()
            await fixture.clock.advance(by: .seconds(11))
            #expect(next.connection.status.current.name == "connected 1")
            #expect(try await socket.isSilent())
            await next.end(.disconnects)
            await fixture.clock.advance(by: .seconds(20))
            try #require(try await socket.isClosed())
            socket.close(1_000)
            await next.end()
        }
    }

    @Test("B284, B286: who leaves while the connection opens ends its own wait for a snapshot, and loads nothing")
    func resyncing() async throws {
        try await SharingClient.run { fixture in
            let (gone, other) = (try await fixture.join(), try await fixture.join())
            let loads = Loads()
            let events = gone.connection.events(named: "e", as: Int.self).resyncing(loads.load)
            let reading = Task {
                var changes = events.makeAsyncIterator()
                return try await changes.names(1)
            }
            await gone.end(.disconnects)
            #expect(try await reading.value == ["end"])
            #expect(loads.began == 0)
            _ = try await fixture.open(for: other)
            await gone.end()
            await other.end()
        }
    }

    /// A pause of `user` returns, and nothing has left.
    private static func expectNoRest(after user: SharingClient.User, _ socket: SharingClient.Socket) async throws {
        let returned = Signal()
        let pausing = Task {
            await user.connection.pause()
            returned.set()
        }
        while !returned.isSet { try #require(try await socket.isSilent()) }
        await pausing.value
    }

    @Test("B286, B288: it rests when all who use it want that, and wakes for one who does not")
    func pause() async throws {
        try await SharingClient.run { fixture in
            let (first, second) = (try await fixture.join(), try await fixture.join())
            var socket = try await fixture.open(for: first, second)
            func rests(_ pause: @escaping @Sendable () async -> Void) async throws {
                let pausing = Task { await pause() }
                try #require(try await socket.isClosed())
                socket.close(1_000)
                try await endingWithCaller { await pausing.value }
                for await status in second.connection.status where status.name == "paused" { break }
            }
            // One alone changes nothing, and does not wait.
            try await Self.expectNoRest(after: first, socket)
            try await rests { await second.connection.pause() }
            #expect(first.connection.status.current.name == "paused")
            first.connection.resume()
            socket = try await fixture.open(for: first, second)
            // Again, since the other one still wants to; then somebody comes who does not.
            try await rests { await first.connection.pause() }
            let third = try await fixture.join()
            socket = try await fixture.open(for: first, second, third)
            // And leaves.
            try await rests { await third.end() }
            await first.end()
            await second.end()
            #expect(second.connection.status.current.name == "closed")
            let last = try await fixture.join()
            _ = try await fixture.open(for: last)
            await last.end()
        }
    }

    @Test("B286: who has left does not cut short what the others wait for")
    func waiting() async throws {
        try await SharingClient.run {
            $0.reconnect = ReconnectPolicy(first: .seconds(50), cap: .seconds(50))
        } _: { fixture in
            let (kept, gone) = (try await fixture.join(), try await fixture.join())
            let socket = try await fixture.open(for: kept, gone)
            await gone.end()
            socket.close(1_001)
            for await status in kept.connection.status where status.name == "waiting 2" { break }
            gone.connection.reconnectNow()
            // Behind it on the lane.
            try await until { await kept.connection.driver.shares.count == 1 }
            #expect(kept.connection.status.current.name == "waiting 2")
            kept.connection.reconnectNow()
            _ = try await fixture.open(for: kept)
            await kept.end()
        }
    }

    @Test("B286: the actions of one who leaves end a wait to rest that was for them")
    func withdrawn() {
        var fixture = SteppedMachine.open()
        _ = fixture.submit("a", 1)
        _ = fixture.submit("b", 2)
        _ = fixture.step { $0.pauseRequested() }
        _ = fixture.submit("c", 3)
        #expect(
            fixture.step { $0.withdraw([0, 1, 2, 9], .connectionClosed) } == [
                "fail 1 connectionClosed mayHaveRun", "fail 2 connectionClosed mayHaveRun",
                "fail 3 connectionClosed notSent", "close socket",
            ]
        )
    }
}
