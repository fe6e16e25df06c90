// SPDX-License-Identifier: Apache-2.0
import RivetAsync
import Synchronization
import Testing

/// What holds for every kind of stream.
@Suite(.leavesNothing, .timeLimit(.minutes(3)))
struct ByteStreamTests {
    @Test(arguments: StreamPair.Kind.all)
    func bytesGoBothWaysAndBothEndsFinish(_ kind: StreamPair.Kind) async throws {
        let pair = try await StreamPair.make(kind)
        let client = RecordingHandler()
        let server = RecordingHandler { bytes in
            pair.server.write { buffer in bytes.withUnsafeBytes { buffer.append($0) } }
        }
        await pair.server.setHandlerLater(server)
        await pair.client.setHandlerLater(client)
        pair.client.writeLater([1, 2, 3])
        #expect(await client.until { $0.bytes.count == 3 }.bytes == [1, 2, 3])
        await pair.client.lane.perform { pair.client.finishWriting() }
        #expect(await server.untilEnd().ends == [.finished])
        // Half-closed: the other way still works.
        pair.server.writeLater([4])
        #expect(await client.until { $0.bytes.count == 4 }.bytes == [1, 2, 3, 4])
        await pair.server.lane.perform { pair.server.finishWriting() }
        #expect(await client.untilEnd().ends == [.finished])
        #expect(await pair.close() == 0)
    }

    @Test(arguments: StreamPair.Kind.all)
    func whatIsWrittenInOneTurnLeavesInOneSend(_ kind: StreamPair.Kind) async throws {
        let pair = try await StreamPair.make(kind)
        let server = RecordingHandler()
        await pair.server.setHandlerLater(server)
        await pair.client.lane.perform {
            pair.client.write { $0.append([1, 2]) }
            // A job that a job of the turn enqueues runs in the same turn, so its output leaves with the rest.
            pair.client.lane.run { pair.client.write { $0.append([3]) } }
            pair.client.write { $0.append([4, 5]) }
        }
        let record = await server.until { $0.bytes.count == 5 && $0.receivedAlls == 1 }
        #expect(record.bytes == [1, 2, 4, 5, 3])
        #expect(record.pieces == [5])
        #expect(await pair.close() == 0)
    }

    @Test(arguments: StreamPair.Kind.all)
    func outputThatHasGrownIsNotKept(_ kind: StreamPair.Kind) async throws {
        let pair = try await StreamPair.make(kind)
        let server = RecordingHandler()
        await pair.server.setHandlerLater(server)
        func capacity(after bytes: [UInt8]) async -> Int {
            await pair.client.lane.perform {
                let capacity = Atomic<Int>(0)
                pair.client.write { output in
                    output.append(bytes)
                    capacity.store(output.capacity, ordering: .relaxed)
                }
                return capacity.load(ordering: .relaxed)
            }
        }
        #expect(await capacity(after: [UInt8](repeating: 1, count: 1_000_000)) >= 1_000_000)
        _ = await server.until { $0.bytes.count == 1_000_000 }
        // It is let go of at the end of a turn, of which the writer sees nothing.
        await pair.client.lane.untilTurnEnds()
        #expect(await capacity(after: []) <= 2 * OutputMarks.high)
        #expect(await pair.close() == 0)
    }

    @Test(
        "B81: a stream knows how much of what was written may have left, its end included",
        arguments: StreamPair.Kind.all
    )
    func countsWhatLeft(_ kind: StreamPair.Kind) async throws {
        let pair = try await StreamPair.make(kind)
        let server = RecordingHandler()
        func counts() async -> (written: UInt64, sent: UInt64, pending: UInt64) {
            await pair.client.lane.perform {
                (pair.client.writtenCount, pair.client.sentCount, UInt64(pair.client.pendingOutput))
            }
        }
        pair.client.writeLater([1, 2, 3])
        await pair.server.setHandlerLater(server)
        _ = await server.until { $0.bytes.count == 3 }
        #expect(await counts() == (3, 3, 0))
        await pair.server.lane.perform { pair.server.suspendReading() }
        // More than what can be on its way, in pieces, so that there are several records and sends.
        let piece = [UInt8](repeating: 4, count: 50_000)
        for _ in 0..<kind.mostOnTheWay / piece.count + 4 { pair.client.writeLater(piece) }
        let (written, sent, pending) = await counts()
        #expect(written == 3 + UInt64(piece.count * (kind.mostOnTheWay / piece.count + 4)))
        #expect(sent < written)
        #expect(sent + pending >= written)
        await pair.client.lane.perform { pair.client.close() }
        let atTheEnd = await counts().sent
        #expect(sent <= atTheEnd && atTheEnd < written)
        #expect(UInt64(server.record.bytes.count) <= atTheEnd)
        #expect(await pair.close() == 0)
    }

    @Test(arguments: StreamPair.Kind.all)
    func readingStartsWithTheFirstHandler(_ kind: StreamPair.Kind) async throws {
        let pair = try await StreamPair.make(kind)
        await pair.client.lane.perform {
            pair.client.write { $0.append([7]) }
            pair.client.finishWriting()
        }
        let server = RecordingHandler()
        await pair.server.setHandlerLater(server)
        let record = await server.untilEnd()
        #expect(record.bytes == [7])
        #expect(record.receivedAlls == 1)
        #expect(await pair.close() == 0)
    }

    @Test(arguments: StreamPair.Kind.all)
    func aHandlerCanBeReplacedWhileItReceives(_ kind: StreamPair.Kind) async throws {
        let pair = try await StreamPair.make(kind)
        let second = RecordingHandler()
        let first = RecordingHandler { _ in pair.server.setHandler(second) }
        await pair.server.setHandlerLater(first)
        pair.client.writeLater([1])
        _ = await second.until { $0.receivedAlls == 1 }
        pair.client.writeLater([2])
        #expect(await second.until { $0.bytes.count == 1 }.bytes == [2])
        #expect(first.record.bytes == [1])
        #expect(await pair.close() == 0)
    }

    @Test(arguments: StreamPair.Kind.all)
    func aResetIsAnErrorAndTheLastCall(_ kind: StreamPair.Kind) async throws {
        let pair = try await StreamPair.make(kind)
        let client = RecordingHandler()
        await pair.client.setHandlerLater(client)
        await pair.server.lane.perform { pair.server.reset() }
        #expect(await client.untilEnd().ends == [.failed(.system(.receive, .connectionReset))])
        // Writing to what has just ended is a legal race.
        await pair.client.lane.perform {
            pair.client.write { $0.append(1) }
            pair.client.finishWriting()
            #expect(pair.client.pendingOutput == 0)
        }
        #expect(client.record.ends.count == 1)
        #expect(await pair.close() == 0)
    }

    @Test(arguments: StreamPair.Kind.all)
    func noCallFollowsAClose(_ kind: StreamPair.Kind) async throws {
        let pair = try await StreamPair.make(kind)
        let client = RecordingHandler { _ in pair.client.close() }
        let server = RecordingHandler()
        await pair.client.setHandlerLater(client)
        await pair.server.setHandlerLater(server)
        pair.server.writeLater([1, 2])
        #expect(await server.untilEnd().ends.count == 1)
        await pair.client.lane.perform {}
        #expect(client.record.bytes == [1, 2])
        #expect(client.record.receivedAlls == 0)
        #expect(client.record.ends.isEmpty)
        #expect(await pair.close() == 0)
    }

    /// Not over TLS: the terminator takes what is written, and ends the connection properly.
    @Test(arguments: StreamPair.Kind.direct)
    func writingToAPeerThatIsGoneEndsWithAnError(_ kind: StreamPair.Kind) async throws {
        let pair = try await StreamPair.make(kind)
        // The client has no handler yet, so it has not noticed the end when it writes.
        await pair.server.lane.perform { pair.server.close() }
        for _ in 0..<3 {
            await pair.client.lane.perform { pair.client.write { $0.append([1, 2, 3]) } }
            // Each leaves at the end of a turn of its own, or the handler would see the peer's end before any was sent.
            try await until { pair.client.lane.isIdle }
        }
        let client = RecordingHandler()
        await pair.client.setHandlerLater(client)
        let end = await client.untilEnd().ends.first
        switch end {
        case .failed(.system(.send, .brokenPipe)), .failed(.system(.send, .connectionReset)),
            .failed(.system(.receive, .connectionReset)):
            break
        default:
            Issue.record("ended with \(String(describing: end))")
        }
        #expect(await pair.close() == 0)
    }

    @Test(arguments: StreamPair.Kind.all)
    func aPeerThatDoesNotReadMakesTheSenderWait(_ kind: StreamPair.Kind) async throws {
        let pair = try await StreamPair.make(kind)
        let total = 16 << 20
        let pump = PumpingHandler(stream: pair.client, total: total)
        let server = RecordingHandler()
        await pair.server.lane.perform {
            pair.server.suspendReading()
            pair.server.setHandler(server)
        }
        await pair.client.lane.perform {
            pair.client.setHandler(pump)
            pump.writable()
        }
        await pump.hasWaited.wait()
        #expect(server.record.bytes.isEmpty)
        await pair.server.lane.perform { pair.server.resumeReading() }
        let record = await server.untilEnd()
        #expect(record.bytes.count == total)
        #expect(PumpingHandler.matchesPattern(record.bytes))
        #expect(pump.largestPending.withLock { $0 } <= OutputMarks.high + 16_384)
        #expect(await pair.close() == 0)
    }

    @Test(arguments: StreamPair.Kind.all)
    func aReaderThatSuspendsInTheMiddleGetsNothingUntilItResumes(_ kind: StreamPair.Kind) async throws {
        let pair = try await StreamPair.make(kind)
        let total = 1 << 20
        let pump = PumpingHandler(stream: pair.client, total: total)
        let server = RecordingHandler { _ in pair.server.suspendReading() }
        await pair.server.setHandlerLater(server)
        await pair.client.lane.perform {
            pair.client.setHandler(pump)
            pump.writable()
        }
        var pieces = 0
        while pieces < 5 {
            pieces += 1
            let expected = pieces
            let record = await server.until { $0.pieces.count == expected && $0.receivedAlls == expected }
            #expect(record.ends.isEmpty)
            await pair.server.lane.perform {
                #expect(server.record.pieces.count == expected)
                pair.server.resumeReading()
            }
        }
        try await until {
            await pair.server.lane.perform { pair.server.resumeReading() }
            return !server.record.ends.isEmpty
        }
        #expect(PumpingHandler.matchesPattern(server.record.bytes))
        #expect(server.record.bytes.count == total)
        #expect(await pair.close() == 0)
    }

    @Test(arguments: StreamPair.Kind.all)
    func bothEndsOnOneLane(_ kind: StreamPair.Kind) async throws {
        let pair = try await StreamPair.make(kind, laneCount: 1)
        let pump = PumpingHandler(stream: pair.client, total: 4 << 20)
        let record = RecordingHandler()
        await pair.client.lane.perform {
            pair.server.setHandler(record)
            pair.client.setHandler(pump)
            pump.writable()
        }
        #expect(await record.untilEnd().bytes.count == 4 << 20)
        #expect(await pair.close() == 0)
    }

    /// It goes nowhere, and holds nobody up.
    @Test(arguments: StreamPair.Kind.all)
    func whatIsWrittenBehindALossThatNobodyHasReadYet(_ kind: StreamPair.Kind) async throws {
        let pair = try await StreamPair.make(kind)
        let handler = RecordingHandler()
        await pair.client.setHandlerLater(handler)
        await pair.client.lane.perform {
            pair.client.suspendReading()
            pair.client.write { $0.append([UInt8](repeating: 0, count: kind.mostOnTheWay + 1 << 20)) }
        }
        await pair.client.lane.untilTurnEnds()
        #expect(await pair.client.lane.perform { pair.client.pendingOutput } > OutputMarks.high)
        await pair.server.lane.perform { pair.server.reset() }
        _ = await handler.until { $0.writables == 1 }
        for _ in 0..<3 {
            await pair.client.lane.perform { pair.client.write { $0.append([UInt8](repeating: 0, count: 100_000)) } }
            await pair.client.lane.untilTurnEnds()
        }
        #expect(await pair.client.lane.perform { pair.client.pendingOutput } == 0)
        await pair.client.lane.perform { pair.client.resumeReading() }
        #expect(await handler.untilEnd().ends != [.finished])
        #expect(await pair.close() == 0)
    }
}
