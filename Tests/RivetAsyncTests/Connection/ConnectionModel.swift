// SPDX-License-Identifier: Apache-2.0
@testable import RivetAsync

/// A connection's machine in a world that does anything at random, and what has to hold whatever happens.
///
/// The world plays the driver, the peer, the callers and the clock. It knows nothing of how the machine decides: only
/// what it may be told, and what it may then ask for.
struct ConnectionModel {
    typealias Machine = SteppedMachine.Machine

    enum Input: String, CaseIterable {
        case submit, withdraw, wish, room, opened, initial, response, actionError, connectionError, ended, time,
            retryNow
        case pause, resume, disconnect
        case pong, hold, release
    }

    /// One socket: what was written to it, and what its peer was told.
    private struct Socket {
        var hasInit = false
        var position: UInt64 = 0
        var names: Set<String> = []
        /// Where each action begins.
        var actions: [(id: UInt64, position: UInt64)] = []
        var canTakeMore = true
        /// Not while events wait for room in a feed.
        var isRead = true
        var lastReceived: TimePoint
        /// Its peer was silent: nothing passes through it any more.
        var isFailed = false
        /// The last one, without an answer.
        var ping: (id: UInt32, deadline: TimePoint)?
    }

    private struct Violation: Error, CustomStringConvertible {
        let description: String
    }

    private(set) var machine: Machine
    private(set) var isFinished = false
    private var random: SeededGenerator
    private var now = TimePoint(.seconds(1))
    private var isAttemptUnderWay = false
    private var socket: Socket?
    /// The machine has asked for the end of the attempt or socket.
    private var isEndAsked = false
    /// Its closing handshake has begun, so nothing is to be sent any more.
    private var isCloseAsked = false
    private var wanted: Set<String> = []
    /// The callers that wait, with their deadlines.
    private var waiting: [UInt64: TimePoint] = [:]
    /// Actions whose callers must not wait for the connection to open.
    private var stuck: Set<UInt64> = []
    /// Actions that may have run.
    private var left: Set<UInt64> = []
    private var lastStatus = "connecting 1"
    private var isStarted = false
    private var wantsPause = false
    private var connections = 0
    /// Whether events may have been missed before the last one.
    private var isBehindLoss = false
    private var hasMarkedGap = false
    private var haveFeedsEnded = false
    private var isReadingHeld = false
    private let keepAlive: KeepAlive?
    private(set) var nudges = 0
    private(set) var pings = 0

    init(seed: UInt64) {
        random = SeededGenerator(seed: seed)
        keepAlive = seed % 5 == 0 ? nil : KeepAlive(interval: .seconds(3), timeout: .seconds(2))
        machine = Machine(
            policy: ReconnectPolicy(maxAttempts: seed % 3 == 0 ? 4 : nil),
            openTimeout: .seconds(75),
            maxHeldActions: 6,
            maxHeldBytes: 60,
            keepAlive: keepAlive,
            nudge: Self.knowledge(seed).map { ReplyNudgeStateMachine($0, actorName: "a") },
            now: now
        )
    }

    /// None, what is learned from nothing, or one wherever it may be.
    private static func knowledge(_ seed: UInt64) -> NudgeKnowledge? {
        switch seed % 4 {
        case 0: nil
        case 1: NudgeKnowledge()
        default: NudgeKnowledge(nudgesAlways: true)
        }
    }

    /// Does something at random that can happen now, and checks all that has to hold.
    mutating func step(_ note: (_ state: String, Input) -> Void) throws {
        if !isStarted {
            isStarted = true
            let now = now
            try tell { $0.start(now: now) }
        }
        guard let input = possible().randomElement(using: &random) else { return }
        note(machine.state.name, input)
        try perform(input)
        try check()
    }

    /// Ends it in order, and checks that nobody is left.
    mutating func end() throws {
        try perform(.disconnect)
        if isAttemptUnderWay { try perform(.ended) }
        try check()
        try require(isFinished, "it did not finish")
        try require(waiting.isEmpty, "a caller waits for ever")
    }

    /// What can happen now, the likelier things more often.
    private mutating func possible() -> [Input] {
        if isEndAsked, chance(12) { return [.ended] }
        var result: [Input] = [
            .submit, .submit, .submit, .submit, .withdraw, .wish, .wish, .time, .time, .retryNow, .resume, .resume,
            .response, .response, .response, .actionError, .pong, .release,
        ]
        if socket?.isRead == true { result.append(.hold) }
        if chance(2) { result.append(.pause) }
        if chance(4) { result.append(.disconnect) }
        if isAttemptUnderWay {
            if chance(3) { result.append(.ended) }
            if socket == nil {
                if machine.isConnecting { result += [.opened, .opened, .opened] }
            } else {
                result += [.room, .room, .initial, .initial, .initial]
                if chance(4) { result.append(.connectionError) }
            }
        }
        return result
    }

    private mutating func perform(_ input: Input) throws {
        let now = now
        let link = link
        switch input {
        case .submit:
            let id = machine.nextActionID
            let limit = Duration.milliseconds(Int.random(in: 1...30_000, using: &random))
            waiting[id] = now.advanced(by: limit)
            let bytes = [UInt8](repeating: 0, count: Int.random(in: 0...20, using: &random))
            let cannotWait = chance(4) ? RivetError.tokenUnavailable("it waits for its caller") : nil
            if cannotWait != nil { stuck.insert(id) }
            try tell {
                $0.submit(
                    name: "a",
                    arguments: ByteChunk(bytes),
                    limit: limit,
                    calledAt: now,
                    waiter: Int(id),
                    cannotWait: cannotWait,
                    link,
                    now: now
                )
            }
        case .withdraw:
            let id = UInt64.random(in: 0...machine.nextActionID, using: &random)
            let isWaiting = waiting[id] != nil
            try tell { $0.withdraw(id, CancellationError()) }
            try require(!isWaiting || waiting[id] == nil, "a caller that is gone waits on")
        case .wish:
            let name = ["w", "x", "y", "z"].randomElement(using: &random) ?? "w"
            if wanted.remove(name) == nil { wanted.insert(name) }
            let isWanted = wanted.contains(name)
            try tell { $0.subscriptionChanged(name, isWanted: isWanted, canTakeMore: link.canTakeMore) }
        case .room:
            socket?.canTakeMore.toggle()
            try tell { _ in }
        case .opened:
            socket = Socket(lastReceived: now)
            let names = wanted.sorted()
            try tell { $0.socketOpened(names: names, now: now) }
        case .initial:
            let isFirst = socket?.hasInit == false
            let wasPausing = isCloseAsked
            socket?.hasInit = true
            if isFirst, !wasPausing {
                (connections, hasMarkedGap) = (connections + 1, false)
                isBehindLoss = connections > 1 || chance(4)
            }
            let (names, isBehindLoss) = (wanted.sorted(), isBehindLoss)
            try tell { $0.receivedInit("a", "c", names: names, isBehindLoss: isBehindLoss, now: now) }
        case .response, .actionError:
            // A peer answers what it was sent, in any order, and more than once; a bad one also what it was not.
            let sent = socket?.actions.suffix(6).randomElement(using: &random)?.id
            guard let id = chance(20) ? waiting.keys.max() : sent else { return }
            let output = EncodedValue(bytes: ByteChunk([]), format: .nativeCBOR)
            let error = AttemptEnding.refusedByTheActor.error
            try tell {
                if input == .response {
                    $0.receivedResponse(id: id, output: output, now: now)
                } else {
                    $0.receivedActionError(id: id, error, now: now)
                }
            }
        case .connectionError:
            let ending = chance(3) ? AttemptEnding.refusedByTheActor : .reset
            try tell { $0.receivedConnectionError(ending, now: now) }
        case .ended:
            try endAttempt()
        case .time:
            let soon = now.advanced(by: .milliseconds(Int.random(in: 0...2_000, using: &random)))
            let then = max(now, chance(2) ? soon : machine.nextDeadline ?? soon)
            self.now = then
            let lastReceived = socket?.lastReceived
            try tell { $0.timePassed(lastReceived: lastReceived, now: then) }
            for (id, deadline) in waiting { try require(deadline > then, "action \(id) is overdue and waits on") }
        case .pong:
            // Of the last ping, of an older one or of none; on a socket that closes it does not matter.
            socket?.lastReceived = now
            let id = chance(3) ? UInt32.random(in: 0...5, using: &random) : socket?.ping?.id ?? 0
            var roundTrip: Duration?
            try tell { roundTrip = $0.receivedPong(id: id, now: now) }
            let isAnswer = socket?.ping?.id == id && socket?.isRead == true
            try require(
                !machine.isOpen || socket?.isFailed == true || (roundTrip != nil) == isAnswer,
                "the pong \(id) took \(String(describing: roundTrip))"
            )
            if isAnswer { socket?.ping = nil }
        case .hold:
            isReadingHeld = true
            try tell { $0.readingHeld() }
        case .release:
            isReadingHeld = false
            try tell { $0.readingReleased(now: now) }
        case .retryNow:
            try tell { $0.retryNow(now: now) }
        case .pause:
            wantsPause = true
            try tell { $0.pauseRequested() }
        case .resume:
            wantsPause = false
            try tell { $0.resumeRequested(now: now) }
        case .disconnect:
            try tell { $0.disconnectRequested() }
            try require(waiting.isEmpty, "a caller waits behind disconnect")
        }
    }

    private mutating func endAttempt() throws {
        // It may be known some time before why.
        if socket != nil, chance(2) {
            socket?.isFailed = true
            try tell { $0.socketGone(AttemptEnding.reset.error) }
            try require(!waiting.keys.contains { stuck.contains($0) }, "who waits for itself waits for the reason")
        }
        let written = socket?.position ?? 0
        // All of it, or up to anywhere.
        let sent = chance(2) ? UInt64.max : UInt64.random(in: 0...written, using: &random)
        var mustFail: [UInt64] = []
        for action in socket?.actions ?? [] where action.position < sent {
            left.insert(action.id)
            if waiting[action.id] != nil { mustFail.append(action.id) }
        }
        (isAttemptUnderWay, isEndAsked, socket) = (false, false, nil)
        var ending = [AttemptEnding.reset, .reset, .reset, .refusedByTheActor].randomElement(using: &random) ?? .reset
        ending.failsHeldActions = chance(5)
        let fraction = Double.random(in: 0..<1, using: &random)
        let now = now
        try tell { $0.attemptEnded(ending, sent: sent, now: now, random: fraction) }
        for id in mustFail {
            try require(waiting[id] == nil, "action \(id) waits for the answer of a socket that is gone")
        }
    }

    // MARK: What the machine asks for

    private var link: Machine.Link {
        socket.map { Machine.Link(canTakeMore: $0.canTakeMore && !$0.isFailed, position: $0.position) } ?? .none
    }

    private mutating func tell(_ change: (inout Machine) -> Void) throws {
        change(&machine)
        let now = now
        while true {
            let link = link
            guard let action = machine.nextAction(link, now: now) else { return }
            try carryOut(action)
        }
    }

    private mutating func carryOut(_ action: Machine.Action) throws {
        try require(!isFinished, "\(action.said) after the finish")
        switch action {
        case .report(let status):
            try require(status.name != lastStatus || status.name == "connecting 1", "\(status.name) twice in a row")
            try require(!lastStatus.hasPrefix("closed"), "\(status.name) after closed")
            if case .connected(let info) = status {
                try require(socket?.hasInit == true, "connected without Init")
                try require(
                    info.connectionNumber == connections,
                    "connection \(info.connectionNumber) of \(connections)"
                )
                try require(!isBehindLoss || hasMarkedGap, "connected again without a gap")
            }
            if case .paused = status { try require(wantsPause, "paused, and nobody wants it") }
            lastStatus = status.name
        case .beginAttempt:
            try require(!isAttemptUnderWay, "a second attempt")
            try require(lastStatus.hasPrefix("connecting"), "an attempt while \(lastStatus)")
            (isAttemptUnderWay, isEndAsked, isCloseAsked) = (true, false, false)
        case .endAttempt:
            try require(isAttemptUnderWay, "the end of no attempt")
            isEndAsked = true
        case .closeSocket:
            try require(socket != nil && !isCloseAsked, "no socket to close")
            (isEndAsked, isCloseAsked) = (true, true)
        case .sendSubscription(let name, let subscribe):
            try require(socket != nil && !isCloseAsked, "a subscription on no socket")
            let isNew = subscribe ? socket?.names.insert(name).inserted == true : socket?.names.remove(name) != nil
            try require(isNew, "\(subscribe ? "subscribed" : "unsubscribed") twice: \(name)")
            socket?.position += 5
        case .sendNudge:
            guard let current = socket else { throw Violation(description: "a nudge on no socket") }
            try require(!isCloseAsked, "a nudge on a socket that closes")
            if current.hasInit {
                let last = current.actions.last
                try require(machine.inFlightCount == 1, "a nudge beside \(machine.inFlightCount) actions")
                try require(last.map { waiting[$0.id] != nil } == true, "a nudge for nobody")
                try require(last.map { $0.position + 10 } == current.position, "a nudge behind something else")
            } else {
                try require(current.position == 0, "a nudge behind something else before Init")
            }
            nudges += 1
            socket?.position += 5
        case .sendAction(let entry):
            guard let current = socket else { throw Violation(description: "an action on no socket") }
            try require(current.hasInit && !isCloseAsked, "action \(entry.id) on a socket that is not open")
            try require(current.canTakeMore, "action \(entry.id) to a peer that does not read")
            try require(waiting[entry.id] != nil, "action \(entry.id), whose caller is gone")
            try require(!left.contains(entry.id), "action \(entry.id) twice")
            try require((current.actions.last?.id).map { $0 < entry.id } ?? true, "action \(entry.id) out of order")
            try require(entry.position == current.position, "action \(entry.id) is not where it is said to be")
            socket?.actions.append((entry.id, current.position))
            socket?.position += 10
        case .succeed(let caller, _):
            let waiter = UInt64(caller)
            try require(socket?.actions.contains { $0.id == waiter } == true, "an answer to what was not sent")
            try release(waiter)
        case .fail(let caller, let error):
            let waiter = UInt64(caller)
            if (error as? RivetError)?.execution == .notSent, (error as? RivetError)?.code != .remote {
                let isHere = socket?.actions.contains { $0.id == waiter } == true
                try require(!left.contains(waiter) && !isHere, "action \(waiter) did not run, it says")
            }
            try release(waiter)
        case .dropAnswer(let id):
            let wasSent = socket?.actions.contains { $0.id == id } == true
            try require(waiting[id] == nil || !wasSent, "the answer \(id) is dropped, and its caller waits")
        case .markReconnected:
            try require(isBehindLoss && !hasMarkedGap, "a gap without a loss")
            hasMarkedGap = true
        case .sendPing(let id):
            try require(socket?.hasInit == true && !isCloseAsked, "a ping on a socket that is not open")
            try require(socket?.isRead == true, "a ping whose pong nobody reads")
            try require(socket?.ping == nil, "a ping beside another")
            guard let keepAlive, let heard = socket?.lastReceived else { throw Violation(description: "a ping") }
            try require(heard.advanced(by: keepAlive.interval) <= now, "a ping to a peer that was just heard")
            socket?.ping = (id, now.advanced(by: keepAlive.timeout))
            // It may come between an action and its nudge, and moves nothing here.
            pings += 1
        case .failSocket:
            guard let ping = socket?.ping else { throw Violation(description: "a failure without a ping") }
            try require(
                ping.deadline <= now && socket?.isRead == true,
                "a failure before the time for the pong is over"
            )
            isEndAsked = true
            socket?.isFailed = true
        case .suspendReading:
            try require(socket != nil && !isCloseAsked && isReadingHeld, "reading stops for nothing")
            socket?.isRead = false
            socket?.ping = nil
        case .resumeReading:
            try require(socket != nil && !isCloseAsked && !isReadingHeld, "reading goes on too early")
            socket?.isRead = true
        case .endFeeds:
            try require(lastStatus.hasPrefix("closed") && !haveFeedsEnded, "the end of the feeds while \(lastStatus)")
            haveFeedsEnded = true
        case .finish:
            try require(haveFeedsEnded && waiting.isEmpty && !isAttemptUnderWay, "finished too early")
            isFinished = true
        }
    }

    private mutating func release(_ waiter: UInt64) throws {
        try require(waiting.removeValue(forKey: waiter) != nil, "caller \(waiter) is told twice")
    }

    // MARK: What holds whenever everything is done

    private mutating func check() throws {
        let next = machine.nextDeadline
        try require(machine.inFlightCount + machine.heldCount == waiting.count, "a caller is lost")
        for (id, deadline) in waiting {
            try require(next.map { $0 <= deadline } == true, "nobody looks at the deadline of action \(id)")
        }
        let sent = waiting.keys.count { id in socket?.actions.contains { $0.id == id } == true }
        let counts = machine.counts
        try require(machine.inFlightCount == sent, "\(sent) wait for an answer, not \(machine.inFlightCount)")
        try require(counts.answered + counts.failed + sent <= counts.sent, "\(counts) beside \(sent)")
        try require(counts.sent <= Int(machine.nextActionID), "\(counts) of \(machine.nextActionID)")
        let isHeld = waiting.keys.contains { stuck.contains($0) && socket?.actions.map(\.id).contains($0) != true }
        try require(!isHeld || (machine.isOpen && !wantsPause), "an action is held that waits for itself")
        switch machine.state {
        case .open:
            try require(socket?.hasInit == true && isAttemptUnderWay, "open without a socket")
            try require(lastStatus.hasPrefix("connected"), "open while \(lastStatus)")
            try require(socket?.isRead == !isReadingHeld, "the socket is read, or not, against what the feeds want")
            if keepAlive != nil, !isReadingHeld, socket?.isFailed != true {
                try require(next != nil, "nobody looks whether the peer is there")
            }
            guard link.canTakeMore else { break }
            try require(socket?.names == wanted, "\(socket?.names ?? []) is not \(wanted)")
            try require(wantsPause || machine.heldCount == 0, "an action is held on an open connection")
            try require(!wantsPause || sent > 0, "a pause that does not come")
        case .connecting, .upgraded:
            try require(isAttemptUnderWay && (next != nil || isEndAsked), "an attempt without end")
        case .waiting:
            try require(!isAttemptUnderWay && next != nil, "a wait without end")
        case .pausing:
            try require(isAttemptUnderWay && isEndAsked, "a pause that does not come")
        case .paused:
            try require(!isAttemptUnderWay && wantsPause, "it rests, and nobody wants it")
        case .closing:
            try require(isAttemptUnderWay && isEndAsked, "an end that does not come")
        case .closed:
            try require(isFinished && next == nil, "closed, and something is still to come")
        case .idle:
            break
        }
    }

    private mutating func chance(_ one: Int) -> Bool { Int.random(in: 1...one, using: &random) == 1 }

    private func require(_ holds: Bool, _ what: @autoclosure () -> String) throws {
        if !holds { throw Violation(description: what()) }
    }
}

extension ConnectionStateMachine.State {
    var name: String {
        switch self {
        case .idle: "idle"
        case .connecting: "connecting"
        case .upgraded: "upgraded"
        case .open: "open"
        case .waiting: "waiting"
        case .pausing: "pausing"
        case .paused: "paused"
        case .closing: "closing"
        case .closed: "closed"
        }
    }
}
