// SPDX-License-Identifier: Apache-2.0
import RivetAsync
import Synchronization

/// Something with a stream of its own that can be ended from outside.
protocol ServedStream: AnyObject, Sendable {
    /// Ends the stream now; `LocalServer.removed` follows.
    func cut()
    /// Closes a WebSocket as the gateway does, on its own account; from any thread.
    func gatewayCloses(_ closing: WebSocketClosing)
}

/// Listens, and knows what is open.
final class LocalServer: Sendable {
    private struct State: Sendable {
        var streams: [ObjectIdentifier: any ServedStream] = [:]
        var isStopped = false
    }

    let engine: EngineState
    let router: Router
    private let state: Monitor<State>
    private let listener = Mutex<TCPListener?>(nil)
    private let memory = Mutex<(network: MemoryNetwork, port: Int)?>(nil)

    init(engine: EngineState) {
        self.engine = engine
        router = Router(engine: engine)
        state = Monitor(State(), gauge: engine.gauge)
    }

    /// Returns the port.
    func listen(onLoopback port: UInt16) async throws -> Int {
        let address = SocketAddress.loopback(port: port)
        let listener: TCPListener
        do throws(TransportError) {
            listener = try await TCPListener.listen(on: address, lanes: engine.lanes) { socket in
                socket.wantsQuickAcknowledgements = true
                self.accepted(socket)
            }
        } catch {
            let message = "the local engine cannot listen on \(address): \(error)"
            throw RivetError(.invalidArgument, message, fault: .caller, underlying: error)
        }
        self.listener.withLock { $0 = listener }
        return listener.localPort
    }

    /// Returns the port.
    func listen(on network: MemoryNetwork) throws -> Int {
        let port = try network.listen(lanes: engine.lanes) { self.accepted($0) }
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
        state.access { state in
            if state.isStopped { return false }
            state.streams[ObjectIdentifier(stream)] = stream
            return true
        }
    }

    func removed(_ stream: any ServedStream) {
        engine.tokens.forget(ObjectIdentifier(stream))
        state.update { $0.streams[ObjectIdentifier(stream)] = nil }
    }

    /// Ends every open stream and returns when they are gone; a client may have come back by then.
    func cutAll() async {
        let streams = state.access { $0.streams }
        for stream in streams.values { stream.cut() }
        await state.firstUncancellably { state in streams.contains { state.streams[$0.key] === $0.value } ? nil : () }
    }

    /// Takes no stream from now on, and cuts those there are.
    func beginStop() {
        let streams = state.access { state in
            state.isStopped = true
            return state.streams
        }
        for stream in streams.values { stream.cut() }
    }

    /// Returns when nobody can come any more, and all that were cut are gone.
    func finishStop() async {
        if let listener = listener.withLock({ $0.take() }) { await listener.close() }
        if let (network, port) = memory.withLock({ $0.take() }) { network.stopListening(port: port) }
        await state.firstUncancellably { $0.streams.isEmpty ? () : nil }
    }

    func shutDownLanes() async { await engine.lanes.shutDown() }
}
