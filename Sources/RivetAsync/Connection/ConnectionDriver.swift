// SPDX-License-Identifier: Apache-2.0
import Synchronization

/// Drives one connection: carries out what its machine decides, on the lane that also brings the bytes.
///
/// `run()` is one child of the client's root task. Under it there is one attempt at a time (resolve, open, then the wait
/// for its end); whatever is to happen at some time is the machine's next deadline, one entry of the client's scheduler
/// that comes back onto the lane. There is no read or write task. Every event of a socket carries the generation of its
/// attempt, so that an old one is ignored (B143).
actor ConnectionDriver: ClientMember {
    typealias Machine = ConnectionStateMachine<ActionSubmission>

    /// What the connection's task is to do next.
    private enum Turn: Sendable {
        case wait
        case attempt
        case end
    }

    /// What one attempt shares with the lane.
    private struct Attempt: Sendable {
        /// How it has ended.
        let ending: Monitor<AttemptEnding?>
        /// Set when nothing is to be learnt about it any more.
        let isLeft: Signal

        init(gauge: ResourceGauge) {
            ending = Monitor(nil, gauge: gauge)
            isLeft = Signal(gauge: gauge)
        }

        func end(_ ending: AttemptEnding) { self.ending.update { $0 = $0 ?? ending } }
    }

    nonisolated let context: ClientContext
    nonisolated let lane: Lane
    nonisolated let statuses: Broadcast<ConnectionStatus>
    nonisolated let book = Subscriptions()
    nonisolated let tally = ConnectionTally()
    /// Touched on the lane only.
    nonisolated let events: EventDispatcher
    nonisolated let handle: HandleCore
    /// By what it is found where several share it; nil where it has one user.
    nonisolated let shareKey: SharedConnectionKey?
    private nonisolated let parameters: ConnectionParameters
    private nonisolated let skipsReadyWait: Bool
    nonisolated let reconnect: ReconnectPolicy
    /// Why it is not even tried.
    private nonisolated let refusal: RivetError?
    private nonisolated let turn: Monitor<Turn>
    /// Whether `pause` has nothing more to wait for.
    private nonisolated let isPauseSettled: Monitor<Bool>
    private nonisolated let finished: Signal
    /// What those hear who wait for it when it was closed.
    nonisolated let endReason = Mutex(RivetError.connectionClosed)

    private(set) var machine: Machine
    /// Of those who use it now, where several share it.
    var shares: [ObjectIdentifier: ConnectionShare] = [:]
    private(set) var socket: ConnectionSocket?
    private var reporter: ConnectionReporter
    private var attempt: Attempt
    private var generation = 0
    /// The machine's, or one before it; when it comes nothing may be due.
    private var deadline: (time: TimePoint, id: DeadlineScheduler.ID)?
    private var isPerforming = false
    private var wasPauseSettled = true
    private var isFirstAttempt = true
    /// What the first attempt is tied to, asked in the task that called `connect()` (B261).
    private var firstScope: Result<HTTPFields, any Error>?
    private var isCancelled = false

    nonisolated var executor: any TaskExecutor { lane.taskExecutor }
    nonisolated var isPinned: Bool { handle.query.isPinned }
    nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe lane.asUnownedSerialExecutor() }

    init(handle: HandleCore, options: ConnectOptions, shareKey: SharedConnectionKey? = nil) {
        let context = handle.context
        let configuration = context.configuration
        self.context = context
        self.handle = handle
        self.shareKey = shareKey
        reporter = ConnectionReporter(context, tally, actorName: handle.query.actorName)
        lane = context.nextLane()
        parameters = options.parameters ?? handle.options.parameters
        skipsReadyWait = handle.skipsReadyWait(options.skipsReadyWait)
        refusal = context.invalidConfiguration ?? options.invalid ?? handle.invalidName ?? context.tokenError
        reconnect = options.reconnect ?? configuration.reconnect
        firstScope = Result { try context.scope(deadline: context.time.now).fields }
        machine = ConnectionStateMachine(
            policy: reconnect,
            openTimeout: configuration.openTimeout,
            maxHeldActions: configuration.maxHeldActions,
            maxHeldBytes: configuration.maxHeldBytes,
            keepAlive: configuration.keepAlive,
            nudge: context.nudges.map { ReplyNudgeStateMachine($0, actorName: handle.query.actorName) },
            now: context.time.now
        )
        statuses = Broadcast(capacity: 64, replaying: .connecting(attempt: 1), gauge: context.gauge)
        attempt = Attempt(gauge: context.gauge)
        turn = Monitor(.wait, gauge: context.gauge)
        isPauseSettled = Monitor(true, gauge: context.gauge)
        finished = Signal(gauge: context.gauge)
        events = EventDispatcher(book, tally.events, format: context.configuration.encoding.wire.valueFormat)
        events.onFinish = { [weak self] in self?.removeFeed($0) }
    }

    /// Starts the connection's task, or ends the connection where the client is closed already or was told nonsense.
    nonisolated func start() {
        if refusal == nil, context.addConnection(self) { return }
        lane.run { self.assumeIsolated { $0.refuse($0.refusal ?? .clientClosed) } }
    }

    private func refuse(_ error: RivetError) {
        step { $0.refused(error.with(connectionSurvives: false)) }
        finished.set()
    }

    // MARK: The task

    /// Attempts until the connection is closed.
    ///
    /// Cancelling its task closes the connection.
    func run() async {
        await withTaskCancellationHandler {
            step { $0.start(now: context.time.now) }
            while await isAttemptWanted() {
                let ending = await observedAttempt()
                isFirstAttempt = false
                let sent = endSocket()
                step {
                    $0.attemptEnded(ending, sent: sent, now: context.time.now, random: context.random.fraction())
                }
            }
            if let deadline = deadline.take() { context.deadlines.cancel(deadline.id) }
            finished.set()
        } onCancel: {
            lane.run { self.assumeIsolated { $0.cancelled() } }
        }
    }

    private func isAttemptWanted() async -> Bool {
        await turn.firstUncancellably { turn in
            switch turn {
            case .wait: return nil
            case .attempt:
                turn = .wait
                return true
            case .end: return false
            }
        }
    }

    private func observedAttempt() async -> AttemptEnding {
        var ending = AttemptEnding(error: .connectionClosed)
        // The end of an attempt is what it throws.
        try? await context.part("attempt", of: nil) {
            ending = await explained(openAndStay())
            throw ending.error
        }
        return ending
    }

    /// The engine's own account of why the actor does not start takes the place of the gateway's words (B60, B208).
    private func explained(_ ending: AttemptEnding) async -> AttemptEnding {
        guard ending.error.hasStartFailure, !machine.isOver, let id = handle.resolver.current else { return ending }
        guard let failure = await ActorResolver.startFailure(context, of: id, unless: attempt.isLeft) else {
            return ending
        }
        var ending = ending
        ending.error = .actorUnavailable(failure, ending.error)
        return ending
    }

    /// One attempt, from the lookup to the end of its socket.
    ///
    /// Leaves at once when it is ended from the lane.
    private func openAndStay() async -> AttemptEnding {
        let (attempt, generation) = (attempt, generation)
        let firstScope = firstScope.take()
        let openTimeout = context.configuration.openTimeout
        let deadline = machine.openDeadline ?? context.time.now.advanced(by: openTimeout)
        let opening: ConnectionAttempt
        do {
            opening = ConnectionAttempt(
                handle: handle,
                parameters: parameters,
                skipsReadyWait: skipsReadyWait,
                lane: lane,
                isFirst: isFirstAttempt,
                scope: try firstScope.map { try CallScope(deadline: deadline, fields: $0.get(), record: nil) }
                    ?? context.scope(deadline: deadline)
            )
        } catch {
            return AttemptEnding(attemptError: error, openTimeout: openTimeout)
        }
        return await withTaskGroup { group in
            // Its code belongs to no actor.
            group.addTask(executorPreference: lane.taskExecutor) {
                do {
                    try await opening.open { socket in
                        // On the lane, behind the 101 and before anything that came with it is read.
                        self.assumeIsolated { $0.socketOpened(socket, generation: generation) }
                    }
                    // The attempt goes on until its socket ends.
                } catch {
                    attempt.end(AttemptEnding(attemptError: error, openTimeout: openTimeout))
                }
            }
            let ending = await attempt.ending.firstUncancellably { $0 }
            group.cancelAll()
            return ending
        }
    }

    // MARK: Events of the socket, on the lane

    private func socketOpened(_ socket: ConnectionSocket, generation: Int) {
        guard generation == self.generation, machine.isConnecting else {
            socket.abort()
            return
        }
        self.socket = socket
        socket.attach(self, generation: generation)
        step { $0.socketOpened(names: book.current.names, now: context.time.now) }
    }

    func received(_ message: ServerMessage, generation: Int) {
        guard generation == self.generation else { return }
        let now = context.time.now
        switch message {
        case .initial(let actorID, let connectionID):
            let (names, isBehindLoss) = (book.current.names, events.isReopening)
            step { $0.receivedInit(actorID, connectionID, names: names, isBehindLoss: isBehindLoss, now: now) }
        case .actionResponse(let id, let output):
            step { $0.receivedResponse(id: id, output: context.value(output), now: now) }
        case .error(let message):
            if let id = message.actionID {
                step { $0.receivedActionError(id: id, .action(message), now: now) }
            } else {
                let ending = AttemptEnding(refusal: message, isPinned: isPinned, beforeInit: !machine.isOpen)
                step { $0.receivedConnectionError(ending, now: now) }
            }
        case .event:
            break  // The socket has given it to its feeds.
        }
    }

    func receivedPong(_ id: UInt32, generation: Int) {
        guard generation == self.generation else { return }
        step { machine in
            if let roundTrip = machine.receivedPong(id: id, now: context.time.now) { tally.pongTook(roundTrip) }
        }
    }

    /// Events wait for room in a feed.
    ///
    /// The `Init` that they are ahead of is still read: whoever is to make room may wait for that.
    func readingHeld(generation: Int) {
        guard generation == self.generation, machine.isOpen || events.isFullAheadOfInit() else { return }
        step { $0.readingHeld() }
    }

    func becameWritable(generation: Int) {
        guard generation == self.generation else { return }
        perform()
    }

    /// The socket is gone: closed by the peer, failed, or closed by us.
    func socketEnded(_ ending: AttemptEnding, generation: Int) {
        guard generation == self.generation else { return }
        if ending.error.hasStartFailure { step { $0.socketGone(ending.error) } }
        attempt.end(ending)
    }

    /// How much of what was written to it may have left.
    private func endSocket() -> UInt64 {
        generation += 1
        defer { socket = nil }
        guard let socket else { return 0 }
        if isCancelled { socket.abort() } else { socket.letGo() }
        events.socketEnded(wasOpen: machine.connectionNumber > 0)
        return socket.sentCount
    }

    // MARK: Carrying out

    /// Called on the lane only, so that the order of changes is one for all.
    func step(_ change: (inout Machine) -> Void) {
        change(&machine)
        perform()
    }

    private func perform() {
        // What a call below leads to is done by the loop around it, so that order is kept.
        guard !isPerforming else { return }
        isPerforming = true
        defer { isPerforming = false }
        // Before anybody learns of the state that it belongs to.
        settle()
        while let action = machine.nextAction(socket?.link ?? .none, now: context.time.now) { carryOut(action) }
        settle()
        guard machine.isPauseSettled != wasPauseSettled else { return }
        wasPauseSettled.toggle()
        isPauseSettled.update { [wasPauseSettled] in $0 = wasPauseSettled }
    }

    private func settle() {
        setDeadline()
        let counts = machine.counts
        tally.note(sent: counts.sent, answered: counts.answered, failed: counts.failed)
    }

    private func carryOut(_ action: Machine.Action) {
        switch action {
        case .report(let status): report(status)
        case .beginAttempt:
            attempt = Attempt(gauge: context.gauge)
            turn.update { $0 = .attempt }
        case .endAttempt(let ending):
            attempt.end(ending)
            attempt.isLeft.set()
        case .sendSubscription(let name, let subscribe):
            socket?.sendSubscription(name, subscribe: subscribe)
        case .sendNudge: sendNudge()
        case .sendAction(let entry):
            socket?.sendAction(id: entry.id, name: entry.name, arguments: entry.arguments)
        case .succeed(let waiter, let value):
            // Who hears the answer finds the events that came before it.
            events.settle()
            waiter.resume(returning: value)
        case .fail(let waiter, let error):
            events.settle()
            waiter.resume(throwing: error)
        case .dropAnswer(let id): reporter.sayDropped(answer: id)
        case .markReconnected(let info): events.reconnected(info)
        case .sendPing(let id): socket?.ping(id)
        case .failSocket(let timeout): socket?.fail(silentFor: timeout)
        case .suspendReading: socket?.suspendReading()
        case .resumeReading: socket?.resumeReading()
        case .closeSocket:
            attempt.isLeft.set()
            socket?.close()
        case .endFeeds(let error):
            events.finish()
            for feed in book.current.feeds { feed.end(error) }
        case .finish: turn.update { $0 = .end }
        }
    }

    private func report(_ status: ConnectionStatus) {
        // Before the status, so that who hears that finds it counted, and gets another one.
        if case .closed = status, let shareKey { context.shared.remove(shareKey, self) }
        if case .closed(.requested) = status { endReason.withLock { $0 = machine.endReason } }
        let end = reporter.count(status)
        if case .connecting(let attempt) = status, case .connecting(attempt)? = statuses.latest {
            // Every observer begins with the first one.
        } else {
            statuses.send(status)
            for share in shares.values { share.report(status) }
        }
        if case .closed = status { statuses.finish() }
        reporter.say(status, end)
    }

    private func sendNudge() {
        socket?.sendSubscription("_rivetasync.nudge", subscribe: false)
        reporter.sayNudged()
    }

    /// Has the machine asked what is due, on the lane, at its next deadline.
    private func setDeadline() {
        guard let time = machine.nextDeadline else { return }
        if let deadline {
            guard time < deadline.time else { return }
            context.deadlines.cancel(deadline.id)
        }
        let lane = lane
        let id = context.deadlines.schedule(at: time) { [weak self] in
            guard let self else { return }
            lane.run {
                self.assumeIsolated { driver in
                    driver.deadline = nil
                    driver.step {
                        $0.timePassed(lastReceived: driver.socket?.lastReceived, now: driver.context.time.now)
                    }
                }
            }
        }
        deadline = (time, id)
    }

    // MARK: The callers' side

    /// One action, from the caller's task.
    ///
    /// That waits outside the actor: within, it would be resumed on the pool, sent back to the lane, and only then to its
    /// caller.
    nonisolated func perform(
        name: String,
        arguments: ByteChunk,
        _ options: CallOptions,
        _ share: ConnectionShare? = nil
    ) async throws -> EncodedValue {
        try Task.checkCancellation()
        try RivetError.checkName(name, "action name")
        let limit = try options.checkedTimeout() ?? context.configuration.callTimeout
        // It is a call as others are: refused when the client closes, and given its grace (B170).
        try context.beginCall()
        defer { context.endCall() }
        let submission = ActionSubmission(
            self,
            name: name,
            arguments,
            limit,
            calledAt: context.time.now,
            cannotWait: context.tokenError,
            share
        )
        defer { submission.ended() }
        return try await ParkedTask.park(context.gauge) {
            submission.start($0)
        } onCancel: {
            submission.cancel()
        }
    }

    func submit(_ submission: ActionSubmission) {
        let id = machine.nextActionID
        do {
            try submission.begin(id)
        } catch {
            return submission.resume(throwing: error)
        }
        step {
            $0.submit(
                name: submission.name,
                arguments: submission.arguments,
                limit: submission.limit,
                calledAt: submission.calledAt,
                waiter: submission,
                cannotWait: submission.cannotWait,
                socket?.link ?? .none,
                now: context.time.now
            )
        }
    }

    func withdraw(_ id: UInt64) { step { $0.withdraw(id, CancellationError()) } }

    nonisolated func addFeed(
        name: String,
        _ buffering: EventBuffering,
        _ share: ConnectionShare? = nil
    ) -> EventFeed {
        let losses = EventLosses(time: context.time, deadlines: context.deadlines, tally: tally.events) {
            [weak self] kind, count in
            guard let self else { return }
            lane.run { self.assumeIsolated { $0.reporter.say(kind, of: name, count) } }
        }
        let feed = EventFeed(name: name, buffering: buffering, gauge: context.gauge, losses: losses) { [weak self] in
            guard let self else { return }
            lane.run { self.assumeIsolated { $0.feedHasRoom() } }
        }
        book.change { $0.add(feed) }
        lane.run { self.assumeIsolated { $0.listenersChanged(name, added: feed, share) } }
        return feed
    }

    nonisolated func removeFeed(_ feed: EventFeed, _ share: ConnectionShare? = nil) {
        book.change { $0.remove(feed) }
        feed.end(nil)
        lane.run {
            self.assumeIsolated { driver in
                share?.feeds[ObjectIdentifier(feed)] = nil
                driver.listenersChanged(feed.name, added: nil)
                if feed.releaseHold() { driver.feedHasRoom() }
            }
        }
    }

    // Calls may reach the lane out of order. The book holds the current wish, so whichever comes last sees it.
    private func listenersChanged(_ name: String, added feed: EventFeed?, _ share: ConnectionShare? = nil) {
        switch (share?.statuses ?? statuses).latest {
        case .closed(.requested): feed?.end(nil)
        case .closed(.failed(let error)): feed?.end(error)
        default: break
        }
        if let share, let feed {
            if share.hasLeft { removeFeed(feed) } else { share.feeds[ObjectIdentifier(feed)] = feed }
        }
        // What the last reader left unread goes now, and not with the next event.
        events.refresh()
        let isWanted = book.current.contains(name)
        let canTakeMore = socket?.link.canTakeMore ?? false
        step { $0.subscriptionChanged(name, isWanted: isWanted, canTakeMore: canTakeMore) }
    }

    /// A feed that held up the socket was read, or is gone.
    private func feedHasRoom() {
        if events.release() { step { $0.readingReleased(now: context.time.now) } }
    }

    nonisolated func retryNow(_ share: ConnectionShare? = nil) {
        lane.run {
            self.assumeIsolated { driver in
                guard share?.hasLeft != true else { return }
                driver.step { $0.retryNow(now: driver.context.time.now) }
            }
        }
    }

    // MARK: Rest

    /// Returns when the connection rests, or is not to any more.
    func pause() async {
        step { $0.pauseRequested() }
        _ = await isPauseSettled.first { $0 ? true : nil }
    }

    nonisolated func resume() {
        lane.run { self.assumeIsolated { driver in driver.step { $0.resumeRequested(now: driver.context.time.now) } } }
    }

    // MARK: The end

    nonisolated func disconnect(_ reason: RivetError = .connectionClosed) async {
        lane.visit { self.assumeIsolated { driver in driver.step { $0.disconnectRequested(reason) } } }
        await finished.waitUncancellably()
    }

    /// The client's root task was cancelled: no closing handshake is awaited.
    private func cancelled() {
        isCancelled = true
        step { $0.disconnectRequested(.clientClosed) }
        attempt.isLeft.set()
        attempt.end(AttemptEnding(error: .connectionClosed))
    }

    /// The last reference is gone (B169).
    nonisolated func abandoned() {
        guard !finished.isSet else { return }
        lane.run {
            self.assumeIsolated { driver in
                guard !driver.machine.isOver else { return }
                driver.reporter.sayReleased()
                driver.step { $0.disconnectRequested() }
            }
        }
    }
}
