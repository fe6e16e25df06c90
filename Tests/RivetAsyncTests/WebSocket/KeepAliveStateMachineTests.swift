// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import RivetAsync

/// Pings every 30 s and waits 10 s for each pong, in seconds from the start.
@Suite(.leavesNothing, .timeLimit(.minutes(3)))
struct KeepAliveStateMachineTests {
    static func at(_ seconds: Int) -> TimePoint { TimePoint(.seconds(seconds)) }

    static func machine() -> KeepAliveStateMachine {
        KeepAliveStateMachine(interval: .seconds(30), timeout: .seconds(10), now: at(0))
    }

    @Test("B145: an answered ping is followed by the next one an interval after its pong")
    func answeredPings() {
        var machine = Self.machine()
        #expect(machine.timePassed(now: Self.at(0)) == .wait(until: Self.at(30)))
        #expect(machine.timePassed(now: Self.at(29)) == .wait(until: Self.at(30)))
        #expect(machine.timePassed(now: Self.at(30)) == .sendPing(id: 1))
        #expect(machine.timePassed(now: Self.at(30)) == .wait(until: Self.at(40)))
        machine.receivedPong(id: 1, now: Self.at(33))
        #expect(machine.timePassed(now: Self.at(33)) == .wait(until: Self.at(63)))
        #expect(machine.timePassed(now: Self.at(63)) == .sendPing(id: 2))
        machine.receivedPong(id: 2, now: Self.at(64))
        #expect(machine.timePassed(now: Self.at(64)) == .wait(until: Self.at(94)))
    }

    @Test("B145: a peer that says nothing fails the connection at the time-out, once")
    func silentPeer() {
        var machine = Self.machine()
        #expect(machine.timePassed(now: Self.at(30)) == .sendPing(id: 1))
        #expect(machine.timePassed(now: Self.at(39)) == .wait(until: Self.at(40)))
        #expect(machine.timePassed(now: Self.at(40)) == .failConnection)
        #expect(machine.timePassed(now: Self.at(41)) == .nothing)
        machine.receivedPong(id: 1, now: Self.at(41))
        #expect(machine.timePassed(now: Self.at(100)) == .nothing)
    }

    @Test("a timer that comes late still sends the ping, and gives it its whole time")
    func lateTimer() {
        var machine = Self.machine()
        #expect(machine.timePassed(now: Self.at(55)) == .sendPing(id: 1))
        #expect(machine.timePassed(now: Self.at(55)) == .wait(until: Self.at(65)))
    }

    @Test("a pong that nobody asked for, or of another ping, changes nothing (RFC 6455 §5.5.3)")
    func otherPongs() {
        var machine = Self.machine()
        machine.receivedPong(id: 0, now: Self.at(10))
        machine.receivedPong(id: 1, now: Self.at(10))
        #expect(machine.timePassed(now: Self.at(10)) == .wait(until: Self.at(30)))
        #expect(machine.timePassed(now: Self.at(30)) == .sendPing(id: 1))
        machine.receivedPong(id: 2, now: Self.at(31))
        #expect(machine.timePassed(now: Self.at(31)) == .wait(until: Self.at(40)))
        machine.receivedPong(id: 1, now: Self.at(32))
        machine.receivedPong(id: 1, now: Self.at(35))
        #expect(machine.timePassed(now: Self.at(35)) == .wait(until: Self.at(62)), "the first pong counts")
    }

    @Test("B145: while the socket is not read nothing is sent and nothing fails, and reading begins a new interval")
    func suspendedReading() {
        var machine = Self.machine()
        #expect(machine.timePassed(now: Self.at(30)) == .sendPing(id: 1))
        machine.readingSuspended()
        #expect(machine.timePassed(now: Self.at(40)) == .nothing)
        // It was on its way when reading stopped.
        machine.receivedPong(id: 1, now: Self.at(41))
        #expect(machine.timePassed(now: Self.at(90)) == .nothing)
        machine.readingResumed(now: Self.at(100))
        #expect(machine.timePassed(now: Self.at(100)) == .wait(until: Self.at(130)))
        #expect(machine.timePassed(now: Self.at(130)) == .sendPing(id: 2))
    }

    @Test("B145: what comes puts the next ping off, but is no pong")
    func traffic() {
        var machine = Self.machine()
        machine.received(at: Self.at(20))
        #expect(machine.timePassed(now: Self.at(30)) == .wait(until: Self.at(50)))
        machine.received(at: Self.at(10))
        #expect(machine.timePassed(now: Self.at(49)) == .wait(until: Self.at(50)), "older news changes nothing")
        #expect(machine.timePassed(now: Self.at(50)) == .sendPing(id: 1))
        machine.received(at: Self.at(55))
        #expect(machine.timePassed(now: Self.at(59)) == .wait(until: Self.at(60)))
        #expect(machine.timePassed(now: Self.at(60)) == .failConnection)
        machine.received(at: Self.at(61))
        #expect(machine.timePassed(now: Self.at(100)) == .nothing)
    }

    @Test("reading that goes on without having stopped moves no ping, and nothing wakes what has failed")
    func suspensionsThatDoNotMatter() {
        var machine = Self.machine()
        machine.readingResumed(now: Self.at(20))
        #expect(machine.timePassed(now: Self.at(20)) == .wait(until: Self.at(30)))
        #expect(machine.timePassed(now: Self.at(30)) == .sendPing(id: 1))
        #expect(machine.timePassed(now: Self.at(40)) == .failConnection)
        machine.readingSuspended()
        machine.readingResumed(now: Self.at(50))
        #expect(machine.timePassed(now: Self.at(80)) == .nothing)
    }
}
