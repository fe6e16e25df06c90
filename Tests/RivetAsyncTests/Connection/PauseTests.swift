// SPDX-License-Identifier: Apache-2.0
import RivetAsyncLocal
import Testing

@testable import RivetAsync

/// Connections that rest: first what the machine decides, then what the peer and the callers see.
@Suite(.leavesNothing, .timeLimit(.minutes(3)))
struct PauseTests {
    @Test("B288: actions in flight are waited for, then the socket closes; what is called meanwhile is held")
    func drains() {
        var fixture = SteppedMachine.open(["x"])
        _ = fixture.submit("a", 1)
        #expect(fixture.step { $0.pauseRequested() } == [])
        #expect(fixture.step { $0.pauseRequested() } == [])
        #expect(fixture.submit("b", 2, limit: 5) == [])
        #expect(fixture.machine.isPauseSettled == false)
        #expect(fixture.answered(0) == ["succeed 1", "close socket"])
        #expect(fixture.ended(.reset) == ["paused"])
        #expect(fixture.machine.isPauseSettled == true)
        // Its deadline is all that is left.
        #expect(fixture.machine.nextDeadline == fixture.now.advanced(by: .seconds(5)))
        #expect(fixture.timePassed(5) == ["fail 2 deadlineExceeded notSent"])
        #expect(fixture.machine.nextDeadline == nil)
    }

    @Test("B288: a deadline or a cancellation ends the wait for an action in flight", arguments: [false, true])
    func bounded(_ isCancelled: Bool) {
        var fixture = SteppedMachine.open()
        _ = fixture.submit("a", 1, limit: 5)
        _ = fixture.step { $0.pauseRequested() }
        if isCancelled {
            #expect(fixture.step { $0.withdraw(0, CancellationError()) } == ["fail 1 cancelled", "close socket"])
        } else {
            #expect(fixture.timePassed(5) == ["fail 1 deadlineExceeded mayHaveRun", "close socket"])
        }
    }

    @Test("B288: a loss on the way to rest is no reason to try again, but an end for good is the end")
    func lostOnTheWay() {
        for (ending, transcript) in [
            (AttemptEnding.reset, ["paused", "fail 1 connectionLost mayHaveRun"]),
            (
                .refusedByTheActor,
                ["closed remote", "end feeds remote", "fail 1 remote mayHaveRun", "finish"]
            ),
        ] {
            var fixture = SteppedMachine.open()
            _ = fixture.submit("a", 1)
            _ = fixture.step { $0.pauseRequested() }
            #expect(fixture.ended(ending) == transcript)
            #expect(fixture.machine.isPauseSettled == true)
        }
    }

    @Test("B289: an attempt begins at once, subscriptions first, then what was held, and one gap for the feeds")
    func resumed() {
        var fixture = SteppedMachine.open(["x"])
        #expect(fixture.step { $0.pauseRequested() } == ["close socket"])
        _ = fixture.ended(.reset)
        _ = fixture.submit("a", 1)
        let now = fixture.now
        #expect(fixture.step { $0.resumeRequested(now: now) } == ["connecting 1", "attempt"])
        #expect(fixture.step { $0.resumeRequested(now: now) } == [])
        #expect(fixture.opened(["x"]) == ["subscribe x"])
        #expect(fixture.initialized(["x"]) == ["mark reconnected 2", "connected 2", "action 0 a"])
    }

    @Test("B289: resume before it rests takes the pause back, whatever was under way")
    func takenBack() {
        var fixture = SteppedMachine.open()
        let now = fixture.now
        _ = fixture.submit("a", 1)
        _ = fixture.step { $0.pauseRequested() }
        _ = fixture.submit("b", 2)
        #expect(fixture.step { $0.resumeRequested(now: now) } == ["action 1 b"])
        #expect(fixture.machine.isPauseSettled == true)
        _ = fixture.answered(0)
        _ = fixture.answered(1)
        // The socket is being closed already.
        #expect(fixture.step { $0.pauseRequested() } == ["close socket"])
        #expect(fixture.step { $0.resumeRequested(now: now) } == [])
        #expect(fixture.ended(.reset) == ["connecting 1", "attempt"])
    }

    @Test("B288, B289: an attempt, the way to Init, a wait and a connection that never began come to rest at once")
    func fromAnywhere() {
        var fixture = SteppedMachine()
        #expect(fixture.step { $0.pauseRequested() } == ["paused"])
        #expect(fixture.start() == [])
        let now = fixture.now
        #expect(fixture.step { $0.resumeRequested(now: now) } == ["connecting 1", "attempt"])
        #expect(fixture.step { $0.pauseRequested() } == ["end attempt connectionClosed"])
        #expect(fixture.ended(.reset) == ["paused"])
        _ = fixture.step { $0.resumeRequested(now: now) }
        _ = fixture.opened([])
        #expect(fixture.step { $0.pauseRequested() } == ["close socket"])
        #expect(fixture.ended(.reset) == ["paused"])
        _ = fixture.step { $0.resumeRequested(now: now) }
        #expect(fixture.ended(.reset, random: 1) == ["waiting 2 0.25 seconds connectionLost"])
        #expect(fixture.step { $0.pauseRequested() } == ["paused"])
        #expect(fixture.machine.nextDeadline == nil)
        // What failed before does not count.
        #expect(fixture.step { $0.resumeRequested(now: now) } == ["connecting 1", "attempt"])
    }

    @Test("B289: a connection that rests is closed as any other, and rests no more")
    func disconnected() {
        var fixture = SteppedMachine.open()
        _ = fixture.step { $0.pauseRequested() }
        _ = fixture.ended(.reset)
        _ = fixture.submit("a", 1)
        #expect(
            fixture.step { $0.disconnectRequested() } == [
                "fail 1 connectionClosed notSent", "closed requested", "end feeds", "finish",
            ]
        )
        let now = fixture.now
        #expect(fixture.step { $0.resumeRequested(now: now) } == [])
        #expect(fixture.step { $0.pauseRequested() } == [])
        #expect(fixture.machine.isPauseSettled == true)
    }

    @Test("B288, B289: the peer hears 1000 and then nothing; afterwards its subscriptions, and the listener of one gap")
    func heard() async throws {
        try await LiteralConnection.run {
            $0.keepAlive = KeepAlive(interval: .seconds(1), timeout: .seconds(1))
        } _: { fixture in
            let connection = fixture.connection
            var deliveries = connection.events(named: "e", as: Int.self).deliveries.makeAsyncIterator()
            let socket = try await fixture.open()
            try await connection.waitUntilConnected()
            #expect(try await socket.next() == "subscribe e")
            socket.event("1")
            let calling = Task { try await connection.action("a") as NoValue }
            #expect(try await socket.next() == "action 0 a")
            let pausing = Task { await connection.pause() }
            try await until { await connection.driver.machine.wantsPause }
            let held = Task { try await connection.action("b") as Int }
            try await fixture.untilHeld(1)
            socket.answer(0)
            _ = try await calling.value
            #expect(try await socket.next() == "close 1000")
            socket.close(1_000)
            await pausing.value
            #expect(connection.status.current.name == "paused")
            await connection.pause()
            // No ping, no attempt.
            await fixture.clock.advance(by: .seconds(50))
            connection.resume()
            let next = try await fixture.open()
            #expect(try await next.next() == "subscribe e")
            #expect(try await next.next() == "action 1 b")
            next.answer(1, "2")
            #expect(try await held.value == 2)
            next.event("3")
            var heard: [String] = []
            while heard.count < 3, let delivery = try await deliveries.next() { heard.append(delivery.name) }
            #expect(heard == ["1", "gap 2", "3"])
        }
    }

    @Test("B288: the status of a pause comes in its place, and a cancelled caller does not wait")
    func statuses() async throws {
        try await LiteralConnection.run { fixture in
            var statuses = fixture.connection.status.makeAsyncIterator()
            let socket = try await fixture.open()
            for name in ["connecting 1", "connected 1"] { #expect(await statuses.next()?.name == name) }
            let pausing = Task { await fixture.connection.pause() }
            #expect(try await socket.next() == "close 1000")
            pausing.cancel()
            await pausing.value
            socket.close(1_000)
            #expect(await statuses.next()?.name == "paused")
            fixture.connection.resume()
            #expect(await statuses.next()?.name == "connecting 1")
            _ = try await fixture.open()
            #expect(await statuses.next()?.name == "connected 2")
        }
    }

    @Test("B289: dropping a connection that rests leaves nothing behind, and so does the end of its client")
    func dropped() async throws {
        try await LiteralConnection.run { fixture in
            var connection: ActorConnection? = fixture.handle.connect()
            await connection?.pause()
            let statuses = try #require(connection).driver.statuses
            connection = nil
            try await until { statuses.latest?.name == "closed" }
            await fixture.connection.pause()
        }
    }
}
