// SPDX-License-Identifier: Apache-2.0

/// Drives one connection: carries out what its machines decide, on the lane that also brings the bytes.
///
/// `run()` is one child of the client's root task. Under it there is one attempt at a time (resolve, open, then the wait
/// for its end); timers are entries of the client's deadline scheduler that come back onto the lane. There is no read or
/// write task. Every timer and socket event carries the generation of its attempt, so that an old one is ignored (B143).
actor ConnectionDriver: ClientMember {
    struct Waiter: Sendable {
        let task: ParkedTask<EncodedValue, any Error>
        let deadline: DeadlineScheduler.ID?
    }

    nonisolated let context: ClientContext
    /// Tells the connections of a client apart in its diagnostics.
    private nonisolated let number: UInt64
    nonisolated let lane: Lane
    nonisolated let statuses: Broadcast<ConnectionStatus>
    nonisolated let book = Subscriptions()
    /// Touched on the lane only.
    nonisolated let events: EventDispatcher
    nonisolated let handle: HandleCore
    private nonisolated let parameters: ConnectionParameters
    private nonisolated let skipsReadyWait: Bool
    private nonisolated let invalidOptions: RivetError?
    private nonisolated let abandon: Signal
    /// Set when the connection is to end, whatever it was doing.
    private nonisolated let over: Signal
    private nonisolated let finished: Signal

    private(set) var machine: ConnectionStateMachine<Waiter>
    private var nudge = ReplyNudgeStateMachine()
    private(set) var socket: ConnectionSocket?
    /// How the attempt under way has ended.
    private var attemptEnd: Monitor<AttemptEnding?>
    private var generation = 0
    private var timers: [Int: DeadlineScheduler.ID] = [:]
    private var lastTimer = 0
    private var isFirstAttempt = true
    /// What the first attempt is tied to, asked in the task that called `connect()` (B261).
    private var firstScope: Result<HTTPFields, any Error>?
    /// The number of the last attempt, for diagnostics.
    private var attemptNumber = 1
    /// Diagnostics have counted an opening and not yet its end.
    private var isCountedAsOpen = false
    private var isCancelled = false
    /// Ends the wait between two attempts.
    private var retryWake: Signal?

    nonisolated var isPinned: Bool { handle.query.isPinned }
    nonisolated var unownedExecutor: UnownedSerialExecutor { lane.asUnownedSerialExecutor() }

    init(handle: HandleCore, options: ConnectOptions) {
        let context = handle.context
        let configuration = context.configuration
        self.context = context
        self.handle = handle
        number = context.nextConnectionNumber()
        lane = context.nextLane()
        parameters = options.parameters ?? handle.options.parameters
        skipsReadyWait = handle.skipsReadyWait(options.skipsReadyWait)
        invalidOptions = options.invalid
        firstScope = Result { try context.scope(deadline: context.time.now).fields }
        machine = ConnectionStateMachine(
            policy: options.reconnect ?? configuration.reconnect,
            maxHeldActions: configuration.maxHeldActions,
            maxHeldBytes: configuration.maxHeldBytes,
            nudges: configuration.replyNudge == .automatic,
            now: context.time.now
        )
        statuses = Broadcast(capacity: 64, replaying: .connecting(attempt: 1), gauge: context.gauge)
        attemptEnd = Monitor(nil, gauge: context.gauge)
        abandon = Signal(gauge: context.gauge)
        over = Signal(gauge: context.gauge)
        finished = Signal(gauge: context.gauge)
        events = EventDispatcher(book)
        events.onFinish = { [weak self] in self?.removeFeed($0) }
    }

    /// Starts the connection's task, or ends the connection where the client is closed already or was told nonsense.
    nonisolated func start() {
        let invalid = context.invalidConfiguration ?? invalidOptions ?? handle.invalidName
        if invalid == nil, context.addConnection(self) { return }
        lane.run { self.assumeIsolated { $0.refuse(invalid ?? .clientClosed) } }
    }

    private func refuse(_ error: RivetError) {
        carryOut(machine.refused(error.with(connectionSurvives: false)))
        finished.set()
    }

    // MARK: The task

    /// Attempts until the connection is closed.
    ///
    /// Cancelling its task closes the connection.
    func run() async {
        await withTaskCancellationHandler {
            var next = ConnectionStateMachine<Waiter>.Next.attempt(after: .zero)
            while case .attempt(let delay) = next, !machine.isOver {
                if !isFirstAttempt { await pause(delay) }
                carryOut(machine.attemptStarted(), reports: !isFirstAttempt)
                if machine.isOver { break }
                let ending = await observedAttempt()
                isFirstAttempt = false
                endSocket()
                let actions: [ConnectionStateMachine<Waiter>.Action]
                (actions, next) = machine.ended(ending, now: context.time.now, random: context.random.fraction())
                carryOut(actions)
            }
            carryOut(machine.disconnected())
            finished.set()
        } onCancel: {
            lane.run { self.assumeIsolated { $0.cancelled() } }
        }
    }

    private func pause(_ delay: Duration) async {
        let wake = Signal(gauge: context.gauge)
        retryWake = wake
        defer { retryWake = nil }
        let until = context.time.now.advanced(by: delay)
        await withTaskGroup { group in
            group.addTask { [time = context.time] in try? await time.sleep(until: until) }
            group.addTask { await wake.wait() }
            group.addTask { [abandon] in await abandon.wait() }
            await group.next()
            group.cancelAll()
        }
    }

    private func observedAttempt() async -> AttemptEnding {
        var ending = AttemptEnding(error: .connectionClosed)
        // The end of an attempt is what it throws.
        try? await context.part("attempt", of: nil) {
            ending = await explained(attempt())
            throw ending.error
        }
        return ending
    }

    /// The engine's own account of why the actor does not start takes the place of the gateway's words (B60, B208).
    private func explained(_ ending: AttemptEnding) async -> AttemptEnding {
        guard ending.error.hasStartFailure, !machine.isOver, let id = handle.resolver.current else { return ending }
        let deadline = context.time.now.advanced(by: context.configuration.connectTimeout)
        let scope = CallScope(deadline: deadline, fields: HTTPFields(), record: nil)
        let record = try? await withThrowingTaskGroup(of: ActorRecord?.self) { [context, over] group in
            group.addTask { try await ActorResolver.record(context, of: id, in: scope) }
            group.addTask {
                await over.wait()
                return nil
            }
            defer { group.cancelAll() }
            return try await group.next() ?? nil
        }
        guard let failure = record?.startFailure else { return ending }
        var ending = ending
        ending.error = .actorUnavailable(failure, ending.error)
        return ending
    }

    /// One attempt, from the lookup to the end of its socket.
    private func attempt() async -> AttemptEnding {
        generation += 1
        let generation = generation
        let end = Monitor<AttemptEnding?>(nil, gauge: context.gauge)
        attemptEnd = end
        let deadline = context.time.now.advanced(by: context.configuration.openTimeout)
        do {
            let opened = try await open(deadline: deadline, generation: generation)
            // The lane may have carried a whole conversation before this task goes on, with `disconnect` at its end: the
            // closing handshake is then under way, and its end is the attempt's. Only a socket that `socketOpened` did
            // not take, since it was over already, ends here.
            guard socket === opened else { return AttemptEnding(error: .connectionClosed) }
        } catch {
            return AttemptEnding(attemptError: error, openTimeout: context.configuration.openTimeout)
        }
        return await end.firstUncancellably { $0 }
    }

    /// Resolves, asks for parameters, and opens the socket; leaves at once when the connection is closed meanwhile.
    private func open(deadline: TimePoint, generation: Int) async throws -> ConnectionSocket {
        let task = ConnectionAttempt(
            handle: handle,
            parameters: parameters,
            skipsReadyWait: skipsReadyWait,
            lane: lane,
            isFirst: isFirstAttempt,
            scope: try firstScope.map { try CallScope(deadline: deadline, fields: $0.get(), record: nil) }
                ?? context.scope(deadline: deadline)
        )
        firstScope = nil
        let abandon = abandon
        return try await withThrowingTaskGroup(of: ConnectionSocket.self) { group in
            group.addTask {
                try await task.open { socket in
                    // On the lane, behind the 101 and before anything that came with it is read.
                    self.assumeIsolated { $0.socketOpened(socket, generation: generation, deadline: deadline) }
                }
            }
            group.addTask {
                await abandon.wait()
                throw RivetError.connectionClosed
            }
            defer { group.cancelAll() }
            guard let socket = try await group.next() else { throw CancellationError() }
            return socket
        }
    }

    // MARK: Events of the socket, on the lane

    private func socketOpened(_ socket: ConnectionSocket, generation: Int, deadline: TimePoint) {
        guard generation == self.generation, !machine.isOver else {
            socket.abort()
            return
        }
        self.socket = socket
        socket.attach(self, generation: generation)
        at(deadline) { driver in
            guard !driver.machine.isOpen else { return }
            driver.socketEnded(.notOpened(within: driver.context.configuration.openTimeout), generation: generation)
        }
        carryOut(machine.socketOpened(names: book.current.names))
    }

    func received(_ message: ServerMessage, generation: Int) {
        guard generation == self.generation else { return }
        let now = context.time.now
        switch message {
        case .initial(let actorID, let connectionID):
            carryOut(
                machine.receivedInit(
                    actorID: actorID,
                    connectionID: connectionID,
                    names: book.current.names,
                    now: now
                )
            )
            sendHeld()
        case .actionResponse(let id, let output):
            nudge.answered(id: id, now: now)
            carryOut(machine.receivedResponse(id: id, output: context.value(output)))
        case .error(let message):
            if let id = message.actionID {
                nudge.answered(id: id, now: now)
                carryOut(machine.receivedActionError(id: id, .action(message)))
            } else {
                carryOut(machine.receivedConnectionError(AttemptEnding(refusal: message, isPinned: isPinned)))
            }
        case .event:
            break  // The socket has given it to its feeds.
        }
    }

    func becameWritable(generation: Int) {
        guard generation == self.generation else { return }
        sendHeld()
    }

    /// The socket is gone: closed by the peer, failed, or closed by us.
    func socketEnded(_ ending: AttemptEnding, generation: Int) {
        guard generation == self.generation else { return }
        attemptEnd.update { $0 = $0 ?? ending }
    }

    private func endSocket() {
        generation += 1
        if isCancelled { socket?.abort() } else { socket?.letGo() }
        socket = nil
        for timer in timers.values { context.deadlines.cancel(timer) }
        timers = [:]
    }

    // MARK: Carrying out

    /// Called on the lane only, so that the order of changes is one for all.
    private func report(_ status: ConnectionStatus) {
        statuses.send(status)
        if case .closed = status { statuses.finish() }
    }

    private func carryOut(_ actions: [ConnectionStateMachine<Waiter>.Action], reports: Bool = true) {
        for action in actions {
            switch action {
            case .report(let status):
                if reports { report(status) }
                if case .connecting(let attempt) = status { attemptNumber = attempt }
                context.diagnostics.send(
                    Diagnostic(
                        status,
                        wasOpen: isCountedAsOpen,
                        connection: number,
                        attempt: attemptNumber,
                        actor: handle.query.actorName
                    )
                )
                isCountedAsOpen = if case .connected = status { true } else { false }
            case .sendSubscription(let name, let subscribe):
                nudge.otherMessageSent()
                socket?.sendSubscription(name, subscribe: subscribe)
            case .sendNudge:
                sendNudge()
            case .sendAction(let entry):
                send(entry)
            case .succeed(let waiter, let value):
                waiter.deadline.map(context.deadlines.cancel)
                waiter.task.resume(returning: value)
            case .fail(let waiter, let error):
                waiter.deadline.map(context.deadlines.cancel)
                waiter.task.resume(throwing: error)
            case .markReconnected(let info):
                events.reconnected(info)
            case .opened:
                // A feed that was full before the loss is so still.
                if events.isHolding { socket?.suspendReading() }
                // Pings start after Init (PROTOCOL h7).
                if let setting = context.configuration.keepAlive { socket?.startKeepAlive(setting) }
            case .closeSocket:
                over.set()
                socket?.close()
            case .abandonAttempt:
                over.set()
                abandon.set()
            case .expectClose:
                at(context.time.now.advanced(by: .seconds(5))) { driver in
                    let ending = AttemptEnding.lost("the peer announced an error and did not close")
                    driver.socketEnded(ending, generation: driver.generation)
                }
            case .endFeeds(let error):
                events.finish()
                for feed in book.current.feeds { feed.end(error) }
            }
        }
    }

    private func send(_ entry: PendingActions<Waiter>.Entry) {
        socket?.sendAction(id: entry.id, name: entry.name, arguments: entry.arguments)
        guard context.configuration.replyNudge == .automatic else { return }
        let now = context.time.now
        if let due = nudge.actionSent(id: entry.id, inFlight: machine.inFlightCount, now: now) {
            at(due) { driver in
                if driver.nudge.timePassed(id: entry.id) { driver.sendNudge() }
            }
        }
    }

    private func sendHeld() {
        while let socket, socket.canTakeMore, let action = machine.nextDue() ?? machine.nextHeld() {
            carryOut([action])
        }
    }

    private func sendNudge() {
        socket?.sendSubscription("_rivetasync.nudge", subscribe: false)
        context.diagnostics.send(
            Diagnostic(
                .trace,
                "nudged",
                connection: number,
                attempt: attemptNumber,
                actor: handle.query.actorName,
                measurement: Diagnostic.Measurement(name: "rivet.nudges", value: 1, unit: "1")
            )
        )
    }

    // MARK: Timers

    /// Calls `body` on the lane at `time`, unless the attempt has ended before.
    private func at(_ time: TimePoint, _ body: @escaping @Sendable (isolated ConnectionDriver) -> Void) {
        let generation = generation
        let lane = lane
        lastTimer += 1
        let number = lastTimer
        timers[number] = context.deadlines.schedule(at: time) { [weak self] in
            guard let self else { return }
            lane.run {
                self.assumeIsolated { driver in
                    guard driver.generation == generation else { return }
                    driver.timers[number] = nil
                    body(driver)
                }
            }
        }
    }

    // MARK: The callers' side

    func perform(name: String, arguments: ByteChunk, _ options: CallOptions) async throws -> EncodedValue {
        try Task.checkCancellation()
        try RivetError.checkName(name, "action name")
        let limit = try options.checkedTimeout() ?? context.configuration.callTimeout
        // It is a call as others are: refused when the client closes, and given its grace (B170).
        try context.beginCall()
        defer { context.endCall() }
        let id = machine.nextActionID
        return try await ParkedTask.park(context.gauge) { task in
            submit(name, arguments, id: id, limit: limit, task)
        } onCancel: {
            lane.run { self.assumeIsolated { $0.withdraw(id) { _ in CancellationError() } } }
        }
    }

    private func submit(
        _ name: String,
        _ arguments: ByteChunk,
        id: UInt64,
        limit: Duration,
        _ task: ParkedTask<EncodedValue, any Error>
    ) {
        let lane = lane
        let deadline = context.deadlines.schedule(at: context.time.now.advanced(by: limit)) { [weak self] in
            guard let self else { return }
            lane.run {
                self.assumeIsolated { driver in
                    let what = "the action \"\(name)\""
                    let outage = driver.machine.outage
                    driver.withdraw(id) { hadLeft in
                        hadLeft
                            ? RivetError.deadlineExceeded(what, limit, hadLeft: true)
                            : RivetError.notOpened(what, limit, outage)
                    }
                }
            }
        }
        let waiter = Waiter(task: task, deadline: deadline)
        let canSendNow = socket?.canTakeMore ?? false
        switch machine.submit(name: name, arguments: arguments, canSendNow: canSendNow, waiter: waiter) {
        case .accepted(let actions):
            carryOut(actions)
        case .refused(let error):
            context.deadlines.cancel(deadline)
            task.resume(throwing: error)
        }
    }

    private func withdraw(_ id: UInt64, _ error: (_ hadLeft: Bool) -> any Error) {
        guard let (waiter, hadLeft) = machine.withdraw(id) else { return }  // Race: answered just before.
        waiter.deadline.map(context.deadlines.cancel)
        waiter.task.resume(throwing: error(hadLeft))
    }

    nonisolated func addFeed(name: String, _ buffering: EventBuffering) -> EventFeed {
        let losses = EventLosses(time: context.time, deadlines: context.deadlines) { [weak self] kind, count in
            guard let self else { return }
            lane.run { self.assumeIsolated { $0.report(kind, of: name, count) } }
        }
        let feed = EventFeed(name: name, buffering: buffering, gauge: context.gauge, losses: losses) { [weak self] in
            guard let self else { return }
            lane.run { self.assumeIsolated { $0.feedHasRoom() } }
        }
        book.change { $0.add(feed) }
        lane.run { self.assumeIsolated { $0.listenersChanged(name, added: feed) } }
        return feed
    }

    private func report(_ kind: EventLosses.Kind, of event: String, _ count: Int) {
        context.diagnostics.send(
            Diagnostic(
                kind,
                of: event,
                count,
                connection: number,
                attempt: attemptNumber,
                actor: handle.query.actorName
            )
        )
    }

    nonisolated func removeFeed(_ feed: EventFeed) {
        book.change { $0.remove(feed) }
        feed.end(nil)
        lane.run {
            self.assumeIsolated { driver in
                driver.listenersChanged(feed.name, added: nil)
                if feed.releaseHold() { driver.feedHasRoom() }
            }
        }
    }

    // Calls may reach the lane out of order. The book holds the current wish, so whichever comes last sees it.
    private func listenersChanged(_ name: String, added feed: EventFeed?) {
        switch statuses.latest {
        case .closed(.requested): feed?.end(nil)
        case .closed(.failed(let error)): feed?.end(error)
        default: break
        }
        let canSendNow = socket?.canTakeMore ?? false
        let action = machine.subscriptionChanged(name, isWanted: book.current.contains(name), canSendNow: canSendNow)
        if let action { carryOut([action]) }
    }

    /// A feed that held up the socket was read, or is gone.
    private func feedHasRoom() {
        if events.release() { socket?.resumeReading() }
    }

    nonisolated func retryNow() {
        lane.run { self.assumeIsolated { $0.retryWake?.set() } }
    }

    // MARK: The end

    func disconnect(_ reason: RivetError = .connectionClosed) async {
        carryOut(machine.disconnectRequested(reason))
        await finished.waitUncancellably()
    }

    /// The client's root task was cancelled: no closing handshake is awaited.
    private func cancelled() {
        isCancelled = true
        carryOut(machine.disconnectRequested())
        over.set()
        abandon.set()
        socketEnded(AttemptEnding(error: .connectionClosed), generation: generation)
    }

    /// The last reference is gone (B169).
    nonisolated func abandoned() {
        lane.run {
            self.assumeIsolated { driver in
                guard !driver.machine.isOver else { return }
                driver.context.diagnostics.send(
                    Diagnostic(
                        .warning,
                        "a connection was released without disconnect(); it is being closed",
                        connection: driver.number,
                        attempt: driver.attemptNumber,
                        actor: driver.handle.query.actorName
                    )
                )
                driver.carryOut(driver.machine.disconnectRequested())
            }
        }
    }
}
