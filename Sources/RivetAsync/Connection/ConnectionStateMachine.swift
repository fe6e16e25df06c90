// SPDX-License-Identifier: Apache-2.0

/// The life of a connection without its IO: which status it has, what leaves when, who is told what, and when.
///
/// The driver calls one method per event, then takes actions until there is none, and comes back at `nextDeadline`.
/// Events of actors do not pass through here: they go from the socket to their feeds.
struct ConnectionStateMachine<Waiter: Sendable>: Sendable {
    private(set) var state = State.idle
    private(set) var counts = Counts()
    private var actions: PendingActions<Waiter>
    private var backoff: ReconnectBackoff
    /// Nil where there are no nudges.
    private var nudge: ReplyNudgeStateMachine?
    private let keepAliveSetting: KeepAlive?
    /// Of the open socket: pings start after `Init` (PROTOCOL h7).
    private var keepAlive: KeepAliveStateMachine? { didSet { timers[.keepAlive] = keepAlive?.nextDeadline } }
    /// Events wait for room in a feed, whatever the socket.
    private var isReadingHeld = false
    private var timers = TimerTable<Timer>()
    private var queue = RingBuffer<Action>()
    private(set) var connectionNumber = 0
    private let openTimeout: Duration
    /// What the callers of `pause` and `resume` said last.
    private(set) var wantsPause = false
    private var subscriptions = SocketSubscriptions()
    /// An error without action id: the cause of the close that follows.
    private var announced: AttemptEnding?
    /// Whether anything leaves behind the 101 and before `Init`.
    ///
    /// Off for one attempt after one that ended there without a word: a reset may have overtaken the error (B88).
    private var sendsBeforeInit = true
    private var heardAnything = false
    /// The open socket has ended, and `attemptEnded` follows when more is known of why.
    private var isSocketGone = false
    /// How the last attempt or socket ended; nil while the connection is open, and before the first end.
    private var lastFailure: RivetError?
    /// What whoever closed it gave as the reason.
    private(set) var endReason = RivetError.connectionClosed

    init(
        policy: ReconnectPolicy,
        openTimeout: Duration,
        maxHeldActions: Int,
        maxHeldBytes: Int,
        keepAlive: KeepAlive?,
        nudge: ReplyNudgeStateMachine?,
        now: TimePoint
    ) {
        actions = PendingActions(maxHeldActions: maxHeldActions, maxHeldBytes: maxHeldBytes)
        backoff = ReconnectBackoff(policy: policy, now: now)
        self.openTimeout = openTimeout
        keepAliveSetting = keepAlive
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
    /// It is read, and not closing.
    private var hasSocket: Bool {
        switch state {
        case .upgraded, .open: true
        case .idle, .connecting, .waiting, .pausing, .paused, .closing, .closed: false
        }
    }

    // MARK: What is to be done

    /// The next thing to do; nil when there is none until something happens or `nextDeadline` comes.
    mutating func nextAction(_ link: @autoclosure () -> Link, now: @autoclosure () -> TimePoint) -> Action? {
        if let action = queue.popFirst() { return action }
        // What waits for room on an open socket: subscriptions first (B64, B88), then actions in their order (B79).
        guard isOpen, subscriptions.hasDue || (actions.heldCount > 0 && !wantsPause) else { return nil }
        let link = link()
        guard link.canTakeMore else { return nil }
        if let change = subscriptions.nextDue() { return sending(change) }
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

    /// `lastReceived`: when the socket's last byte came.
    mutating func timePassed(lastReceived: TimePoint?, now: TimePoint) {
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
            case .keepAlive:
                // Closing has a deadline of its own.
                guard isOpen, let lastReceived else { continue }
                switch keepAlive?.timePassed(lastReceived: lastReceived, now: now) {
                case .sendPing(let id)?: queue.append(.sendPing(id: id))
                case .failConnection?: queue.append(.failSocket(silentFor: keepAlive?.timeout ?? .zero))
                case nil: break
                }
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
        subscriptions = SocketSubscriptions()
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

    /// `isBehindLoss`: a socket before this one was open, or brought events.
    mutating func receivedInit(
        _ actorID: ActorID,
        _ connectionID: String,
        names: [String],
        isBehindLoss: Bool,
        now: TimePoint
    ) {
        guard case .upgraded = state else { return }  // A second `Init` changes nothing.
        nudge?.receivedInit(now: now)
        connectionNumber += 1
        (sendsBeforeInit, heardAnything, lastFailure) = (true, true, nil)
        let info = ConnectionInfo(actorID: actorID, connectionID: connectionID, connectionNumber: connectionNumber)
        state = .open(info, since: now)
        timers[.open] = nil
        for name in names { subscriptionChanged(name, isWanted: true) }
        if isBehindLoss { queue.append(.markReconnected(info)) }
        keepAlive = keepAliveSetting.map {
            KeepAliveStateMachine(interval: $0.interval, timeout: $0.timeout, now: now)
        }
        // A feed that was full before the loss is so still.
        if isReadingHeld { readingHeld() }
        // Last, so that who hears it finds all of it done.
        queue.append(.report(.connected(info)))
    }

    /// The open socket has ended with `error`, and `attemptEnded` waits for the engine to say more of it.
    ///
    /// That may need a token, so the provider's own actions end here, and before the status tells (B318).
    mutating func socketGone(_ error: RivetError) {
        guard isOpen else { return }
        isSocketGone = true
        failStuck(ifLeft: (announced?.error ?? error).with(execution: .mayHaveRun, connectionSurvives: false))
    }

    /// The attempt or the open connection is over: decides about the next one.
    ///
    /// `sent` is how many of the bytes that were written to its socket may have left.
    mutating func attemptEnded(_ ending: AttemptEnding, sent: UInt64, now: TimePoint, random: Double) {
        let ending = cause(of: ending)
        (keepAlive, isSocketGone) = (nil, false)
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
        case .connecting where ending.error.code == .clientClosed:
            // The attempt has heard of it first: `disconnect` is on its way.
            state = .waiting
            return disconnectRequested(ending.error)
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
        failStuck()
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

    /// Nil in a race, timed out or cancelled before (B68), and where the peer answers what was never sent.
    private mutating func answered(_ id: UInt64, now: TimePoint) -> PendingActions<Waiter>.Entry? {
        nudge?.answered(id: id, now: now)
        let entry = actions.removeAnswered(id)
        if entry == nil { queue.append(.dropAnswer(id: id)) }
        return entry
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

    // MARK: Keep-alive

    /// How long the ping took there and back; nil for a pong that was not asked for.
    mutating func receivedPong(id: UInt32, now: TimePoint) -> Duration? { keepAlive?.receivedPong(id: id, now: now) }

    /// Events wait for room: the socket is not read, and its silence says nothing.
    mutating func readingHeld() {
        isReadingHeld = true
        keepAlive?.readingSuspended()
        if hasSocket { queue.append(.suspendReading) }
    }

    mutating func readingReleased(now: TimePoint) {
        isReadingHeld = false
        keepAlive?.readingResumed(now: now)
        if hasSocket { queue.append(.resumeReading) }
    }

    // MARK: The callers' side

    /// An action is called; it waits with the id that `nextActionID` was, or fails at once.
    ///
    /// `cannotWait` is what it hears where it would wait for the connection to open.
    mutating func submit(
        name: String,
        arguments: ByteChunk,
        limit: Duration,
        calledAt: TimePoint,
        waiter: Waiter,
        cannotWait: RivetError?,
        _ link: Link,
        now: TimePoint
    ) {
        switch state {
        case .closing, .closed(.requested):
            return queue.append(.fail(waiter, RivetError.connectionClosed))
        case .closed(.failed(let error)):
            return queue.append(.fail(waiter, error))
        case .open where !wantsPause && !isSocketGone:
            break
        case .idle, .connecting, .upgraded, .open, .waiting, .pausing, .paused:
            guard let cannotWait else { break }
            actions.skipID()
            return queue.append(.fail(waiter, cannotWait))
        }
        let leaves = isOpen && link.canTakeMore && actions.heldCount == 0 && !subscriptions.hasDue && !wantsPause
        let entry = actions.add(
            name: name,
            arguments: arguments,
            limit: limit,
            deadline: calledAt.advanced(by: limit),
            waiter: waiter,
            cannotWait: cannotWait,
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

    /// The connection is not open any more, or soon, for those who must not wait for the next time.
    ///
    /// Those that may have left only where `ifLeft` says what they hear.
    private mutating func failStuck(ifLeft: RivetError? = nil) {
        for entry in actions.remove(where: { $0.cannotWait != nil && (!$0.isInFlight || ifLeft != nil) }) {
            fail(entry, (entry.isInFlight ? ifLeft : nil) ?? entry.cannotWait ?? .connectionClosed)
        }
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
    mutating func subscriptionChanged(_ name: String, isWanted: Bool, canTakeMore: Bool = true) {
        switch state {
        case .open: break
        case .upgraded: guard sendsBeforeInit else { return }
        case .idle, .connecting, .waiting, .pausing, .paused, .closing, .closed: return
        }
        guard let change = subscriptions.wish(name, isWanted: isWanted, canTakeMore: canTakeMore) else { return }
        queue.append(sending(change))
    }

    private mutating func sending(_ change: SocketSubscriptions.Change) -> Action {
        nudge?.otherMessageSent()
        return .sendSubscription(name: change.name, subscribe: change.subscribe)
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
        failStuck()
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
        endReason = reason
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
