// SPDX-License-Identifier: Apache-2.0
import Synchronization
import Testing

@testable import RivetAsync
@testable import RivetAsyncLocal

/// What a client owes to its raw WebSockets: the end with the client, and that without a word.
@Suite(.leavesNothing, .timeLimit(.minutes(3)))
struct RawWebSocketLifeTests {
    struct Row: Sendable, CustomTestStringConvertible {
        let isShutdown: Bool
        let answers: Bool
        var code: UInt16 { isShutdown ? 1001 : 1000 }
        var testDescription: String { "\(isShutdown ? "shutdown" : "close"), \(answers ? "answered" : "silent")" }
    }

    static let rows = [true, false].flatMap {
        [Row(isShutdown: $0, answers: true), Row(isShutdown: $0, answers: false)]
    }

    @Test("B165, B170, B312: open WebSockets have the grace, then they close, and the peers hear it", arguments: rows)
    func clientEnds(_ row: Row) async throws {
        try await RawPeer.run { (fixture) async throws in
            let sockets = [try await fixture.open(), try await fixture.open()]
            let read = Feed<ActorWebSocket.Message>(capacity: 8)
            let loops = sockets.map { socket, _ in
                Task { for try await message in socket.messages { read.push(message) } }
            }
            if row.isShutdown {
                fixture.client.beginGracefulShutdown()
            } else {
                fixture.client.context.beginClose(within: .seconds(5))
            }
            let refused = await #expect(throws: RivetError.self) { try await fixture.handle.webSocket("y") }
            #expect(refused?.code == .clientClosed)
            #expect(refused?.execution == .notSent)
            for (socket, peer) in sockets {
                peer.write(frame(1, [0x61]))
                #expect(await read.next() == .text("a"))
                try await socket.send(.text("b"))
                #expect(try await ClientTranscriptTests.clientFrame(peer).payload == [0x62])
            }
            await fixture.clock.advance(by: .seconds(5))
            for (_, peer) in sockets { try await RawPeer.expectClose(peer, row.code) }
            for (_, peer) in sockets where row.answers {
                peer.write(RawPeer.close(row.code))
                peer.finish()
            }
            if !row.answers { await fixture.clock.advance(by: .seconds(2)) }
            await fixture.client.close()
            for loop in loops { try await loop.value }
            for (socket, _) in sockets {
                #expect(socket.end.name == "closed \(row.answers ? row.code : 1006) ")
                let late = await #expect(throws: RivetError.self) { try await socket.send(.text("late")) }
                #expect(late?.code == .clientClosed)
                await socket.close()
            }
        }
    }

    @Test("B170, B312: the end of the last WebSocket ends the grace")
    func graceEndsEarly() async throws {
        try await RawPeer.run { (fixture) async throws in
            let (socket, peer) = try await fixture.open()
            fixture.client.beginGracefulShutdown()
            async let closed: Void = socket.close()
            try await RawPeer.expectClose(peer, 1000)
            peer.write(RawPeer.close(1000))
            peer.finish()
            await closed
            await fixture.client.close()
        }
    }

    @Test("B312: one that was being opened when the shutdown began has the grace too")
    func openedInTheGrace() async throws {
        try await RawPeer.run { (fixture) async throws in
            async let opening = fixture.handle.webSocket("x")
            let peer = try await fixture.server.accept()
            let key = try CauseTests.key(of: try await peer.readHead())
            fixture.client.beginGracefulShutdown()
            peer.write(Array(RawPeer.answer(toKey: key).utf8) + frame(1, [0x61]))
            let socket = try await opening
            #expect(try await socket.messages.first { _ in true } == .text("a"))
            async let closed: Void = socket.close()
            try await RawPeer.expectClose(peer, 1000)
            peer.finish()
            await closed
        }
    }

    @Test("cancelling runConnections ends them at once, and their readers hear that the client was closed")
    func cancellation() async throws {
        try await RawPeer.run { (fixture) async throws in
            let (socket, peer) = try await fixture.open()
            let running = Task { try await fixture.client.runConnections() }
            let reading = Task { await socket.readAll().error }
            running.cancel()
            await #expect(throws: CancellationError.self) { try await running.value }
            #expect(await reading.value?.code == .clientClosed)
            #expect(socket.end.name == "lost clientClosed")
            #expect(await peer.isEnded())
        }
    }

    @Test("B313: what is dropped without close() is closed with 1000 and reported, and twenty leave nothing")
    func released() async throws {
        let ended = Recorder<String>()
        let engine = try await LocalEngine.start { engine in
            engine.actor(RawPeer.Site.self, state: 0) { site in
                site.onWebSocket { socket, _ in
                    defer { ended.add("closed \(socket.channel.closing?.code.rawValue ?? 0)") }
                    // The engine cancels a handler whose socket has ended.
                    for try await _ in socket.messages {}
                }
            }
        }
        let client = RivetClient(try RivetConfiguration(endpoint: engine.endpoint))
        var lines = client.diagnostics.makeAsyncIterator()
        let site = try await client.create(RawPeer.Site.self)
        // Each lane has a descriptor of its own once it was used.
        for _ in 0..<20 { try await site.withWebSocket("x") { _ in } }
        let descriptors = client.context.gauge.counts.descriptors
        func use() async throws {
            var sockets: [ActorWebSocket] = []
            for _ in 0..<20 { sockets.append(try await site.webSocket("x")) }
            #expect(client.context.gauge.counts.descriptors == descriptors + 20)
        }
        try await use()
        let id = try await site.resolve().rawValue
        for _ in 0..<20 {
            var line = await lines.next()
            while line?.span != nil { line = await lines.next() }
            #expect(line?.level == .warning)
            #expect(line?.message == "a WebSocket was released without close(); it is being closed")
            #expect(line?.fields.map { "\($0.name) \($0.value)" } == ["actor site", "actor_id \(id)"])
        }
        try await until { client.context.gauge.counts.descriptors <= descriptors && ended.all.count >= 40 }
        #expect(ended.all == [String](repeating: "closed 1000", count: 40))
        await client.close()
        await engine.stop()
    }

    @Test("B313: whoever reads its messages, or may, keeps it open; one that was closed is not reported")
    func keptByItsMessages() async throws {
        try await RawPeer.run { (fixture) async throws in
            let lines = fixture.client.diagnostics.makeAsyncIterator()
            var messages: WebSocketMessages? = nil
            let peer = try await {
                let (socket, peer) = try await fixture.open()
                messages = socket.messages
                return peer
            }()
            var iterator = messages?.makeAsyncIterator()
            messages = nil
            // A close frame would have left before the pong.
            peer.write(frame(9, [1]))
            #expect(try await ClientTranscriptTests.clientFrame(peer).first == 0x8A)
            peer.write(frame(1, [0x61]))
            #expect(try await iterator?.next() == .text("a"))
            iterator = nil
            try await RawPeer.expectClose(peer, 1000)
            peer.finish()
            let (_, other) = try await {
                let (socket, peer) = try await fixture.open()
                async let closed: Void = socket.close()
                try await RawPeer.expectClose(peer, 1000)
                peer.finish()
                await closed
                return (0, peer)
            }()
            #expect(await other.isEnded())
            await fixture.client.close(within: .zero)
            var reported = 0
            var rest = lines
            while let line = await rest.next() { if line.level == .warning { reported += 1 } }
            #expect(reported == 1)
        }
    }
}
