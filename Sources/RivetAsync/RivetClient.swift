// SPDX-License-Identifier: Apache-2.0

/// A client of one Rivet engine: where handles and connections come from.
///
/// It may be kept for the life of a service or used in a scope with `withRivetClient`. It always owns one root task, under
/// which everything in the background runs; a service that wants to own that life awaits ``runConnections()``. All
/// methods may be called from any task, and handles work side by side.
public actor RivetClient {
    nonisolated let context: ClientContext

    /// Makes a client; nothing goes over the network before the first call.
    ///
    /// - Parameters:
    ///   - configuration: settings out of range fail each call, and end each connection, with
    ///     ``RivetError/Code/invalidConfiguration``; see ``RivetConfiguration/validate()``.
    ///   - clock: what all deadlines and waits go by; tests give one that moves only when told.
    ///   - transport: ``RivetTransport/sockets``, or a local engine's.
    public init(
        _ configuration: RivetConfiguration,
        clock: any Clock<Duration> = ContinuousClock(),
        transport: RivetTransport = .sockets
    ) {
        context = ClientContext(configuration: configuration, time: TimeSource(clock), transport: transport)
    }

    // MARK: Handles

    // A name or id that is empty, `.` or `..` cannot stand in a URL: what is then done with the handle fails with
    // `invalidArgument`.

    /// A handle on the actor with this key; calls fail with `actor.not_found` while there is none.
    public nonisolated func get<D: ActorDefinition>(
        _: D.Type,
        _ key: ActorKey = [],
        _ options: HandleOptions = .init()
    ) -> ActorHandle<D> {
        ActorHandle(context, .get(name: D.actorName, key: key), options)
    }

    /// A handle on the actor with this key, which the first call makes if there is none.
    public nonisolated func getOrCreate<D: ActorDefinition>(
        _: D.Type,
        _ key: ActorKey = [],
        create: CreateOptions = .init(),
        _ options: HandleOptions = .init()
    ) -> ActorHandle<D> {
        ActorHandle(context, .getOrCreate(name: D.actorName, key: key, create), options)
    }

    /// A handle on the actor with this id.
    ///
    /// When it is gone, calls fail; nothing is made or resolved in its place.
    public nonisolated func getForID<D: ActorDefinition>(
        _: D.Type,
        _ id: ActorID,
        _ options: HandleOptions = .init()
    ) -> ActorHandle<D> {
        ActorHandle(context, .id(name: D.actorName, id), options)
    }

    /// Makes an actor now and returns a handle on its id.
    ///
    /// - Throws: ``RivetError``; `actor.duplicate_key` when the key is taken.
    public nonisolated func create<D: ActorDefinition>(
        _: D.Type,
        _ key: ActorKey = [],
        create: CreateOptions = .init(),
        _ options: HandleOptions = .init()
    ) async throws -> ActorHandle<D> {
        let id = try await ActorResolver.create(context, name: D.actorName, key: key, create)
        return ActorHandle(context, .id(name: D.actorName, id), options)
    }

    /// As `get` with a type, by name.
    public nonisolated func get(
        _ name: String,
        _ key: ActorKey = [],
        _ options: HandleOptions = .init()
    ) -> ActorHandle<Untyped> {
        ActorHandle(context, .get(name: name, key: key), options)
    }

    /// As `getOrCreate` with a type, by name.
    public nonisolated func getOrCreate(
        _ name: String,
        _ key: ActorKey = [],
        create: CreateOptions = .init(),
        _ options: HandleOptions = .init()
    ) -> ActorHandle<Untyped> {
        ActorHandle(context, .getOrCreate(name: name, key: key, create), options)
    }

    /// As `getForID` with a type, by name.
    public nonisolated func getForID(
        _ name: String,
        _ id: ActorID,
        _ options: HandleOptions = .init()
    ) -> ActorHandle<Untyped> {
        ActorHandle(context, .id(name: name, id), options)
    }

    /// As `create` with a type, by name.
    public nonisolated func create(
        _ name: String,
        _ key: ActorKey = [],
        create: CreateOptions = .init(),
        _ options: HandleOptions = .init()
    ) async throws -> ActorHandle<Untyped> {
        let id = try await ActorResolver.create(context, name: name, key: key, create)
        return ActorHandle(context, .id(name: name, id), options)
    }

    // MARK: Life

    /// Log lines about its connections, some with a measurement, secrets already removed.
    ///
    /// The library is silent otherwise: it never prints.
    public nonisolated var diagnostics: DiagnosticSequence { DiagnosticSequence(lines: context.diagnostics) }

    /// Waits for the end of the client, for services that run under a lifecycle of their own; nobody has to call it.
    ///
    /// Returns after ``close(within:)`` or ``beginGracefulShutdown()`` has done its work. Cancelling its task closes the
    /// client at once: what waits fails, sockets close without waiting for the peer.
    /// - Throws: `CancellationError` when it was cancelled.
    public nonisolated func runConnections() async throws {
        await withTaskCancellationHandler {
            await context.closed.waitUncancellably()
        } onCancel: { [context] in
            context.cancel()
        }
        try Task.checkCancellation()
    }

    /// No new calls from here on; those that run may end within 5 s, then connections close and ``runConnections()``
    /// returns.
    ///
    /// An answer whose body still arrives counts as a call that runs, and so does an open raw WebSocket: it goes on until
    /// it ends or the 5 s are over, and is then closed with ``WebSocketCloseCode/goingAway``.
    ///
    /// Returns at once.
    public nonisolated func beginGracefulShutdown() {
        context.beginClose(within: .seconds(5), isShutdown: true)
    }

    /// The same, awaited; raw WebSockets are closed with ``WebSocketCloseCode/normalClosure``.
    ///
    /// Safe to call twice; all callers return when it is done. The first call, or ``beginGracefulShutdown()``, decides the
    /// time: to end sooner, cancel the task of ``runConnections()``.
    ///
    /// - Parameter grace: how long calls that run may take to end; 5 s by default, as long as they need with
    ///   `.seconds(Int64.max)`, not at all with zero or less. Connections and raw WebSockets then get up to 2 s for their
    ///   closing handshakes, all at the same time, and a body of a request that hears no cancellation another 2 s.
    public func close(within grace: Duration = .seconds(5)) async {
        context.beginClose(within: grace)
        await context.closed.waitUncancellably()
    }
}

/// Gives `body` a client and closes it before returning, whether `body` returns, throws or is cancelled.
///
/// The other parameters are those of ``RivetClient/init(_:clock:transport:)``.
nonisolated(nonsending) public func withRivetClient<R>(
    _ configuration: RivetConfiguration,
    clock: any Clock<Duration> = ContinuousClock(),
    transport: RivetTransport = .sockets,
    _ body: (RivetClient) async throws -> R
) async throws -> R {
    let client = RivetClient(configuration, clock: clock, transport: transport)
    return try await scoped(closing: { await client.close() }) { try await body(client) }
}

/// Runs `body`, then `close`, whether `body` returns, throws or is cancelled: what every `with…` does.
nonisolated(nonsending) func scoped<R>(
    closing close: () async -> Void,
    _ body: () async throws -> R
) async throws -> R {
    do {
        let result = try await body()
        await close()
        return result
    } catch {
        await close()
        throw error
    }
}
