// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import RivetAsync

@Suite(.leavesNothing, .timeLimit(.minutes(3)))
struct ConnectionStateMachineTests {
    @Test("B64, B88: subscriptions leave right behind the 101 and not again after Init, then the held actions in order")
    func subscriptionsBeforeHeldActions() {
        var stage = MachineStage()
        #expect(stage.start() == ["connecting 1", "attempt"])
        #expect(stage.submit("first", 1) == [])
        #expect(stage.submit("second", 2) == [])
        #expect(stage.opened(["x", "y"]) == ["subscribe x", "subscribe y"])
        #expect(
            stage.initialized(["x", "y", "z"]) == [
                "subscribe z", "connected 1", "action 0 first", "action 1 second",
            ]
        )
    }

    @Test(
        "B88: where Init stalls one nudge takes the place of names, and an attempt after a silent end sends nothing early"
    )
    func nudgeAndFallback() {
        let knowledge = NudgeKnowledge()
        knowledge.mark(actor: "a", action: nil)
        var stage = MachineStage(nudge: ReplyNudgeStateMachine(knowledge, actorName: "a"))
        _ = stage.start()
        #expect(stage.opened([]) == ["nudge"])
        #expect(stage.ended(.reset) == ["waiting 2 0.0 seconds connectionLost"])
        #expect(stage.timePassed() == ["connecting 2", "attempt"])
        #expect(stage.opened(["x"]) == [])
        #expect(stage.wish("y", true) == [])
        #expect(stage.ended(.reset) == ["waiting 3 0.0 seconds connectionLost"])
        _ = stage.timePassed()
        #expect(stage.opened(["x"]) == ["subscribe x"])
    }

    @Test("B66, B67, B68: ids rise over reconnects, each answer reaches its caller, an unknown one is dropped")
    func answersByID() {
        var stage = MachineStage.open()
        #expect(stage.submit("a", 1) == ["action 0 a"])
        #expect(stage.submit("b", 2) == ["action 1 b"])
        #expect(stage.answered(1) == ["succeed 2"])
        #expect(stage.answered(9) == ["drop answer 9"])
        #expect(
            stage.ended(.reset) == ["waiting 2 0.0 seconds connectionLost", "fail 1 connectionLost mayHaveRun"]
        )
        _ = stage.reopened()
        #expect(stage.submit("c", 3) == ["action 2 c"])
    }

    @Test("B69: an error with an action id fails only that caller")
    func errorOfOneAction() {
        var stage = MachineStage.open()
        _ = stage.submit("a", 1)
        _ = stage.submit("b", 2)
        let now = stage.now
        #expect(
            stage.step { $0.receivedActionError(id: 0, AttemptEnding.refusedByTheActor.error, now: now) }
                == ["fail 1 remote notSent"]
        )
        #expect(stage.answered(1) == ["succeed 2"])
    }

    @Test("B72: held actions stay held over a failed attempt and leave when it opens")
    func heldOverFailedAttempts() {
        var stage = MachineStage()
        _ = stage.start()
        _ = stage.submit("a", 1)
        #expect(stage.ended(.reset) == ["waiting 2 0.0 seconds connectionLost"])
        _ = stage.timePassed()
        _ = stage.opened([])
        #expect(stage.initialized([]) == ["connected 1", "action 0 a"])
    }

    @Test("B81: what did not leave is first in line again, and did not run if it never does")
    func whatDidNotLeave() {
        var stage = MachineStage.open()
        stage.position = 10
        _ = stage.submit("a", 1)
        stage.position = 50
        _ = stage.submit("b", 2)
        stage.canTakeMore = false
        _ = stage.submit("c", 3)
        // One byte of the second would have been the 51st.
        #expect(
            stage.ended(.reset, sent: 50) == [
                "waiting 2 0.0 seconds connectionLost", "fail 1 connectionLost mayHaveRun",
            ]
        )
        stage.canTakeMore = true
        #expect(stage.reopened().suffix(2) == ["action 1 b", "action 2 c"])
        #expect(
            stage.ended(.refusedByTheActor, sent: 0) == [
                "closed remote", "end feeds remote", "fail 2 remote notSent", "fail 3 remote notSent", "finish",
            ]
        )
    }

    @Test("B68: an answer to an action that has not left is dropped, and the action leaves")
    func answerToWhatIsHeld() {
        var stage = MachineStage.open()
        stage.canTakeMore = false
        #expect(stage.submit("a", 1) == [])
        #expect(stage.answered(0) == ["drop answer 0"])
        stage.canTakeMore = true
        #expect(stage.step { _ in } == ["action 0 a"])
        #expect(stage.answered(0) == ["succeed 1"])
    }

    @Test("B73, B76: a withdrawn held action never leaves; one in flight is withdrawn and its answer dropped")
    func withdrawal() {
        var stage = MachineStage()
        _ = stage.start()
        _ = stage.submit("a", 1)
        #expect(stage.step { $0.withdraw(0, CancellationError()) } == ["fail 1 cancelled"])
        #expect(stage.step { $0.withdraw(0, CancellationError()) } == [])
        _ = stage.opened([])
        #expect(stage.initialized([]) == ["connected 1"])
        #expect(stage.submit("b", 2) == ["action 1 b"])
        #expect(stage.step { $0.withdraw(1, CancellationError()) } == ["fail 2 cancelled"])
        #expect(stage.answered(1) == ["drop answer 1"])
    }

    @Test("B77, B266: an overdue action fails alone; one that was held says why the connection is not open")
    func overdue() {
        var stage = MachineStage.open()
        _ = stage.submit("a", 1, limit: 5)
        _ = stage.submit("b", 2, limit: 9)
        #expect(stage.machine.nextDeadline == stage.now.advanced(by: .seconds(5)))
        #expect(stage.timePassed(5) == ["fail 1 deadlineExceeded mayHaveRun"])
        #expect(stage.answered(0) == ["drop answer 0"])
        #expect(stage.answered(1) == ["succeed 2"])
        _ = stage.ended(.reset, random: 1)
        _ = stage.submit("c", 3, limit: 0.1)
        #expect(stage.timePassed(0.1) == ["fail 3 deadlineExceeded notSent"])
    }

    @Test("B74, B106: a connection that gave up fails held actions, feeds and later calls with the reason")
    func givenUp() {
        var stage = MachineStage()
        _ = stage.start()
        _ = stage.submit("a", 1)
        #expect(
            stage.ended(.refusedByTheActor) == [
                "closed remote", "end feeds remote", "fail 1 remote notSent", "finish",
            ]
        )
        #expect(stage.submit("b", 2) == ["fail 2 remote notSent"])
        #expect(stage.step { $0.disconnectRequested() } == [])
        #expect(stage.machine.nextDeadline == nil)
    }

    @Test("B75, B161: disconnect fails what waits at once, then calls are refused")
    func disconnect() {
        var stage = MachineStage.open()
        _ = stage.submit("a", 1)
        stage.canTakeMore = false
        _ = stage.submit("b", 2)
        #expect(
            stage.step { $0.disconnectRequested() } == [
                "fail 1 connectionClosed mayHaveRun", "fail 2 connectionClosed notSent", "close socket",
            ]
        )
        #expect(stage.submit("c", 3) == ["fail 3 connectionClosed notSent"])
        #expect(stage.step { $0.disconnectRequested() } == [])
        #expect(stage.ended(.reset) == ["closed requested", "end feeds", "finish"])
    }

    @Test("B155, B163: disconnect leaves an attempt, and a wait between two, at once")
    func disconnectWhileConnecting() {
        var stage = MachineStage()
        _ = stage.start()
        #expect(stage.step { $0.disconnectRequested() } == ["end attempt connectionClosed"])
        #expect(stage.opened(["x"]) == [])
        #expect(stage.ended(.reset) == ["closed requested", "end feeds", "finish"])
        stage = MachineStage()
        _ = stage.start()
        _ = stage.ended(.reset, random: 1)
        #expect(stage.step { $0.disconnectRequested() } == ["closed requested", "end feeds", "finish"])
        #expect(stage.machine.nextDeadline == nil)
    }

    @Test("B78: one more than the limit on held actions is refused with the numbers")
    func heldLimits() {
        var stage = MachineStage(maxHeldActions: 1, maxHeldBytes: 10)
        _ = stage.start()
        #expect(stage.submit("a", 1) == [])
        #expect(stage.submit("b", 2) == ["fail 2 heldActionsFull notSent"])
        #expect(stage.lastError?.message.contains("maxHeldActions 1") == true)
        #expect(stage.lastError?.message.contains("maxHeldBytes 10") == true)
    }

    @Test("B79: while the socket has too much to send, actions are held, and leave in order")
    func congestion() {
        var stage = MachineStage.open()
        stage.canTakeMore = false
        #expect(stage.submit("a", 1) == [])
        #expect(stage.submit("b", 2) == [])
        stage.canTakeMore = true
        #expect(stage.step { _ in } == ["action 0 a", "action 1 b"])
    }

    @Test("B86, B87: one subscribe for the first listener of a name, one unsubscribe after the last")
    func subscriptions() {
        var stage = MachineStage.open()
        #expect(stage.wish("x", true) == ["subscribe x"])
        #expect(stage.wish("x", true) == [])
        #expect(stage.wish("x", false) == ["unsubscribe x"])
        #expect(stage.wish("x", false) == [])
    }

    @Test("B221: a peer that does not read is owed one subscription for a name, by the newest wish, before actions")
    func dueSubscriptions() {
        var stage = MachineStage.open(["told"])
        stage.canTakeMore = false
        for _ in 0..<1_000 {
            for name in ["told", "other"] {
                for isWanted in [false, true] { #expect(stage.wish(name, isWanted) == []) }
            }
            #expect(stage.wish("never", true) == [])
            #expect(stage.wish("never", false) == [])
        }
        #expect(stage.wish("told", false) == [])
        #expect(stage.submit("a", 1) == [])
        stage.canTakeMore = true
        #expect(stage.step { _ in } == ["subscribe other", "unsubscribe told", "action 0 a"])
        // Of another socket nothing is due.
        stage.canTakeMore = false
        #expect(stage.wish("told", true) == [])
        _ = stage.ended(.reset)
        stage.canTakeMore = true
        #expect(stage.reopened() == ["connecting 2", "attempt", "mark reconnected 2", "connected 2"])
    }

    @Test("B92, B104: a reconnect subscribes again and marks the gap before it reports connected")
    func reconnect() {
        var stage = MachineStage.open(["x"])
        _ = stage.ended(.reset)
        #expect(
            stage.reopened(["x"]) == [
                "connecting 2", "attempt", "subscribe x", "mark reconnected 2", "connected 2",
            ]
        )
    }

    @Test("B144: an attempt has until openTimeout for the way to Init, an open connection as long as it likes")
    func openTimeout() {
        var stage = MachineStage(openTimeout: 75)
        _ = stage.start()
        _ = stage.opened([])
        #expect(stage.machine.nextDeadline == stage.now.advanced(by: .seconds(75)))
        #expect(stage.timePassed(75) == ["end attempt deadlineExceeded"])
        stage = .open()
        #expect(stage.machine.nextDeadline == nil)
    }

    @Test("B157: reconnectNow ends the wait before an attempt, and does nothing else")
    func reconnectNow() {
        var stage = MachineStage.open()
        let now = stage.now
        #expect(stage.step { $0.retryNow(now: now) } == [])
        _ = stage.ended(.reset, random: 1)
        #expect(stage.machine.nextDeadline == stage.now.advanced(by: .milliseconds(250)))
        #expect(stage.step { $0.retryNow(now: now) } == ["connecting 2", "attempt"])
        #expect(stage.step { $0.retryNow(now: now) } == [])
    }

    @Test("B231: a close for an answer that could not be sent fails what is in flight, and none of it leaves again")
    func answerCouldNotBeSent() {
        var stage = MachineStage.open()
        _ = stage.submit("a", 1)
        let closing = WebSocketClosing(1011, reason: "actor.send_failed")
        #expect(
            stage.ended(AttemptEnding(closing: closing, rayID: nil, isPinned: false)) == [
                "waiting 2 0.0 seconds closedByPeer", "fail 1 closedByPeer mayHaveRun",
            ]
        )
        #expect(stage.reopened().contains { $0.hasPrefix("action") } == false)
    }

    @Test("B141, B142: an error without action id is the cause of the close that follows; held actions fail with it")
    func announcedError() {
        var stage = MachineStage()
        _ = stage.start()
        _ = stage.submit("a", 1)
        _ = stage.opened([])
        #expect(stage.announced() == ["fail 1 remote notSent"])
        #expect(stage.ended(.reset) == ["closed remote", "end feeds remote", "finish"])
        // The first one counts the time, however many follow.
        stage = .open()
        _ = stage.announced()
        #expect(stage.timePassed(4) == [])
        _ = stage.announced()
        #expect(stage.timePassed(1) == ["end attempt connectionLost"])
    }

    @Test("B135: a provider's error fails held actions, and another attempt follows")
    func providerFailed() {
        var stage = MachineStage()
        _ = stage.start()
        _ = stage.submit("a", 1)
        var ending = AttemptEnding.reset
        ending.failsHeldActions = true
        #expect(
            stage.ended(ending) == ["waiting 2 0.0 seconds connectionLost", "fail 1 connectionLost notSent"]
        )
    }
}
