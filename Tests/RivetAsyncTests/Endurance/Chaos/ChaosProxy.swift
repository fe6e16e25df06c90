// SPDX-License-Identifier: Apache-2.0
import Synchronization

@testable import RivetAsync

/// A proxy for TCP that mistreats what passes through it: it splits, delays, stalls, resets and half-closes.
///
/// What happens to the bytes of the n-th connection follows from the seed.
final class ChaosProxy: Sendable {
    /// How often each has happened.
    struct Counts: Sendable {
        var connections = 0
        var splits = 0
        var delays = 0
        var stalls = 0
        var resets = 0
        var halfCloses = 0
    }

    private struct State {
        var counts = Counts()
        var relays: [ObjectIdentifier: ChaosRelay] = [:]
        var isCalm = true
        var isStopped = false
    }

    let gauge = ResourceGauge()
    let witness = ChaosWitness()
    private let lanes: LaneGroup
    private let deadlines: DeadlineScheduler
    private let timing: Task<Void, Never>
    private let target: SocketAddress
    private let seed: UInt64
    private let state = Mutex(State())
    private let listener: Mutex<TCPListener?> = Mutex(nil)

    /// Listens on loopback, and forwards to `target`.
    static func start(to target: SocketAddress, seed: UInt64) async throws -> ChaosProxy {
        let proxy = ChaosProxy(to: target, seed: seed)
        let listener = try await TCPListener.listen(lanes: proxy.lanes) { [weak proxy] socket in
            if let proxy { proxy.accept(socket) } else { socket.close() }
        }
        proxy.listener.withLock { $0 = listener }
        return proxy
    }

    private init(to target: SocketAddress, seed: UInt64) {
        (self.target, self.seed) = (target, seed)
        lanes = LaneGroup(count: 1, gauge: gauge)
        let deadlines = DeadlineScheduler(time: TimeSource(ContinuousClock()), gauge: gauge)
        self.deadlines = deadlines
        timing = Task { await deadlines.run() }
    }

    var port: Int { listener.withLock { $0?.localPort } ?? 0 }
    var counts: Counts { state.withLock { $0.counts } }

    /// Whether it only forwards, as it does at first.
    var isCalm: Bool {
        get { state.withLock { $0.isCalm } }
        set { state.withLock { $0.isCalm = newValue } }
    }

    /// Ends every connection, and returns when nothing is left.
    func stop() async {
        await listener.withLock { $0.take() }?.close()
        let relays = state.withLock { state in
            state.isStopped = true
            return Array(state.relays.values)
        }
        for relay in relays { await relay.lane.perform { relay.close() } }
        timing.cancel()
        await timing.value
        await lanes.shutDown()
    }

    private func accept(_ socket: TCPSocket) {
        let number = state.withLock { state in
            state.counts.connections += 1
            return state.counts.connections
        }
        let relay = ChaosRelay(self, socket, SeededGenerator(seed: seed &+ UInt64(number) &* 7_919))
        let isStopped = state.withLock { state in
            if !state.isStopped { state.relays[ObjectIdentifier(relay)] = relay }
            return state.isStopped
        }
        if isStopped { return relay.close() }
        Task { [target] in
            let upstream = try? await TCPSocket.connect(to: target, lane: relay.lane)
            await relay.lane.perform { relay.connected(upstream) }
        }
    }

    func count(_ what: WritableKeyPath<Counts, Int>) { state.withLock { $0.counts[keyPath: what] += 1 } }
    func remove(_ relay: ChaosRelay) { state.withLock { $0.relays[ObjectIdentifier(relay)] = nil } }

    func after(_ wait: Duration, on lane: Lane, _ body: @escaping @Sendable () -> Void) {
        _ = deadlines.schedule(after: wait) { lane.run(body) }
    }
}

/// One connection and its other half.
///
/// `@unchecked Sendable`: touched on its lane only.
final class ChaosRelay: @unchecked Sendable {
    let lane: Lane
    private let proxy: ChaosProxy
    private let downstream: TCPSocket
    private var upstream: TCPSocket?
    private var halves: [Half] = []
    private var random: SeededGenerator
    private var stream: ChaosWitnessedStream
    private var isOver = false

    init(_ proxy: ChaosProxy, _ socket: TCPSocket, _ random: SeededGenerator) {
        (self.proxy, downstream, lane, self.random) = (proxy, socket, socket.lane, random)
        stream = ChaosWitnessedStream(proxy.witness)
    }

    func connected(_ socket: TCPSocket?) {
        guard !isOver, let socket else {
            socket?.close()
            return close()
        }
        upstream = socket
        let halves = [Half(self, to: socket, isUpward: true), Half(self, to: downstream, isUpward: false)]
        self.halves = halves
        downstream.setHandler(halves[0])
        socket.setHandler(halves[1])
    }

    func close() {
        guard !isOver else { return }
        isOver = true
        downstream.flush()
        downstream.close()
        upstream?.flush()
        upstream?.close()
        halves = []
        proxy.remove(self)
    }

    private func reset() {
        guard !isOver else { return }
        downstream.closeWithReset()
        upstream?.closeWithReset()
        close()
    }

    private enum Fate {
        case pass
        case split
        case hold(Duration)
        case reset
        case halfClose
    }

    /// What becomes of the next bytes.
    private func fate() -> Fate {
        guard !proxy.isCalm else { return .pass }
        switch Int.random(in: 0..<1_000, using: &random) {
        case 0..<120:
            proxy.count(\.splits)
            return .split
        case 120..<240:
            proxy.count(\.delays)
            return .hold(.milliseconds(Int.random(in: 1...30, using: &random)))
        case 240..<246:
            proxy.count(\.stalls)
            return .hold(.milliseconds(Int.random(in: 300...4_000, using: &random)))
        case 246..<254:
            proxy.count(\.resets)
            return .reset
        case 254..<258:
            proxy.count(\.halfCloses)
            return .halfClose
        default:
            return .pass
        }
    }

    /// What goes one way.
    ///
    /// `@unchecked Sendable`: touched on the relay's lane only.
    final class Half: ByteHandler, @unchecked Sendable {
        private let relay: ChaosRelay
        private let destination: TCPSocket
        private let isUpward: Bool
        /// What waits, and whether its fate is known already.
        private var queue: [(bytes: ByteChunk, passes: Bool)] = []
        private var isHeld = false
        private var hasEnded = false
        private(set) var isFinished = false

        init(_ relay: ChaosRelay, to destination: TCPSocket, isUpward: Bool) {
            (self.relay, self.destination, self.isUpward) = (relay, destination, isUpward)
        }

        func received(_ bytes: ByteChunk) {
            queue.append((bytes, false))
            pump()
        }

        func receivedAll() {}
        func writable() {}

        func ended(_ end: StreamEnding) {
            guard case .finished = end else { return relay.reset() }
            hasEnded = true
            pump()
        }

        private func pump() {
            while !isHeld, !relay.isOver, !isFinished, let (bytes, passes) = queue.first {
                queue.removeFirst()
                switch passes ? .pass : relay.fate() {
                case .pass:
                    write(bytes)
                case .split:
                    let cut = bytes.count / 2
                    write(bytes.slice(0..<cut))
                    destination.flush()
                    queue.insert((bytes.slice(cut..<bytes.count), true), at: 0)
                    hold(.milliseconds(1))
                case .hold(let wait):
                    queue.insert((bytes, true), at: 0)
                    hold(wait)
                case .reset:
                    relay.reset()
                case .halfClose:
                    write(bytes)
                    finish()
                    // Of those who do not heed it.
                    relay.proxy.after(.seconds(3), on: relay.lane) { [weak relay] in relay?.close() }
                }
            }
            if queue.isEmpty, hasEnded, !isFinished, !relay.isOver { finish() }
        }

        private func write(_ bytes: ByteChunk) {
            if isUpward { relay.stream.sent(bytes) } else { relay.stream.received(bytes) }
            destination.write { output in bytes.withUnsafeBytes { output.append($0) } }
        }

        private func hold(_ wait: Duration) {
            isHeld = true
            // Not held by what may never come: the proxy has the deadlines.
            relay.proxy.after(wait, on: relay.lane) { [weak self] in
                guard let self, !relay.isOver else { return }
                isHeld = false
                pump()
            }
        }

        private func finish() {
            isFinished = true
            destination.finishWriting()
            if relay.halves.allSatisfy(\.isFinished) { relay.close() }
        }
    }
}
