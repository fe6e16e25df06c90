// SPDX-License-Identifier: Apache-2.0
import RivetAsyncLocal
import Testing

@testable import RivetAsync

/// The keep-alive of a connection whose reader holds the socket.
@Suite(.leavesNothing, .timeLimit(.minutes(3)))
struct WebSocketKeepAliveTests {
    @Test(
        "B145: while reading is suspended no ping leaves, and the time for a pong stands still",
        arguments: StreamPair.Kind.all
    )
    func suspendedReading(_ kind: StreamPair.Kind) async throws {
        let fixture = try await LiteralWebSocket(kind)
        let (channel, connection) = await fixture.connected()
        let lane = fixture.stream.lane
        await lane.perform {
            fixture.startKeepAlive(channel)
            channel.suspendReading()
        }
        await fixture.clock.advance(by: .seconds(100))
        #expect(await lane.perform { connection.isOpen })
        await lane.perform { channel.resumeReading() }
        await fixture.clock.advance(by: .seconds(30))
        let first = LiteralWebSocket.fromClient(9, [0, 0, 0, 1])
        #expect(await fixture.peer.until { !$0.bytes.isEmpty }.bytes == first)
        // The pong is on its way while nobody reads.
        await lane.perform { channel.suspendReading() }
        await fixture.clock.advance(by: .seconds(100))
        #expect(await lane.perform { connection.isOpen })
        await lane.perform { channel.resumeReading() }
        await fixture.clock.advance(by: .seconds(30))
        let second = LiteralWebSocket.fromClient(9, [0, 0, 0, 2])
        #expect(await fixture.peer.until { $0.bytes.count >= 20 }.bytes == first + second)
        await fixture.clock.advance(by: .seconds(10))
        #expect(await channel.readAll().error as? WebSocketError == .silent(after: .seconds(10)))
        await fixture.end()
    }

    @Test("B145: what comes puts the next ping off", arguments: StreamPair.Kind.all)
    func traffic(_ kind: StreamPair.Kind) async throws {
        let fixture = try await LiteralWebSocket(kind)
        let (channel, _) = await fixture.connected()
        await fixture.stream.lane.perform { fixture.startKeepAlive(channel) }
        var messages = channel.messages.makeAsyncIterator()
        for _ in 0..<4 {
            await fixture.clock.advance(by: .seconds(29))
            fixture.peerStream.writeLater(frame(1, [0x61]))
            #expect(try await messages.next() == .text("a"))
        }
        try await channel.send(.text("b"))
        #expect(await fixture.peer.until { !$0.bytes.isEmpty }.bytes == LiteralWebSocket.fromClient(1, [0x62]))
        channel.abort()
        await #expect(throws: WebSocketError.notOpen) { try await messages.next() }
        await fixture.end()
    }
}
