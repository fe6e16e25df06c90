// SPDX-License-Identifier: Apache-2.0
import Dispatch
import RivetAsync
import Testing

/// What only memory streams can do.
@Suite(.leavesNothing, .timeLimit(.minutes(3)))
struct MemoryStreamTests {
    private let lane = Lane()
    private let near: MemoryStream
    private let far: MemoryStream
    private let handler = RecordingHandler()

    init() { (near, far) = MemoryStream.pair(on: lane, lane) }

    @Test func whatArrivesIsSplit() async {
        await lane.perform { [near, far, handler] in
            near.setHandler(handler)
            near.largestPiece = 3
            far.write { $0.append([1, 2, 3, 4, 5, 6, 7]) }
            far.finishWriting()
        }
        let record = await handler.untilEnd()
        #expect(record.pieces == [3, 3, 1])
        #expect(record.bytes == [1, 2, 3, 4, 5, 6, 7])
        #expect(record.receivedAlls == 1)
    }

    @Test func aStalledStreamHandsOverNothingNotEvenTheEnd() async {
        await lane.perform { [near, far, handler] in
            near.setHandler(handler)
            near.isStalled = true
            far.write { $0.append([1]) }
            far.finishWriting()
        }
        // What another stream of the same lane was sent behind that has arrived.
        let (reader, writer) = MemoryStream.pair(on: lane, lane)
        let later = RecordingHandler()
        await lane.perform {
            reader.setHandler(later)
            writer.finishWriting()
        }
        _ = await later.untilEnd()
        await lane.perform {
            reader.close()
            writer.close()
        }
        #expect(handler.record.bytes.isEmpty)
        #expect(handler.record.ends.isEmpty)
        await lane.perform { [near] in near.isStalled = false }
        let record = await handler.untilEnd()
        #expect(record.bytes == [1])
        #expect(record.ends == [.finished])
    }

    @Test func aFloodIsHandedOverInTurns() async {
        let other = Lane()
        let (reader, writer) = MemoryStream.pair(on: lane, other)
        let handler = RecordingHandler { _ in
            // The writer fills the pipe again before the next look into it.
            let filled = DispatchSemaphore(value: 0)
            other.run { filled.signal() }
            filled.wait()
        }
        await lane.perform { reader.setHandler(handler) }
        await other.perform {
            writer.write { $0.append([UInt8](repeating: 1, count: 1 << 20)) }
            writer.finishWriting()
        }
        let record = await handler.untilEnd()
        #expect(record.bytes.count == 1 << 20)
        #expect(record.receivedAlls >= 4)
        await lane.perform { reader.close() }
        await other.perform { writer.close() }
    }

    @Test func aCloseWithUnreadBytesIsAResetForThePeer() async {
        await lane.perform { [near, far, handler] in
            near.setHandler(handler)
            near.write { $0.append([1]) }
            far.suspendReading()
        }
        // It leaves at the end of the turn.
        await lane.untilTurnEnds()
        await lane.perform { [far] in far.close() }
        #expect(await handler.untilEnd().ends == [.failed(.system(.receive, .connectionReset))])
    }

    @Test func aStreamIsFreedWhenBothEndsAreClosed() async throws {
        weak var freed: MemoryStream?
        do {
            let (a, b) = MemoryStream.pair(on: lane, lane)
            freed = a
            await lane.perform {
                a.close()
                b.close()
            }
        }
        // The lane may still hold the job that ran last.
        try await until {
            await lane.perform {}
            return freed == nil
        }
    }
}
