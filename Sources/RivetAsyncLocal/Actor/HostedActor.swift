// SPDX-License-Identifier: Apache-2.0
import RivetAsync
import Synchronization

/// One actor with its types put away: lifecycle, connections, actions, queue and schedule (PROTOCOL k2 to k9).
///
/// It and its instance are isolated to the same lane, so each can call the other without waiting, and what the lane
/// brings runs in the order in which it was put there.
actor HostedActor {
    enum Phase: Equatable {
        case asleep
        case starting
        case running
        case stopping(destroys: Bool)
        case destroyed
    }

    /// What waits for the actor to be awake.
    enum Held {
        case message(ByteChunk, HostedConnection)
        case scheduled(ScheduledAction)
    }

    /// A connection and what only the actor knows of it.
    struct Attached {
        let connection: HostedConnection
        /// One of `connections`: from before `onConnect` on.
        var isVisible = false
        /// Init was sent.
        var isOpen = false
        /// What came before Init was sent.
        var early: [ByteChunk] = []
        var subscriptions: Set<ExactName> = []
    }

    /// Something under way that the end of the actor cuts off, and that may have to run again then (PROTOCOL h8).
    struct Work {
        let again: Held?
        var task: Task<Void, Never>?
        /// What happens to it at its deadline.
        var timer: DeadlineScheduler.ID?
    }

    /// What `GET /actors` says about it, readable from anywhere.
    struct Facts {
        var started: Int64?
        var connectable: Int64?
        var slept: Int64?
        var destroyed: Int64?
    }

    nonisolated let engine: EngineState
    nonisolated let kind: ErasedKind?
    nonisolated let creation: EngineState.Creation
    nonisolated let id = ActorID(rawValue: FreshID.engineID())
    nonisolated let key: ActorKey
    nonisolated let createdAt: Int64
    nonisolated let facts = Mutex(Facts())
    nonisolated let lane: Lane
    nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe lane.asUnownedSerialExecutor() }

    private(set) var phase = Phase.asleep {
        didSet { running.store(phase == .running, ordering: .releasing) }
    }
    private nonisolated let running = Atomic(false)
    /// As `phase` says, readable from anywhere; a moment later it may be different.
    nonisolated var isRunning: Bool { running.load(ordering: .acquiring) }
    private(set) var generation = 0
    var instance: (any Actor)?
    var attached: [String: Attached] = [:]
    var order: [String] = []
    var held: [Held] = []
    var work: [UInt64: Work] = [:]
    var lastWork: UInt64 = 0
    var queue: [QueuedMessage] = []
    var isConsuming = false
    var rawTasks: [String: Task<Void, Never>] = [:]
    var scheduled: [UInt64: DeadlineScheduler.ID] = [:]
    private var readyWaiters: [Promise<UInt64>] = []
    private var workWaiter: Promise<Void>?
    private var idleTimer: DeadlineScheduler.ID?
    private var workChanges: UInt64 = 0
    private var isSleepWanted = false
    private var isDestroyWanted = false

    init(engine: EngineState, kind: ErasedKind?, creation: EngineState.Creation) {
        self.engine = engine
        self.kind = kind
        self.creation = creation
        key = creation.keyText.map { ActorKey(text: $0) } ?? []
        createdAt = engine.now
        lane = Lane(label: "rivet.local.actor", gauge: engine.gauge, helpers: engine.lanes)
    }

    /// Runs `body` on the actor, behind everything that was put there before.
    nonisolated func run(_ body: @escaping @Sendable (isolated HostedActor) -> Void) {
        lane.run { self.assumeIsolated(body) }
    }

    // MARK: Start

    /// Returns when the actor runs, or could be started; whoever needs it running looks again.
    func ready() async throws {
        if phase != .running { endWork(try await beginWorkWhenReady()) }
    }

    /// Begins work as soon as the actor runs; starts it if it sleeps.
    ///
    /// It is at work before the caller has its turn, so that what `onWake` asked for, such as sleep, waits for that.
    func beginWorkWhenReady() async throws -> UInt64 {
        switch phase {
        case .running: return beginWork()
        case .destroyed, .stopping(destroys: true): throw gone
        case .asleep: start()
        case .starting, .stopping(destroys: false): break
        }
        let promise = Promise<UInt64>(gauge: engine.gauge)
        readyWaiters.append(promise)
        let timer = engine.deadlines.schedule(at: engine.time.now.advanced(by: engine.limits.readyTimeout)) { [id] in
            promise.finish(.failure(EngineError.readyTimeout(id)))
        }
        defer { engine.deadlines.cancel(timer) }
        do {
            let token = try await promise.value()
            // Nil: killed before this caller had its turn.
            return work[token] == nil ? try await beginWorkWhenReady() : token
        } catch {
            // Cancelled when the work had begun.
            if !promise.finish(.failure(error)), let token = try? await promise.valueUncancellably() { endWork(token) }
            throw error
        }
    }

    private var gone: EngineError { engine.settings.answersDestroyed ? .destroyed : .actorNotFound }

    private func start() {
        phase = .starting
        generation += 1
        guard kind != nil || !engine.settings.unknownKindTimesOut else { return }
        spawn { hosted in
            do {
                try await hosted.startInstance()
                hosted.started()
            } catch {
                hosted.startFailed()
            }
        }
    }

    private func startInstance() async throws {
        guard let kind else { throw EngineError.wakeRetriesExceeded(id) }
        let instance: any Actor
        if let kept = self.instance {
            instance = kept
        } else {
            let input = CreationInput(bytes: creation.input)
            instance = try await bounded(by: engine.limits.hookTimeout, failingWith: .callbackTimedOut) { [self] in
                try await kind.makeInstance(self, input)
            }
            self.instance = instance
        }
        if let onWake = kind.onWake {
            try await bounded(by: engine.limits.hookTimeout, failingWith: .callbackTimedOut) {
                try await onWake(instance)
            }
        }
    }

    private func started() {
        // Destroyed by its own `onWake`, or the engine stopped.
        guard phase == .starting else { return }
        phase = .running
        facts.withLock {
            $0.started = $0.started ?? engine.now
            $0.connectable = engine.now
            $0.slept = nil
        }
        let waiters = readyWaiters
        readyWaiters = []
        for waiter in waiters {
            let token = beginWork()
            if !waiter.finish(.success(token)) { endWork(token) }
        }
        let held = held
        self.held = []
        for next in held { resume(next) }
        consumeQueue()
        workChanged()
        if isDestroyWanted { beginDestroy() } else if isSleepWanted { beginSleep() }
    }

    private func startFailed() {
        guard phase == .starting else { return }
        phase = .asleep
        failWaiters(.wakeRetriesExceeded(id))
        for id in order {
            if let attached = attached[id] { close(attached.connection, for: .wakeRetriesExceeded(self.id)) }
        }
        // Their messages went with the connections; what was scheduled is for whoever starts it next.
        held.removeAll { if case .message = $0 { true } else { false } }
        // What was asked for meanwhile is not for the next start.
        isSleepWanted = false
        if isDestroyWanted { beginDestroy() }
    }

    private func failWaiters(_ failure: EngineError) {
        let waiters = readyWaiters
        readyWaiters = []
        for waiter in waiters { waiter.finish(.failure(failure)) }
    }

    private func resume(_ held: Held) {
        switch held {
        case .message(let message, let connection): received(message, by: connection)
        case .scheduled(let action): runScheduled(action)
        }
    }

    /// Keeps `next` until the actor runs, and starts it for that.
    func hold(_ next: Held) {
        held.append(next)
        if phase == .asleep { start() }
    }

    // MARK: Work

    /// Runs `body` as a task on this actor that starts in the order of the calls; not at all once the engine stops.
    @discardableResult
    func spawn(_ body: @escaping @Sendable (isolated HostedActor) async -> Void) -> Task<Void, Never>? {
        guard let tracked = engine.tasks.begin() else { return nil }
        // With the preference, what it waits for resumes it here, and not on the pool first.
        let task = Task(executorPreference: lane.isolatedTaskExecutor) { await self.run(body, tracked) }
        engine.tasks.started(tracked, task)
        return task
    }

    private func run(_ body: (isolated HostedActor) async -> Void, _ tracked: UInt64) async {
        await body(self)
        engine.tasks.ended(tracked)
    }

    /// Like `EngineState.bounded`; the body starts on this actor, and prefers its lane.
    func bounded<T: Sendable>(
        by limit: Duration,
        failingWith failure: EngineError,
        _ body: @escaping @Sendable () async throws -> T
    ) async throws -> T {
        let deadline = engine.time.now.advanced(by: limit)
        return try await engine.bounded(until: deadline, failingWith: failure, on: lane.isolatedTaskExecutor, body)
    }

    func beginWork(again: Held? = nil) -> UInt64 {
        lastWork += 1
        work[lastWork] = Work(again: again)
        workChanged()
        return lastWork
    }

    /// Whether the work still counts: false when the actor's end has cut it off.
    @discardableResult
    func endWork(_ token: UInt64) -> Bool {
        guard let ended = work.removeValue(forKey: token) else { return false }
        if let timer = ended.timer { engine.deadlines.cancel(timer) }
        workChanged()
        return true
    }

    /// Sets the idle timer anew, and lets who waits for the end of the work go on.
    func workChanged() {
        if work.isEmpty { workWaiter.take()?.finish(.success(())) }
        if let timer = idleTimer.take() { engine.deadlines.cancel(timer) }
        workChanges += 1
        guard phase == .running, work.isEmpty, rawTasks.isEmpty else { return }
        let hasSockets = attached.values.contains { $0.connection.outlet != nil }
        guard !hasSockets || engine.settings.sleepsWithConnections else { return }
        let deadline = engine.time.now.advanced(by: engine.limits.idleBeforeSleep)
        idleTimer = engine.deadlines.schedule(at: deadline) { [weak self, workChanges] in
            // Work may have come in the same moment.
            self?.run { if $0.workChanges == workChanges { $0.beginSleep() } }
        }
    }

    // MARK: Stop

    func beginSleep() {
        switch phase {
        case .running:
            phase = .stopping(destroys: false)
            spawn { hosted in await hosted.stop() }
        case .starting: isSleepWanted = true
        case .asleep, .stopping, .destroyed: break
        }
    }

    func beginDestroy() {
        switch phase {
        case .running:
            destroyBegins()
            phase = .stopping(destroys: true)
            spawn { hosted in await hosted.stop() }
        case .stopping(destroys: false):
            destroyBegins()
            phase = .stopping(destroys: true)
        case .starting:
            isDestroyWanted = true
        case .asleep:
            destroyBegins()
            phase = .stopping(destroys: true)
            spawn { hosted in await hosted.stop() }
        case .stopping(destroys: true), .destroyed:
            break
        }
    }

    private func destroyBegins() {
        facts.withLock { $0.destroyed = engine.now }
        engine.forgetKey(of: self)
        failWaiters(gone)
        for timer in scheduled.values { engine.deadlines.cancel(timer) }
        scheduled = [:]
    }

    private func stop() async {
        workChanged()
        if !work.isEmpty {
            let promise = Promise<Void>(gauge: engine.gauge)
            workWaiter = promise
            let timer = engine.deadlines.schedule(at: engine.time.now.advanced(by: engine.limits.grace)) {
                promise.finish(.success(()))
            }
            try? await promise.value()
            engine.deadlines.cancel(timer)
            workWaiter = nil
        }
        let again = abandonWork()
        if phase == .stopping(destroys: false) {
            if let instance, let onSleep = kind?.onSleep { await runHook { await onSleep(instance) } }
        }
        // A destroy may have come while the actor was falling asleep.
        if phase == .stopping(destroys: true) {
            if let instance, let onDestroy = kind?.onDestroy { await runHook { await onDestroy(instance) } }
            destroyed()
        } else {
            fellAsleep(again)
        }
    }

    private func runHook(_ body: @escaping @Sendable () async -> Void) async {
        try? await bounded(by: engine.limits.hookTimeout, failingWith: .callbackTimedOut, body)
    }

    private func fellAsleep(_ again: [Held]) {
        closeRawSockets()
        phase = .asleep
        isSleepWanted = false
        facts.withLock {
            $0.slept = engine.now
            $0.connectable = nil
        }
        held = again + held
        if !held.isEmpty || !readyWaiters.isEmpty || !queue.isEmpty { start() }
    }

    private func destroyed() {
        phase = .destroyed
        held = []
        for id in order {
            guard let attached = attached[id] else { continue }
            close(attached.connection, 1000, "")
        }
        closeRawSockets()
        for message in queue { message.waiter?.finish(.failure(gone)) }
        queue = []
        failWaiters(gone)
        instance = nil
    }

    private func closeRawSockets() {
        for id in order {
            guard let raw = attached[id]?.connection, raw.isRaw else { continue }
            close(raw, 1000, "actor.stopped")
        }
        for task in rawTasks.values { task.cancel() }
    }

    /// Cuts off what is under way, and gives what of it is to run again, in its old order.
    private func abandonWork() -> [Held] {
        let cut = work.sorted { $0.key < $1.key }
        work = [:]
        isConsuming = false
        for (_, work) in cut {
            work.task?.cancel()
            if let timer = work.timer { engine.deadlines.cancel(timer) }
        }
        return cut.compactMap(\.value.again)
    }

    /// The process is gone in the middle of everything, and comes back (PROTOCOL h8).
    func kill() {
        guard phase == .running else { return }
        phase = .asleep
        held = abandonWork() + held
        closeRawSockets()
        start()
    }

    /// For the end of the engine: lets go of all that holds this actor as well, whose own end has not been heard yet.
    func forget() {
        _ = abandonWork()
        (attached, order, held, queue) = ([:], [], [], [])
        instance = nil
    }
}
