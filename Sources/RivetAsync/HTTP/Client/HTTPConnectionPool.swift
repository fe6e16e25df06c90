// SPDX-License-Identifier: Apache-2.0
import Synchronization

/// Keeps connections alive between calls: a bounded number for each origin, callers queue for them in order.
///
/// It must be closed: open connections hold themselves. Redirects are not followed, because a token belongs to one
/// host: a 3xx is an answer as any other.
package final class HTTPConnectionPool: Sendable {
    package struct Limits: Sendable {
        /// In all, for each origin: in use, being opened and idle.
        ///
        /// The last one used is used first, so that those beyond what is needed fall idle for good.
        package var maxConnections = 64
        /// How long one is kept without a call.
        ///
        /// Shorter than the 60 s after which common proxies close, so that we are the ones who close.
        package var idleTimeout = Duration.seconds(30)
        package var messages = HTTPLimits()

        package init() {}
    }

    package typealias Dial = @Sendable (HTTPOrigin, Lane, TimePoint?) async throws -> any ByteStream

    private struct State {
        /// There are as few as servers that the configuration or metadata names, so none is forgotten.
        var origins: [HTTPOrigin: HTTPOriginPool] = [:]
        var isClosed = false
        /// Of who waits until no call lingers.
        var lastEnded: Signal?

        var areLingering: Bool { origins.values.contains { $0.machine.lingering > 0 } }
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

    /// Sends a request and returns when the whole answer is here; one whose body is longer than `limit` is an error.
    ///
    /// The rest is as with the answer whose body is still arriving; the deadline is for all of it. One that `isIdempotent`
    /// is sent again, at once, where a connection that was kept ended without a byte of the answer (RFC 9112 §9.3.1): each
    /// time it is one kept connection less, and a fresh one that does so is the end of it.
    package func execute(
        _ head: HTTPRequestHead,
        to origin: HTTPOrigin,
        body: HTTPRequestBody = .none,
        as kind: HTTPCallKind = .brief,
        deadline: TimePoint? = nil,
        collectingUpTo limit: Int,
        isIdempotent: Bool = false,
        isolation: isolated (any Actor)? = #isolation
    ) async throws(HTTPCallError) -> HTTPAnswer {
        while true {
            do throws(HTTPCallError) {
                return try await execute(head, origin, body, kind, deadline, .whole(limit: limit))
            } catch {
                guard isIdempotent, body.isRepeatable, error.connectionWasStale else { throw error }
            }
        }
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
        as kind: HTTPCallKind = .brief,
        deadline: TimePoint? = nil,
        deadlineCoversBody: Bool = true,
        isolation: isolated (any Actor)? = #isolation
    ) async throws(HTTPCallError) -> HTTPResponse {
        let buffer = HTTPBodyBuffer(gauge: gauge, deadlines: scheduler)
        let delivery = HTTPExchange.Delivery.arriving(buffer, stopsAtHead: !deadlineCoversBody)
        let answer = try await execute(head, origin, body, kind, deadline, delivery)
        return HTTPResponse(head: answer.head, body: HTTPBody(buffer))
    }

    private func execute(
        _ head: HTTPRequestHead,
        _ origin: HTTPOrigin,
        _ body: HTTPRequestBody,
        _ kind: HTTPCallKind,
        _ deadline: TimePoint?,
        _ delivery: HTTPExchange.Delivery,
        isolation: isolated (any Actor)? = #isolation
    ) async throws(HTTPCallError) -> HTTPAnswer {
        let encoder: HTTPRequestEncoder
        do throws(HTTPError) {
            encoder = try HTTPRequestEncoder(head, host: origin.hostField, framing: body.framing)
        } catch {
            throw HTTPCallError(error)
        }
        let stop = HTTPCallStop(scheduler: scheduler)
        if let deadline { stop.setDeadline(deadline) }
        let outcome = await withTaskCancellationHandler {
            // Who calls from an actor is not sent elsewhere and back: a closure stays there only when it names it.
            _ = isolation
            return await run(encoder, body, origin, kind, deadline, stop, delivery)
        } onCancel: {
            stop.stop(CancellationError())
        }
        return try outcome.get()
    }

    private func run(
        _ encoder: HTTPRequestEncoder,
        _ body: HTTPRequestBody,
        _ origin: HTTPOrigin,
        _ kind: HTTPCallKind,
        _ deadline: TimePoint?,
        _ stop: HTTPCallStop,
        _ delivery: HTTPExchange.Delivery
    ) async -> HTTPExchange.Outcome {
        while true {
            let connection: HTTPConnection
            do {
                switch try await checkOut(origin, kind, stop) {
                case .connection(let kept): connection = kept
                case .open(let number): connection = try await open(number, origin, deadline)
                }
            } catch {
                stop.end()
                return .failure(HTTPCallError(error))
            }
            let exchange = HTTPExchange(
                encoder,
                body,
                on: connection,
                delivery,
                stop: stop,
                root: root,
                gauge: gauge
            )
            // Nil: it had ended before anything was written, so the next one, or a fresh one, can be tried.
            if let outcome = await exchange.run() { return outcome }
        }
    }

    // MARK: Checking out

    private func checkOut(
        _ origin: HTTPOrigin,
        _ kind: HTTPCallKind,
        _ stop: HTTPCallStop
    ) async throws -> HTTPOriginPool.Grant {
        let checkOut = try state.withLock { state in
            if let error = stop.error { throw error }
            if state.isClosed { throw HTTPError.poolClosed }
            return state.origins[origin, default: HTTPOriginPool(limits)].submit(kind, gauge)
        }
        switch checkOut {
        case .granted(let grant): return grant
        case .queued(let waiter, let call):
            stop.onStop { [self] error in
                // Where it got its connection at the same time, it finds out there that it was stopped.
                tell(origin, droppedFor: error) { $0.machine.cancel(call) }
            }
            defer { stop.removeAction() }
            do {
                return try await waiter.valueUncancellably()
            } catch is DeadlinePassedError {
                throw HTTPError.connectionsInUse(limit: limits.maxConnections, host: origin.hostField)
            }
        }
    }

    private func open(_ number: Int, _ origin: HTTPOrigin, _ deadline: TimePoint?) async throws -> HTTPConnection {
        let stream: any ByteStream
        do {
            stream = try await dial(origin, lanes.current ?? lanes.next(), deadline)
        } catch {
            tell(origin) { $0.machine.openFailed(number) }
            throw error
        }
        let connection = HTTPConnection(
            stream,
            limits: limits.messages,
            becameFree: { [weak self] _ in self?.becameFree(number, origin) },
            becameClosed: { [weak self] _ in self?.becameClosed(number, origin) }
        )
        let isClosed = state.withLock { state in
            state.origins[origin]?.connections[number] = connection
            state.origins[origin]?.machine.opened(number)
            // The one thing that can come of it, that it is to be closed, is carried out here.
            return state.origins[origin]?.machine.nextAction() != nil
        }
        guard !isClosed else {
            await close([connection])
            throw HTTPError.poolClosed
        }
        return connection
    }

    // MARK: Checking in

    private func becameFree(_ number: Int, _ origin: HTTPOrigin) {
        let now = time.now
        tell(origin) { $0.machine.freed(number, now: now) }
    }

    private func becameClosed(_ number: Int, _ origin: HTTPOrigin) {
        tell(origin) { pool in
            pool.connections[number] = nil
            pool.machine.closed(number)
        }
    }

    /// Tells the machine of `origin` something, and carries out what it makes of that.
    private func tell(
        _ origin: HTTPOrigin,
        droppedFor error: (any Error)? = nil,
        _ event: (inout HTTPOriginPool) -> Void
    ) {
        let (steps, lastEnded) = state.withLock { state in
            // Whoever tells something has been here before.
            let steps = state.origins[origin, default: HTTPOriginPool(limits)].tell(event)
            return (steps, state.lastEnded != nil && !state.areLingering ? state.lastEnded.take() : nil)
        }
        for step in steps { carryOut(step, origin, error) }
        lastEnded?.set()
    }

    private func carryOut(_ step: HTTPOriginPool.Step, _ origin: HTTPOrigin, _ error: (any Error)?) {
        switch step {
        case .grant(let waiter, let grant): waiter.finish(.success(grant))
        case .drop(let waiter): waiter.finish(.failure(error ?? HTTPError.poolClosed))
        case .close(let connection): connection.stream.lane.run { connection.close(HTTPError.poolClosed) }
        case .wakeUp(let deadline):
            scheduler.schedule(at: deadline) { [weak self] in
                guard let self else { return }
                let now = time.now
                tell(origin) { $0.machine.timePassed(now: now) }
            }
        }
    }

    // MARK: The end

    /// Returns when no lingering call is under way, nor its body arrives or is sent, or the task is cancelled.
    func waitForLingering() async {
        let lastEnded: Signal? = state.withLock { state in
            guard state.areLingering else { return nil }
            let lastEnded = state.lastEnded ?? Signal(gauge: gauge)
            state.lastEnded = lastEnded
            return lastEnded
        }
        await lastEnded?.wait()
    }

    /// Closes all connections, those in use too, and returns when they are closed.
    ///
    /// Calls fail from now on.
    package func close() async {
        let steps = state.withLock { state in
            state.isClosed = true
            var steps: [HTTPOriginPool.Step] = []
            for origin in state.origins.keys {
                steps += state.origins[origin]?.tell { $0.machine.close() } ?? []
            }
            return steps
        }
        var connections: [HTTPConnection] = []
        for step in steps {
            switch step {
            case .drop(let waiter): waiter.finish(.failure(HTTPError.poolClosed))
            case .close(let connection): connections.append(connection)
            case .grant, .wakeUp: assertionFailure("nothing of this comes of the end")
            }
        }
        await close(connections)
    }

    private func close(_ connections: [HTTPConnection]) async {
        for connection in connections {
            await connection.stream.lane.result { connection.close(HTTPError.poolClosed) }
        }
    }

    /// For tests: the connections of `origin`, those of them that are idle, and the calls that wait for one.
    package func counts(of origin: HTTPOrigin) -> (all: Int, idle: Int, waiting: Int) {
        state.withLock { $0.origins[origin]?.machine.counts ?? (0, 0, 0) }
    }
}
