// SPDX-License-Identifier: Apache-2.0
import Synchronization

/// A lasting connection to one actor: actions, events and status over one WebSocket that is opened again when it is lost.
///
/// **Start.** ``ActorHandle/connect(_:)`` returns at once and the connection opens by itself. Actions that are sent before
/// that are held; event sequences made before that miss nothing, not even what the actor sends in its connect hook.
///
/// **Reconnects.** After a loss it comes back by ``ReconnectPolicy`` until it is closed. Actions in flight fail with
/// ``RivetError/Execution/mayHaveRun`` and are never repeated; held ones stay held; event sequences go on with a gap in
/// their `deliveries`.
///
/// **Executor.** The actor runs on its lane, the thread that also reads its socket, the same one over all reconnects.
/// Encoding and decoding of your types happens in your own tasks.
///
/// **End.** ``disconnect()``, ``ActorHandle/withConnection(_:_:)``, ``ActorHandle/withSharedConnection(idle:_:)`` or the
/// end of its client. When the last reference to the connection and its sequences goes, it closes too and a warning is
/// reported.
public actor ActorConnection<Definition: ActorDefinition> {
    nonisolated let lifetime: ConnectionLifetime
    nonisolated var driver: ConnectionDriver { lifetime.driver }

    init(_ driver: ConnectionDriver, _ share: ConnectionShare? = nil) {
        lifetime = ConnectionLifetime(driver, share)
    }

    /// The connection's lane.
    public nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe lifetime.driver.unownedExecutor }

    /// The current status first, then every change; ends after the last one.
    public nonisolated var status: ConnectionStatusSequence {
        ConnectionStatusSequence(statuses: lifetime.statuses, lifetime: lifetime)
    }

    /// Listens to one type of event, from the moment this returns.
    ///
    /// - Parameters:
    ///   - type: the event; its name and argument style are the type's own.
    ///   - buffering: how much is kept for a slow reader, and what then. 256 events and 4 MiB, drop oldest, by default.
    /// - Returns: the events, for one loop.
    public nonisolated func events<E: ActorEvent>(
        of type: E.Type,
        buffering: EventBuffering = .default
    ) -> EventSequence<E> where E.Source == Definition {
        EventSequence(subscription: subscription(to: E.eventName, buffering))
    }

    /// Listens to the events of a name that has no declared type, from the moment this returns.
    ///
    /// - Parameters:
    ///   - name: the event's name.
    ///   - types: the types of its arguments, in order. More arguments than types are ignored; fewer are an error of
    ///     decoding unless the missing ones are optional.
    ///   - buffering: as for ``events(of:buffering:)``.
    /// - Returns: the events' arguments, for one loop.
    public nonisolated func events<each V: Decodable & Sendable>(
        named name: String,
        as types: (repeat each V).Type,
        buffering: EventBuffering = .default
    ) -> NamedEventSequence<(repeat each V)> {
        NamedEventSequence(subscription: subscription(to: name, buffering)) { value in
            try value.format.decodeArguments(as: (repeat each V).self, from: value.bytes)
        }
    }

    private nonisolated func subscription(to name: String, _ buffering: EventBuffering) -> EventSubscription {
        EventSubscription(on: lifetime) { [lifetime] in
            EventReader(feed: lifetime.driver.addFeed(name: name, buffering, lifetime.share)) {
                lifetime.driver.removeFeed($0, lifetime.share)
            }
        }
    }

    /// Calls an action and returns its answer.
    ///
    /// **Order.** Calls that one task awaits one after another leave, and are started by the actor, in that order. Calls
    /// may overlap; answers then come in any order.
    ///
    /// **Cancellation.** Returns at once with `CancellationError`; a held action is then never sent, one in flight may
    /// still run, and the connection lives on.
    ///
    /// **Errors.** ``RivetError``: ``RivetError/Code/remote`` for what the actor threw;
    /// ``RivetError/Code/connectionLost``, ``RivetError/Code/closedByPeer`` when the socket went;
    /// ``RivetError/Code/deadlineExceeded``; ``RivetError/Code/encodingFailed``, ``RivetError/Code/decodingFailed``;
    /// ``RivetError/Code/heldActionsFull``; ``RivetError/Code/connectionClosed``; ``RivetError/Code/invalidArgument``.
    /// Nothing is ever sent twice.
    @discardableResult
    public nonisolated func send<A: ActorAction>(
        _ action: A,
        _ options: CallOptions = .init()
    ) async throws -> A.Output where A.Target == Definition {
        try await perform(A.actionName, { try $0.encodeArguments(of: action) }, A.argumentStyle, options)
    }

    /// Calls an action by name; see ``send(_:_:)`` for order, cancellation and errors.
    ///
    /// - Parameters:
    ///   - name: the action's name, sent as it is.
    ///   - argument: the arguments, each in its place.
    ///   - output: the type of the answer.
    ///   - options: `timeout` counts; the other options are for HTTP.
    /// - Returns: what the action returned.
    /// - Throws: ``RivetError`` or `CancellationError`.
    @discardableResult
    public nonisolated func action<each Argument: Encodable & Sendable, Output: Decodable & Sendable>(
        _ name: String,
        _ argument: repeat each Argument,
        as output: Output.Type = Output.self,
        options: CallOptions = .init()
    ) async throws -> Output {
        try await perform(name, { try $0.encodeArguments(repeat each argument, action: name) }, .positional, options)
    }

    /// Calls an action by name and ignores what it returns; see ``send(_:_:)``.
    @discardableResult
    public nonisolated func action<each Argument: Encodable & Sendable>(
        _ name: String,
        _ argument: repeat each Argument,
        options: CallOptions = .init()
    ) async throws -> NoValue {
        try await driver.handle.observed(.action, name, overConnection: true) { record in
            let arguments = try driver.context.encodeArguments(repeat each argument, action: name)
            record?.tryBegins()
            _ = try await driver.perform(name: name, arguments: arguments, options, lifetime.share)
            return NoValue()
        }
    }

    private nonisolated func perform<Output: Decodable & Sendable>(
        _ name: String,
        _ arguments: (ClientContext) throws -> ByteChunk,
        _ style: ArgumentStyle,
        _ options: CallOptions
    ) async throws -> Output {
        try await driver.handle.observed(.action, name, overConnection: true) { record in
            let arguments = try arguments(driver.context)
            record?.tryBegins()
            let value = try await driver.perform(name: name, arguments: arguments, options, lifetime.share)
            return try value.decodeOutput(Output.self, of: name, style)
        }
    }

    /// Waits for the actor's `Init`.
    ///
    /// - Returns: which actor and connection it is; at once when it is open.
    /// - Throws: the ``RivetError`` with which the connection ended, or `CancellationError`.
    @discardableResult
    public nonisolated func waitUntilConnected() async throws -> ConnectionInfo {
        try await driver.handle.observed(.connect, "", overConnection: true) { _ in
            for await status in self.status {
                switch status {
                case .connected(let info): return info
                case .closed(.requested): throw driver.endReason.withLock(\.self)
                case .closed(.failed(let error)): throw error
                case .connecting, .waiting, .paused:
                    // The provider of the token that it waits for (B318).
                    if let error = driver.context.tokenError { throw error }
                }
            }
            throw CancellationError()
        }
    }

    /// What this connection has done so far, over all reconnects and for all who share it; at any time, without waiting.
    public nonisolated var statistics: ConnectionStatistics { driver.tally.statistics }

    /// Ends a wait between two attempts, for example when the network is back.
    ///
    /// Nothing happens otherwise.
    public nonisolated func reconnectNow() {
        driver.retryNow(lifetime.share)
    }

    /// Gives the socket up for a while, in an app that sleeps or a worker that has nothing to do.
    ///
    /// Actions in flight are waited for first; their time-outs bound that. Then the socket closes with 1000, and the
    /// status is ``ConnectionStatus/paused``. No attempt is made and no ping leaves until ``resume()``. Event sequences and
    /// what they subscribe to stay; actions that are called meanwhile are held, within the limits on held actions and
    /// their own time-outs. A wait between two attempts ends, and what failed before does not count afterwards.
    ///
    /// Returns when the connection rests, or is not to any more: after ``resume()`` or ``disconnect()``, or when it has
    /// ended. A cancelled task returns at once; the connection rests all the same. A second call changes nothing.
    ///
    /// A shared connection rests when all its users have called this, until one of them resumes or another one comes; for
    /// one alone the call returns at once.
    public nonisolated func pause() async {
        await driver.pause(lifetime.share)
    }

    /// Ends a ``pause()``: an attempt begins at once, and event sequences find one gap in their `deliveries`.
    ///
    /// Subscriptions leave first, then the actions that were held. Nothing happens where nothing is paused.
    public nonisolated func resume() {
        driver.resume(lifetime.share)
    }

    /// The lane, for consumers that prefer it and are then woken without a change of thread: `Task(executorPreference:
    /// conn.executor)`.
    ///
    /// Slow code on it stalls every socket of the lane.
    public nonisolated var executor: any TaskExecutor { driver.executor }

    /// Closes for good: what waits fails at once, close code 1000 leaves, and the peer's answer is awaited for at most
    /// 2 s.
    ///
    /// Event sequences end with nil. Safe to call twice and from several tasks; all return when it is done. A cancelled
    /// task finishes it all the same.
    ///
    /// Of a shared connection it closes this user's part alone, and the user counts as gone.
    public nonisolated func disconnect() async {
        await driver.disconnect(lifetime.share)
    }
}

/// The statuses of a connection: the current one first, then each change, and after ``ConnectionStatus/closed(_:)`` the
/// end.
///
/// Each iterator is an observer of its own. It keeps the newest 64 statuses, so a slow one may miss steps in the middle,
/// never the last. Copies of an iterator share what it keeps: each status goes to one of them. No status comes twice in a row. Observing keeps the connection alive. A cancelled task ends its loop.
public struct ConnectionStatusSequence: AsyncSequence, Sendable {
    let statuses: Broadcast<ConnectionStatus>
    let lifetime: ConnectionLifetime

    /// The status now, without waiting.
    public var current: ConnectionStatus { statuses.latest ?? .connecting(attempt: 1) }

    /// An observer.
    public struct AsyncIterator: AsyncIteratorProtocol {
        private let reader: Broadcast<ConnectionStatus>.Reader
        private let lifetime: ConnectionLifetime

        init(_ sequence: ConnectionStatusSequence) {
            reader = sequence.statuses.reader()
            lifetime = sequence.lifetime
        }

        /// The next status; nil after the last one or when the task is cancelled.
        public nonisolated(nonsending) mutating func next(isolation: (any Actor)? = #isolation) async
            -> ConnectionStatus?
        {
            await reader.next()
        }
    }

    /// Starts observing.
    public func makeAsyncIterator() -> AsyncIterator { AsyncIterator(self) }
}
