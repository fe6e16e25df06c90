// SPDX-License-Identifier: Apache-2.0

/// The life of a connection without its IO: which status it has, what leaves when, who is told what.
///
/// The driver calls one method per event and carries out the returned actions in order. Events of actors do not pass
/// through here: they go from the socket to their feeds.
struct ConnectionStateMachine<Waiter: Sendable>: Sendable {
    enum Action: Sendable {
        case report(ConnectionStatus)
        case sendSubscription(name: String, subscribe: Bool)
        /// A message that changes nothing and carries the engine's delayed acknowledgement along (PROTOCOL h11).
        case sendNudge
        case sendAction(PendingActions<Waiter>.Entry)
        case succeed(Waiter, EncodedValue)
        case fail(Waiter, RivetError)
        /// Put a gap into every feed: events may have been missed.
        case markReconnected(ConnectionInfo)
        /// Start pings and the like.
        case opened
        /// Begin the closing handshake with code 1000.
        case closeSocket
        /// Leave whatever the attempt waits for: there is no socket to close.
        case abandonAttempt
        /// The peer announced the end with an error; close if it does not do so itself in time (B142).
        case expectClose
        case endFeeds(RivetError?)
    }

    enum Next: Sendable {
        case attempt(after: Duration)
        case stop
    }

    private enum State: Sendable {
        case idle
        /// An attempt is under way and its socket is not open yet.
        case connecting
        /// The 101 has come and the subscriptions have left; the actor's `Init` has not come.
        case upgraded
        case open(ConnectionInfo, since: TimePoint)
        case waiting
        /// `disconnect` was called; what is left to do is IO.
        case closing
        case closed(CloseReason)
    }

    private var state = State.idle
    private var actions: PendingActions<Waiter>
    private var backoff: ReconnectBackoff
    private var connectionNumber = 0
    private let nudges: Bool
    /// The names that this socket was told to subscribe, so that each is subscribed exactly once on it.
    private var subscribedNames: Set<ExactName> = []
    /// Names for which it was told something else than is wanted now, since it takes no more at the moment.
    private var dueNames: [String] = []
    /// An error without action id: the cause of the close that follows.
    private var announced: AttemptEnding?
    /// Whether anything leaves behind the 101 and before `Init`.
    ///
    /// Off for one attempt after one that ended there without a word: a reset may have overtaken the error (B88).
    private var sendsBeforeInit = true
    private var heardAnything = false
    /// How the last attempt or socket ended; nil while the connection is open, and before the first end.
    private var lastFailure: RivetError?

    init(policy: ReconnectPolicy, maxHeldActions: Int, maxHeldBytes: Int, nudges: Bool, now: TimePoint) {
        actions = PendingActions(maxHeldActions: maxHeldActions, maxHeldBytes: maxHeldBytes)
        backoff = ReconnectBackoff(policy: policy, now: now)
        self.nudges = nudges
    }

    var inFlightCount: Int { actions.inFlightCount }
    /// The id that the next submission gets.
    var nextActionID: UInt64 { actions.nextID }
    /// How many actions wait for the connection to open.
    var heldCount: Int { actions.heldCount }
    var isOpen: Bool { if case .open = state { true } else { false } }
    /// Why the connection is not open, after how many attempts; nil where nothing has failed (B266).
    var outage: (attempts: Int, last: RivetError)? { lastFailure.map { (backoff.attempt, $0) } }
    var isOver: Bool {
        switch state {
        case .closing, .closed: true
        case .idle, .connecting, .upgraded, .open, .waiting: false
        }
    }

    // MARK: The attempt

    mutating func attemptStarted() -> [Action] {
        switch state {
        case .idle, .waiting:
            backoff.attemptStarted()
            announced = nil
            (subscribedNames, dueNames) = ([], [])
            heardAnything = false
            state = .connecting
            return [.report(.connecting(attempt: backoff.attempt))]
        case .connecting, .upgraded, .open:
            assertionFailure("an attempt started while another one runs")
            return []
        case .closing, .closed:
            return []  // Race: disconnected just before.
        }
    }

    /// The 101 has come: subscriptions leave at once, one for each name (B88).
    mutating func socketOpened(names: [String]) -> [Action] {
        guard case .connecting = state else { return [] }  // Race: disconnected.
        state = .upgraded
        guard sendsBeforeInit else { return [] }
        if names.isEmpty { return nudges ? [.sendNudge] : [] }
        return names.compactMap { subscriptionChanged($0, isWanted: true) }
    }

    mutating func receivedInit(actorID: ActorID, connectionID: String, names: [String], now: TimePoint) -> [Action] {
        guard case .upgraded = state else { return [] }  // A second `Init` changes nothing.
        connectionNumber += 1
        (sendsBeforeInit, heardAnything, lastFailure) = (true, true, nil)
        let info = ConnectionInfo(actorID: actorID, connectionID: connectionID, connectionNumber: connectionNumber)
        state = .open(info, since: now)
        var result: [Action] = names.compactMap { subscriptionChanged($0, isWanted: true) }
        if connectionNumber > 1 { result.append(.markReconnected(info)) }
        result.append(.report(.connected(info)))
        result.append(.opened)
        return result
    }

    /// The attempt or the open connection is over.
    ///
    /// Decides about the next one.
    mutating func ended(_ ending: AttemptEnding, now: TimePoint, random: Double) -> ([Action], Next) {
        var ending = ending
        if var announced, ending.error.code == .closedByPeer || ending.error.code == .connectionLost {
            let remote = announced.error.remote?.with(deliveryOf: ending.error.remote)
            announced.error = announced.error.with(remote: remote)
            ending = announced
        }
        announced = nil
        lastFailure = ending.error
        switch state {
        case .open(_, let since):
            backoff.lost(openedAt: since, now: now)
        case .upgraded:
            sendsBeforeInit = heardAnything || !sendsBeforeInit
        case .connecting:
            break
        case .idle, .waiting, .closing, .closed:
            return ([], .stop)
        }
        var result: [Action] = actions.removeInFlight().map { entry in
            .fail(entry.waiter, ending.error.with(execution: .mayHaveRun, connectionSurvives: false))
        }
        let notRun = ending.error.with(execution: .notSent, connectionSurvives: false)
        if ending.failsHeldActions { result += actions.removeHeld().map { .fail($0.waiter, notRun) } }
        switch backoff.next(after: ending, now: now, random: random) {
        case .wait(let delay):
            state = .waiting
            result.append(
                .report(.waiting(RetryState(attempt: backoff.attempt + 1, delay: delay, cause: ending.error)))
            )
            return (result, .attempt(after: delay))
        case .giveUp:
            result += actions.removeHeld().map { .fail($0.waiter, notRun) }
            state = .closed(.failed(notRun))
            result += [.report(.closed(.failed(notRun))), .endFeeds(notRun)]
            return (result, .stop)
        }
    }

    // MARK: Messages

    mutating func receivedResponse(id: UInt64, output: EncodedValue) -> [Action] {
        guard let entry = actions.remove(id) else { return [] }  // Race: timed out or cancelled before (B68).
        return [.succeed(entry.waiter, output)]
    }

    mutating func receivedActionError(id: UInt64, _ error: RivetError) -> [Action] {
        guard let entry = actions.remove(id) else { return [] }  // As above.
        return [.fail(entry.waiter, error)]
    }

    /// An error about the connection itself; the close that belongs to it follows (B141, B142).
    mutating func receivedConnectionError(_ ending: AttemptEnding) -> [Action] {
        switch state {
        case .upgraded:
            // Refused before it opened: held actions fail with the actor's own words (B141).
            heardAnything = true
            announced = ending
            let refused = ending.error.with(execution: .notSent, connectionSurvives: false)
            return actions.removeHeld().map { .fail($0.waiter, refused) } + [.expectClose]
        case .open:
            announced = ending
            return [.expectClose]
        case .idle, .connecting, .waiting, .closing, .closed:
            return []  // Race: the socket is being closed.
        }
    }

    /// The next held action to send; nil when there is none or the connection is not open.
    ///
    /// Call it as often as the socket takes more: after `Init`, and when it is writable again (B79).
    mutating func nextHeld() -> Action? {
        guard isOpen else { return nil }
        return actions.releaseFirstHeld().map { .sendAction($0) }
    }

    // MARK: The caller's side

    enum Submission: Sendable {
        /// It waits, with the id that ``nextActionID`` was.
        case accepted([Action])
        case refused(RivetError)
    }

    /// While more is pending on the socket than it should, `canSendNow` is false and the action is held too.
    mutating func submit(name: String, arguments: ByteChunk, canSendNow: Bool, waiter: Waiter) -> Submission {
        switch state {
        case .open where canSendNow && actions.heldCount == 0 && dueNames.isEmpty:
            return .accepted([.sendAction(actions.addInFlight(name: name, arguments: arguments, waiter: waiter))])
        case .idle, .connecting, .upgraded, .open, .waiting:
            if actions.addHeld(name: name, arguments: arguments, waiter: waiter) { return .accepted([]) }
            return .refused(
                RivetError(
                    .heldActionsFull,
                    "\(actions.heldCount) actions with \(actions.heldBytes) bytes of arguments wait already; the limits "
                        + "are maxHeldActions \(actions.maxHeldActions) and maxHeldBytes \(actions.maxHeldBytes)",
                    fault: .caller,
                    isTransient: true
                )
            )
        case .closing, .closed(.requested):
            return .refused(.connectionClosed)
        case .closed(.failed(let error)):
            return .refused(error)
        }
    }

    /// The caller is gone or its time is over: a held message never leaves, an answer in flight is dropped later.
    ///
    /// - Returns: the waiter and whether its message had left.
    mutating func withdraw(_ id: UInt64) -> (waiter: Waiter, hadLeft: Bool)? {
        actions.remove(id).map { ($0.waiter, $0.isInFlight) }
    }

    /// Brings the socket in line with what is wanted now; nil when it is already, or is told later.
    ///
    /// While more is pending on the socket than it should, `canSendNow` is false, and the name is due: once, whatever is
    /// wanted in the end.
    mutating func subscriptionChanged(_ name: String, isWanted: Bool, canSendNow: Bool = true) -> Action? {
        switch state {
        case .open: break
        case .upgraded: guard sendsBeforeInit else { return nil }
        case .idle, .connecting, .waiting, .closing, .closed: return nil
        }
        dueNames.removeAll { $0.hasSameBytes(as: name) }
        guard subscribedNames.contains(ExactName(name)) != isWanted else { return nil }
        guard canSendNow else {
            dueNames.append(name)
            return nil
        }
        return subscription(name)
    }

    /// The next subscription to send, the other way round than it was told; as ``nextHeld()``, and before that.
    mutating func nextDue() -> Action? {
        guard isOpen, !dueNames.isEmpty else { return nil }
        return subscription(dueNames.removeFirst())
    }

    private mutating func subscription(_ name: String) -> Action {
        let subscribe = subscribedNames.insert(ExactName(name)).inserted
        if !subscribe { subscribedNames.remove(ExactName(name)) }
        return .sendSubscription(name: name, subscribe: subscribe)
    }

    /// No attempt can ever be made: the connection ends, whatever ``ReconnectPolicy/decide`` would say.
    mutating func refused(_ error: RivetError) -> [Action] {
        guard case .idle = state else { return [] }  // Race: disconnected.
        state = .closed(.failed(error))
        return actions.removeHeld().map { .fail($0.waiter, error) }
            + [.report(.closed(.failed(error))), .endFeeds(error)]
    }

    /// `disconnect`: everything that waits fails at once (B161), the socket closes with 1000.
    mutating func disconnectRequested(_ reason: RivetError = .connectionClosed) -> [Action] {
        let last: Action
        switch state {
        case .closing, .closed:
            return []
        case .upgraded, .open:
            last = .closeSocket
        case .idle, .connecting, .waiting:
            last = .abandonAttempt
        }
        state = .closing
        let inFlight = actions.removeInFlight().map { entry -> Action in
            .fail(entry.waiter, reason.with(execution: .mayHaveRun))
        }
        return inFlight + actions.removeHeld().map { .fail($0.waiter, reason) } + [last]
    }

    /// The closing handshake is over, or there was nothing to close.
    mutating func disconnected() -> [Action] {
        switch state {
        case .closed:
            return []
        case .idle, .connecting, .upgraded, .open, .waiting, .closing:
            state = .closed(.requested)
            return [.report(.closed(.requested)), .endFeeds(nil)]
        }
    }
}

extension RivetError {
    static var connectionClosed: RivetError {
        RivetError(
            .connectionClosed,
            "the connection was closed by disconnect()",
            fault: .caller,
            connectionSurvives: false
        )
    }

    static var clientClosed: RivetError {
        RivetError(.clientClosed, "the client was closed", fault: .caller, connectionSurvives: false)
    }
}
