// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import RivetAsync

@Suite(.leavesNothing, .timeLimit(.minutes(3)))
struct PendingActionsTests {
    typealias Actions = PendingActions<Int>

    static func actions(count: Int = 3, bytes: Int = 10) -> Actions {
        Actions(maxHeldActions: count, maxHeldBytes: bytes)
    }

    static func bytes(_ count: Int) -> ByteChunk { ByteChunk([UInt8](repeating: 0, count: count)) }

    @Test("B66, B78: held actions keep the order of their calls and count with their bytes; ids rise and are used once")
    func heldInOrder() {
        var actions = Self.actions()
        #expect(actions.hold(name: "a", arguments: Self.bytes(4), waiter: 10) == true)
        #expect(actions.hold(name: "b", arguments: Self.bytes(6), waiter: 20) == true)
        #expect([actions.heldCount, actions.heldBytes, actions.inFlightCount] == [2, 10, 0])
        #expect(actions.releaseFirstHeld(at: 0)?.said == "0 a 10 in flight")
        #expect([actions.heldCount, actions.heldBytes, actions.inFlightCount] == [1, 6, 1])
        #expect(actions.launch(name: "c", arguments: Self.bytes(99), waiter: 30)?.said == "2 c 30 in flight")
        #expect(actions.releaseFirstHeld(at: 0)?.said == "1 b 20 in flight")
        #expect(actions.releaseFirstHeld(at: 0) == nil)
        #expect([actions.heldCount, actions.heldBytes, actions.inFlightCount] == [0, 0, 3])
        #expect(actions.nextID == 3)
    }

    @Test("B78: one action or one byte too much is refused and changes nothing, but its id is used")
    func limits() {
        var actions = Self.actions(count: 2, bytes: 10)
        #expect(actions.hold(name: "a", arguments: Self.bytes(8), waiter: 1) == true)
        #expect(actions.hold(name: "b", arguments: Self.bytes(3), waiter: 2) == false)
        #expect(actions.hold(name: "c", arguments: Self.bytes(2), waiter: 3) == true)
        #expect(actions.hold(name: "d", arguments: Self.bytes(0), waiter: 4) == false)
        #expect([actions.heldCount, actions.heldBytes] == [2, 10])
        #expect(actions.remove(1) == nil)
        #expect(actions.nextID == 4)
        // What is in flight does not count.
        _ = actions.releaseFirstHeld(at: 0)
        #expect(actions.hold(name: "e", arguments: Self.bytes(8), waiter: 5) == true)
    }

    @Test("B73: a held action that is withdrawn makes room at once, and never leaves")
    func withdrawnHeld() {
        var actions = Self.actions(count: 2, bytes: 10)
        _ = actions.hold(name: "a", arguments: Self.bytes(5), waiter: 1)
        _ = actions.hold(name: "b", arguments: Self.bytes(5), waiter: 2)
        #expect(actions.remove(0)?.said == "0 a 1 held")
        #expect([actions.heldCount, actions.heldBytes] == [1, 5])
        #expect(actions.hold(name: "c", arguments: Self.bytes(5), waiter: 3) == true)
        #expect(actions.releaseFirstHeld(at: 0)?.said == "1 b 2 in flight")
        #expect(actions.releaseFirstHeld(at: 0)?.said == "2 c 3 in flight")
        #expect(actions.releaseFirstHeld(at: 0) == nil)
    }

    @Test("B221: held actions that were withdrawn are not remembered while another is held")
    func withdrawnForEver() {
        var actions = Self.actions(count: 2, bytes: 10)
        _ = actions.hold(name: "a", arguments: Self.bytes(5), waiter: 1)
        for id in UInt64(1)...1_000 {
            _ = actions.hold(name: "b", arguments: Self.bytes(5), waiter: 2)
            #expect(actions.remove(id)?.said == "\(id) b 2 held")
        }
        #expect(actions.retainedCount < 20)
        #expect(actions.releaseFirstHeld(at: 0)?.said == "0 a 1 in flight")
    }

    @Test("B68, B76: what is removed once is not there a second time")
    func removedOnce() {
        var actions = Self.actions()
        _ = actions.launch(name: "a", arguments: Self.bytes(1), waiter: 1)
        #expect(actions.remove(0)?.said == "0 a 1 in flight")
        #expect(actions.remove(0) == nil)
        #expect(actions.remove(7) == nil)
        #expect(actions.inFlightCount == 0)
    }

    @Test("B68: no answer ends what was not sent")
    func answeredUnsent() {
        var actions = Self.actions()
        _ = actions.hold(name: "a", arguments: Self.bytes(1), waiter: 1)
        #expect(actions.removeAnswered(0) == nil)
        #expect(actions.releaseFirstHeld(at: 0)?.said == "0 a 1 in flight")
        #expect(actions.removeAnswered(0)?.said == "0 a 1 in flight")
        #expect(actions.removeAnswered(0) == nil)
    }

    @Test("B67, B72: the end of a socket takes what is in flight, in the order of the calls, and leaves what is held")
    func endOfASocket() {
        var actions = Self.actions(count: 9)
        for (name, waiter) in [("a", 1), ("b", 2), ("c", 3), ("d", 4)] {
            _ = actions.hold(name: name, arguments: Self.bytes(1), waiter: waiter)
        }
        _ = actions.releaseFirstHeld(at: 0)
        _ = actions.releaseFirstHeld(at: 0)
        #expect(actions.removeInFlight(sentBefore: .max).map(\.said) == ["0 a 1 in flight", "1 b 2 in flight"])
        #expect(actions.removeInFlight(sentBefore: .max).isEmpty)
        #expect([actions.heldCount, actions.heldBytes, actions.inFlightCount] == [2, 2, 0])
        #expect(actions.releaseFirstHeld(at: 0)?.said == "2 c 3 in flight")
    }

    @Test("B74, B161: the end of the connection takes what is held, in the order of the calls")
    func endOfTheConnection() {
        var actions = Self.actions(count: 9)
        for (name, waiter) in [("a", 1), ("b", 2), ("c", 3)] {
            _ = actions.hold(name: name, arguments: Self.bytes(2), waiter: waiter)
        }
        _ = actions.releaseFirstHeld(at: 0)
        #expect(actions.removeHeld().map(\.said) == ["1 b 2 held", "2 c 3 held"])
        #expect([actions.heldCount, actions.heldBytes, actions.inFlightCount] == [0, 0, 1])
        #expect(actions.releaseFirstHeld(at: 0) == nil)
        #expect(actions.removeInFlight(sentBefore: .max).map(\.said) == ["0 a 1 in flight"])
    }

    @Test("B81: what did not leave is held again, before what was held, in the order of the calls, whatever the limits")
    func whatDidNotLeave() {
        var actions = Self.actions(count: 2, bytes: 10)
        for (name, position) in [("a", 0), ("b", 40), ("c", 90), ("d", 130)] as [(String, UInt64)] {
            _ = actions.launch(name: name, arguments: Self.bytes(6), waiter: 1, position: position)
        }
        _ = actions.hold(name: "e", arguments: Self.bytes(6), waiter: 1)
        // Of `b` the kernel has a byte, of `c` none.
        #expect(actions.removeInFlight(sentBefore: 90).map(\.said) == ["0 a 1 in flight", "1 b 1 in flight"])
        #expect([actions.heldCount, actions.heldBytes, actions.inFlightCount] == [3, 18, 0])
        #expect(actions.hold(name: "f", arguments: Self.bytes(0), waiter: 2) == false)
        #expect(actions.remove(3)?.said == "3 d 1 held")
        #expect(actions.releaseFirstHeld(at: 0)?.said == "2 c 1 in flight")
        #expect(actions.releaseFirstHeld(at: 9)?.said == "4 e 1 in flight")
        #expect(actions.releaseFirstHeld(at: 9) == nil)
    }

    @Test("B77: each is overdue at its own time, held or in flight, whatever the order of the time-outs")
    func deadlines() {
        var actions = Self.actions(count: 9)
        for (name, seconds) in [("a", 60), ("b", 5), ("c", 60), ("d", 1)] {
            _ = actions.launch(name: name, arguments: Self.bytes(0), waiter: 1, deadline: seconds)
        }
        _ = actions.hold(name: "e", arguments: Self.bytes(0), waiter: 1, deadline: 5)
        #expect(actions.nextDeadline == TimePoint(.seconds(1)))
        #expect(actions.removeDue(now: TimePoint(.milliseconds(999))) == nil)
        #expect(actions.removeDue(now: TimePoint(.seconds(1)))?.said == "3 d 1 in flight")
        _ = actions.remove(1)
        // That of an action that is gone may still stand there.
        #expect(actions.removeDue(now: TimePoint(.seconds(59)))?.said == "4 e 1 held")
        #expect(actions.removeDue(now: TimePoint(.seconds(59))) == nil)
        #expect(actions.nextDeadline == TimePoint(.seconds(60)))
        #expect(actions.removeDue(now: TimePoint(.seconds(60))) != nil)
        #expect(actions.removeDue(now: TimePoint(.seconds(60))) != nil)
        #expect(actions.nextDeadline == nil)
    }
}

extension PendingActions<Int> {
    fileprivate mutating func hold(name: String, arguments: ByteChunk, waiter: Int, deadline: Int = 60) -> Bool {
        let deadline = Duration.seconds(deadline)
        return add(
            name: name,
            arguments: arguments,
            limit: deadline,
            deadline: TimePoint(deadline),
            waiter: waiter,
            cannotWait: nil,
            position: nil
        ) != nil
    }

    fileprivate mutating func launch(
        name: String,
        arguments: ByteChunk,
        waiter: Int,
        position: UInt64 = 0,
        deadline: Int = 60
    ) -> Entry? {
        let deadline = Duration.seconds(deadline)
        return add(
            name: name,
            arguments: arguments,
            limit: deadline,
            deadline: TimePoint(deadline),
            waiter: waiter,
            cannotWait: nil,
            position: position
        )
    }
}

extension PendingActions<Int>.Entry {
    /// The entry in a few words.
    fileprivate var said: String { "\(id) \(name) \(waiter) \(isInFlight ? "in flight" : "held")" }
}
