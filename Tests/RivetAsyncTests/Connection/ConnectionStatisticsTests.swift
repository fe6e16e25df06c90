// SPDX-License-Identifier: Apache-2.0
import RivetAsyncLocal
import Testing

@testable import RivetAsync

/// What a connection counts.
@Suite(.leavesNothing, .timeLimit(.minutes(3)))
struct ConnectionStatisticsTests {
    typealias Server = AnsweringServer

    @Test("B290: openings, losses and attempts, over all reconnects")
    func openings() async throws {
        try await LiteralConnection.run { fixture in
            let connection = fixture.connection
            var statuses = connection.status.makeAsyncIterator()
            #expect(connection.statistics == ConnectionStatistics())
            func untilStatus(_ name: String) async {
                while let status = await statuses.next(), status.name != name {}
            }
            let first = try await fixture.open()
            await untilStatus("connected 1")
            #expect(connection.statistics.opened == 1)
            first.close(1_011, "guard.service_unavailable")
            let refused = try await fixture.server.accept()
            _ = try await refused.readHead()
            refused.write("HTTP/1.1 503 X\r\ncontent-length: 0\r\n\r\n")
            // No wait: the policy of this fixture begins at zero, and doubles that.
            let second = try await fixture.open()
            await untilStatus("connected 2")
            var expected = ConnectionStatistics(opened: 2, lost: 1, failedAttempts: 1)
            #expect(connection.statistics.withoutBytes == expected)
            let pausing = Task { await connection.pause() }
            #expect(try await second.next() == "close 1000")
            second.close(1_000)
            await pausing.value
            expected.lost = 2
            #expect(connection.statistics.withoutBytes == expected)
            await connection.disconnect()
            #expect(connection.statistics.withoutBytes == expected)
        }
    }

    @Test("B290: an action is sent, and then answered or failed, once, however it ends")
    func actions() async throws {
        try await LiteralConnection.run { fixture in
            let connection = fixture.connection
            let held = Task { try await connection.action("held", options: .init(timeout: .seconds(1))) as NoValue }
            try await fixture.untilHeld(1)
            await fixture.clock.advance(by: .seconds(1))
            _ = await held.result
            #expect(connection.statistics.withoutBytes == ConnectionStatistics())
            let socket = try await fixture.open()
            let calls = ["answered", "refused", "cancelled", "lost"].map { name in
                Task.immediate { try await connection.action(name) as NoValue }
            }
            for number in 1...4 { #expect(try await socket.next().hasPrefix("action \(number) ")) }
            #expect(connection.statistics.withoutBytes == ConnectionStatistics(opened: 1, actionsSent: 4))
            socket.answer(1)
            _ = await calls[0].result
            socket.error("user", "no", id: 2)
            _ = await calls[1].result
            calls[2].cancel()
            _ = await calls[2].result
            let before = ConnectionStatistics(opened: 1, actionsSent: 4, actionsAnswered: 1, actionsFailed: 2)
            #expect(connection.statistics.withoutBytes == before)
            socket.answer(3)
            socket.close(1_001)
            _ = await calls[3].result
            try await until { connection.statistics.actionsFailed == 3 }
            let after = ConnectionStatistics(opened: 1, lost: 1, actionsSent: 4, actionsAnswered: 1, actionsFailed: 3)
            #expect(connection.statistics.withoutBytes == after)
        }
    }

    @Test("B290, B295: events that came, were taken, had no room, did not decode")
    func events() async throws {
        try await LiteralConnection.run { fixture in
            let connection = fixture.connection
            var events = connection.events(named: "e", as: Int.self, buffering: .bounded(2, .dropOldest))
                .makeAsyncIterator()
            let socket = try await fixture.open()
            // In one piece, with one nobody listens to.
            let names = [("1", "e"), ("2", "e"), ("0", "other"), ("3", "e")]
            socket.peer.write(names.flatMap { LiteralConnection.Socket.eventFrame($0, $1) })
            // They are counted before they are there; what has no room, when it is not.
            try await until { connection.statistics.eventsDropped == 1 }
            #expect(connection.statistics.eventsReceived == 4)
            #expect(await events.next() == 2)
            #expect(await events.next() == 3)
            socket.peer.write(
                LiteralConnection.Socket.eventFrame("\"no number\"", "e")
                    + LiteralConnection.Socket.eventFrame("4", "e")
            )
            #expect(await events.next() == 4)
            let expected = ConnectionStatistics(
                opened: 1,
                eventsReceived: 6,
                eventsDelivered: 4,
                eventsDropped: 1,
                eventsUndecodable: 1
            )
            #expect(connection.statistics.withoutBytes == expected)
        }
    }

    @Test("B290: bytes each way without the handshake, and the round trip of the last pong")
    func bytesAndRoundTrip() async throws {
        try await LiteralConnection.run {
            $0.keepAlive = KeepAlive(interval: .seconds(30), timeout: .seconds(10))
        } _: { fixture in
            let connection = fixture.connection
            let events = connection.events(named: "e", as: Int.self)
            let socket = try await fixture.open()
            let subscription = try await ClientTranscriptTests.clientFrame(socket.peer).payload.count
            try await connection.waitUntilConnected()
            await fixture.clock.advance(by: .seconds(30))
            let ping = try await ClientTranscriptTests.clientFrame(socket.peer)
            #expect(ping.first == 0x89)
            #expect(connection.statistics.roundTrip == nil)
            await fixture.clock.advance(by: .milliseconds(250))
            socket.peer.write(Server.frame(10, ping.payload))
            try await until { connection.statistics.roundTrip != nil }
            let initial = LiteralConnection.Socket.initFrame("c").count
            // Two bytes of head, four of masking key.
            #expect(
                connection.statistics
                    == ConnectionStatistics(
                        roundTrip: .milliseconds(250),
                        opened: 1,
                        bytesSent: (6 + subscription) + (6 + 4),
                        bytesReceived: initial + (2 + 4)
                    )
            )
            withExtendedLifetime(events) {}
        }
    }
}

extension ConnectionStatistics {
    fileprivate var withoutBytes: Self {
        var copy = self
        (copy.bytesSent, copy.bytesReceived) = (0, 0)
        return copy
    }
}
