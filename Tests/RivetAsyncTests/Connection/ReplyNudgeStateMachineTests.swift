// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import RivetAsync

/// What one connection times, and when its nudges leave.
@Suite(.leavesNothing, .timeLimit(.minutes(3)))
struct ReplyNudgeStateMachineTests {
    static func at(_ milliseconds: Int) -> TimePoint { TimePoint(.milliseconds(milliseconds)) }

    let knowledge = NudgeKnowledge()
    var machine: ReplyNudgeStateMachine { ReplyNudgeStateMachine(knowledge, actorName: "counter") }

    /// A machine that knows of the stall of action "x" and on the way to `Init`.
    func marked() -> ReplyNudgeStateMachine {
        for action in ["x", nil] { knowledge.mark(actor: "counter", action: action) }
        return machine
    }

    @Test("B226: a lone action without an answer after 3 ms gets one nudge")
    func nudged() {
        var machine = marked()
        #expect(machine.actionSent(id: 1, name: "x", inFlight: 1, now: Self.at(100)) == Self.at(103))
        #expect(machine.timePassed(now: Self.at(103)) == true)
        #expect(machine.timePassed(now: Self.at(104)) == false)
    }

    @Test("B226: none when the answer came, when something else left meanwhile, or with two actions in flight")
    func notNudged() {
        var machine = marked()
        _ = machine.actionSent(id: 1, name: "x", inFlight: 1, now: Self.at(100))
        machine.answered(id: 1, now: Self.at(101))
        #expect(machine.timePassed(now: Self.at(103)) == false)
        _ = machine.actionSent(id: 2, name: "x", inFlight: 1, now: Self.at(110))
        machine.otherMessageSent()
        #expect(machine.timePassed(now: Self.at(113)) == false)
        _ = machine.actionSent(id: 3, name: "x", inFlight: 1, now: Self.at(120))
        #expect(machine.actionSent(id: 4, name: "x", inFlight: 2, now: Self.at(121)) == nil)
        #expect(machine.timePassed(now: Self.at(123)) == false)
    }

    struct Evidence: Sendable, CustomTestStringConvertible {
        var name: String
        var marks: Bool
        /// What a connection sees before each of two tries, and during it; each is answered after 45 ms.
        var before: @Sendable (inout ReplyNudgeStateMachine, _ sentAt: Int) -> Void = { _, _ in }
        var during: @Sendable (inout ReplyNudgeStateMachine, _ sentAt: Int) -> Void = { _, _ in }
        var testDescription: String { name }

        /// A nudge for another action, so long before the try.
        static func nudge(before time: Int) -> @Sendable (inout ReplyNudgeStateMachine, Int) -> Void {
            { machine, sentAt in
                _ = machine.actionSent(id: 900, name: "x", inFlight: 1, now: at(sentAt - time - 3))
                _ = machine.timePassed(now: at(sentAt - time))
                machine.answered(id: 900, now: at(sentAt))
            }
        }
    }

    static let evidence = [
        Evidence(name: "lone", marks: true),
        Evidence(name: "60 ms after a nudge", marks: false, before: Evidence.nudge(before: 15)),
        Evidence(name: "61 ms after a nudge", marks: true, before: Evidence.nudge(before: 16)),
        Evidence(
            name: "near a nudge of a socket that is gone",
            marks: true,
            before: { machine, sentAt in
                Evidence.nudge(before: 1)(&machine, sentAt)
                machine.socketEnded()
            }
        ),
        Evidence(
            name: "a subscription left meanwhile",
            marks: false,
            during: { machine, _ in machine.otherMessageSent() }
        ),
        Evidence(
            name: "another action left meanwhile",
            marks: false,
            during: { machine, sentAt in _ = machine.actionSent(id: 901, name: "z", inFlight: 2, now: at(sentAt + 1)) }
        ),
        Evidence(name: "lost with its socket", marks: false, during: { machine, _ in machine.socketEnded() }),
        Evidence(
            name: "the answer of another action came meanwhile",
            marks: true,
            during: { machine, sentAt in machine.answered(id: 902, now: at(sentAt + 1)) }
        ),
    ]

    @Test("B226: what counts as a stall is one of a lone try, and none within 60 ms of a nudge", arguments: evidence)
    func counts(_ row: Evidence) {
        var machine = marked()
        for id in [1, 2] {
            let sentAt = id * 1_000
            row.before(&machine, sentAt)
            _ = machine.actionSent(id: UInt64(id), name: "y", inFlight: 1, now: Self.at(sentAt))
            row.during(&machine, sentAt)
            machine.answered(id: UInt64(id), now: Self.at(sentAt + 45))
        }
        let isNudged = machine.actionSent(id: 3, name: "y", inFlight: 1, now: Self.at(9_000)) != nil
        #expect(isNudged == row.marks)
    }

    @Test("B226: every 64th lone action goes without; answered within 20 ms twice it ends the nudges")
    func stops() {
        var machine = marked()
        for id in 1...63 {
            #expect(machine.actionSent(id: UInt64(id), name: "x", inFlight: 1, now: Self.at(id)) != nil)
            machine.answered(id: UInt64(id), now: Self.at(id + 1))
        }
        #expect(machine.actionSent(id: 64, name: "x", inFlight: 1, now: Self.at(200)) == nil)
        machine.answered(id: 64, now: Self.at(220))
        #expect(machine.actionSent(id: 65, name: "x", inFlight: 1, now: Self.at(300)) == nil)
        machine.answered(id: 65, now: Self.at(320))
        #expect(machine.actionSent(id: 66, name: "x", inFlight: 1, now: Self.at(400)) == nil)
    }

    @Test("B226: an answer that comes before the nudge is due says nothing about nudges")
    func prompt() {
        var machine = marked()
        for id in 1...40 {
            _ = machine.actionSent(id: UInt64(id), name: "x", inFlight: 1, now: Self.at(id * 100))
            machine.answered(id: UInt64(id), now: Self.at(id * 100 + 2))
        }
        // Else these would be outnumbered.
        for id in 41...56 {
            #expect(machine.actionSent(id: UInt64(id), name: "x", inFlight: 1, now: Self.at(id * 100)) != nil)
            _ = machine.timePassed(now: Self.at(id * 100 + 3))
            machine.answered(id: UInt64(id), now: Self.at(id * 100 + 45))
        }
        #expect(machine.actionSent(id: 57, name: "x", inFlight: 1, now: Self.at(9_000)) == nil)
    }

    @Test(
        "B88, B226: behind the 101 a nudge leaves at once where Init is known to stall; sixteen that do not help end it"
    )
    func wayToInit() {
        var machine = marked()
        for number in 1...16 {
            #expect(machine.socketOpened(now: Self.at(number * 100)) == true)
            machine.receivedInit(now: Self.at(number * 100 + 45))
            machine.socketEnded()
        }
        #expect(machine.socketOpened(now: Self.at(9_000)) == false)
    }
}
