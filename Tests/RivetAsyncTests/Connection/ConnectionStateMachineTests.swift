// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import RivetAsync

@Suite(.leavesNothing, .timeLimit(.minutes(3)))
struct ConnectionStateMachineTests {
    typealias Machine = ConnectionStateMachine<Int>

    static func machine(
        policy: ReconnectPolicy = .init(),
        maxHeldActions: Int = 8,
        maxHeldBytes: Int = 1_000,
        nudges: Bool = false
    ) -> Machine {
        Machine(
            policy: policy,
            maxHeldActions: maxHeldActions,
            maxHeldBytes: maxHeldBytes,
            nudges: nudges,
            now: at(0)
        )
    }

    static func at(_ seconds: Double) -> TimePoint { TimePoint(.milliseconds(Int(seconds * 1_000))) }

    static let lost = AttemptEnding(
        error: RivetError(.connectionLost, "reset", fault: .network, isTransient: true)
    )
    static let refused = AttemptEnding(
        error: RivetError(.remote, "no", fault: .actor, remote: RemoteError(group: "user", code: "no", message: "no")),
        isPermanent: true
    )

    /// A machine whose first attempt has opened.
    static func open(_ machine: inout Machine, names: [String] = [], now: TimePoint = at(1)) {
        _ = machine.attemptStarted()
        _ = machine.socketOpened(names: names)
        _ = machine.receivedInit(actorID: "a", connectionID: "c", names: names, now: now)
    }

    @Test("B64, B88: subscriptions leave right behind the 101 and not again after Init, then the held actions in order")
    func subscriptionsBeforeHeldActions() {
        var machine = Self.machine()
        #expect(machine.attemptStarted().transcript == ["connecting 1"])
        _ = machine.submit(name: "first", arguments: ByteChunk([]), canSendNow: false, waiter: 1)
        _ = machine.submit(name: "second", arguments: ByteChunk([]), canSendNow: false, waiter: 2)
        #expect(machine.socketOpened(names: ["x", "y"]).transcript == ["subscribe x", "subscribe y"])
        let opened = machine.receivedInit(actorID: "a", connectionID: "c", names: ["x", "y", "z"], now: Self.at(1))
        #expect(opened.transcript == ["subscribe z", "connected 1", "opened"])
        #expect(machine.nextHeld().map { [$0] }?.transcript == ["action 0 first"])
        #expect(machine.nextHeld().map { [$0] }?.transcript == ["action 1 second"])
        #expect(machine.nextHeld() == nil)
    }

    @Test(
        "B88: with no name to subscribe one nudge takes their place, and an attempt after a silent end sends nothing early"
    )
    func nudgeAndFallback() {
        var machine = Self.machine(nudges: true)
        _ = machine.attemptStarted()
        #expect(machine.socketOpened(names: []).transcript == ["nudge"])
        _ = machine.ended(Self.lost, now: Self.at(1), random: 0)
        _ = machine.attemptStarted()
        #expect(machine.socketOpened(names: ["x"]).transcript == [])
        #expect(machine.subscriptionChanged("y", isWanted: true) == nil)
        let (actions, _) = machine.ended(Self.lost, now: Self.at(2), random: 0)
        #expect(actions.transcript == ["waiting 3 0.0 seconds connectionLost"])
        _ = machine.attemptStarted()
        #expect(machine.socketOpened(names: ["x"]).transcript == ["subscribe x"])
    }

    @Test("B66, B67, B68: ids rise over reconnects, each answer reaches its caller, an unknown one is dropped")
    func answersByID() {
        var machine = Self.machine()
        Self.open(&machine)
        #expect(machine.submission("a", waiter: 1) == ["action 0 a"])
        #expect(machine.submission("b", waiter: 2) == ["action 1 b"])
        #expect(machine.receivedResponse(id: 1, output: .empty).transcript == ["succeed 2"])
        #expect(machine.receivedResponse(id: 9, output: .empty).transcript == [])
        let (actions, _) = machine.ended(Self.lost, now: Self.at(2), random: 0)
        #expect(actions.transcript == ["fail 1 connectionLost mayHaveRun", "waiting 2 0.0 seconds connectionLost"])
        Self.open(&machine, now: Self.at(3))
        #expect(machine.submission("c", waiter: 3) == ["action 2 c"])
    }

    @Test("B69: an error with an action id fails only that caller")
    func errorOfOneAction() {
        var machine = Self.machine()
        Self.open(&machine)
        _ = machine.submission("a", waiter: 1)
        _ = machine.submission("b", waiter: 2)
        #expect(machine.receivedActionError(id: 0, Self.refused.error).transcript == ["fail 1 remote notSent"])
        #expect(machine.receivedResponse(id: 1, output: .empty).transcript == ["succeed 2"])
    }

    @Test("B72: held actions stay held over a failed attempt and leave when it opens")
    func heldOverFailedAttempts() {
        var machine = Self.machine()
        _ = machine.attemptStarted()
        _ = machine.submit(name: "a", arguments: ByteChunk([1]), canSendNow: false, waiter: 1)
        #expect(
            machine.ended(Self.lost, now: Self.at(1), random: 0).0.transcript == [
                "waiting 2 0.0 seconds connectionLost"
            ]
        )
        Self.open(&machine, now: Self.at(2))
        #expect(machine.nextHeld().map { [$0] }?.transcript == ["action 0 a"])
    }

    @Test("B73, B76: a withdrawn held action never leaves; one in flight is withdrawn and its answer dropped")
    func withdrawal() {
        var machine = Self.machine()
        _ = machine.attemptStarted()
        _ = machine.submit(name: "a", arguments: ByteChunk([1]), canSendNow: false, waiter: 1)
        #expect(machine.withdraw(0)?.hadLeft == false)
        #expect(machine.withdraw(0) == nil)
        _ = machine.socketOpened(names: [])
        _ = machine.receivedInit(actorID: "a", connectionID: "c", names: [], now: Self.at(1))
        #expect(machine.nextHeld() == nil)
        _ = machine.submission("b", waiter: 2)
        #expect(machine.withdraw(1)?.hadLeft == true)
        #expect(machine.receivedResponse(id: 1, output: .empty).transcript == [])
    }

    @Test("B74, B106: a connection that gave up fails held actions, feeds and later calls with the reason")
    func givenUp() {
        var machine = Self.machine()
        _ = machine.attemptStarted()
        _ = machine.submit(name: "a", arguments: ByteChunk([]), canSendNow: false, waiter: 1)
        let (actions, next) = machine.ended(Self.refused, now: Self.at(1), random: 0)
        #expect(actions.transcript == ["fail 1 remote notSent", "closed remote", "end feeds remote"])
        guard case .stop = next else { Issue.record("another attempt follows"); return }
        #expect(machine.submission("b", waiter: 2) == ["refused remote"])
        #expect(machine.disconnected().transcript == [])
    }

    @Test("B75, B161: disconnect fails what waits at once, then calls are refused")
    func disconnect() {
        var machine = Self.machine()
        Self.open(&machine)
        _ = machine.submission("a", waiter: 1)
        #expect(
            machine.disconnectRequested().transcript == ["fail 1 connectionClosed mayHaveRun", "close socket"]
        )
        #expect(machine.submission("b", waiter: 2) == ["refused connectionClosed"])
        #expect(machine.disconnectRequested().transcript == [])
        #expect(machine.disconnected().transcript == ["closed requested", "end feeds"])
    }

    @Test("B163: disconnect while connecting leaves the attempt")
    func disconnectWhileConnecting() {
        var machine = Self.machine()
        _ = machine.attemptStarted()
        #expect(machine.disconnectRequested().transcript == ["abandon attempt"])
        #expect(machine.socketOpened(names: ["x"]).transcript == [])
    }

    @Test("B78: one more than the limit on held actions is refused with the numbers")
    func heldLimits() {
        var machine = Self.machine(maxHeldActions: 1, maxHeldBytes: 10)
        _ = machine.attemptStarted()
        #expect(machine.submission("a", waiter: 1) == [])
        guard
            case .refused(let error) = machine.submit(name: "b", arguments: ByteChunk([]), canSendNow: true, waiter: 2)
        else {
            Issue.record("accepted")
            return
        }
        #expect(error.code == .heldActionsFull)
        #expect(error.message.contains("maxHeldActions 1") && error.message.contains("maxHeldBytes 10"))
    }

    @Test("B79: while the socket has too much to send, actions are held, and leave in order")
    func congestion() {
        var machine = Self.machine()
        Self.open(&machine)
        #expect(machine.submission("a", canSendNow: false, waiter: 1) == [])
        #expect(machine.submission("b", waiter: 2) == [])
        #expect(machine.nextHeld().map { [$0] }?.transcript == ["action 0 a"])
        #expect(machine.nextHeld().map { [$0] }?.transcript == ["action 1 b"])
    }

    @Test("B86, B87: one subscribe for the first listener of a name, one unsubscribe after the last")
    func subscriptions() {
        var machine = Self.machine()
        Self.open(&machine)
        #expect(machine.subscriptionChanged("x", isWanted: true).map { [$0] }?.transcript == ["subscribe x"])
        #expect(machine.subscriptionChanged("x", isWanted: true) == nil)
        #expect(machine.subscriptionChanged("x", isWanted: false).map { [$0] }?.transcript == ["unsubscribe x"])
        #expect(machine.subscriptionChanged("x", isWanted: false) == nil)
    }

    @Test("B221: a peer that does not read is owed one subscription for a name, by the newest wish, before actions")
    func dueSubscriptions() {
        var machine = Self.machine()
        Self.open(&machine, names: ["told"])
        func wish(_ name: String, _ isWanted: Bool) {
            #expect(machine.subscriptionChanged(name, isWanted: isWanted, canSendNow: false) == nil)
        }
        for _ in 0..<1_000 {
            for name in ["told", "other"] { for isWanted in [false, true] { wish(name, isWanted) } }
            wish("never", true)
            wish("never", false)
        }
        wish("told", false)
        #expect(machine.submission("a", waiter: 1) == [])
        var left: [String] = []
        while let action = machine.nextDue() ?? machine.nextHeld() { left += [action].transcript }
        #expect(left == ["subscribe other", "unsubscribe told", "action 0 a"])
        // Of another socket nothing is due.
        wish("told", true)
        _ = machine.ended(Self.lost, now: Self.at(2), random: 0)
        _ = machine.attemptStarted()
        _ = machine.socketOpened(names: [])
        _ = machine.receivedInit(actorID: "b", connectionID: "d", names: [], now: Self.at(3))
        #expect(machine.nextDue() == nil)
    }

    @Test("B92, B104: a reconnect subscribes again and marks the gap before it reports connected")
    func reconnect() {
        var machine = Self.machine()
        Self.open(&machine, names: ["x"])
        _ = machine.ended(Self.lost, now: Self.at(2), random: 0)
        _ = machine.attemptStarted()
        #expect(machine.socketOpened(names: ["x"]).transcript == ["subscribe x"])
        let opened = machine.receivedInit(actorID: "b", connectionID: "d", names: ["x"], now: Self.at(3))
        #expect(opened.transcript == ["mark reconnected 2", "connected 2", "opened"])
    }

    @Test("B231: a close for an answer that could not be sent fails what is in flight, and none of it leaves again")
    func answerCouldNotBeSent() {
        var machine = Self.machine()
        Self.open(&machine)
        _ = machine.submission("a", waiter: 1)
        let closing = WebSocketClosing(1011, reason: "actor.send_failed")
        let ending = AttemptEnding(closing: closing, rayID: nil, isPinned: false)
        #expect(
            machine.ended(ending, now: Self.at(2), random: 0).0.transcript == [
                "fail 1 closedByPeer mayHaveRun", "waiting 2 0.0 seconds closedByPeer",
            ]
        )
        Self.open(&machine, now: Self.at(3))
        #expect(machine.nextHeld() == nil)
    }

    @Test("B141, B142: an error without action id is the cause of the close that follows; held actions fail with it")
    func announcedError() {
        var machine = Self.machine()
        _ = machine.attemptStarted()
        _ = machine.submit(name: "a", arguments: ByteChunk([]), canSendNow: false, waiter: 1)
        _ = machine.socketOpened(names: [])
        #expect(machine.receivedConnectionError(Self.refused).transcript == ["fail 1 remote notSent", "expect close"])
        #expect(
            machine.ended(Self.lost, now: Self.at(1), random: 0).0.transcript == ["closed remote", "end feeds remote"]
        )
    }

    @Test("B135: a provider's error fails held actions, and another attempt follows")
    func providerFailed() {
        var machine = Self.machine()
        _ = machine.attemptStarted()
        _ = machine.submit(name: "a", arguments: ByteChunk([]), canSendNow: false, waiter: 1)
        var ending = Self.lost
        ending.failsHeldActions = true
        let (actions, next) = machine.ended(ending, now: Self.at(1), random: 0)
        #expect(actions.transcript == ["fail 1 connectionLost notSent", "waiting 2 0.0 seconds connectionLost"])
        guard case .attempt = next else { Issue.record("no attempt follows"); return }
    }
}

extension ConnectionStateMachine<Int> {
    fileprivate mutating func submission(_ name: String, canSendNow: Bool = true, waiter: Int) -> [String] {
        switch submit(name: name, arguments: ByteChunk([]), canSendNow: canSendNow, waiter: waiter) {
        case .accepted(let actions): actions.transcript
        case .refused(let error): ["refused \(error.code.name)"]
        }
    }
}

extension EncodedValue {
    fileprivate static var empty: EncodedValue { EncodedValue(bytes: ByteChunk([]), format: .nativeCBOR) }
}

extension [ConnectionStateMachine<Int>.Action] {
    /// Each action in a few words, so that a test reads like a transcript.
    fileprivate var transcript: [String] {
        map { action in
            switch action {
            case .report(.connecting(let attempt)): "connecting \(attempt)"
            case .report(.connected(let info)): "connected \(info.connectionNumber)"
            case .report(.waiting(let state)): "waiting \(state.attempt) \(state.delay) \(state.cause.code.name)"
            case .report(.closed(.requested)): "closed requested"
            case .report(.closed(.failed(let error))): "closed \(error.code.name)"
            case .sendSubscription(let name, let subscribe): "\(subscribe ? "subscribe" : "unsubscribe") \(name)"
            case .sendNudge: "nudge"
            case .sendAction(let entry): "action \(entry.id) \(entry.name)"
            case .succeed(let waiter, _): "succeed \(waiter)"
            case .fail(let waiter, let error): "fail \(waiter) \(error.code.name) \(error.execution)"
            case .markReconnected(let info): "mark reconnected \(info.connectionNumber)"
            case .opened: "opened"
            case .closeSocket: "close socket"
            case .abandonAttempt: "abandon attempt"
            case .expectClose: "expect close"
            case .endFeeds(let error): error.map { "end feeds \($0.code.name)" } ?? "end feeds"
            }
        }
    }
}
