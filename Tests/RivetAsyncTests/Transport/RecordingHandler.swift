// SPDX-License-Identifier: Apache-2.0
@testable import RivetAsync

/// Keeps what a stream calls, and lets a test wait until it has seen enough.
final class RecordingHandler: ByteHandler, Sendable {
    struct Record: Sendable {
        var bytes: [UInt8] = []
        var pieces: [Int] = []
        var receivedAlls = 0
        var writables = 0
        var ends: [StreamEnding] = []
    }

    private let state = Monitor(Record(), gauge: ResourceGauge())
    private let onReceived: @Sendable (ByteChunk) -> Void

    /// `onReceived` is called on the lane for each piece.
    init(onReceived: @escaping @Sendable (ByteChunk) -> Void = { _ in }) {
        self.onReceived = onReceived
    }

    var record: Record { state.access { $0 } }

    /// The record once it satisfies `condition`, or as it is when the test's time is over.
    func until(_ condition: @escaping @Sendable (Record) -> Bool) async -> Record {
        await state.first { condition($0) ? $0 : nil } ?? record
    }

    func untilEnd() async -> Record { await until { !$0.ends.isEmpty } }

    func received(_ bytes: ByteChunk) {
        state.update { record in
            bytes.withUnsafeBytes { record.bytes.append(contentsOf: $0) }
            record.pieces.append(bytes.count)
        }
        onReceived(bytes)
    }

    func receivedAll() { state.update { $0.receivedAlls += 1 } }
    func writable() { state.update { $0.writables += 1 } }
    func ended(_ end: StreamEnding) { state.update { $0.ends.append(end) } }
}

extension Lane {
    /// Runs `body` on the lane and returns what it gives.
    func perform<R: Sendable>(_ body: @escaping @Sendable () -> R) async -> R {
        await withCheckedContinuation { continuation in
            run { continuation.resume(returning: body()) }
        }
    }

    /// Returns at the end of a turn that has run what was enqueued before, and all that followed from it on the lane: what
    /// was written meanwhile leaves then.
    func untilTurnEnds() async {
        await withCheckedContinuation { continuation in
            run { self.atEndOfTurn(TurnEnd(continuation)) }
        }
    }

    private final class TurnEnd: LaneMember {
        private let continuation: CheckedContinuation<Void, Never>

        init(_ continuation: CheckedContinuation<Void, Never>) { self.continuation = continuation }

        func turnEnds() { continuation.resume() }
    }
}

extension RivetClient {
    /// Returns when a turn has ended on each of its lanes.
    func untilTurnsEnd() async {
        var seen: Set<ObjectIdentifier> = []
        // They are given out in turn.
        var lane = context.nextLane()
        while seen.insert(ObjectIdentifier(lane)).inserted {
            await lane.untilTurnEnds()
            lane = context.nextLane()
        }
    }
}

extension ByteStream {
    /// Writes `bytes` in a turn of its own.
    func writeLater(_ bytes: [UInt8]) {
        lane.run { self.write { $0.append(bytes) } }
    }
}
