// SPDX-License-Identifier: Apache-2.0
import Synchronization

/// What all parts of one client share: settings, lanes, pool, the root task, clock and diagnostics.
final class ClientContext: Sendable {
    let configuration: RivetConfiguration
    /// Its default fields, without those that are the protocol's own.
    let defaultFields: HTTPFields
    /// What is wrong with it: the answer to every call and connection.
    let invalidConfiguration: RivetError?
    let time: TimeSource
    let gauge: ResourceGauge
    let diagnostics: Broadcast<Diagnostic>
    let deadlines: DeadlineScheduler
    let root: RootTask
    let dialing: Dialing
    let pool: HTTPConnectionPool
    let random: RandomSource
    let shared: SharedConnections
    /// Where everything goes, once metadata has said so.
    let metadata: SharedLookup<ServerAddress>
    /// Nil where no provider gives them.
    let tokens: TokenSource?
    /// Nil where they are switched off.
    let nudges: NudgeKnowledge?
    private let lanes: LaneGroup
    private let connectionNumbers = Atomic<UInt64>(0)
    private let spanIDs = Atomic<UInt64>(0)
    private let state = Mutex(State())

    private struct State {
        var isClosed = false
        var isClosing = false
        /// Nothing is waited for, not even a closing handshake.
        var isCancelled = false
        var calls = 0
        var connections: [ObjectIdentifier: any ClientMember] = [:]
        var sockets: [ObjectIdentifier: any ClientSocket] = [:]
    }

    /// Set when everything has ended.
    let closed: Signal
    /// Set when nothing that was under way may go on.
    let graceIsOver: Signal
    /// The endpoint as it was configured.
    let ownAddress: ServerAddress
    /// Set when a client that accepts nothing more has no call under way.
    private let idle: Signal

    init(
        configuration: RivetConfiguration,
        time: TimeSource,
        transport: RivetTransport,
        random: RandomSource = .stretchedKernel()
    ) {
        self.configuration = configuration
        invalidConfiguration = configuration.problem
        var defaults = UserFields.withoutProtocols(configuration.fields)
        // Of one piece of work, so never of all (PROTOCOL d).
        (defaults["traceparent"], defaults["tracestate"]) = (nil, nil)
        defaultFields = defaults
        self.time = time
        self.random = random
        gauge = ResourceGauge()
        diagnostics = Broadcast(capacity: 1_024, gauge: gauge)
        closed = Signal(gauge: gauge)
        idle = Signal(gauge: gauge)
        graceIsOver = Signal(gauge: gauge)
        lanes = LaneGroup(gauge: gauge)
        nudges =
            configuration.replyNudge == .off ? nil : NudgeKnowledge(nudgesAlways: configuration.nudgesAlways)
        root = RootTask(
            gauge: gauge,
            places: Dictionary(
                uniqueKeysWithValues: lanes.lanes.map { (ObjectIdentifier($0), $0.isolatedTaskExecutor) }
            )
        )
        deadlines = DeadlineScheduler(time: time, gauge: gauge)
        shared = SharedConnections(time: time, deadlines: deadlines, root: root)
        metadata = SharedLookup(root: root, ended: RivetError.clientClosed)
        if case .provided(let provider) = configuration.token.kind {
            tokens = TokenSource(
                provider,
                limit: configuration.callTimeout,
                time: time,
                deadlines: deadlines,
                gauge: gauge
            ) { [diagnostics] in
                diagnostics.send(Diagnostic(.warning, "the provider of the token was left running"))
            }
        } else {
            tokens = nil
        }
        ownAddress = ServerAddress(
            configuration.endpoint,
            namespace: configuration.namespace,
            configuration,
            tokens
        )
        let dialing = Dialing(configuration, transport, time: time, deadlines: deadlines)
        self.dialing = dialing
        var limits = HTTPConnectionPool.Limits()
        // What is out of its range is never used.
        limits.maxConnections = max(configuration.maxConnectionsPerOrigin, 1)
        pool = HTTPConnectionPool(
            limits: limits,
            lanes: lanes,
            root: root,
            time: time,
            scheduler: deadlines,
            gauge: gauge
        ) {
            try await dialing.dial($0, lane: $1, deadline: $2)
        }
        let deadlines = deadlines
        root.add { await deadlines.run() }
    }

    /// The client, its handles and connections are all gone, and nobody closed it: what is left lets go of itself.
    deinit {
        guard !closed.isSet else { return }
        root.cancel()
        tokens?.close()
        Task { [pool, lanes, diagnostics] in
            await pool.close()
            await lanes.shutDown()
            diagnostics.finish()
        }
    }

    func nextLane() -> Lane { lanes.next() }
    func nextSpanID() -> UInt64 { spanIDs.add(1, ordering: .relaxed).newValue }
    func nextConnectionNumber() -> UInt64 { connectionNumbers.add(1, ordering: .relaxed).newValue }

    // MARK: What is under way

    var isClosed: Bool { state.withLock { $0.isClosed } }

    /// Counts a call in; `callEnded` belongs to it.
    func beginCall() throws {
        if let invalidConfiguration { throw invalidConfiguration }
        try state.withLock { state in
            guard !state.isClosed else { throw RivetError.clientClosed }
            state.calls += 1
        }
    }

    func endCall() {
        let isLast = state.withLock { state in
            state.calls -= 1
            return state.isClosed && state.calls == 0
        }
        if isLast { idle.set() }
    }

    /// Starts the connection's task as a child of the root; false when the client is closed.
    func addConnection(_ connection: any ClientMember) -> Bool {
        let isOpen = state.withLock { state in
            guard !state.isClosed else { return false }
            state.connections[ObjectIdentifier(connection)] = connection
            return true
        }
        guard isOpen else { return false }
        let isStarted = root.add(at: connection.lane) { [weak self] in
            await connection.run()
            self?.removeConnection(connection)
        }
        // The client may have been cancelled meanwhile.
        if !isStarted { removeConnection(connection) }
        return isStarted
    }

    private func removeConnection(_ connection: any ClientMember) {
        state.withLock { $0.connections[ObjectIdentifier(connection)] = nil }
    }

    /// Has the socket closed with the client; false when it is too late, and nothing is kept then.
    ///
    /// `removeSocket` belongs to it. One that is not in use is only waited for. One that `isInUse` counts as a call, which
    /// is given the grace; `endCall` belongs to it.
    func addSocket(_ socket: any ClientSocket, isInUse: Bool) -> Bool {
        state.withLock { state in
            guard !(isInUse ? graceIsOver.isSet : state.isCancelled) else { return false }
            state.sockets[ObjectIdentifier(socket)] = socket
            if isInUse { state.calls += 1 }
            return true
        }
    }

    func removeSocket(_ socket: any ClientSocket) {
        state.withLock { $0.sockets[ObjectIdentifier(socket)] = nil }
    }

    // MARK: The end

    /// No new calls and connections from here on.
    func stopAccepting() {
        let isIdle = state.withLock { state in
            state.isClosed = true
            return state.calls == 0
        }
        if isIdle { idle.set() }
    }

    /// Starts the one closing of this client, unless it has been started.
    ///
    /// Without any grace, or with a negative one, calls that run fail at once. `isShutdown`: the whole process goes, which
    /// is what the peers of sockets are told.
    func beginClose(within grace: Duration, isShutdown: Bool = false) {
        let isFirst = state.withLock { state in
            defer { state.isClosing = true }
            return !state.isClosing
        }
        guard isFirst else { return }
        // From the call on, however late its task begins.
        let until = time.now.advanced(by: grace)
        stopAccepting()
        Task { await close(until: until, isShutdown: isShutdown) }
    }

    /// Closes without waiting for anything: what waits fails, sockets close.
    func cancel() {
        stopAccepting()
        root.cancel()
        let sockets = state.withLock { state in
            graceIsOver.set()
            state.isCancelled = true
            return Array(state.sockets.values)
        }
        for socket in sockets { socket.abort() }
        beginClose(within: .zero)
    }

    /// Lets calls that run, and answers that arrive, end by `until`, closes all connections at the same time, then
    /// everything else.
    private func close(until: TimePoint, isShutdown: Bool) async {
        await withTaskGroup { group in
            group.addTask { [time] in try? await time.sleep(until: until) }
            group.addTask { [idle, pool] in
                await idle.wait()
                await pool.waitForLingering()
            }
            // Cancelled meanwhile.
            group.addTask { [graceIsOver] in await graceIsOver.wait() }
            await group.next()
            group.cancelAll()
        }
        let (connections, sockets) = state.withLock { state in
            graceIsOver.set()
            return (Array(state.connections.values), Array(state.sockets.values))
        }
        await withDiscardingTaskGroup { group in
            for connection in connections { group.addTask { await connection.disconnect(.clientClosed) } }
            for socket in sockets { group.addTask { await socket.close(isShutdown: isShutdown) } }
        }
        // Those of the connections, whose closing handshakes go on.
        for socket in state.withLock({ Array($0.sockets.values) }) { await socket.close(isShutdown: isShutdown) }
        tokens?.close()
        await pool.close()
        root.cancel()
        // Of what is the user's there are the bodies of requests: one may hear no cancellation (B317).
        if !(await root.wait(until: time.now.advanced(by: .seconds(2)), time)) {
            diagnostics.send(Diagnostic(.warning, "what makes the body of a request was left running"))
        }
        await lanes.shutDown()
        diagnostics.finish()
        closed.set()
    }
}

/// What lives as long as its client at the most, as a child of its root task: a connection.
protocol ClientMember: AnyObject, Sendable {
    /// One of the client's lanes, where all that it does runs.
    var lane: Lane { get }
    /// Its whole life; cancelling the task ends it.
    func run() async
    /// Ends it, with what its callers hear, and returns when it has ended.
    func disconnect(_ reason: RivetError) async
}

/// A socket that closes with its client at the latest: a raw WebSocket, or what is left of a connection's.
protocol ClientSocket: AnyObject, Sendable {
    /// Closes it and returns when its stream is closed, after the close time-out at the latest.
    func close(isShutdown: Bool) async
    /// Ends it at once; from anywhere.
    func abort()
}
