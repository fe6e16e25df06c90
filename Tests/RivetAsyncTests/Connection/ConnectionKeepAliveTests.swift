// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import RivetAsync

/// The pings of a connection, as transcripts: an interval of 30 s, and 10 s for each pong.
@Suite(.leavesNothing, .timeLimit(.minutes(3)))
struct ConnectionKeepAliveTests {
    private static func open() -> SteppedMachine {
        .open(keepAlive: KeepAlive(interval: .seconds(30), timeout: .seconds(10)))
    }

    @Test("B145: pings begin behind Init, what comes puts them off, and a pong tells the round trip")
    func pings() {
        var fixture = SteppedMachine(keepAlive: KeepAlive(interval: .seconds(30), timeout: .seconds(10)))
        _ = fixture.start()
        _ = fixture.opened([])
        #expect(fixture.timePassed(40) == [])
        #expect(fixture.initialized([]) == ["connected 1"])
        #expect(fixture.timePassed(29) == [])
        fixture.lastReceived = fixture.now
        #expect(fixture.timePassed(29) == [])
        #expect(fixture.timePassed(1) == ["ping 1"])
        #expect(fixture.pong(2) == nil)
        fixture.now = fixture.now.advanced(by: .seconds(4))
        #expect(fixture.pong(1) == .seconds(4))
        #expect(fixture.timePassed(30) == ["ping 2"])
        #expect(fixture.timePassed(10) == ["fail socket, silent for 10.0 seconds"])
        #expect(fixture.machine.nextDeadline == nil)
    }

    @Test("B145: a connection that is not open, or that closes, is not pinged")
    func notOpen() {
        var fixture = Self.open()
        _ = fixture.timePassed(30)
        _ = fixture.ended(.reset, random: 0.5)
        #expect(fixture.timePassed(60) == ["connecting 1", "attempt"])
        _ = fixture.opened([])
        #expect(fixture.initialized([]) == ["mark reconnected 2", "connected 2"])
        #expect(fixture.pong(1) == nil, "of the socket before")
        #expect(fixture.timePassed(30) == ["ping 1"], "it counts for itself")
        #expect(fixture.step { $0.disconnectRequested() } == ["close socket"])
        #expect(fixture.timePassed(60) == [])
    }

    @Test("B145, B221: while events wait for room the socket is not read, nor pinged, and the next one neither")
    func held() {
        var fixture = Self.open()
        #expect(fixture.timePassed(30) == ["ping 1"])
        #expect(fixture.step { $0.readingHeld() } == ["suspend reading"])
        #expect(fixture.machine.nextDeadline == nil)
        #expect(fixture.timePassed(60) == [])
        _ = fixture.ended(.reset)
        #expect(
            fixture.reopened() == ["connecting 1", "attempt", "mark reconnected 2", "suspend reading", "connected 2"]
        )
        #expect(fixture.timePassed(60) == [])
        #expect(fixture.released() == ["resume reading"])
        #expect(fixture.timePassed(29) == [])
        #expect(fixture.timePassed(1) == ["ping 1"])
    }

    @Test("B221: events that come before Init are not read for ever, and room that comes between sockets counts")
    func heldBetween() {
        var fixture = SteppedMachine()
        _ = fixture.start()
        #expect(fixture.step { $0.readingHeld() } == [])
        _ = fixture.opened([])
        #expect(fixture.step { $0.readingHeld() } == ["suspend reading"])
        #expect(fixture.released() == ["resume reading"])
        #expect(fixture.initialized([]) == ["connected 1"])
        #expect(fixture.step { $0.readingHeld() } == ["suspend reading"])
        _ = fixture.ended(.reset)
        #expect(fixture.released() == [])
        #expect(fixture.reopened() == ["connecting 2", "attempt", "mark reconnected 2", "connected 2"])
    }
}

extension SteppedMachine {
    fileprivate mutating func pong(_ id: UInt32) -> Duration? {
        let now = now
        var roundTrip: Duration?
        _ = step { roundTrip = $0.receivedPong(id: id, now: now) }
        return roundTrip
    }

    fileprivate mutating func released() -> [String] {
        let now = now
        return step { $0.readingReleased(now: now) }
    }
}
