// SPDX-License-Identifier: Apache-2.0

/// The life of a connection without its IO: which status it has, what leaves when, who is told what, and when.
///
/// The driver calls one method per event, then takes actions until there is none, and comes back at `nextDeadline`.
/// Events of actors do not pass through here: they go from the socket to their feeds.
struct ConnectionStateMachine<Waiter: Sendable>: Sendable {
    enum Action: Sendable {
        case report(ConnectionStatus)
        /// Look up, ask for parameters, open a socket; `attemptEnded` follows in any case, when its socket has ended too.
        case beginAttempt
        /// The attempt under way is over, whatever it waits for, with this.
        case endAttempt(AttemptEnding)
        case sendSubscription(name: String, subscribe: Bool)
        /// A message that changes nothing and carries the engine's delayed acknowledgement along (PROTOCOL h11).
        case sendNudge
        case sendAction(PendingActions<Waiter>.Entry)
        case succeed(Waiter, EncodedValue)
        case fail(Waiter, any Error)
        /// Put a gap into every feed: events may have been missed.
        case markReconnected(ConnectionInfo)
        /// Start pings and the like.
        case opened
        /// Begin the closing handshake with code 1000.
        case closeSocket
        case endFeeds(RivetError?)
        /// Nothing follows.
        case finish
    }

    /// What the driver's socket can do now.
    struct Link: Sendable {
        /// It is open, and not more is pending on it than should be.
        let canTakeMore: Bool
        /// How many bytes were written to it.
        let position: UInt64

        static var none: Link { Link(canTakeMore: false, position: 0) }
    }

    enum State: Sendable {
        case idle
        /// An attempt is under way and its socket is not open yet.
        case connecting
        /// The 101 has come and the subscriptions have left; the actor's `Init` has not come.
        case upgraded
        case open(ConnectionInfo, since: TimePoint)
        case waiting
        /// `pause` was called; what is left to do is IO.
        case pausing
        case paused
        /// `disconnect` was called; what is left to do is IO.
        case closing
        case closed(CloseReason)
    }

    enum Timer: CaseIterable, Sendable {
        /// The attempt has not come as far as `Init`.
        case open
        /// The wait before the next attempt is over.
        case retry
        /// The peer announced the end with an error, and has not closed (B142).
        case close
        /// A lone action has no answer yet (B226).
        case nudge
    }

    /// How many actions were sent, and how those ended.
    struct Counts: Equatable, Sendable {
        var sent = 0
        var answered = 0
        var failed = 0
    }

    private(set) var state = State.idle
    private(set) var counts = Counts()
    private var actions: PendingActions<Waiter>
    private var backoff: ReconnectBackoff
    /// Nil where there are no nudges.
    private var nudge: ReplyNudgeStateMachine?
    private var timers = TimerTable<Timer>()
    private var queue = RingBuffer<Action>()
    private var connectionNumber = 0
    private let openTimeout: Duration
    /// What the callers of `pause` and `resume` said last.
    private(set) var wantsPause = false
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

    init(
        policy: ReconnectPolicy,
        openTimeout: Duration,
        maxHeldActions: Int,
        maxHeldBytes: Int,
        nudge: ReplyNudgeStateMachine?,
        now: TimePoint
    ) {
        actions = PendingActions(maxHeldActions: maxHeldActions, maxHeldBytes: maxHeldBytes)
        backoff = ReconnectBackoff(policy: policy, now: now)
        self.openTimeout = openTimeout
        self.nudge = nudge
    }

    var inFlightCount: Int { actions.inFlightCount }
    // The getters that are asked for each action mutate, though they change nothing: a machine that is a property of a
    // class would be copied whole for one that does not.

    /// The id that the next submission gets.
    var nextActionID: UInt64 { mutating get { actions.nextID } }
    /// How many actions wait for the connection to open.
    var heldCount: Int { actions.heldCount }
    /// When the attempt under way is to have come as far as `Init`.
    var openDeadline: TimePoint? { timers[.open] }
    var isOver: Bool {
        switch state {
        case .closing, .closed: true
        case .idle, .connecting, .upgraded, .open, .waiting, .pausing, .paused: false
        }
    }
    /// Whether what `pause` asked for has come, or will not.
    var isPauseSettled: Bool {
        mutating get {
            guard wantsPause else { return true }
            switch state {
            case .paused, .closed: return true
            case .idle, .connecting, .upgraded, .open, .waiting, .pausing, .closing: return false
            }
        }
    }

    var isConnecting: Bool { if case .connecting = state { true } else { false } }
    var isOpen: Bool { if case .open = state { true } else { false } }

    // MARK: What is to be done

    /// The next thing to do; nil when there is none until something happens or `nextDeadline` comes.
    mutating func nextAction(_ link: @autoclosure () -> Link, now: @autoclosure () -> TimePoint) -> Action? {
        if let action = queue.popFirst() { return action }
        // What waits for room on an open socket: subscriptions first (B64, B88), then actions in their order (B79).
        guard isOpen, !dueNames.isEmpty || (actions.heldCount > 0 && !wantsPause) else { return nil }
        let link = link()
        guard link.canTakeMore else { return nil }
        if !dueNames.isEmpty { return subscription(dueNames.removeFirst()) }
        guard let entry = actions.releaseFirstHeld(at: link.position) else { return nil }
        left(entry, now: now())
        return .sendAction(entry)
    }

    /// When to call `timePassed`, unless something else happens before.
    var nextDeadline: TimePoint? {
        mutating get {
            switch (timers.next, actions.nextDeadline) {
            case (let timer?, let action?): min(timer, action)
            case (let timer, let action): timer ?? action
            }
        }
    }

    mutating func timePassed(now: TimePoint) {
        while let entry = actions.removeDue(now: now) {
            fail(entry, overdue(entry))
        }
        drained()
        while let timer = timers.removeFirst(dueAt: now) {
            switch timer {
            case .open:
                queue.append(.endAttempt(.notOpened(within: openTimeout, DeadlinePassedError())))
            case .retry:
                beginAttempt(now: now)
            case .close:
                queue.append(.endAttempt(.lost("the peer announced an error and did not close")))
            case .nudge:
                // Whoever called it may be gone.
                guard isOpen, actions.inFlightCount == 1, nudge?.timePassed(now: now) == true else { continue }
                queue.append(.sendNudge)
            }
        }
    }

    /// Why the connection is not open, after how many attempts, is told with it (B266).
    private func overdue(_ entry: PendingActions<Waiter>.Entry) -> RivetError {
        let what = "the action \"\(entry.name)\""
        return entry.isInFlight
            ? .deadlineExceeded(what, entry.limit, hadLeft: true)
            : .notOpened(what, entry.limit, lastFailure.map { (backoff.attempt, $0) })
    }

    // MARK: The attempt

    /// The connection's task runs.
    mutating func start(now: TimePoint) {
        guard case .idle = state else { return }  // Race: paused or disconnected.
        beginAttempt(now: now)
    }

    private mutating func beginAttempt(now: TimePoint) {
        backoff.attemptStarted()
        announced = nil
        (subscribedNames, dueNames) = ([], [])
        heardAnything = false
        state = .connecting
        timers[.open] = now.advanced(by: openTimeout)
        queue.append(.report(.connecting(attempt: backoff.attempt)))
        queue.append(.beginAttempt)
    }

    /// The 101 has come: subscriptions leave at once, one for each name, or a nudge where that is known to help (B88).
    mutating func socketOpened(names: [String], now: TimePoint) {
        guard case .connecting = state else { return }  // Race: disconnected or paused.
        state = .upgraded
        guard sendsBeforeInit else { return }
        if names.isEmpty, nudge?.socketOpened(now: now) == true { queue.append(.sendNudge) }
        for name in names { subscriptionChanged(name, isWanted: true) }
    }

    mutating func receivedInit(actorID: ActorID, connectionID: String, names: [String], now: TimePoint) {
        guard case .upgraded = state else { return }  // A second `Init` changes nothing.
        nudge?.receivedInit(now: now)
        connectionNumber += 1
        (sendsBeforeInit, heardAnything, lastFailure) = (true, true, nil)
        let info = ConnectionInfo(actorID: actorID, connectionID: connectionID, connectionNumber: connectionNumber)
        state = .open(info, since: now)
        timers[.open] = nil
        for name in names { subscriptionChanged(name, isWanted: true) }
        if connectionNumber > 1 { queue.append(.markReconnected(info)) }
        queue.append(.opened)
        // Last, so that who hears it finds all of it done.
        queue.append(.report(.connected(info)))
    }

    /// The attempt or the open connection is over: decides about the next one.
    ///
    /// `sent` is how many of the bytes that were written to its socket may have left.
    mutating func attemptEnded(_ ending: AttemptEnding, sent: UInt64, now: TimePoint, random: Double) {
        let ending = cause(of: ending)
        timers = TimerTable()
        nudge?.socketEnded()
        switch state {
        case .idle, .waiting, .paused, .closed:
            return assertionFailure("no attempt was under way")
        case .closing:
            return close(.requested)
        case .pausing:
            // It was asked for, and whatever happened meanwhile is the next attempt's to find out.
            return wantsPause ? rest() : resume(now: now)
        case .connecting:
            break
        case .upgraded:
            sendsBeforeInit = heardAnything || !sendsBeforeInit
        case .open(_, let since):
            backoff.lost(openedAt: since, now: now)
        }
        lastFailure = ending.error
        let left = actions.removeInFlight(sentBefore: sent)
        let notRun = ending.error.with(execution: .notSent, connectionSurvives: false)
        var held: [PendingActions<Waiter>.Entry] = []
        // Statuses before those who are failed with them, and gaps before both (B130).
        switch backoff.next(after: ending, now: now, random: random) {
        case .giveUp:
            held = actions.removeHeld()
            close(.failed(notRun), finishes: false)
        case .wait where wantsPause:
            rest()
        case .wait(let delay):
            state = .waiting
            timers[.retry] = now.advanced(by: delay)
            queue.append(
                .report(.waiting(RetryState(attempt: backoff.attempt + 1, delay: delay, cause: ending.error)))
            )
            if ending.failsHeldActions { held = actions.removeHeld() }
        }
        let mayHaveRun = ending.error.with(execution: .mayHaveRun, connectionSurvives: false)
        for entry in left { fail(entry, mayHaveRun) }
        for entry in held { fail(entry, notRun) }
        if case .closed = state { queue.append(.finish) }
    }

    /// An error that was announced is the cause of a close or loss that follows.
    private mutating func cause(of ending: AttemptEnding) -> AttemptEnding {
        guard var announced = announced.take(),
            ending.error.code == .closedByPeer || ending.error.code == .connectionLost
        else { return ending }
        announced.error = announced.error.with(
            remote: announced.error.remote?.with(deliveryOf: ending.error.remote)
        )
        return announced
    }

    // MARK: Messages

    mutating func receivedResponse(id: UInt64, output: EncodedValue, now: TimePoint) {
        guard let entry = answered(id, now: now) else { return }
        counts.answered += 1
        queue.append(.succeed(entry.waiter, output))
        drained()
    }

    mutating func receivedActionError(id: UInt64, _ error: RivetError, now: TimePoint) {
        guard let entry = answered(id, now: now) else { return }
        fail(entry, error)
        drained()
    }

    /// Nil in a race: timed out or cancelled before (B68).
    private mutating func answered(_ id: UInt64, now: TimePoint) -> PendingActions<Waiter>.Entry? {
        nudge?.answered(id: id, now: now)
        return actions.remove(id)
    }

    /// An error about the connection itself; the close that belongs to it follows (B141, B142).
    mutating func receivedConnectionError(_ ending: AttemptEnding, now: TimePoint) {
        switch state {
        case .upgraded:
            // Refused before it opened: held actions fail with the actor's own words (B141).
            heardAnything = true
            let refused = ending.error.with(execution: .notSent, connectionSurvives: false)
            for entry in actions.removeHeld() { fail(entry, refused) }
        case .open:
            break
        case .idle, .connecting, .waiting, .pausing, .paused, .closing, .closed:
            return  // Race: the socket is being closed.
        }
        announced = ending
        // More of them do not put it off.
        if timers[.close] == nil { timers[.close] = now.advanced(by: .seconds(5)) }
    }

    // MARK: The callers' side

    /// An action is called; it waits with the id that `nextActionID` was, or fails at once.
    mutating func submit(
        name: String,
        arguments: ByteChunk,
        limit: Duration,
        waiter: Waiter,
        _ link: Link,
        now: TimePoint
    ) {
        switch state {
        case .closing, .closed(.requested):
            return queue.append(.fail(waiter, RivetError.connectionClosed))
        case .closed(.failed(let error)):
            return queue.append(.fail(waiter, error))
        case .idle, .connecting, .upgraded, .open, .waiting, .pausing, .paused:
            break
        }
        let leaves = isOpen && link.canTakeMore && actions.heldCount == 0 && dueNames.isEmpty && !wantsPause
        let entry = actions.add(
            name: name,
            arguments: arguments,
            limit: limit,
            deadline: now.advanced(by: limit),
            waiter: waiter,
            position: leaves ? link.position : nil
        )
        guard let entry else {
            return queue.append(
                .fail(
                    waiter,
                    RivetError(
                        .heldActionsFull,
                        "\(actions.heldCount) actions with \(actions.heldBytes) bytes of arguments wait already; the "
                            + "limits are maxHeldActions \(actions.maxHeldActions) and maxHeldBytes "
                            + "\(actions.maxHeldBytes)",
                        fault: .caller,
                        isTransient: true
                    )
                )
            )
        }
        guard leaves else { return }
        left(entry, now: now)
        queue.append(.sendAction(entry))
    }

    private mutating func left(_ entry: PendingActions<Waiter>.Entry, now: TimePoint) {
        if !entry.wasReturned { counts.sent += 1 }
        guard nudge != nil else { return }
        let inFlight = actions.inFlightCount
        timers[.nudge] = nudge?.actionSent(id: entry.id, name: entry.name, inFlight: inFlight, now: now)
    }

    /// The caller is gone: a held message never leaves, an answer in flight is dropped later.
    mutating func withdraw(_ id: UInt64, _ error: any Error) {
        guard let entry = actions.remove(id) else { return }  // Race: answered just before.
        fail(entry, error)
        drained()
    }

    /// One of several users is gone: its actions end as with `disconnect`, the others go on.
    mutating func withdraw(_ ids: [UInt64], _ reason: RivetError) {
        for id in ids {
            guard let entry = actions.remove(id) else { continue }  // Race: answered just before.
            fail(entry, entry.isInFlight ? reason.with(execution: .mayHaveRun) : reason)
        }
        drained()
    }

    private mutating func fail(_ entry: PendingActions<Waiter>.Entry, _ error: any Error) {
        if entry.isInFlight || entry.wasReturned { counts.failed += 1 }
        queue.append(.fail(entry.waiter, error))
    }

    /// Brings the socket in line with what is wanted now.
    ///
    /// While it does not take more, the name is due: once, whatever is wanted in the end.
    mutating func subscriptionChanged(_ name: String, isWanted: Bool, canTakeMore: Bool = true) {
        switch state {
        case .open: break
        case .upgraded: guard sendsBeforeInit else { return }
        case .idle, .connecting, .waiting, .pausing, .paused, .closing, .closed: return
        }
        dueNames.removeAll { $0.hasSameBytes(as: name) }
        guard subscribedNames.contains(ExactName(name)) != isWanted else { return }
        if canTakeMore { queue.append(subscription(name)) } else { dueNames.append(name) }
    }

    /// The other way round than the socket was told.
    private mutating func subscription(_ name: String) -> Action {
        let subscribe = subscribedNames.insert(ExactName(name)).inserted
        if !subscribe { subscribedNames.remove(ExactName(name)) }
        nudge?.otherMessageSent()
        return .sendSubscription(name: name, subscribe: subscribe)
    }

    /// The next attempt need not wait.
    mutating func retryNow(now: TimePoint) {
        guard case .waiting = state else { return }
        timers[.retry] = nil
        beginAttempt(now: now)
    }

    // MARK: Rest

    /// Actions in flight are waited for, then the socket closes, and nothing more is tried (B288).
    mutating func pauseRequested() {
        guard !isOver else { return }
        wantsPause = true
        switch state {
        case .idle, .waiting:
            timers = TimerTable()
            rest()
        case .connecting:
            state = .pausing
            queue.append(.endAttempt(AttemptEnding(error: .connectionClosed)))
        case .upgraded:
            state = .pausing
            queue.append(.closeSocket)
        case .open:
            drained()
        case .pausing, .paused, .closing, .closed:
            break
        }
    }

    /// An attempt begins at once, or as soon as the socket that is being closed is (B289).
    mutating func resumeRequested(now: TimePoint) {
        guard wantsPause else { return }
        wantsPause = false
        if case .paused = state { resume(now: now) }
    }

    private mutating func resume(now: TimePoint) {
        backoff.resumed(now: now)
        beginAttempt(now: now)
    }

    /// Where a pause waits for the last action in flight, its time has come.
    private mutating func drained() {
        guard wantsPause, isOpen, actions.inFlightCount == 0 else { return }
        state = .pausing
        queue.append(.closeSocket)
    }

    private mutating func rest() {
        state = .paused
        queue.append(.report(.paused))
    }

    // MARK: The end

    /// No attempt can ever be made: the connection ends, whatever ``ReconnectPolicy/decide`` would say.
    mutating func refused(_ error: RivetError) {
        guard case .idle = state else { return }  // Race: disconnected.
        close(.failed(error), finishes: false)
        for entry in actions.removeHeld() { fail(entry, error) }
        queue.append(.finish)
    }

    /// `disconnect`: everything that waits fails at once (B161), the socket closes with 1000.
    mutating func disconnectRequested(_ reason: RivetError = .connectionClosed) {
        guard !isOver else { return }
        for entry in actions.removeInFlight(sentBefore: .max) {
            fail(entry, reason.with(execution: .mayHaveRun))
        }
        for entry in actions.removeHeld() { fail(entry, reason) }
        let before = state
        state = .closing
        switch before {
        case .upgraded, .open: queue.append(.closeSocket)
        case .connecting: queue.append(.endAttempt(AttemptEnding(error: .connectionClosed)))
        case .idle, .waiting, .paused: close(.requested)
        case .pausing, .closing, .closed: break
        }
    }

    private mutating func close(_ reason: CloseReason, finishes: Bool = true) {
        timers = TimerTable()
        state = .closed(reason)
        queue.append(.report(.closed(reason)))
        switch reason {
        case .requested: queue.append(.endFeeds(nil))
        case .failed(let error): queue.append(.endFeeds(error))
        }
        if finishes { queue.append(.finish) }
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
