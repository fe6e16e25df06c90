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
        #expect(machine.passed(0) == "until 30")
        #expect(machine.passed(29) == "until 30")
        #expect(machine.passed(30) == "ping 1")
        #expect(machine.passed(30) == "until 40")
        _ = machine.receivedPong(id: 1, now: Self.at(33))
        #expect(machine.passed(33) == "until 63")
        #expect(machine.passed(63) == "ping 2")
        _ = machine.receivedPong(id: 2, now: Self.at(64))
        #expect(machine.passed(64) == "until 94")
    }

    @Test("B145: a peer that says nothing fails the connection at the time-out, once")
    func silentPeer() {
        var machine = Self.machine()
        #expect(machine.passed(30) == "ping 1")
        #expect(machine.passed(39) == "until 40")
        #expect(machine.passed(40) == "fail")
        #expect(machine.passed(41) == "rest")
        _ = machine.receivedPong(id: 1, now: Self.at(41))
        #expect(machine.passed(100) == "rest")
    }

    @Test("a timer that comes late still sends the ping, and gives it its whole time")
    func lateTimer() {
        var machine = Self.machine()
        #expect(machine.passed(55) == "ping 1")
        #expect(machine.passed(55) == "until 65")
    }

    @Test("a pong that nobody asked for, or of another ping, changes nothing (RFC 6455 §5.5.3)")
    func otherPongs() {
        var machine = Self.machine()
        _ = machine.receivedPong(id: 0, now: Self.at(10))
        _ = machine.receivedPong(id: 1, now: Self.at(10))
        #expect(machine.passed(10) == "until 30")
        #expect(machine.passed(30) == "ping 1")
        _ = machine.receivedPong(id: 2, now: Self.at(31))
        #expect(machine.passed(31) == "until 40")
        _ = machine.receivedPong(id: 1, now: Self.at(32))
        _ = machine.receivedPong(id: 1, now: Self.at(35))
        #expect(machine.passed(35) == "until 62", "the first pong counts")
    }

    @Test("B145: while the socket is not read nothing is sent and nothing fails, and reading begins a new interval")
    func suspendedReading() {
        var machine = Self.machine()
        #expect(machine.passed(30) == "ping 1")
        machine.readingSuspended()
        #expect(machine.passed(40) == "rest")
        // It was on its way when reading stopped.
        _ = machine.receivedPong(id: 1, now: Self.at(41))
        #expect(machine.passed(90) == "rest")
        machine.readingResumed(now: Self.at(100))
        #expect(machine.passed(100) == "until 130")
        #expect(machine.passed(130) == "ping 2")
    }

    @Test("B145: what comes puts the next ping off, but is no pong")
    func traffic() {
        var machine = Self.machine()
        #expect(machine.passed(30, heard: 20) == "until 50")
        #expect(machine.passed(49, heard: 10) == "until 50", "older news changes nothing")
        #expect(machine.passed(50, heard: 20) == "ping 1")
        #expect(machine.passed(59, heard: 55) == "until 60")
        #expect(machine.passed(60, heard: 55) == "fail")
        #expect(machine.passed(100, heard: 61) == "rest")
    }

    @Test("reading that goes on without having stopped moves no ping, and nothing wakes what has failed")
    func suspensionsThatDoNotMatter() {
        var machine = Self.machine()
        machine.readingResumed(now: Self.at(20))
        #expect(machine.passed(20) == "until 30")
        #expect(machine.passed(30) == "ping 1")
        #expect(machine.passed(40) == "fail")
        machine.readingSuspended()
        machine.readingResumed(now: Self.at(50))
        #expect(machine.passed(80) == "rest")
    }
}

extension KeepAliveStateMachine {
    /// What is done at `second`, or else until when there is nothing to do.
    fileprivate mutating func passed(_ second: Int, heard: Int = 0) -> String {
        let now = KeepAliveStateMachineTests.at(second)
        switch timePassed(lastReceived: KeepAliveStateMachineTests.at(heard), now: now) {
        case .sendPing(let id)?: return "ping \(id)"
        case .failConnection?: return "fail"
        case nil: return nextDeadline.map { "until \($0.sinceStart.components.seconds)" } ?? "rest"
        }
    }
}
