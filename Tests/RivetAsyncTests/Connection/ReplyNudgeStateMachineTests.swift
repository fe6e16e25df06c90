// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import RivetAsync

@Suite(.leavesNothing, .timeLimit(.minutes(3)))
struct ReplyNudgeStateMachineTests {
    static func at(_ milliseconds: Int) -> TimePoint { TimePoint(.milliseconds(milliseconds)) }

    /// A machine that has seen the stall.
    static func marked() -> ReplyNudgeStateMachine {
        var machine = ReplyNudgeStateMachine()
        _ = machine.actionSent(id: 0, inFlight: 1, now: at(0))
        machine.answered(id: 0, now: at(44))
        return machine
    }

    @Test("B226: nothing is nudged before a lone action took 35 to 70 ms")
    func unmarked() {
        var machine = ReplyNudgeStateMachine()
        for (id, took) in [(0, 34), (1, 71), (2, 5)] {
            #expect(machine.actionSent(id: UInt64(id), inFlight: 1, now: Self.at(0)) == nil)
            machine.answered(id: UInt64(id), now: Self.at(took))
        }
        #expect(machine.actionSent(id: 3, inFlight: 1, now: Self.at(0)) == nil)
    }

    @Test("B226: a lone action without an answer after 3 ms gets one nudge")
    func nudged() {
        var machine = Self.marked()
        #expect(machine.actionSent(id: 1, inFlight: 1, now: Self.at(100)) == Self.at(103))
        #expect(machine.timePassed() == true)
        #expect(machine.timePassed() == false)
    }

    @Test("B226: none when the answer came, when something else left meanwhile, or with two actions in flight")
    func notNudged() {
        var machine = Self.marked()
        _ = machine.actionSent(id: 1, inFlight: 1, now: Self.at(100))
        machine.answered(id: 1, now: Self.at(101))
        #expect(machine.timePassed() == false)
        _ = machine.actionSent(id: 2, inFlight: 1, now: Self.at(110))
        machine.otherMessageSent()
        #expect(machine.timePassed() == false)
        _ = machine.actionSent(id: 3, inFlight: 1, now: Self.at(120))
        #expect(machine.actionSent(id: 4, inFlight: 2, now: Self.at(121)) == nil)
        #expect(machine.timePassed() == false)
    }

    @Test("B226: every 64th lone action goes without; answered within 20 ms it ends the nudges")
    func stops() {
        var machine = Self.marked()
        for id in 1...63 {
            #expect(machine.actionSent(id: UInt64(id), inFlight: 1, now: Self.at(id)) != nil)
            machine.answered(id: UInt64(id), now: Self.at(id + 1))
        }
        #expect(machine.actionSent(id: 64, inFlight: 1, now: Self.at(200)) == nil)
        machine.answered(id: 64, now: Self.at(220))
        #expect(machine.actionSent(id: 65, inFlight: 1, now: Self.at(300)) == nil)
    }
}
