// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import RivetAsync

/// A reader that holds up its connection, over a loss of it.
@Suite(.leavesNothing, .timeLimit(.minutes(3)))
struct SuspendedReadingTests {
    typealias Server = AnsweringServer

    /// An event `e` with one number, in json.
    static func event(_ number: Int) -> [UInt8] {
        Server.frame(1, Array(#"{"body":{"tag":"Event","val":{"name":"e","args":[\#(number)]}}}"#.utf8))
    }

    static func open(_ server: LiteralServer) async throws -> LiteralServer.Peer {
        let peer = try await server.accept()
        try await peer.upgrade()
        peer.write(Server.frame(1, Server.initialMessage(.json)))
        return peer
    }

    @Test("B221: a feed that is full keeps the next socket from being read too, until somebody reads")
    func reconnected() async throws {
        try await CauseTests.run {
            $0.encoding = .json
            $0.reconnect = ReconnectPolicy(first: .zero)
        } _: { client, server in
            let connection = client.getForID("a", "x").connect()
            var events = connection.events(named: "e", as: Int.self, buffering: .bounded(1, .suspendReading))
                .makeAsyncIterator()
            let first = try await Self.open(server)
            // The subscription.
            #expect(try await ClientTranscriptTests.clientFrame(first).first == 0x81)
            // In one piece, so that the close is read with what fills the feed.
            first.write(Self.event(1) + Self.event(2) + Server.close(1_001, "bye"))
            let second = try await Self.open(server)
            for await status in connection.status where status.name == "connected 2" { break }
            let driver = connection.driver
            #expect(await driver.lane.perform { driver.events.isHolding })
            #expect(try await ClientTranscriptTests.clientFrame(second).first == 0x81)
            second.write(Server.frame(9, [1]) + Self.event(3))
            // Each of these is a turn of the lane, which would read the ping too.
            var asking: [Task<NoValue, any Error>] = []
            for _ in 0..<20 {
                asking.append(Task { try await connection.action("b") })
                #expect(try await ClientTranscriptTests.clientFrame(second).first == 0x81, "a pong came")
            }
            #expect(await events.next() == 1)
            #expect(await events.next() == 2)
            #expect(try await ClientTranscriptTests.clientFrame(second).first == 0x8A)
            #expect(await events.next() == 3)
            for task in asking { task.cancel() }
            for task in asking { _ = await task.result }
        }
    }
    @Test("B221: what comes ahead of an Init and fills a feed does not keep that Init from being read")
    func aheadOfInit() async throws {
        try await CauseTests.run {
            $0.encoding = .json
            $0.reconnect = ReconnectPolicy(first: .zero)
        } _: { client, server in
            let connection = client.getForID("a", "x").connect()
            var events = connection.events(named: "e", as: Int.self, buffering: .bounded(1, .suspendReading))
                .makeAsyncIterator()
            // As in an actor's slow `onConnect`; the second time what filled the feed before is still there.
            for (number, early) in [Self.event(1) + Self.event(2) + Self.event(3), Self.event(4)].enumerated() {
                let peer = try await server.accept()
                try await peer.upgrade()
                #expect(try await ClientTranscriptTests.clientFrame(peer).first == 0x81)
                peer.write(early + Server.frame(9, [1]))
                #expect(try await ClientTranscriptTests.clientFrame(peer).first == 0x8A)
                let initial = Server.frame(1, Server.initialMessage(.json))
                // In one piece, so that the close is read.
                peer.write(number == 0 ? initial + Server.close(1_001, "bye") : initial)
            }
            for await status in connection.status where status.name == "connected 2" { break }
            for expected in 1...4 { #expect(await events.next() == expected) }
        }
    }
}
