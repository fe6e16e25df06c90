// SPDX-License-Identifier: Apache-2.0

/// A value that names a remote actor.
///
/// Making or copying one costs no network.
///
/// The first use looks the actor's id up; the handle and its copies keep it until the actor is gone. A handle
/// made with a key follows the key: when its actor was destroyed, the next call reaches the new one.
///
/// Calls from many tasks run side by side; order is promised to a task that awaits one call before the next.
public struct ActorHandle<Definition: ActorDefinition>: Sendable {
    let core: HandleCore

    init(core: HandleCore) { self.core = core }

    init(_ context: ClientContext, _ query: ActorQuery, _ options: HandleOptions) {
        core = HandleCore(context: context, query: query, options: options)
    }

    /// The same handle without its type, for actions and events by name.
    public var untyped: ActorHandle<Untyped> { ActorHandle<Untyped>(core: core) }

    // MARK: Actions

    /// Calls an action over HTTP and returns its answer; no connection is kept.
    ///
    /// **Repeats.** What certainly did not run is sent again, backing off, until the deadline
    /// (``CallOptions/timeout``). What may have run is sent again only when ``CallOptions/isIdempotent`` says so. Rivet's
    /// own gateway may repeat a request that it handed over.
    ///
    /// **Cancellation.** Returns at once with `CancellationError`; the actor may still finish the action.
    ///
    /// **Errors.** ``RivetError``, whose ``RivetError/execution`` says whether the action ran.
    @discardableResult
    public func send<A: ActorAction>(
        _ action: A,
        _ options: CallOptions = .init()
    ) async throws -> A.Output where A.Target == Definition {
        try await core.observed(.action, A.actionName) { record in
            let arguments = try core.context.encodeArguments(of: action)
            return try await core.callAction(A.actionName, arguments, options, record)
                .decodeOutput(A.Output.self, of: A.actionName, A.argumentStyle)
        }
    }

    /// Calls an action by name; see ``send(_:_:)``.
    ///
    /// - Parameters:
    ///   - name: the action's name, sent as it is; ``RivetError/Code/invalidArgument`` where it is empty, `.` or `..`.
    ///   - argument: the arguments, each in its place.
    ///   - output: the type of the answer.
    ///   - options: for this call.
    /// - Returns: what the action returned.
    /// - Throws: ``RivetError`` or `CancellationError`.
    @discardableResult
    public func action<each Argument: Encodable & Sendable, Output: Decodable & Sendable>(
        _ name: String,
        _ argument: repeat each Argument,
        as output: Output.Type = Output.self,
        options: CallOptions = .init()
    ) async throws -> Output {
        try await core.observed(.action, name) { record in
            let arguments = try core.context.encodeArguments(repeat each argument, action: name)
            return try await core.callAction(name, arguments, options, record).decodeOutput(Output.self, of: name)
        }
    }

    /// Calls an action by name and ignores what it returns; see ``send(_:_:)``.
    @discardableResult
    public func action<each Argument: Encodable & Sendable>(
        _ name: String,
        _ argument: repeat each Argument,
        options: CallOptions = .init()
    ) async throws -> NoValue {
        try await core.observed(.action, name) { record in
            let arguments = try core.context.encodeArguments(repeat each argument, action: name)
            _ = try await core.callAction(name, arguments, options, record)
            return NoValue()
        }
    }

    // MARK: Connections

    /// A connection that opens by itself and comes back until it is closed.
    ///
    /// Returns at once.
    public func connect(_ options: ConnectOptions = .init()) -> ActorConnection<Definition> {
        let connection = ConnectionDriver(handle: core, options: options)
        connection.start()
        return ActorConnection(connection)
    }

    /// Gives `body` a connection and closes it before returning, whether `body` returns, throws or is cancelled.
    nonisolated(nonsending) public func withConnection<R>(
        _ options: ConnectOptions = .init(),
        _ body: (ActorConnection<Definition>) async throws -> R
    ) async throws -> R {
        let connection = connect(options)
        return try await scoped(closing: { await connection.disconnect() }) { try await body(connection) }
    }

    /// Gives `body` a connection that all share who ask for the same one in this client: one socket for all.
    ///
    /// **The same** is the actor's name and key, or its id (`get`, `getOrCreate` and an id are three); the parameters, by
    /// the bytes of their JSON, or for a provider by the handle and its copies; and ``HandleOptions/skipsReadyWait``. How
    /// the actor is made, and the context of the request, is what the first user says.
    ///
    /// **End.** When `body` returns, throws or is cancelled, its part is closed as by ``ActorConnection/disconnect()``: its
    /// sequences end and its actions fail, and the other users notice nothing. The socket closes `idle` after the last of
    /// them; whoever comes before that takes it over. When the connection has ended, its users get its error, and whoever
    /// comes then makes a new one.
    ///
    /// **Limits.** Those on held actions are for all users together, ``ActorConnection/statistics`` count what all of them
    /// do, and a reader with ``EventBuffering/Overflow/suspendReading`` holds all of them up.
    ///
    /// - Parameters:
    ///   - idle: how long the connection stays when this user is the last to leave; 50 s by default, so that users who
    ///     come one after another do not open it anew. With zero or less it is closed when this returns. Until then it
    ///     keeps its client, which closes it at the latest.
    ///   - body: uses the connection, which is not to be used afterwards.
    /// - Returns: what `body` returns.
    /// - Throws: what `body` throws.
    nonisolated(nonsending) public func withSharedConnection<R>(
        idle: Duration = .seconds(50),
        _ body: (ActorConnection<Definition>) async throws -> R
    ) async throws -> R {
        let (driver, share) = await core.joinSharedConnection(idle: idle)
        let connection = ActorConnection<Definition>(driver, share)
        return try await scoped(closing: { await connection.disconnect() }) { try await body(connection) }
    }

    // MARK: Names

    /// The actor's id, looked up each time; a `getOrCreate` handle makes the actor if there is none.
    ///
    /// - Throws: ``RivetError``; `actor.not_found` for a `get` handle without its actor. `CancellationError`.
    public func resolve() async throws -> ActorID {
        try await core.resolve()
    }

    /// The URL under which the gateway reaches the actor.
    ///
    /// For a key it is built without a lookup of the actor; it holds the token, so it shows only when
    /// revealed. A key that the gateway's query cannot say (a comma in a part, or one empty part) is looked up, and the
    /// actor made where the handle makes actors: the URL then has its id, and ends with that actor.
    ///
    /// - Throws: ``RivetError``; with ``RivetError/Code/limitExceeded`` when the create input is over 4,096 bytes of CBOR,
    ///   which no URL carries. `CancellationError`.
    public func gatewayURL() async throws -> SecretURL {
        try await core.gatewayURL()
    }
}
