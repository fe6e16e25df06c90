// SPDX-License-Identifier: Apache-2.0
import RivetAsync
import Synchronization

/// Something with a stream of its own that can be ended from outside.
protocol ServedStream: AnyObject, Sendable {
    /// Ends the stream now; `LocalServer.removed` follows.
    func cut()
}

/// Listens, and knows what is open.
final class LocalServer: Sendable {
    private struct State {
        var streams: [ObjectIdentifier: any ServedStream] = [:]
        var isStopped = false
        var emptied: [Signal] = []
    }

    let engine: EngineState
    let router: Router
    private let lanes: LaneGroup
    private let state = Mutex(State())
    private let listener = Mutex<TCPListener?>(nil)
    private let memory = Mutex<(network: MemoryNetwork, port: Int)?>(nil)

    init(engine: EngineState) {
        self.engine = engine
        router = Router(engine: engine)
        lanes = LaneGroup(label: "rivet.local", gauge: engine.gauge)
    }

    /// Returns the port.
    func listen(onLoopback port: UInt16) async throws -> Int {
        let listener = try await TCPListener.listen(on: .loopback(port: port), lanes: lanes) { socket in
            socket.wantsQuickAcknowledgements = true
            self.accepted(socket)
        }
        self.listener.withLock { $0 = listener }
        return listener.localPort
    }

    /// Returns the port.
    func listen(on network: MemoryNetwork) throws -> Int {
        let port = try network.listen(lanes: lanes) { self.accepted($0) }
        memory.withLock { $0 = (network, port) }
        return port
    }

    private func accepted(_ stream: any ByteStream) {
        let connection = ServerConnection(stream: stream, server: self)
        guard added(connection) else { return stream.close() }
        stream.setHandler(connection)
    }

    /// False after `stop`: then the stream must be closed.
    func added(_ stream: any ServedStream) -> Bool {
        state.withLock { state in
            if state.isStopped { return false }
            state.streams[ObjectIdentifier(stream)] = stream
            return true
        }
    }

    func removed(_ stream: any ServedStream) {
        let signals = state.withLock { state in
            state.streams[ObjectIdentifier(stream)] = nil
            guard state.streams.isEmpty else { return [Signal]() }
            defer { state.emptied = [] }
            return state.emptied
        }
        for signal in signals { signal.set() }
    }

    /// Ends every open stream and returns when they are gone.
    func cutAll() async {
        let emptied = Signal(gauge: engine.gauge)
        let streams = state.withLock { state in
            if state.streams.isEmpty { emptied.set() } else { state.emptied.append(emptied) }
            return Array(state.streams.values)
        }
        for stream in streams { stream.cut() }
        await emptied.wait()
    }

    func stop() async {
        if let listener = listener.withLock({ $0.take() }) { await listener.close() }
        if let (network, port) = memory.withLock({ $0.take() }) { network.stopListening(port: port) }
        state.withLock { $0.isStopped = true }
        await cutAll()
    }

    func shutDownLanes() async { await lanes.shutDown() }
}
