// SPDX-License-Identifier: Apache-2.0
import RivetAsyncLocal
import Testing

@testable import RivetAsync

/// The close frame that a connection owes to its peer arrives, whatever the peer does meanwhile.
@Suite(.leavesNothing, .timeLimit(.minutes(3)))
struct HeardCloseTests {
    /// What the peer does behind its bytes.
    enum Behind: CaseIterable { case nothing, end, flood }

    struct Row: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let bytes: [UInt8]
        /// The code that the client sends.
        let code: UInt16
    }

    static let rows = [
        Row(testDescription: "closed by the peer", bytes: RawPeer.close(1000, "done"), code: 1000),
        Row(testDescription: "closed by the engine", bytes: RawPeer.close(1011, "guard.timeout#r"), code: 1011),
        Row(testDescription: "a reserved opcode", bytes: frame(3), code: 1002),
        Row(testDescription: "a message that cannot be read", bytes: frame(2, [9, 9, 9]), code: 1002),
        Row(testDescription: "a message of the wrong kind", bytes: frame(1, [0x7B, 0x7D]), code: 1002),
        Row(testDescription: "text that is not UTF-8", bytes: frame(1, [0xFF]), code: 1007),
        Row(
            testDescription: "a message above the limit",
            bytes: frame(2, [UInt8](repeating: 1, count: 1_001)),
            code: 1009
        ),
    ]

    static func run(_ body: (RawPeer, ActorConnection<RawPeer.Site>) async throws -> Void) async throws {
        try await RawPeer.run {
            $0.replyNudge = .off
            $0.maxMessageSize = 1_000
            // No time passes before the next attempt.
            $0.reconnect = ReconnectPolicy { _, _ in .retry(after: .zero) }
        } _: { (fixture) async throws in
            let connection = fixture.handle.connect()
            try await body(fixture, connection)
            await connection.disconnect()
        }
    }

    static func accept(_ fixture: RawPeer) async throws -> LiteralServer.Peer {
        let peer = try await fixture.server.accept()
        ClientTranscriptTests.open(peer, key: try CauseTests.key(of: try await peer.readHead()))
        return peer
    }

    @Test(
        "B122, B222, B292: our close frame is heard, and the next attempt does not wait for the end of the stream",
        arguments: rows,
        Behind.allCases
    )
    func heard(_ row: Row, _ behind: Behind) async throws {
        try await Self.run { (fixture, connection) async throws in
            let peer = try await Self.accept(fixture)
            try await connection.waitUntilConnected()
            // A reset would destroy what the peer has not read.
            peer.suspendReading()
            peer.write(row.bytes)
            switch behind {
            case .nothing: break
            case .end: peer.finish()
            case .flood: peer.write((0..<5_000).flatMap { _ in frame(2, [UInt8](repeating: 7, count: 900)) })
            }
            let next = try await fixture.server.accept()
            peer.resumeReading()
            try await RawPeer.expectClose(peer, row.code)
            if behind != .end { peer.finish() }
            #expect(await peer.end() == .finished)
            next.close()
        }
    }

    @Test("B162, B292: disconnect says 1000 though much is on its way, and waits for the peer")
    func disconnect() async throws {
        try await Self.run { (fixture, connection) async throws in
            let peer = try await Self.accept(fixture)
            try await connection.waitUntilConnected()
            peer.write((0..<5_000).flatMap { _ in ClientTranscriptTests.serverFrame([4, 0, 3, 1, 0x78, 1, 0x80]) })
            async let done: Void = connection.disconnect()
            try await RawPeer.expectClose(peer, 1000)
            peer.write(RawPeer.close(1000))
            await done
            peer.finish()
            #expect(await peer.end() == .finished)
        }
    }

    @Test("B292: an attempt whose Init does not come says 1000")
    func withoutInit() async throws {
        try await Self.run { (fixture, connection) async throws in
            let (peer, _) = try await fixture.accept(frame(9, [7]))
            #expect(try await ClientTranscriptTests.clientFrame(peer).payload == [7])
            await fixture.clock.advance(by: .seconds(75))
            try await RawPeer.expectClose(peer, 1000)
            peer.finish()
            try await fixture.server.accept().close()
        }
    }

    @Test(
        "B292: the client's end waits for closing handshakes that go on, at most 2 s: an earlier one, or its own",
        arguments: [true, false]
    )
    func clientEnds(isEarlier: Bool) async throws {
        try await Self.run { (fixture, connection) async throws in
            let peer = try await Self.accept(fixture)
            try await connection.waitUntilConnected()
            if isEarlier {
                peer.write(RawPeer.close(1011, "guard.timeout#r"))
                try await RawPeer.expectClose(peer, 1011)
                try await fixture.server.accept().close()
                await connection.disconnect()
            }
            let order = Recorder<String>()
            let closing = Task {
                await fixture.client.close(within: .zero)
                order.add("closed")
            }
            if !isEarlier {
                try await RawPeer.expectClose(peer, 1000)
                peer.write(RawPeer.close(1000))
                await connection.disconnect()
            }
            // Our call waits, the closing itself waits for the socket, and the task of the deadlines for the next one.
            try await until {
                fixture.client.context.gauge.counts.waiters == 3 && fixture.clock.sleeperCount == 1
                    || !order.all.isEmpty
            }
            await fixture.clock.advance(by: .milliseconds(1_999))
            // Had the socket's time been over, nothing would be left to sleep for.
            #expect(fixture.clock.sleeperCount == 1)
            order.add("2 s")
            await fixture.clock.advance(by: .milliseconds(1))
            await closing.value
            #expect(order.all == ["2 s", "closed"])
            #expect(await peer.isEnded())
        }
    }

    @Test("B292: a cancelled client waits for nothing")
    func cancelled() async throws {
        try await Self.run { (fixture, connection) async throws in
            let peer = try await Self.accept(fixture)
            try await connection.waitUntilConnected()
            peer.write(RawPeer.close(1011, "guard.timeout#r"))
            _ = try await fixture.server.accept()
            let running = Task { try await fixture.client.runConnections() }
            running.cancel()
            await #expect(throws: CancellationError.self) { try await running.value }
        }
    }
}
