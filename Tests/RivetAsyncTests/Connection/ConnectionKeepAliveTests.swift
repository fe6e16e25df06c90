// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import RivetAsync

/// The pings of a connection, as transcripts: an interval of 30 s, and 10 s for each pong.
@Suite(.leavesNothing, .timeLimit(.minutes(3)))
struct ConnectionKeepAliveTests {
    private static func open() -> MachineStage {
        .open(keepAlive: KeepAlive(interval: .seconds(30), timeout: .seconds(10)))
    }

    @Test("B145: pings begin behind Init, what comes puts them off, and a pong tells the round trip")
    func pings() {
        var stage = MachineStage(keepAlive: KeepAlive(interval: .seconds(30), timeout: .seconds(10)))
        _ = stage.start()
        _ = stage.opened([])
        #expect(stage.timePassed(40) == [])
        #expect(stage.initialized([]) == ["connected 1"])
        #expect(stage.timePassed(29) == [])
        stage.lastReceived = stage.now
        #expect(stage.timePassed(29) == [])
        #expect(stage.timePassed(1) == ["ping 1"])
        #expect(stage.pong(2) == nil)
        stage.now = stage.now.advanced(by: .seconds(4))
        #expect(stage.pong(1) == .seconds(4))
        #expect(stage.timePassed(30) == ["ping 2"])
        #expect(stage.timePassed(10) == ["fail socket, silent for 10.0 seconds"])
        #expect(stage.machine.nextDeadline == nil)
    }

    @Test("B145: a connection that is not open, or that closes, is not pinged")
    func notOpen() {
        var stage = Self.open()
        _ = stage.timePassed(30)
        _ = stage.ended(.reset, random: 0.5)
        #expect(stage.timePassed(60) == ["connecting 1", "attempt"])
        _ = stage.opened([])
        #expect(stage.initialized([]) == ["mark reconnected 2", "connected 2"])
        #expect(stage.pong(1) == nil, "of the socket before")
        #expect(stage.timePassed(30) == ["ping 1"], "it counts for itself")
        #expect(stage.step { $0.disconnectRequested() } == ["close socket"])
        #expect(stage.timePassed(60) == [])
    }

    @Test("B145, B221: while events wait for room the socket is not read, nor pinged, and the next one neither")
    func held() {
        var stage = Self.open()
        #expect(stage.timePassed(30) == ["ping 1"])
        #expect(stage.step { $0.readingHeld() } == ["suspend reading"])
        #expect(stage.machine.nextDeadline == nil)
        #expect(stage.timePassed(60) == [])
        _ = stage.ended(.reset)
        #expect(
            stage.reopened() == ["connecting 1", "attempt", "mark reconnected 2", "suspend reading", "connected 2"]
        )
        #expect(stage.timePassed(60) == [])
        #expect(stage.released() == ["resume reading"])
        #expect(stage.timePassed(29) == [])
        #expect(stage.timePassed(1) == ["ping 1"])
    }

    @Test("B221: events that come before Init are not read for ever, and room that comes between sockets counts")
    func heldBetween() {
        var stage = MachineStage()
        _ = stage.start()
        #expect(stage.step { $0.readingHeld() } == [])
        _ = stage.opened([])
        #expect(stage.step { $0.readingHeld() } == ["suspend reading"])
        #expect(stage.released() == ["resume reading"])
        #expect(stage.initialized([]) == ["connected 1"])
        #expect(stage.step { $0.readingHeld() } == ["suspend reading"])
        _ = stage.ended(.reset)
        #expect(stage.released() == [])
        #expect(stage.reopened() == ["connecting 2", "attempt", "mark reconnected 2", "connected 2"])
    }
}

extension MachineStage {
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
