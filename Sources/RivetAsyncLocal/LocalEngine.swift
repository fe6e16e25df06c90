// SPDX-License-Identifier: Apache-2.0
public import RivetAsync

/// A Rivet engine in the process: loopback sockets by default, memory on request. One namespace, `default`, and as many
/// actors as fit.
///
/// It is a real other end, for demos and tests: give its ``endpoint`` to a client. ``stop()`` ends everything.
public actor LocalEngine {
    /// Where an engine can be reached.
    public enum Transport: Sendable {
        /// TCP on 127.0.0.1; port 0 takes a free one.
        case loopback(port: UInt16)
        /// Memory: no port, no descriptor.
        case memory
    }

    /// `http://127.0.0.1:PORT`; for an engine in memory an address that only its own transport can reach.
    public nonisolated let endpoint: String
    /// Trouble on demand, for tests of a client.
    public nonisolated let faults: Faults

    /// For `RivetClient(…, transport: engine.transport)`: this engine's memory, or sockets.
    public nonisolated let transport: RivetTransport

    package nonisolated let gauge: ResourceGauge
    private nonisolated let hosted: EngineState
    nonisolated var tokens: TokenBook { hosted.tokens }
    private nonisolated let server: LocalServer
    private var isStopped = false

    /// Starts an engine with the actors that `define` names.
    ///
    /// - Parameters:
    ///   - clock: what all its deadlines, idle times and schedules are measured by.
    ///   - transport: where it listens.
    ///   - limits: what it allows; Rivet's own limits by default.
    ///   - authentication: which tokens it asks for; none by default.
    ///   - define: names the kinds of actors. Clients can create actors of other names too, but nothing answers there.
    /// - Returns: the engine, which listens already.
    /// - Throws: a `RivetError` with the code `invalidArgument` when the port is in use or not permitted; its text
    ///   names the address and what the system said.
    public static func start(
        clock: any Clock<Duration> = ContinuousClock(),
        transport: Transport = .loopback(port: 0),
        limits: Limits = .init(),
        authentication: Authentication = .none,
        _ define: (inout Registry) -> Void
    ) async throws -> LocalEngine {
        try await start(
            clock: clock,
            transport: transport,
            limits: limits,
            authentication: authentication,
            settings: Settings(),
            define
        )
    }

    package static func start(
        clock: any Clock<Duration> = ContinuousClock(),
        transport: Transport = .loopback(port: 0),
        limits: Limits = .init(),
        authentication: Authentication = .none,
        settings: Settings,
        _ define: (inout Registry) -> Void
    ) async throws -> LocalEngine {
        var registry = Registry()
        define(&registry)
        let hosted = EngineState(
            kinds: registry.kinds,
            limits: limits,
            settings: settings,
            authentication: authentication,
            time: TimeSource(clock),
            gauge: ResourceGauge()
        )
        let server = LocalServer(engine: hosted)
        do {
            switch transport {
            case .loopback(let port):
                let port = try await server.listen(onLoopback: port)
                return LocalEngine(hosted, server, endpoint: "http://127.0.0.1:\(port)", network: nil)
            case .memory:
                let network = MemoryNetwork()
                let port = try server.listen(on: network)
                return LocalEngine(hosted, server, endpoint: "http://127.0.0.1:\(port)", network: network)
            }
        } catch {
            await hosted.tasks.stop(within: settings.stopLimit)
            await server.shutDownLanes()
            throw error
        }
    }

    private init(_ hosted: EngineState, _ server: LocalServer, endpoint: String, network: MemoryNetwork?) {
        self.hosted = hosted
        self.server = server
        self.endpoint = endpoint
        transport = network.map { RivetTransport(dialer: MemoryDialer(network: $0)) } ?? .sockets
        faults = hosted.faults
        gauge = hosted.gauge
        hosted.faults.setHooks(
            Faults.Hooks(
                cutAllConnections: { [weak server] in await server?.cutAll() },
                killActors: { [weak hosted] in
                    for actor in hosted?.allActors ?? [] { await actor.kill() }
                }
            )
        )
    }

    /// Stops listening, cuts every connection, cancels the handlers that run, and returns when nothing is left.
    ///
    /// Hooks are not called. A handler that does not heed its cancellation is left running after 15 seconds, and a line
    /// on standard error says so. Safe to call twice.
    public func stop() async {
        guard !isStopped else { return }
        isStopped = true
        hosted.faults.setHooks(nil)
        // The actors hear on their lanes that their connections have ended, maybe after everything else: nothing starts.
        hosted.tasks.close()
        server.beginStop()
        // Behind the cuts, so that who is cancelled now has nobody to answer; and before anything of the server's is waited
        // for, since a handler may have the thread of what is cut. From here on no deadline of the engine fires.
        let limit = hosted.settings.stopLimit
        let running = await hosted.tasks.stop(within: limit)
        guard running > 0 else { return await finishStop() }
        StandardError.say("LocalEngine.stop(): \(running) tasks were cancelled, and run on after \(limit)")
        // One that has a thread gives it back when it likes, and the rest is done then.
        let finished = Signal(gauge: hosted.gauge)
        Task {
            await finishStop()
            finished.set()
        }
        await finished.waitUncancellably(atMost: .seconds(1))
    }

    private nonisolated func finishStop() async {
        await server.finishStop()
        await server.shutDownLanes()
        await hosted.forgetActors()
    }
}
