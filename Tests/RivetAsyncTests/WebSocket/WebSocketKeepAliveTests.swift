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
        let stage = try await WebSocketStage(kind)
        let (channel, connection) = await stage.connected()
        let lane = stage.stream.lane
        await lane.perform {
            stage.startKeepAlive(channel)
            channel.suspendReading()
        }
        await stage.clock.advance(by: .seconds(100))
        #expect(await lane.perform { connection.isOpen })
        await lane.perform { channel.resumeReading() }
        await stage.clock.advance(by: .seconds(30))
        let first = WebSocketStage.fromClient(9, [0, 0, 0, 1])
        #expect(await stage.peer.until { !$0.bytes.isEmpty }.bytes == first)
        // The pong is on its way while nobody reads.
        await lane.perform { channel.suspendReading() }
        await stage.clock.advance(by: .seconds(100))
        #expect(await lane.perform { connection.isOpen })
        await lane.perform { channel.resumeReading() }
        await stage.clock.advance(by: .seconds(30))
        let second = WebSocketStage.fromClient(9, [0, 0, 0, 2])
        #expect(await stage.peer.until { $0.bytes.count >= 20 }.bytes == first + second)
        await stage.clock.advance(by: .seconds(10))
        #expect(await channel.readAll().error as? WebSocketError == .silent(after: .seconds(10)))
        await stage.end()
    }

    @Test("B145: what comes puts the next ping off", arguments: StreamPair.Kind.all)
    func traffic(_ kind: StreamPair.Kind) async throws {
        let stage = try await WebSocketStage(kind)
        let (channel, _) = await stage.connected()
        await stage.stream.lane.perform { stage.startKeepAlive(channel) }
        var messages = channel.messages.makeAsyncIterator()
        for _ in 0..<4 {
            await stage.clock.advance(by: .seconds(29))
            stage.peerStream.writeLater(frame(1, [0x61]))
            #expect(try await messages.next() == .text("a"))
        }
        try await channel.send(.text("b"))
        #expect(await stage.peer.until { !$0.bytes.isEmpty }.bytes == WebSocketStage.fromClient(1, [0x62]))
        channel.abort()
        await #expect(throws: WebSocketError.notOpen) { try await messages.next() }
        await stage.end()
    }
}
