// SPDX-License-Identifier: Apache-2.0
import RivetAsync
import RivetAsyncLocal
import Testing

@Suite(.leavesNothing, .timeLimit(.minutes(3)))
struct WebSocketChannelTests {
    @Test(arguments: StreamPair.Kind.all)
    func messagesGoBothWaysAsTheyAre(_ kind: StreamPair.Kind) async throws {
        let fixture = try await LiteralWebSocket(kind)
        let channel = await fixture.channel()
        fixture.peerStream.writeLater(frame(1, Array("grüß".utf8)) + frame(2, [0xFF]) + frame(1))
        var iterator = channel.messages.makeAsyncIterator()
        #expect(try await iterator.next() == .text("grüß"))
        #expect(try await iterator.next() == .binary(ByteChunk([0xFF])))
        #expect(try await iterator.next() == .text(""))

        try await channel.send(.text("é"))
        try await channel.send(.binary(ByteChunk([1, 2])))
        let expected = LiteralWebSocket.fromClient(1, [0xC3, 0xA9]) + LiteralWebSocket.fromClient(2, [1, 2])
        #expect(await fixture.peer.until { $0.bytes.count == expected.count }.bytes == expected)
        await fixture.end()
    }

    @Test("B197: the peer's close ends the sequence; code and reason can be read", arguments: StreamPair.Kind.all)
    func peerCloses(_ kind: StreamPair.Kind) async throws {
        let fixture = try await LiteralWebSocket(kind)
        let channel = await fixture.channel()
        fixture.peerStream.writeLater(frame(2, [1]) + frame(8, [0x03, 0xF3] + Array("gone".utf8)))
        let (messages, error) = await channel.readAll()
        #expect(messages == [.binary(ByteChunk([1]))])
        #expect(error == nil)
        #expect(channel.closing == WebSocketClosing(.internalError, reason: "gone"))
        #expect(await fixture.peer.until { !$0.bytes.isEmpty }.bytes == LiteralWebSocket.fromClient(8, [0x03, 0xF3]))
        await #expect(throws: WebSocketError.notOpen) { try await channel.send(.text("late")) }
        // The server ends the stream, and then close has nothing to wait for.
        await fixture.peerStream.lane.perform { fixture.peerStream.finishWriting() }
        await channel.close()
        #expect(await fixture.peer.untilEnd().ends == [.finished])
        await fixture.end()
    }

    /// A close frame or a violation, and the end of the stream in the same turn.
    @Test(
        "our close frame leaves, though the peer ends the stream in the same turn",
        arguments: StreamPair.Kind.all,
        [frame(8, [0x03, 0xE8]), frame(8, [0x03]), frame(3)]
    )
    func closeAndEndAtOnce(_ kind: StreamPair.Kind, _ bytes: [UInt8]) async throws {
        let fixture = try await LiteralWebSocket(kind)
        let channel = await fixture.channel()
        await fixture.peerStream.lane.perform {
            fixture.peerStream.write { $0.append(bytes) }
            fixture.peerStream.finishWriting()
        }
        _ = await channel.readAll()
        await channel.close()
        let code: [UInt8] = bytes == frame(8, [0x03, 0xE8]) ? [0x03, 0xE8] : [0x03, 0xEA]
        let record = await fixture.peer.untilEnd()
        #expect(record.bytes == LiteralWebSocket.fromClient(8, code))
        #expect(record.ends == [.finished])
        await fixture.end()
    }

    @Test(arguments: StreamPair.Kind.all)
    func closeComesBehindWhatWasAccepted(_ kind: StreamPair.Kind) async throws {
        let fixture = try await LiteralWebSocket(kind)
        let channel = await fixture.channel()
        for number in UInt8(0)..<100 { try await channel.send(.binary(ByteChunk([number]))) }
        async let closed: Void = channel.close(WebSocketClosing(4000, reason: "done"))
        let record = await fixture.peer.until { $0.bytes.count == 100 * 7 + 12 }
        #expect(record.bytes.suffix(12) == LiteralWebSocket.fromClient(8, [0x0F, 0xA0] + Array("done".utf8)))
        fixture.peerStream.writeLater(frame(2, [1]) + frame(8, [0x0F, 0xA0]))
        await fixture.peerStream.lane.perform { fixture.peerStream.finishWriting() }
        await closed
        await channel.close()
        let (messages, error) = await channel.readAll()
        #expect(messages.isEmpty, "what comes after our close is dropped")
        #expect(error == nil)
        #expect(channel.closing == WebSocketClosing(4000))
        await fixture.end()
    }

    @Test(arguments: StreamPair.Kind.all)
    func aPeerThatDoesNotAnswerACloseIsLeftAtTheDeadline(_ kind: StreamPair.Kind) async throws {
        let fixture = try await LiteralWebSocket(kind)
        let channel = await fixture.channel()
        async let closed: Void = channel.close()
        await fixture.clock.waitForSleepers()
        await fixture.clock.advance(by: .seconds(5))
        await closed
        #expect(channel.closing == WebSocketClosing(.abnormalClosure))
        #expect(await fixture.peer.untilEnd().ends.count == 1)
        await fixture.end()
    }

    @Test(arguments: StreamPair.Kind.all)
    func aCloseIsNotHeldUpByMessagesThatNobodyReads(_ kind: StreamPair.Kind) async throws {
        let fixture = try await LiteralWebSocket(kind)
        let channel = await fixture.channel(readAhead: 1_000)
        let flood = (0..<100).flatMap { _ in frame(2, [UInt8](repeating: 7, count: 5_000)) }
        fixture.peerStream.writeLater(flood + frame(8, [0x03, 0xE8]))
        await fixture.peerStream.lane.perform { fixture.peerStream.finishWriting() }
        await channel.close()
        #expect(channel.closing == WebSocketClosing(.normalClosure))
        await fixture.end()
    }

    @Test("B198: reading stops at the limit and goes on when messages were taken", arguments: StreamPair.Kind.all)
    func readAhead(_ kind: StreamPair.Kind) async throws {
        let fixture = try await LiteralWebSocket(kind)
        let (channel, connection) = await fixture.connected(readAhead: 100_000)
        let one = frame(2, [UInt8](repeating: 7, count: 1_000))
        let count = kind.mostOnTheWay / 1_000 + 2_000
        fixture.peerStream.writeLater((0..<count).flatMap { _ in one } + frame(8, [0x03, 0xE8]))
        // It has stopped when a turn of the lane brings nothing, though more was sent.
        let (lane, peerStream) = (fixture.stream.lane, fixture.peerStream)
        var received = 0
        try await until {
            received = await lane.perform { connection.receivedCount }
            let sent = await peerStream.lane.perform { peerStream.sentCount }
            await lane.untilTurnEnds()
            let isStill = await lane.perform { connection.receivedCount } == received
            return isStill && received > 40_000 && (sent > received || received >= count * one.count)
        }
        #expect(received < 400_000)
        let (messages, error) = await channel.readAll()
        #expect(messages.count == count)
        #expect(error == nil)
        await fixture.end()
    }

    @Test(arguments: StreamPair.Kind.all)
    func sendWaitsOnlyWhileMuchIsPending(_ kind: StreamPair.Kind) async throws {
        let fixture = try await LiteralWebSocket(kind)
        let channel = await fixture.channel()
        await fixture.peerStream.lane.perform { fixture.peerStream.suspendReading() }
        let message = WebSocketMessage.binary(ByteChunk([UInt8](repeating: 1, count: 10_000)))
        let hasEnded = Signal(gauge: ResourceGauge())
        let most = (kind.mostOnTheWay + 500_000) / 10_000
        let sender = Task {
            var sent = 0
            do {
                while sent < most {
                    try await channel.send(message)
                    sent += 1
                }
            } catch is CancellationError {}
            hasEnded.set()
            return sent
        }
        try await until { await fixture.whileASenderWaits { sender.cancel() } || hasEnded.isSet }
        let sent = try await sender.value
        #expect(sent >= 7)
        #expect(sent < most, "the way, the stream and the outbox take some")
        await fixture.peerStream.lane.perform { fixture.peerStream.resumeReading() }
        let all = sent * (10_000 + 8)
        #expect(await fixture.peer.until { $0.bytes.count >= all }.bytes.count == all, "cancelled means not sent")
        try await channel.send(.binary(ByteChunk([5])))
        #expect(await fixture.peer.until { $0.bytes.count == all + 7 }.bytes.last == 5)
        await fixture.end()
    }

    @Test(arguments: StreamPair.Kind.all)
    func aSenderThatWaitsIsToldOfTheEnd(_ kind: StreamPair.Kind) async throws {
        let fixture = try await LiteralWebSocket(kind)
        let channel = await fixture.channel()
        await fixture.peerStream.lane.perform { fixture.peerStream.suspendReading() }
        let sender = Task {
            while true { try await channel.send(.binary(ByteChunk([UInt8](repeating: 1, count: 50_000)))) }
        }
        try await until { await fixture.whileASenderWaits { channel.abort() } }
        await #expect(throws: WebSocketError.notOpen) { try await sender.value }
        await fixture.end()
    }

    @Test(arguments: StreamPair.Kind.all)
    func pingsThatNobodyWaitsForTakeNoMemory(_ kind: StreamPair.Kind) async throws {
        let fixture = try await LiteralWebSocket(kind)
        _ = await fixture.channel()
        // The peer reads nothing and sends pings; only the last of those that did not fit is answered.
        let peerStream = fixture.peerStream
        let reads = RecordingHandler()
        await peerStream.lane.perform { peerStream.suspendReading() }
        for round in UInt8(0)..<50 {
            let pings = (0..<1_000).flatMap { _ in frame(9, [UInt8](repeating: round, count: 100)) }
            peerStream.writeLater(pings)
        }
        peerStream.writeLater(frame(9, [0xAA]))
        try await until { await peerStream.lane.perform { peerStream.pendingOutput } == 0 }
        let stream = fixture.stream
        #expect(await stream.lane.perform { stream.pendingOutput } < 2 * OutputMarks.high)
        await peerStream.lane.perform {
            peerStream.setHandler(reads)
            peerStream.resumeReading()
        }
        let last = LiteralWebSocket.fromClient(10, [0xAA])
        let record = await reads.until { Array($0.bytes.suffix(7)) == last }
        #expect(record.bytes.count < 4 * OutputMarks.high + kind.mostOnTheWay)
        await fixture.end()
    }

    @Test(arguments: StreamPair.Kind.all)
    func whatALeftReaderHadTakenIsNotLost(_ kind: StreamPair.Kind) async throws {
        let fixture = try await LiteralWebSocket(kind)
        let channel = await fixture.channel()
        fixture.peerStream.writeLater((UInt8(0)..<10).flatMap { frame(2, [$0]) } + frame(8))
        var read: [WebSocketMessage] = []
        for try await message in channel.messages {
            read.append(message)
            if read.count == 3 { break }
        }
        read += await channel.readAll().messages
        #expect(read == (UInt8(0)..<10).map { .binary(ByteChunk([$0])) })
        #expect(channel.closing == WebSocketClosing(.noStatusReceived))
        await fixture.end()
    }

    @Test(arguments: StreamPair.Kind.all)
    func cancelledReadersLeaveTheSocketOpen(_ kind: StreamPair.Kind) async throws {
        let fixture = try await LiteralWebSocket(kind)
        let channel = await fixture.channel()
        let waiting = Task { try await channel.messages.first { _ in true } }
        try await until { fixture.waiterCount == 1 }
        waiting.cancel()
        await #expect(throws: CancellationError.self) { try await waiting.value }
        let early = Task {
            withUnsafeCurrentTask { $0?.cancel() }
            return try await channel.messages.first { _ in true }
        }
        await #expect(throws: CancellationError.self) { try await early.value }
        fixture.peerStream.writeLater(frame(1, [0x61]))
        #expect(try await channel.messages.first { _ in true } == .text("a"))
        await fixture.end()
    }

    @Test(arguments: StreamPair.Kind.all)
    func aSecondReaderAtTheSameTimeIsAnError(_ kind: StreamPair.Kind) async throws {
        let fixture = try await LiteralWebSocket(kind)
        let channel = await fixture.channel()
        await withTaskGroup(of: Result<WebSocketMessage?, any Error>.self) { group in
            for _ in 0..<2 {
                group.addTask { await Task { try await channel.messages.first { _ in true } }.result }
            }
            // Whichever comes second is refused, and the other one waits on.
            if case .failure(let error)? = await group.next() {
                #expect(error as? WebSocketError == .readTwice)
            } else {
                Issue.record("both may read")
            }
            fixture.peerStream.writeLater(frame(1, [0x61]))
            if case .success(let message)? = await group.next() {
                #expect(message == .text("a"))
            } else {
                Issue.record("nobody may read")
            }
        }
        await fixture.end()
    }

    /// The copies of an iterator share what was taken over.
    private actor CopyingReader {
        private let iterator: WebSocketMessages.AsyncIterator

        init(_ messages: WebSocketMessages) { iterator = messages.makeAsyncIterator() }

        func next() async throws -> WebSocketMessage? {
            var copy = iterator
            return try await copy.next()
        }
    }

    @Test(arguments: StreamPair.Kind.all)
    func aSecondReaderByACopyOfTheIteratorIsAnErrorToo(_ kind: StreamPair.Kind) async throws {
        let fixture = try await LiteralWebSocket(kind)
        let channel = await fixture.channel()
        let reader = CopyingReader(channel.messages)
        await withTaskGroup(of: Result<WebSocketMessage?, any Error>.self) { group in
            for _ in 0..<2 { group.addTask { await Task { try await reader.next() }.result } }
            if case .failure(let error)? = await group.next() {
                #expect(error as? WebSocketError == .readTwice)
            } else {
                Issue.record("both may read")
            }
            fixture.peerStream.writeLater(frame(1, [0x61]) + frame(1, [0x62]))
            if case .success(let message)? = await group.next() {
                #expect(message == .text("a"))
            } else {
                Issue.record("nobody may read")
            }
        }
        #expect(try await reader.next() == .text("b"))
        await fixture.end()
    }

    @Test(arguments: StreamPair.Kind.all)
    func aResetIsThrownBehindWhatCameBefore(_ kind: StreamPair.Kind) async throws {
        let fixture = try await LiteralWebSocket(kind)
        let channel = await fixture.channel()
        fixture.peerStream.writeLater(frame(1, [0x61]))
        var iterator = channel.messages.makeAsyncIterator()
        #expect(try await iterator.next() == .text("a"))
        await fixture.peerStream.lane.perform { fixture.peerStream.reset() }
        let expected = WebSocketError.ended(.failed(.system(.receive, .connectionReset)))
        await #expect(throws: expected) { try await iterator.next() }
        await #expect(throws: expected) { try await iterator.next() }
        await channel.close()
        #expect(channel.closing == nil)
        await fixture.end()
    }

    @Test("B146: pings are answered while nobody reads, and our pings come back", arguments: StreamPair.Kind.all)
    func pings(_ kind: StreamPair.Kind) async throws {
        let fixture = try await LiteralWebSocket(kind)
        let pongs = Feed<ByteChunk>(capacity: 1)
        let channel = await fixture.channel(onPong: { pongs.push($0) })
        fixture.peerStream.writeLater(frame(9, [1, 2]))
        #expect(await fixture.peer.until { $0.bytes.count == 8 }.bytes == LiteralWebSocket.fromClient(10, [1, 2]))
        channel.ping(ByteChunk([9]))
        _ = await fixture.peer.until { $0.bytes.count == 15 }
        fixture.peerStream.writeLater(frame(10, [9]))
        #expect(await pongs.next() == ByteChunk([9]))
        await fixture.end()
    }

    @Test("B227: a WebSocket asks for quick acknowledgements, over TLS too", arguments: StreamPair.Kind.all)
    func quickAcknowledgements(_ kind: StreamPair.Kind) async throws {
        let fixture = try await LiteralWebSocket(kind)
        #expect(await fixture.stream.lane.perform { fixture.stream.wantsQuickAcknowledgements } == false)
        _ = await fixture.channel()
        #expect(await fixture.stream.lane.perform { fixture.stream.wantsQuickAcknowledgements })
        await fixture.end()
    }

    /// Every hostile peer: what was valid comes, the error follows without any waiting, the peer is told, and the next
    /// connection works.
    @Test(arguments: HostileFrames.rows, StreamPair.Kind.all)
    func hostileFramesEndTheSequence(_ row: HostileFrames, _ kind: StreamPair.Kind) async throws {
        let fixture = try await LiteralWebSocket(kind)
        let channel = await fixture.channel(role: row.role, limits: row.limits)
        fixture.peerStream.writeLater(row.bytes)
        let (messages, error) = await channel.readAll()
        #expect(messages.count == row.before.filter { if case .sendPong = $0 { false } else { true } }.count)
        #expect(error as? WebSocketError == .violation(row.error))
        await #expect(throws: WebSocketError.notOpen) { try await channel.send(.text("next")) }
        let record = await fixture.peer.untilEnd()
        let code = [UInt8(row.error.closeCode.rawValue >> 8), UInt8(row.error.closeCode.rawValue & 255)]
        let close = row.role == .client ? LiteralWebSocket.fromClient(8, code) : frame(8, code)
        #expect(Array(record.bytes.suffix(close.count)) == close)
        await fixture.peerStream.lane.perform { fixture.peerStream.close() }
        await channel.close()
        await fixture.end()

        let next = try await LiteralWebSocket(kind)
        let fresh = try await next.open(answer: Array(LiteralWebSocket.answer.utf8) + frame(1, [0x61]))
        #expect(try await fresh.messages.first { _ in true } == .text("a"))
        await next.end()
    }
}
