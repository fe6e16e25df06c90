// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import RivetAsync

@Suite(.leavesNothing, .timeLimit(.minutes(3)))
struct ResyncStateMachineTests {
    typealias Machine = ResyncStateMachine<Int>

    /// A random number that gives each pause its whole length.
    static let all = 1.0

    static func machine(first: Duration = .seconds(1)) -> Machine {
        Machine(policy: ReconnectPolicy(first: first, cap: .seconds(5)))
    }

    /// What it does next, in a few words.
    static func next(_ machine: inout Machine) -> String {
        switch machine.nextAction() {
        case .awaitOpening: "await opening"
        case .load: "load"
        case .pause(let wait, let reason): "pause \(wait), \(reason.map { "\($0)" } ?? "nothing")"
        case .awaitEnd: "await end"
        case .deliver(let snapshot): "snapshot \(snapshot)"
        case .read: "read"
        case .end(nil): "end"
        case .end(let error as RivetError): "end \(error.code.name)"
        case .end(let error?): "end \(error)"
        }
    }

    /// Goes as far as a load that runs on the first connection.
    static func load(_ machine: inout Machine, behind count: Int = 0) {
        #expect(next(&machine) == "await opening")
        machine.opened(1)
        #expect(next(&machine) == "load")
        machine.loadBegan(behind: count)
    }

    /// Goes as far as the events behind a snapshot.
    static func read(_ machine: inout Machine, behind count: Int = 0) {
        load(&machine, behind: count)
        machine.loaded(1, hasOverflowed: false, random: all)
        #expect(next(&machine) == "snapshot 1")
        #expect(next(&machine) == "read")
    }

    @Test("B280: a load waits for the connection; its snapshot comes first, then what is read")
    func order() {
        var machine = Self.machine()
        #expect(Self.next(&machine) == "await opening")
        #expect(Self.next(&machine) == "await opening")
        Self.read(&machine)
        machine.receivedEvent()
        #expect(Self.next(&machine) == "read")
    }

    @Test("B281: a gap makes a load before anything behind it is read")
    func gap() {
        var machine = Self.machine()
        Self.read(&machine)
        machine.receivedEvent()
        machine.receivedGap()
        Self.load(&machine)
        machine.loaded(2, hasOverflowed: false, random: Self.all)
        #expect(Self.next(&machine) == "snapshot 2")
        #expect(Self.next(&machine) == "read")
    }

    @Test("B281: what does not decode makes a load, unless it was here before the last one began")
    func undecodable() {
        var machine = Self.machine()
        Self.read(&machine, behind: 3)
        machine.receivedUndecodable(random: Self.all)
        machine.receivedEvent()
        machine.receivedUndecodable(random: Self.all)
        #expect(Self.next(&machine) == "read")
        machine.receivedUndecodable(random: Self.all)
        #expect(Self.next(&machine) == "await opening")
    }

    @Test("B281: loads that are followed by what does not decode come with pauses, until something does")
    func undecodableAgain() {
        var machine = Self.machine()
        Self.read(&machine)
        machine.receivedUndecodable(random: Self.all)
        Self.read(&machine)
        machine.receivedUndecodable(random: Self.all)
        #expect(Self.next(&machine) == "pause 1.0 seconds, nothing")
        machine.pauseEnded()
        Self.read(&machine)
        machine.receivedUndecodable(random: Self.all)
        #expect(Self.next(&machine) == "pause 2.0 seconds, nothing")
        machine.pauseEnded()
        Self.read(&machine)
        machine.receivedEvent()
        machine.receivedUndecodable(random: Self.all)
        #expect(Self.next(&machine) == "await opening")
    }

    struct Failing: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var error: any Error
        var phase = ConnectionPhase.open(number: 1)
        var then: [String]
    }

    struct Own: Error {}

    static let again = ["pause 1.0 seconds, loadFailed", "await opening"]

    static func error(
        _ code: RivetError.Code,
        _ fault: RivetError.Fault,
        isTransient: Bool = false,
        survives: Bool = true,
        retryAfter: Duration? = nil
    ) -> RivetError {
        RivetError(
            code,
            "why",
            fault: fault,
            isTransient: isTransient,
            connectionSurvives: survives,
            retryAfter: retryAfter
        )
    }

    static let lost = error(.connectionLost, .network, isTransient: true, survives: false)
    static let closed = error(.connectionClosed, .caller, survives: false)

    static let failing = [
        Failing(testDescription: "the actor's own", error: error(.remote, .actor), then: again),
        Failing(testDescription: "too late", error: error(.deadlineExceeded, .server, isTransient: true), then: again),
        Failing(testDescription: "held", error: error(.heldActionsFull, .caller, isTransient: true), then: again),
        Failing(
            testDescription: "not so soon",
            error: error(.remote, .server, isTransient: true, retryAfter: .seconds(7)),
            then: ["pause 7.0 seconds, loadFailed", "await opening"]
        ),
        Failing(
            testDescription: "the actor's own, and then it was lost",
            error: error(.remote, .actor),
            phase: .opening,
            then: again
        ),
        Failing(testDescription: "lost", error: lost, phase: .opening, then: ["await opening"]),
        Failing(testDescription: "lost and back", error: lost, phase: .open(number: 2), then: ["await opening"]),
        Failing(testDescription: "another connection is lost", error: lost, then: again),
        Failing(testDescription: "another connection is closed", error: closed, then: ["end connectionClosed", "end"]),
        Failing(testDescription: "it is closed", error: closed, phase: .over, then: ["await end"]),
        Failing(testDescription: "lost for good", error: lost, phase: .over, then: ["await end"]),
        Failing(
            testDescription: "our mistake",
            error: error(.invalidArgument, .caller),
            then: ["end invalidArgument", "end"]
        ),
        Failing(testDescription: "the user's own", error: Own(), then: ["end Own()", "end"]),
        Failing(testDescription: "the user's own, lost", error: Own(), phase: .opening, then: ["end Own()", "end"]),
        Failing(testDescription: "cancelled by itself", error: CancellationError(), then: ["end CancellationError()"]),
    ]

    @Test("B282: a load that failed is tried again, waits for the connection, or ends the sequence", arguments: failing)
    func failed(_ row: Failing) {
        var machine = Self.machine()
        Self.load(&machine)
        machine.loadFailed(row.error, phase: row.phase, random: Self.all)
        for expected in row.then {
            #expect(Self.next(&machine) == expected)
            machine.pauseEnded()
        }
    }

    @Test("B282, B283: pauses grow with each load that comes to nothing, and begin anew behind a snapshot")
    func pauses() {
        var machine = Self.machine()
        for pause in [1, 2, 4, 5, 5] {
            Self.load(&machine)
            if pause % 2 == 0 {
                machine.loaded(0, hasOverflowed: true, random: Self.all)
                #expect(Self.next(&machine) == "pause \(pause).0 seconds, outran")
            } else {
                machine.loadFailed(Self.error(.remote, .actor), phase: .open(number: 1), random: Self.all)
                #expect(Self.next(&machine) == "pause \(pause).0 seconds, loadFailed")
            }
            machine.pauseEnded()
        }
        Self.read(&machine)
        machine.receivedGap()
        Self.load(&machine)
        machine.loaded(2, hasOverflowed: true, random: Self.all)
        #expect(Self.next(&machine) == "pause 1.0 seconds, outran")
    }

    @Test("B284: the end and the reader's leaving count wherever it is, and come once")
    func ends() {
        let places: [(inout Machine) -> Void] = [
            { _ in },
            { Self.load(&$0) },
            { Self.read(&$0) },
            {
                Self.load(&$0)
                $0.loaded(1, hasOverflowed: true, random: 1)
            },
            {
                Self.load(&$0)
                $0.loadFailed(Self.closed, phase: .over, random: 1)
            },
            { $0.opened(nil) },
        ]
        for place in places {
            for ending in [nil, Self.lost] {
                var machine = Self.machine()
                place(&machine)
                machine.receivedEnd(ending)
                machine.receivedEnd(Self.closed)
                machine.receivedGap()
                #expect(Self.next(&machine) == (ending == nil ? "end" : "end connectionLost"))
                #expect(Self.next(&machine) == "end")
            }
            var machine = Self.machine()
            place(&machine)
            machine.receivedEnd(Self.lost)
            machine.left()
            #expect(Self.next(&machine) == "end")
        }
    }
}
