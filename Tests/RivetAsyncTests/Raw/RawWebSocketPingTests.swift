// SPDX-License-Identifier: Apache-2.0
import RivetAsyncLocal
import Testing

@testable import RivetAsync

/// Pings of a raw WebSocket: the keep-alive's, and its user's.
@Suite(.leavesNothing, .timeLimit(.minutes(3)))
struct RawWebSocketPingTests {
    static func pong(_ payload: [UInt8]) -> [UInt8] { frame(10, payload) }

    static func expectPing(_ peer: LiteralServer.Peer) async throws -> [UInt8] {
        let ping = try await ClientTranscriptTests.clientFrame(peer)
        #expect(ping.first == 0x89)
        return ping.payload
    }

    static let silences: [(name: String, bytes: [UInt8])] = [
        ("nothing", []), ("half a frame", [0x82, 5, 1, 2]), ("half a message", frame(2, [1], isFinal: false)),
        ("pongs of other pings", pong([]) + pong([0, 0, 0, 9]) + pong([1, 2, 3, 4, 5, 6, 7, 8])),
    ]

    @Test(
        "B145, B311: a ping leaves after the interval, and no pong in time ends the WebSocket",
        arguments: silences.map(\.name)
    )
    func silence(_ name: String) async throws {
        let bytes = try #require(Self.silences.first { $0.name == name }).bytes
        let keepAlive = KeepAlive(interval: .seconds(30), timeout: .seconds(10))
        try await RawPeer.run {
            $0.keepAlive = keepAlive
        } _: { (fixture) async throws in
            let (socket, peer) = try await fixture.open()
            let reading = Task { await socket.readAll().error }
            for _ in 0..<2 {
                await fixture.clock.advance(by: .seconds(30))
                let payload = try await Self.expectPing(peer)
                #expect(payload.count == 4)
                peer.write(Self.pong(payload))
                // An answer to this one shows that the pong has been seen.
                peer.write(frame(9, [7]))
                #expect(try await ClientTranscriptTests.clientFrame(peer).payload == [7])
            }
            // The answer shows that all of it has been read.
            peer.write(frame(9, [8]) + bytes)
            #expect(try await ClientTranscriptTests.clientFrame(peer).payload == [8])
            await fixture.clock.advance(by: .seconds(30))
            _ = try await Self.expectPing(peer)
            #expect(socket.end.name == "open")
            await fixture.clock.advance(by: .seconds(10))
            let error = await reading.value
            #expect(error?.code == .connectionLost)
            #expect(error?.message == "\(fixture.server.endpoint): no pong came within 10.0 seconds")
            #expect(error?.underlying as? WebSocketError == .silent(after: .seconds(10)))
            #expect(socket.end.name == "lost connectionLost")
            #expect(await peer.isEnded())
        }
    }

    @Test("B145: a connection whose peer answers no ping is lost too")
    func connection() async throws {
        try await RawPeer.run {
            $0.keepAlive = KeepAlive(interval: .seconds(30), timeout: .seconds(10))
            $0.replyNudge = .off
        } _: { (fixture) async throws in
            let connection = fixture.handle.connect()
            let peer = try await fixture.server.accept()
            ClientTranscriptTests.open(peer, key: try CauseTests.key(of: try await peer.readHead()))
            try await connection.waitUntilConnected()
            // The answer shows that all that `Init` sets going has begun, the time for the first ping too.
            peer.write(frame(9, [6]))
            #expect(try await ClientTranscriptTests.clientFrame(peer).payload == [6])
            await fixture.clock.advance(by: .seconds(30))
            peer.write(Self.pong(try await Self.expectPing(peer)) + frame(9, [7]))
            #expect(try await ClientTranscriptTests.clientFrame(peer).payload == [7])
            await fixture.clock.advance(by: .seconds(30))
            _ = try await Self.expectPing(peer)
            await fixture.clock.advance(by: .seconds(10))
            for await status in connection.status {
                guard case .waiting(let retry) = status else { continue }
                #expect(retry.cause.code == .connectionLost)
                #expect(retry.cause.underlying as? WebSocketError == .silent(after: .seconds(10)))
                break
            }
            await connection.disconnect()
        }
    }

    @Test("B311: ping() gives the round trip; the answer to the last of several is one to all")
    func roundTrip() async throws {
        try await RawPeer.run { (fixture) async throws in
            let (socket, peer) = try await fixture.open()
            async let first = socket.ping()
            let ping = try await Self.expectPing(peer)
            #expect(ping.count == 8)
            await fixture.clock.advance(by: .milliseconds(250))
            async let second = socket.ping()
            let last = try await Self.expectPing(peer)
            #expect(ping != last)
            await fixture.clock.advance(by: .milliseconds(50))
            peer.write(Self.pong(ping.map { $0 ^ 0xFF }.dropLast()) + Self.pong(last))
            #expect(try await first == .milliseconds(300))
            #expect(try await second == .milliseconds(50))
            peer.close()
            _ = await socket.readAll()
        }
    }

    @Test("B311: a ping without an answer ends at the time-out, or with its task, and the WebSocket lives on")
    func noAnswer() async throws {
        try await RawPeer.run {
            $0.keepAlive = KeepAlive(interval: .seconds(600), timeout: .seconds(3))
        } _: {
            (fixture) async throws in
            let (socket, peer) = try await fixture.open()
            let late = Task { try await socket.ping() }
            let first = try await Self.expectPing(peer)
            await fixture.clock.advance(by: .seconds(3))
            let error = await #expect(throws: RivetError.self) { try await late.value }
            #expect(error?.code == .deadlineExceeded)
            let cancelled = Task { try await socket.ping() }
            let second = try await Self.expectPing(peer)
            cancelled.cancel()
            await #expect(throws: CancellationError.self) { try await cancelled.value }
            peer.write(Self.pong(first) + Self.pong(second) + frame(1, [0x61]))
            #expect(try await socket.messages.first { _ in true } == .text("a"))
            #expect(socket.end.name == "open")
            // What ends the WebSocket ends the ping.
            let cut = Task { try await socket.ping() }
            _ = try await Self.expectPing(peer)
            peer.close()
            let lost = await #expect(throws: RivetError.self) { try await cut.value }
            #expect(lost?.code == .connectionLost)
            let closed = await #expect(throws: RivetError.self) { try await socket.ping() }
            #expect(closed?.code == .connectionClosed)
        }
    }
}
