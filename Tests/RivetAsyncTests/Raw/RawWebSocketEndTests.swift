// SPDX-License-Identifier: Apache-2.0
import RivetAsyncLocal
import Testing

@testable import RivetAsync

/// How a raw WebSocket ends: what its reader hears, what can be read afterwards, and what the peer hears.
@Suite(.leavesNothing, .timeLimit(.minutes(3)))
struct RawWebSocketEndTests {
    struct Closing: Sendable, CustomTestStringConvertible {
        let code: UInt16
        var reason = ""
        /// Group, code and ray id of the error; nil where the loop just ends.
        var error: String?
        /// The peer ends the stream in the segment of its close frame.
        var endsAtOnce = false
        var testDescription: String { "\(code) \(reason)\(endsAtOnce ? ", at once" : "")" }
    }

    static let closings = [
        Closing(code: 1000), Closing(code: 1000, reason: "done"), Closing(code: 1001),
        Closing(code: 3000, reason: "three words here"), Closing(code: 4999, reason: "\u{e4}\u{20ac}"),
        Closing(code: 4000, reason: "level.up"), Closing(code: 1000, reason: "actor.stopped"),
        Closing(code: 1002, error: "., ray101"), Closing(code: 1003, reason: "text", error: "., ray101"),
        Closing(code: 1011, reason: "user.no_entry", error: "user.no_entry, ray101"),
        Closing(code: 1008, reason: "auth.token_expired", error: "auth.token_expired, ray101"),
        Closing(code: 1011, reason: "guard.service_unavailable#r9", error: "guard.service_unavailable, r9"),
        Closing(code: 1000, reason: "ws.closed#r9", error: "ws.closed, r9"),
        Closing(code: 4000, reason: "guard.actor_stopped#r9", error: "guard.actor_stopped, r9"),
    ]

    @Test(
        "B197, B206, B292: the application's close ends the loop, any other is thrown; the peer hears its code again",
        arguments: closings
            + closings.map { Closing(code: $0.code, reason: $0.reason, error: $0.error, endsAtOnce: true) }
    )
    func peerCloses(_ row: Closing) async throws {
        try await RawPeer.run { (fixture) async throws in
            let (socket, peer) = try await fixture.open()
            #expect(socket.end.name == "open")
            peer.write(frame(1, [0x61]) + RawPeer.close(row.code, row.reason))
            if row.endsAtOnce { peer.finish() }
            let (messages, error) = await socket.readAll()
            #expect(messages == [.text("a")])
            let remote = error?.remote
            #expect(
                error.map { _ in "\(remote?.group ?? "").\(remote?.code ?? ""), \(remote?.rayID ?? "")" } == row.error
            )
            if row.error != nil {
                #expect(error?.code == .closedByPeer)
                #expect(remote?.closeCode?.rawValue == row.code)
            }
            #expect(socket.closing?.code.rawValue == row.code)
            #expect(socket.closing?.reason == row.reason)
            #expect(socket.end.name == "closed \(row.code) \(row.reason)")
            try await RawPeer.expectClose(peer, row.code)
            if !row.endsAtOnce { peer.finish() }
            #expect(await peer.isEnded())
            let late = await #expect(throws: RivetError.self) { try await socket.send(.text("late")) }
            #expect(late?.code == .connectionClosed)
        }
    }

    @Test("B197: a close frame without a code has no code of the application's, and is answered without one")
    func withoutACode() async throws {
        try await RawPeer.run { (fixture) async throws in
            let (socket, peer) = try await fixture.open()
            peer.write(frame(8))
            #expect(await socket.readAll().error?.code == .closedByPeer)
            #expect(socket.closing?.code == .noStatusReceived)
            let answer = try await ClientTranscriptTests.clientFrame(peer)
            #expect(answer.first == 0x88)
            #expect(answer.payload == [])
            peer.finish()
        }
    }

    @Test("B197: after our own close the loop ends, whatever the peer answers")
    func weClose() async throws {
        try await RawPeer.run { (fixture) async throws in
            let (socket, peer) = try await fixture.open()
            async let closed: Void = socket.close(4001, reason: "enough")
            let close = try await ClientTranscriptTests.clientFrame(peer)
            #expect(close.payload == [0x0F, 0xA1] + Array("enough".utf8))
            peer.write(RawPeer.close(1011, "guard.late#r"))
            peer.finish()
            await closed
            let (messages, error) = await socket.readAll()
            #expect(messages.isEmpty)
            #expect(error == nil)
            #expect(socket.end.name == "closed 1011 guard.late#r")
        }
    }

    @Test("B168: a cancelled task closes all the same, and waits at most 2 s for the peer")
    func cancelledClose() async throws {
        try await RawPeer.run { (fixture) async throws in
            let clock = fixture.clock
            let returned = Recorder<Bool>()
            let scope = Task {
                defer { returned.add(true) }
                return try await fixture.handle.withWebSocket("x") { socket in
                    withUnsafeCurrentTask { $0?.cancel() }
                    return socket
                }
            }
            let (peer, _) = try await fixture.accept()
            try await RawPeer.expectClose(peer, 1000)
            // The closing waits, and the task of the deadlines for the next one.
            try await until {
                fixture.client.context.gauge.counts.waiters == 2 && clock.sleeperCount == 1 || !returned.all.isEmpty
            }
            await clock.advance(by: .milliseconds(1_999))
            // Had its time been over, nothing would be left to sleep for.
            #expect(clock.sleeperCount == 1)
            #expect(returned.all.isEmpty)
            await clock.advance(by: .milliseconds(1))
            #expect(try await scope.value.end.name == "closed 1006 ")
            #expect(await peer.isEnded())
        }
    }

    @Test("B197, B199: a cut is thrown as such, and nothing is opened again but by the user", arguments: [true, false])
    func cut(isReset: Bool) async throws {
        try await RawPeer.run { (fixture) async throws in
            let (socket, peer) = try await fixture.open()
            if isReset { peer.reset() } else { peer.finish() }
            let error = await socket.readAll().error
            #expect(error?.code == .connectionLost)
            #expect(error?.fault == .network)
            #expect(socket.closing == nil)
            #expect(socket.end.name == "lost connectionLost")
            await fixture.clock.advance(by: .seconds(600))
            #expect(fixture.server.connectionCount == 1)
            let (next, nextPeer) = try await fixture.open()
            nextPeer.write(frame(1, [0x62]))
            #expect(try await next.messages.first { _ in true } == .text("b"))
            async let closed: Void = next.close()
            try await RawPeer.expectClose(nextPeer, 1000)
            nextPeer.write(RawPeer.close(1000))
            nextPeer.finish()
            await closed
        }
    }

    struct Violation: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let bytes: [UInt8]
        let code: UInt16
        let error: RivetError.Code
        var says: [String] = []
    }

    static let violations = [
        Violation(
            testDescription: "a reserved opcode",
            bytes: frame(3, [1]),
            code: 1002,
            error: .protocolViolation
        ),
        Violation(
            testDescription: "text that is not UTF-8",
            bytes: frame(1, [0xFF]),
            code: 1007,
            error: .protocolViolation
        ),
        Violation(
            testDescription: "a reason of 200 bytes",
            bytes: frame(8, [0x03, 0xE8] + [UInt8](repeating: 0x61, count: 200)),
            code: 1002,
            error: .protocolViolation
        ),
        Violation(
            testDescription: "a message above the limit",
            bytes: frame(2, [UInt8](repeating: 1, count: 1_001)),
            code: 1009,
            error: .limitExceeded,
            says: ["1001", "1000"]
        ),
        Violation(
            testDescription: "fragments above the limit",
            bytes: frame(2, [UInt8](repeating: 1, count: 600), isFinal: false)
                + frame(0, [UInt8](repeating: 1, count: 600)),
            code: 1009,
            error: .limitExceeded,
            says: ["1200", "1000"]
        ),
    ]

    /// What the peer does behind the bytes that are wrong.
    enum Behind: CaseIterable { case nothing, end, flood }

    @Test(
        "B222, B292, B315: what breaks the protocol or the limit is told to the peer and thrown, whatever comes behind it",
        arguments: violations,
        Behind.allCases
    )
    func violation(_ row: Violation, _ behind: Behind) async throws {
        try await RawPeer.run {
            $0.maxMessageSize = 1_000
        } _: { (fixture) async throws in
            let (socket, peer) = try await fixture.open()
            let largest = [UInt8](repeating: 7, count: 1_000)
            peer.write(frame(2, largest) + row.bytes)
            switch behind {
            case .nothing: break
            case .end: peer.finish()
            case .flood: peer.write((0..<5_000).flatMap { _ in frame(2, largest) })
            }
            let (messages, error) = await socket.readAll()
            #expect(messages == [.binary(ByteChunk(largest))])
            #expect(error?.code == row.error)
            for text in row.says { #expect(error?.message.contains(text) == true, "\(error?.message ?? "")") }
            #expect(socket.end.name == "lost \(row.error.name)")
            try await RawPeer.expectClose(peer, row.code)
            #expect(await peer.end() == .finished)
            if behind != .end { peer.finish() }
        }
    }
}
