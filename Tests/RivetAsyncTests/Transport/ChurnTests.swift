// SPDX-License-Identifier: Apache-2.0
import RivetAsync
import Synchronization
import Testing

/// Connections that end in every way, many at a time, over several lanes: nothing is lost, nothing is left.
@Suite(.leavesNothing, .timeLimit(.minutes(3)))
struct ChurnTests {
    enum Mode: CaseIterable, Sendable {
        /// The server sends and ends properly.
        case end
        /// The server sends and resets.
        case reset
        /// The client closes while the server sends.
        case cancel
        /// The client closes while the server resets.
        case cancelDuringReset
    }

    private static let sent = [UInt8](repeating: 9, count: 65_536)

    @Test(arguments: Mode.allCases)
    func connectionsComeAndGo(_ mode: Mode) async throws {
        let gauge = ResourceGauge()
        let lanes = LaneGroup(count: 3, gauge: gauge)
        let serverEnds = Tally()
        let listener = try await TCPListener.listen(lanes: lanes) { socket in
            socket.setHandler(Closer(socket) { _ in serverEnds.add() })
            switch mode {
            case .end, .cancel:
                socket.write { $0.append(Self.sent) }
                socket.finishWriting()
            case .reset, .cancelDuringReset:
                socket.write { $0.append(Self.sent) }
                socket.lane.run {
                    socket.closeWithReset()
                    serverEnds.add()
                }
            }
        }
        let address = listener.localAddress
        let workers = 8
        let each = TestScale.count(full: 24_000, byDefault: 2_400) / Mode.allCases.count / workers
        try await withThrowingTaskGroup { group in
            for _ in 0..<workers {
                group.addTask {
                    for _ in 0..<each { try await Self.visit(address, mode, lane: lanes.next()) }
                }
            }
            try await group.waitForAll()
        }
        await serverEnds.reach(workers * each)
        await listener.close()
        await lanes.shutDown()
        #expect(serverEnds.count == workers * each)
        #expect(gauge.counts == .zero)
    }

    private static func visit(_ address: SocketAddress, _ mode: Mode, lane: Lane) async throws {
        let socket: TCPSocket
        do {
            socket = try await TCPSocket.connect(to: address, lane: lane)
        } catch TransportError.system(.connect, .connectionReset) where mode == .reset || mode == .cancelDuringReset {
            // The reset was quicker than our look at the result of the connection.
            return
        }
        switch mode {
        case .end, .reset:
            let end = Feed<StreamEnding>(capacity: 2)
            let received = Tally()
            lane.run {
                socket.setHandler(
                    Closer(socket, onBytes: { received.add($0) }) {
                        end.push($0)
                        end.finish()
                    }
                )
                socket.write { $0.append(7) }
            }
            let first = await end.next()
            if mode == .end {
                #expect(first == .finished)
                #expect(received.count == sent.count)
            } else {
                // Whichever call comes first after the reset finds it.
                let finders: [TransportError.SystemCall] = [.receive, .send]
                #expect(finders.contains { first == .failed(.system($0, .connectionReset)) })
            }
            #expect(await end.next() == nil, "one end only")
        case .cancel, .cancelDuringReset:
            let ended = Tally()
            await lane.perform {
                socket.setHandler(Closer(socket) { _ in ended.add() })
                socket.write { $0.append(7) }
            }
            await lane.perform { socket.close() }
            #expect(ended.count <= 1)
        }
    }
}

/// Closes its socket when that ends.
///
/// `@unchecked Sendable`: lives on one lane.
private final class Closer: ByteHandler, @unchecked Sendable {
    private let socket: TCPSocket
    private let onBytes: (Int) -> Void
    private let onEnd: (StreamEnding) -> Void

    init(_ socket: TCPSocket, onBytes: @escaping (Int) -> Void = { _ in }, onEnd: @escaping (StreamEnding) -> Void) {
        self.socket = socket
        self.onBytes = onBytes
        self.onEnd = onEnd
    }

    func received(_ bytes: ByteChunk) { onBytes(bytes.count) }
    func receivedAll() {}
    func writable() {}

    func ended(_ end: StreamEnding) {
        socket.close()
        onEnd(end)
    }
}

/// A count that a test can wait for.
private final class Tally: Sendable {
    private let state = Mutex((count: 0, target: Int.max))
    private let reached = Signal()

    var count: Int { state.withLock { $0.count } }

    func add(_ amount: Int = 1) {
        let isReached = state.withLock { state in
            state.count += amount
            return state.count >= state.target
        }
        if isReached { reached.set() }
    }

    func reach(_ target: Int) async {
        let isReached = state.withLock { state in
            state.target = target
            return state.count >= target
        }
        if !isReached { await reached.wait() }
    }
}
