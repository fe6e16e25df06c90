// SPDX-License-Identifier: Apache-2.0
import Synchronization

/// Keeps connections alive between calls: a bounded number for each origin, callers queue for them in order.
///
/// It must be closed: open connections hold themselves. Redirects are not followed, because a token belongs to one
/// host: a 3xx is an answer as any other.
package final class HTTPConnectionPool: Sendable {
    package struct Limits: Sendable {
        /// Kept without a call, for each origin; the last one used is used first.
        package var maxIdle = 8
        /// In all, for each origin: in use, being opened and idle.
        package var maxConnections = 64
        /// Shorter than the 60 s after which common proxies close, so that we are the ones who close.
        package var idleTimeout = Duration.seconds(30)
        package var messages = HTTPLimits()

        package init() {}
    }

    package typealias Dial = @Sendable (HTTPOrigin, Lane, TimePoint?) async throws -> any ByteStream

    /// What a caller in the queue gets.
    private enum Grant {
        case connection(HTTPConnection)
        /// Room for a new one.
        case dial
    }

    private typealias Waiter = Promise<Grant>

    private struct Host {
        var idle: [(connection: HTTPConnection, until: TimePoint)] = []
        /// In use, being opened and idle.
        var count = 0
        var waiters: [Waiter] = []
    }

    private struct State {
        var hosts: [HTTPOrigin: Host] = [:]
        var connections: [ObjectIdentifier: HTTPConnection] = [:]
        var isSweeping = false
        var isClosed = false
    }

    private let state = Mutex(State())
    private let limits: Limits
    private let lanes: LaneGroup
    private let root: RootTask
    private let time: TimeSource
    private let scheduler: DeadlineScheduler
    private let gauge: ResourceGauge
    private let dial: Dial

    /// A pool without connections; streamed request bodies are read in children of `root`.
    package init(
        limits: Limits = Limits(),
        lanes: LaneGroup,
        root: RootTask,
        time: TimeSource,
        scheduler: DeadlineScheduler,
        gauge: ResourceGauge,
        dial: @escaping Dial
    ) {
        self.limits = limits
        self.lanes = lanes
        self.root = root
        self.time = time
        self.scheduler = scheduler
        self.gauge = gauge
        self.dial = dial
    }

    /// Sends a request and returns when the head of the answer is here; its body is still arriving then.
    ///
    /// A Host field is added when there is none. A request that provably never left, because the connection that was
    /// kept had ended, is sent on another. Cancelling the task, or the deadline, closes the connection.
    ///
    /// The deadline is for the wait in the queue, the connection and the answer's head, and by default also for the
    /// reading of the body, which then fails with ``DeadlinePassedError``.
    package func execute(
        _ head: HTTPRequestHead,
        to origin: HTTPOrigin,
        body: HTTPRequestBody = .none,
        deadline: TimePoint? = nil,
        deadlineCoversBody: Bool = true
    ) async throws(HTTPCallError) -> HTTPResponse {
        let encoder: HTTPRequestEncoder
        do throws(HTTPError) {
            encoder = try HTTPRequestEncoder(Self.withHost(head, origin), framing: body.framing)
        } catch {
            throw HTTPCallError(error)
        }
        let stop = HTTPCallStop(scheduler: scheduler)
        if let deadline { stop.setDeadline(deadline) }
        let outcome = await withTaskCancellationHandler {
            await run(encoder, body, origin, deadline, stop, stopsAtHead: !deadlineCoversBody)
        } onCancel: {
            stop.stop(CancellationError())
        }
        return try outcome.get()
    }

    private static func withHost(_ head: HTTPRequestHead, _ origin: HTTPOrigin) -> HTTPRequestHead {
        guard head.fields["host"] == nil else { return head }
        var fields: HTTPFields = ["Host": origin.hostField]
        for field in head.fields { fields.append(field) }
        return HTTPRequestHead(method: head.method, target: head.target, fields: fields)
    }

    private func run(
        _ encoder: HTTPRequestEncoder,
        _ body: HTTPRequestBody,
        _ origin: HTTPOrigin,
        _ deadline: TimePoint?,
        _ stop: HTTPCallStop,
        stopsAtHead: Bool
    ) async -> HTTPExchange.Outcome {
        while true {
            let connection: HTTPConnection
            do {
                switch try await checkOut(origin, stop) {
                case .connection(let kept): connection = kept
                case .dial: connection = try await open(origin, deadline)
                }
            } catch {
                stop.end()
                return .failure(HTTPCallError(error))
            }
            let exchange = HTTPExchange(
                encoder,
                body,
                on: connection,
                stop: stop,
                stopsAtHead: stopsAtHead,
                root: root,
                gauge: gauge
            )
            // Nil: it had ended before anything was written, so the next one, or a fresh one, can be tried.
            if let outcome = await exchange.run() { return outcome }
        }
    }

    // MARK: Checking out

    private enum CheckOut {
        case granted(Grant)
        case queued(Waiter)
    }

    private func checkOut(_ origin: HTTPOrigin, _ stop: HTTPCallStop) async throws -> Grant {
        let checkOut: CheckOut = try state.withLock { state in
            if let error = stop.error { throw error }
            if state.isClosed { throw HTTPError.poolClosed }
            if let kept = state.hosts[origin, default: Host()].idle.popLast() {
                return .granted(.connection(kept.connection))
            }
            if state.hosts[origin, default: Host()].count < limits.maxConnections {
                state.hosts[origin, default: Host()].count += 1
                return .granted(.dial)
            }
            let waiter = Waiter(gauge: gauge)
            state.hosts[origin, default: Host()].waiters.append(waiter)
            return .queued(waiter)
        }
        switch checkOut {
        case .granted(let grant): return grant
        case .queued(let waiter):
            stop.onStop { [self] error in leaveQueue(origin, waiter, error) }
            defer { stop.removeAction() }
            return try await waiter.valueUncancellably()
        }
    }

    private func leaveQueue(_ origin: HTTPOrigin, _ waiter: Waiter, _ error: any Error) {
        state.withLock { state in
            state.hosts[origin]?.waiters.removeAll { $0 === waiter }
        }
        // Where it got its connection at the same time, it finds out there that it was stopped.
        waiter.finish(.failure(error))
    }

    private func open(_ origin: HTTPOrigin, _ deadline: TimePoint?) async throws -> HTTPConnection {
        let stream: any ByteStream
        do {
            stream = try await dial(origin, lanes.next(), deadline)
        } catch {
            freeSlot(origin)
            throw error
        }
        let connection = HTTPConnection(
            stream,
            limits: limits.messages,
            becameFree: { [weak self] in self?.checkIn($0, origin) },
            becameClosed: { [weak self] in self?.wasClosed($0, origin) }
        )
        let isClosed = state.withLock { state in
            state.connections[ObjectIdentifier(connection)] = connection
            return state.isClosed
        }
        guard !isClosed else {
            await close([connection])
            throw HTTPError.poolClosed
        }
        return connection
    }

    // MARK: Checking in

    private enum CheckIn {
        case hand(Waiter)
        case keep(sweepAt: TimePoint?)
        case close
    }

    private func checkIn(_ connection: HTTPConnection, _ origin: HTTPOrigin) {
        let until = time.now.advanced(by: limits.idleTimeout)
        let checkIn: CheckIn = state.withLock { state in
            var host = state.hosts[origin, default: Host()]
            defer { state.hosts[origin] = host }
            if state.isClosed { return .close }
            if !host.waiters.isEmpty { return .hand(host.waiters.removeFirst()) }
            guard host.idle.count < limits.maxIdle else { return .close }
            host.idle.append((connection, until))
            defer { state.isSweeping = true }
            return .keep(sweepAt: state.isSweeping ? nil : until)
        }
        switch checkIn {
        case .hand(let waiter): waiter.finish(.success(.connection(connection)))
        case .keep(let sweepAt): if let sweepAt { scheduleSweep(at: sweepAt) }
        case .close: connection.close(HTTPError.poolClosed)
        }
    }

    private func wasClosed(_ connection: HTTPConnection, _ origin: HTTPOrigin) {
        state.withLock { state in
            state.connections[ObjectIdentifier(connection)] = nil
            state.hosts[origin]?.idle.removeAll { $0.connection === connection }
        }
        freeSlot(origin)
    }

    /// One connection fewer: the first in the queue may open another.
    private func freeSlot(_ origin: HTTPOrigin) {
        let waiter: Waiter? = state.withLock { state in
            guard var host = state.hosts[origin] else { return nil }
            defer { state.hosts[origin] = host.count == 0 && host.waiters.isEmpty ? nil : host }
            if !host.waiters.isEmpty { return host.waiters.removeFirst() }
            host.count -= 1
            return nil
        }
        waiter?.finish(.success(.dial))
    }

    // MARK: The end

    private func scheduleSweep(at deadline: TimePoint) {
        _ = scheduler.schedule(at: deadline) { [weak self] in self?.sweep() }
    }

    /// Closes what has been idle for too long.
    private func sweep() {
        let now = time.now
        let (expired, next) = state.withLock { state -> ([HTTPConnection], TimePoint?) in
            var expired: [HTTPConnection] = []
            var next: TimePoint?
            for origin in state.hosts.keys {
                guard let idle = state.hosts[origin]?.idle else { continue }
                expired += idle.filter { $0.until <= now }.map(\.connection)
                let kept = idle.filter { $0.until > now }
                state.hosts[origin]?.idle = kept
                next = (kept.map(\.until) + [next].compactMap(\.self)).min()
            }
            state.isSweeping = next != nil
            return (expired, next)
        }
        for connection in expired { connection.stream.lane.run { connection.close(HTTPError.poolClosed) } }
        if let next { scheduleSweep(at: next) }
    }

    /// Closes all connections, those in use too, and returns when they are closed.
    ///
    /// Calls fail from now on.
    package func close() async {
        let (waiters, connections) = state.withLock { state in
            state.isClosed = true
            let waiters = state.hosts.values.flatMap(\.waiters)
            for origin in state.hosts.keys {
                state.hosts[origin]?.waiters = []
                state.hosts[origin]?.idle = []
            }
            return (waiters, Array(state.connections.values))
        }
        for waiter in waiters { waiter.finish(.failure(HTTPError.poolClosed)) }
        await close(connections)
    }

    private func close(_ connections: [HTTPConnection]) async {
        for connection in connections {
            await connection.stream.lane.result { connection.close(HTTPError.poolClosed) }
        }
    }

    /// For tests: the connections of `origin`, those of them that are idle, and the calls that wait for one.
    package func counts(of origin: HTTPOrigin) -> (all: Int, idle: Int, waiting: Int) {
        state.withLock { state in
            guard let host = state.hosts[origin] else { return (0, 0, 0) }
            return (host.count, host.idle.count, host.waiters.count)
        }
    }
}
