// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import RivetAsync

@Suite(.leavesNothing, .timeLimit(.minutes(3)))
struct ConnectionStateMachineTests {
    @Test("B64, B88: subscriptions leave right behind the 101 and not again after Init, then the held actions in order")
    func subscriptionsBeforeHeldActions() {
        var fixture = SteppedMachine()
        #expect(fixture.start() == ["connecting 1", "attempt"])
        #expect(fixture.submit("first", 1) == [])
        #expect(fixture.submit("second", 2) == [])
        #expect(fixture.opened(["x", "y"]) == ["subscribe x", "subscribe y"])
        #expect(
            fixture.initialized(["x", "y", "z"]) == [
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
        var fixture = SteppedMachine(nudge: ReplyNudgeStateMachine(knowledge, actorName: "a"))
        _ = fixture.start()
        #expect(fixture.opened([]) == ["nudge"])
        #expect(fixture.ended(.reset) == ["waiting 2 0.0 seconds connectionLost"])
        #expect(fixture.timePassed() == ["connecting 2", "attempt"])
        #expect(fixture.opened(["x"]) == [])
        #expect(fixture.wish("y", true) == [])
        #expect(fixture.ended(.reset) == ["waiting 3 0.0 seconds connectionLost"])
        _ = fixture.timePassed()
        #expect(fixture.opened(["x"]) == ["subscribe x"])
    }

    @Test("B66, B67, B68: ids rise over reconnects, each answer reaches its caller, an unknown one is dropped")
    func answersByID() {
        var fixture = SteppedMachine.open()
        #expect(fixture.submit("a", 1) == ["action 0 a"])
        #expect(fixture.submit("b", 2) == ["action 1 b"])
        #expect(fixture.answered(1) == ["succeed 2"])
        #expect(fixture.answered(9) == ["drop answer 9"])
        #expect(
            fixture.ended(.reset) == ["waiting 2 0.0 seconds connectionLost", "fail 1 connectionLost mayHaveRun"]
        )
        _ = fixture.reopened()
        #expect(fixture.submit("c", 3) == ["action 2 c"])
    }

    @Test("B69: an error with an action id fails only that caller")
    func errorOfOneAction() {
        var fixture = SteppedMachine.open()
        _ = fixture.submit("a", 1)
        _ = fixture.submit("b", 2)
        let now = fixture.now
        #expect(
            fixture.step { $0.receivedActionError(id: 0, AttemptEnding.refusedByTheActor.error, now: now) }
                == ["fail 1 remote notSent"]
        )
        #expect(fixture.answered(1) == ["succeed 2"])
    }

    @Test("B72: held actions stay held over a failed attempt and leave when it opens")
    func heldOverFailedAttempts() {
        var fixture = SteppedMachine()
        _ = fixture.start()
        _ = fixture.submit("a", 1)
        #expect(fixture.ended(.reset) == ["waiting 2 0.0 seconds connectionLost"])
        _ = fixture.timePassed()
        _ = fixture.opened([])
        #expect(fixture.initialized([]) == ["connected 1", "action 0 a"])
    }

    @Test("B81: what did not leave is first in line again, and did not run if it never does")
    func whatDidNotLeave() {
        var fixture = SteppedMachine.open()
        fixture.position = 10
        _ = fixture.submit("a", 1)
        fixture.position = 50
        _ = fixture.submit("b", 2)
        fixture.canTakeMore = false
        _ = fixture.submit("c", 3)
        // One byte of the second would have been the 51st.
        #expect(
            fixture.ended(.reset, sent: 50) == [
                "waiting 2 0.0 seconds connectionLost", "fail 1 connectionLost mayHaveRun",
            ]
        )
        fixture.canTakeMore = true
        #expect(fixture.reopened().suffix(2) == ["action 1 b", "action 2 c"])
        #expect(
            fixture.ended(.refusedByTheActor, sent: 0) == [
                "closed remote", "end feeds remote", "fail 2 remote notSent", "fail 3 remote notSent", "finish",
            ]
        )
    }

    @Test("B318: what may not wait for the connection to open leaves, or fails")
    func cannotWait() {
        let stuck = RivetError.tokenUnavailable("the provider itself uses the client that waits for its token")
        var fixture = SteppedMachine.open()
        fixture.position = 10
        #expect(fixture.submit("left", 1, cannotWait: stuck) == ["action 0 left"])
        fixture.position = 50
        #expect(fixture.submit("written", 2, cannotWait: stuck) == ["action 1 written"])
        fixture.canTakeMore = false
        #expect(fixture.submit("without room", 3, cannotWait: stuck) == [])
        #expect(fixture.submit("of others", 4) == [])
        #expect(
            fixture.ended(.reset, sent: 50) == [
                "waiting 2 0.0 seconds connectionLost", "fail 1 connectionLost mayHaveRun",
                "fail 2 tokenUnavailable notSent", "fail 3 tokenUnavailable notSent",
            ]
        )
        #expect(fixture.submit("behind", 5, cannotWait: stuck) == ["fail 5 tokenUnavailable notSent"])
        fixture.canTakeMore = true
        #expect(fixture.reopened().suffix(1) == ["action 3 of others"])
        fixture.canTakeMore = false
        #expect(fixture.submit("before the pause", 6, cannotWait: stuck) == [])
        #expect(fixture.step { $0.pauseRequested() } == ["fail 6 tokenUnavailable notSent"])
        #expect(fixture.submit("within it", 7, cannotWait: stuck) == ["fail 7 tokenUnavailable notSent"])
    }

    @Test("B318: nor does it wait for what is asked about a socket that has ended")
    func cannotWaitForTheReason() {
        let stuck = RivetError.tokenUnavailable("the provider itself uses the client that waits for its token")
        var fixture = SteppedMachine.open()
        #expect(fixture.submit("sent", 1, cannotWait: stuck) == ["action 0 sent"])
        #expect(fixture.submit("of others", 2) == ["action 1 of others"])
        fixture.canTakeMore = false
        #expect(fixture.submit("held", 3, cannotWait: stuck) == [])
        #expect(
            fixture.step { $0.socketGone(AttemptEnding.reset.error) } == [
                "fail 1 connectionLost mayHaveRun", "fail 3 tokenUnavailable notSent",
            ]
        )
        #expect(fixture.submit("behind", 4, cannotWait: stuck) == ["fail 4 tokenUnavailable notSent"])
        #expect(
            fixture.ended(.reset) == ["waiting 2 0.0 seconds connectionLost", "fail 2 connectionLost mayHaveRun"]
        )
        fixture.canTakeMore = true
        _ = fixture.reopened()
        #expect(fixture.submit("again", 5, cannotWait: stuck) == ["action 4 again"])
    }

    @Test("B68: an answer to an action that has not left is dropped, and the action leaves")
    func answerToWhatIsHeld() {
        var fixture = SteppedMachine.open()
        fixture.canTakeMore = false
        #expect(fixture.submit("a", 1) == [])
        #expect(fixture.answered(0) == ["drop answer 0"])
        fixture.canTakeMore = true
        #expect(fixture.step { _ in } == ["action 0 a"])
        #expect(fixture.answered(0) == ["succeed 1"])
    }

    @Test("B73, B76: a withdrawn held action never leaves; one in flight is withdrawn and its answer dropped")
    func withdrawal() {
        var fixture = SteppedMachine()
        _ = fixture.start()
        _ = fixture.submit("a", 1)
        #expect(fixture.step { $0.withdraw(0, CancellationError()) } == ["fail 1 cancelled"])
        #expect(fixture.step { $0.withdraw(0, CancellationError()) } == [])
        _ = fixture.opened([])
        #expect(fixture.initialized([]) == ["connected 1"])
        #expect(fixture.submit("b", 2) == ["action 1 b"])
        #expect(fixture.step { $0.withdraw(1, CancellationError()) } == ["fail 2 cancelled"])
        #expect(fixture.answered(1) == ["drop answer 1"])
    }

    @Test("B77, B266: an overdue action fails alone; one that was held says why the connection is not open")
    func overdue() {
        var fixture = SteppedMachine.open()
        _ = fixture.submit("a", 1, limit: 5)
        _ = fixture.submit("b", 2, limit: 9)
        #expect(fixture.machine.nextDeadline == fixture.now.advanced(by: .seconds(5)))
        #expect(fixture.timePassed(5) == ["fail 1 deadlineExceeded mayHaveRun"])
        #expect(fixture.answered(0) == ["drop answer 0"])
        #expect(fixture.answered(1) == ["succeed 2"])
        _ = fixture.ended(.reset, random: 1)
        _ = fixture.submit("c", 3, limit: 0.1)
        #expect(fixture.timePassed(0.1) == ["fail 3 deadlineExceeded notSent"])
    }

    @Test("B74, B106: a connection that gave up fails held actions, feeds and later calls with the reason")
    func givenUp() {
        var fixture = SteppedMachine()
        _ = fixture.start()
        _ = fixture.submit("a", 1)
        #expect(
            fixture.ended(.refusedByTheActor) == [
                "closed remote", "end feeds remote", "fail 1 remote notSent", "finish",
            ]
        )
        #expect(fixture.submit("b", 2) == ["fail 2 remote notSent"])
        #expect(fixture.step { $0.disconnectRequested() } == [])
        #expect(fixture.machine.nextDeadline == nil)
    }

    @Test("B75, B161: disconnect fails what waits at once, then calls are refused")
    func disconnect() {
        var fixture = SteppedMachine.open()
        _ = fixture.submit("a", 1)
        fixture.canTakeMore = false
        _ = fixture.submit("b", 2)
        #expect(
            fixture.step { $0.disconnectRequested() } == [
                "fail 1 connectionClosed mayHaveRun", "fail 2 connectionClosed notSent", "close socket",
            ]
        )
        #expect(fixture.submit("c", 3) == ["fail 3 connectionClosed notSent"])
        #expect(fixture.step { $0.disconnectRequested() } == [])
        #expect(fixture.ended(.reset) == ["closed requested", "end feeds", "finish"])
    }

    @Test("B155, B163: disconnect leaves an attempt, and a wait between two, at once")
    func disconnectWhileConnecting() {
        var fixture = SteppedMachine()
        _ = fixture.start()
        #expect(fixture.step { $0.disconnectRequested() } == ["end attempt connectionClosed"])
        #expect(fixture.opened(["x"]) == [])
        #expect(fixture.ended(.reset) == ["closed requested", "end feeds", "finish"])
        fixture = SteppedMachine()
        _ = fixture.start()
        _ = fixture.ended(.reset, random: 1)
        #expect(fixture.step { $0.disconnectRequested() } == ["closed requested", "end feeds", "finish"])
        #expect(fixture.machine.nextDeadline == nil)
    }

    @Test("B103: an attempt that hears first that the client closes ends the connection as its close does")
    func clientClosedWhileConnecting() {
        var fixture = SteppedMachine()
        _ = fixture.start()
        _ = fixture.submit("a", 1)
        let ended = fixture.ended(AttemptEnding(error: .clientClosed, isPermanent: true))
        #expect(ended == ["fail 1 clientClosed notSent", "closed requested", "end feeds", "finish"])
        #expect(fixture.machine.endReason.code == .clientClosed)
        #expect(fixture.step { $0.disconnectRequested() } == [])
        #expect(fixture.machine.endReason.code == .clientClosed)
    }

    @Test("B78: one more than the limit on held actions is refused with the numbers")
    func heldLimits() {
        var fixture = SteppedMachine(maxHeldActions: 1, maxHeldBytes: 10)
        _ = fixture.start()
        #expect(fixture.submit("a", 1) == [])
        #expect(fixture.submit("b", 2) == ["fail 2 heldActionsFull notSent"])
        #expect(fixture.lastError?.message.contains("maxHeldActions 1") == true)
        #expect(fixture.lastError?.message.contains("maxHeldBytes 10") == true)
    }

    @Test("B79: while the socket has too much to send, actions are held, and leave in order")
    func congestion() {
        var fixture = SteppedMachine.open()
        fixture.canTakeMore = false
        #expect(fixture.submit("a", 1) == [])
        #expect(fixture.submit("b", 2) == [])
        fixture.canTakeMore = true
        #expect(fixture.step { _ in } == ["action 0 a", "action 1 b"])
    }

    @Test("B86, B87: one subscribe for the first listener of a name, one unsubscribe after the last")
    func subscriptions() {
        var fixture = SteppedMachine.open()
        #expect(fixture.wish("x", true) == ["subscribe x"])
        #expect(fixture.wish("x", true) == [])
        #expect(fixture.wish("x", false) == ["unsubscribe x"])
        #expect(fixture.wish("x", false) == [])
    }

    @Test("B221: a peer that does not read is owed one subscription for a name, by the newest wish, before actions")
    func dueSubscriptions() {
        var fixture = SteppedMachine.open(["told"])
        fixture.canTakeMore = false
        for _ in 0..<1_000 {
            for name in ["told", "other"] {
                for isWanted in [false, true] { #expect(fixture.wish(name, isWanted) == []) }
            }
            #expect(fixture.wish("never", true) == [])
            #expect(fixture.wish("never", false) == [])
        }
        #expect(fixture.wish("told", false) == [])
        #expect(fixture.submit("a", 1) == [])
        fixture.canTakeMore = true
        #expect(fixture.step { _ in } == ["subscribe other", "unsubscribe told", "action 0 a"])
        // Of another socket nothing is due.
        fixture.canTakeMore = false
        #expect(fixture.wish("told", true) == [])
        _ = fixture.ended(.reset)
        fixture.canTakeMore = true
        #expect(fixture.reopened() == ["connecting 2", "attempt", "mark reconnected 2", "connected 2"])
    }

    @Test("B92, B104: a reconnect subscribes again and marks the gap before it reports connected")
    func reconnect() {
        var fixture = SteppedMachine.open(["x"])
        _ = fixture.ended(.reset)
        #expect(
            fixture.reopened(["x"]) == [
                "connecting 2", "attempt", "subscribe x", "mark reconnected 2", "connected 2",
            ]
        )
    }

    @Test("B144: an attempt has until openTimeout for the way to Init, an open connection as long as it likes")
    func openTimeout() {
        var fixture = SteppedMachine(openTimeout: 75)
        _ = fixture.start()
        _ = fixture.opened([])
        #expect(fixture.machine.nextDeadline == fixture.now.advanced(by: .seconds(75)))
        #expect(fixture.timePassed(75) == ["end attempt deadlineExceeded"])
        fixture = .open()
        #expect(fixture.machine.nextDeadline == nil)
    }

    @Test("B157: reconnectNow ends the wait before an attempt, and does nothing else")
    func reconnectNow() {
        var fixture = SteppedMachine.open()
        let now = fixture.now
        #expect(fixture.step { $0.retryNow(now: now) } == [])
        _ = fixture.ended(.reset, random: 1)
        #expect(fixture.machine.nextDeadline == fixture.now.advanced(by: .milliseconds(250)))
        #expect(fixture.step { $0.retryNow(now: now) } == ["connecting 2", "attempt"])
        #expect(fixture.step { $0.retryNow(now: now) } == [])
    }

    @Test("B231: a close for an answer that could not be sent fails what is in flight, and none of it leaves again")
    func answerCouldNotBeSent() {
        var fixture = SteppedMachine.open()
        _ = fixture.submit("a", 1)
        let closing = WebSocketClosing(1011, reason: "actor.send_failed")
        #expect(
            fixture.ended(AttemptEnding(closing: closing, rayID: nil, isPinned: false)) == [
                "waiting 2 0.0 seconds closedByPeer", "fail 1 closedByPeer mayHaveRun",
            ]
        )
        #expect(fixture.reopened().contains { $0.hasPrefix("action") } == false)
    }

    @Test("B141, B142: an error without action id is the cause of the close that follows; held actions fail with it")
    func announcedError() {
        var fixture = SteppedMachine()
        _ = fixture.start()
        _ = fixture.submit("a", 1)
        _ = fixture.opened([])
        #expect(fixture.announced() == ["fail 1 remote notSent"])
        #expect(fixture.ended(.reset) == ["closed remote", "end feeds remote", "finish"])
        // The first one counts the time, however many follow.
        fixture = .open()
        _ = fixture.announced()
        #expect(fixture.timePassed(4) == [])
        _ = fixture.announced()
        #expect(fixture.timePassed(1) == ["end attempt connectionLost"])
    }

    @Test("B135: a provider's error fails held actions, and another attempt follows")
    func providerFailed() {
        var fixture = SteppedMachine()
        _ = fixture.start()
        _ = fixture.submit("a", 1)
        var ending = AttemptEnding.reset
        ending.failsHeldActions = true
        #expect(
            fixture.ended(ending) == ["waiting 2 0.0 seconds connectionLost", "fail 1 connectionLost notSent"]
        )
    }
}
