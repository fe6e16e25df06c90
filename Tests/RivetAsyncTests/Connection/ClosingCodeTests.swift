// SPDX-License-Identifier: Apache-2.0
import RivetAsyncLocal
import Testing

@testable import RivetAsync

/// What the peer hears at the end of a connection's socket, for each way in which that can come about.
@Suite(.leavesNothing, .timeLimit(.minutes(10)))
struct ClosingCodeTests {
    struct Way: Sendable, CustomTestStringConvertible {
        let testDescription: String
        /// The client's close frame; nil where its stream ends without one.
        let code: Int?
        var change: @Sendable (inout RivetConfiguration) -> Void = { _ in }
        /// Before `Init`.
        var isOpen = true
        let end: @Sendable (LiteralConnection, LiteralConnection.Socket) async throws -> Void

        init(
            _ name: String,
            _ code: Int?,
            isOpen: Bool = true,
            _ change: @escaping @Sendable (inout RivetConfiguration) -> Void = { _ in },
            _ end: @escaping @Sendable (LiteralConnection, LiteralConnection.Socket) async throws -> Void
        ) {
            (testDescription, self.code, self.isOpen, self.change, self.end) = (name, code, isOpen, change, end)
        }

        /// Something that the peer sends.
        init(_ name: String, _ code: Int?, _ bytes: [UInt8]) {
            self.init(name, code) { _, socket in socket.peer.write(bytes) }
        }
    }

    static let ours = [
        Way("disconnect()", 1_000) { fixture, _ in Task { await fixture.connection.disconnect() } },
        Way("disconnect() before Init", 1_000, isOpen: false) { fixture, _ in
            Task { await fixture.connection.disconnect() }
        },
        Way("pause()", 1_000) { fixture, _ in Task { await fixture.connection.pause() } },
        Way("close(within:) of the client", 1_000) { fixture, _ in
            Task { await fixture.client.close(within: .seconds(9)) }
        },
        Way("the end of runConnections()", nil) { fixture, _ in
            let running = Task { try await fixture.client.runConnections() }
            running.cancel()
            _ = await running.result
        },
        Way("no Init", 1_000, isOpen: false) { fixture, _ in await fixture.clock.advance(by: .seconds(75)) },
        Way("an error and no close behind it", 1_000) { fixture, socket in
            socket.error("user", "gone")
            let isHeard = try await socket.isSilent()
            #expect(isHeard)
            await fixture.clock.advance(by: .seconds(5))
        },
        Way("silence", nil, { $0.keepAlive = KeepAlive(interval: .seconds(10), timeout: .seconds(5)) }) {
            fixture,
            socket in
            await fixture.clock.advance(by: .seconds(10))
            let ping = try await socket.next()
            #expect(ping == "ping")
            await fixture.clock.advance(by: .seconds(5))
        },
    ]

    static let theirs = [
        Way("1000", 1_000, close(1_000)),
        Way("1001", 1_001, close(1_001, "bye")),
        Way("1008, a refusal", 1_008, close(1_008, "auth.forbidden")),
        Way("1011 of the gateway", 1_011, close(1_011, "guard.websocket_handler_error#r")),
        Way("4000", 4_000, close(4_000)),
        Way("no code", 0, frame(8)),
        Way("a code that may not be sent", 1_002, close(1_005)),
        Way("a reserved opcode", 1_002, frame(3)),
        Way("a reserved bit", 1_002, [0xC1, 0]),
        Way("a masked frame", 1_002, [0x81, 0x80, 0, 0, 0, 0]),
        Way("a message of the wrong kind", 1_002, frame(2, [0x7B, 0x7D])),
        Way("a message that cannot be read", 1_002, frame(1, Array("{".utf8))),
        Way("text that is not UTF-8", 1_007, frame(1, [0xFF])),
        Way("a message above the limit", 1_009, [0x81, 127, 0, 0, 0, 1, 0, 0, 0, 0]),
        Way("the end of the stream without a close frame", 1_002) { _, socket in socket.peer.finish() },
    ]

    private static func close(_ code: UInt16, _ reason: String = "") -> [UInt8] {
        AnsweringServer.close(code, reason)
    }

    private static func frame(_ opcode: UInt8, _ payload: [UInt8] = []) -> [UInt8] {
        AnsweringServer.frame(opcode, payload)
    }

    @Test("B292: the close code that arrives, every time: what we end", arguments: ours)
    func endedByUs(_ way: Way) async throws { try await Self.expect(way) }

    @Test("B292: the close code that arrives, every time: what the peer does", arguments: theirs)
    func endedByPeer(_ way: Way) async throws { try await Self.expect(way) }

    @Test("B169, B292: the close code that arrives, every time: a connection that nobody holds any more")
    func released() async throws {
        for _ in 0..<TestScale.count(full: 1_000, byDefault: 5) {
            try await LiteralConnection.run { fixture in
                _ = try await fixture.open()
                var second: ActorConnection? = fixture.handle.connect()
                let socket = try await fixture.open()
                try await second?.waitUntilConnected()
                second = nil
                #expect(try await Self.heard(socket) == 1_000)
            }
        }
    }

    private static func expect(_ way: Way) async throws {
        for round in 1...TestScale.count(full: 1_000, byDefault: 5) {
            try await LiteralConnection.run(way.change) { fixture in
                let socket = try await fixture.upgrade()
                if way.isOpen { socket.initialize() }
                #expect(try await socket.isSilent())
                if way.isOpen { try await fixture.connection.waitUntilConnected() }
                try await way.end(fixture, socket)
                let code = try await heard(socket)
                #expect(code == way.code, "round \(round)")
            }
        }
    }

    /// The code of the client's close frame; nil where its stream ends without one.
    private static func heard(_ socket: LiteralConnection.Socket) async throws -> Int? {
        do {
            while true {
                let words = try await socket.next().split(separator: " ")
                if words.first == "close" { return words.last.flatMap { Int($0) } }
            }
        } catch is LiteralServer.Ended {
            return nil
        }
    }
}
