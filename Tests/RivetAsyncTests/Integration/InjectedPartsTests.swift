// SPDX-License-Identifier: Apache-2.0
import RivetAsyncLocal
import Testing

@testable import RivetAsync

/// A client whose clock, random source and network are the test's.
@Suite(.leavesNothing, .timeLimit(.minutes(3)))
struct InjectedPartsTests {
    typealias Transcript = ClientTranscriptTests

    /// Gives this byte for ever, in whatever order it is asked.
    static func source(_ byte: UInt8) -> RandomSource {
        RandomSource(fill: { $0.initializeMemory(as: UInt8.self, repeating: byte) }, fraction: { 0.5 })
    }

    /// What a connection, and then a WebSocket, send of what is random: the key of the handshake, and the key that the
    /// first frames are masked with.
    static func keys(_ source: RandomSource) async throws -> [[UInt8]] {
        let gauge = ResourceGauge()
        let lanes = LaneGroup(count: 1, gauge: gauge)
        let network = MemoryNetwork()
        let accepted = Feed<LiteralServer.Peer>(capacity: 8, gauge: gauge)
        let port = try network.listen(lanes: lanes) { stream in
            let peer = LiteralServer.Peer(stream)
            stream.setHandler(peer)
            accepted.push(peer)
        }
        var configuration = try RivetConfiguration(endpoint: "http://engine.test:\(port)")
        configuration.looksUpMetadata = false
        let context = ClientContext(
            configuration: configuration,
            time: TimeSource(TestClock()),
            transport: RivetTransport(dialer: MemoryDialer(network: network)),
            random: source
        )
        context.nudges?.mark(actor: "counter", action: nil)
        let handle = ActorHandle<Transcript.Counter>(
            context,
            .id(name: "counter", ActorID(rawValue: Transcript.id)),
            .init()
        )
        var keys: [[UInt8]] = []

        let connection = handle.connect()
        let peer = try #require(await accepted.next())
        let key = try CauseTests.key(of: try await peer.readHead())
        keys.append(Array(key.utf8))
        Transcript.open(peer, key: key)
        async let count = connection.send(Transcript.Increment(amount: 5))
        for _ in 0..<2 {
            // The nudge behind the 101, and the action.
            let head = try await peer.read(2)
            keys.append(try await peer.read(4))
            _ = try await peer.read(Int(head[1] & 0x7f))
        }
        peer.close()
        _ = try? await count

        async let opening = handle.webSocket("x")
        let other = try #require(await accepted.next())
        let otherKey = try CauseTests.key(of: try await other.readHead())
        keys.append(Array(otherKey.utf8))
        other.write(RawPeer.answer(toKey: otherKey))
        let socket = try await opening
        try await socket.send(.text("x"))
        _ = try await other.read(2)
        keys.append(try await other.read(4))

        other.close()
        context.beginClose(within: .zero)
        await context.closed.waitUncancellably()
        await lanes.shutDown()
        #expect(context.gauge.counts == .zero)
        #expect(gauge.counts == .zero)
        return keys
    }

    @Test("B21: with a clock, a random source and a network of its own a client uses no others")
    func nothingElse() async throws {
        var masks = WebSocketMaskingKeys(fill: Self.source(0x5a).stream())
        let mask = { withUnsafeBytes(of: masks.next()) { Array($0) } }
        let (first, second) = (mask(), mask())
        let nonce = Array("WlpaWlpaWlpaWlpaWlpaWg==".utf8)
        #expect(try await Self.keys(Self.source(0x5a)) == [nonce, first, second, nonce, first])
        #expect(try await Self.keys(Self.source(0x5b)) != [nonce, first, second, nonce, first])
    }
}
