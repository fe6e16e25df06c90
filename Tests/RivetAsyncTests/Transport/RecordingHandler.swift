// SPDX-License-Identifier: Apache-2.0
import Synchronization

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

    private struct State {
        var record = Record()
        var waiters: [(condition: @Sendable (Record) -> Bool, continuation: CheckedContinuation<Record, Never>)] = []
    }

    private let state = Mutex(State())
    private let onReceived: @Sendable (ByteChunk) -> Void

    /// `onReceived` is called on the lane for each piece.
    init(onReceived: @escaping @Sendable (ByteChunk) -> Void = { _ in }) {
        self.onReceived = onReceived
    }

    var record: Record { state.withLock { $0.record } }

    func until(_ condition: @escaping @Sendable (Record) -> Bool) async -> Record {
        await withCheckedContinuation { continuation in
            let now: Record? = state.withLock { state in
                if condition(state.record) { return state.record }
                state.waiters.append((condition, continuation))
                return nil
            }
            if let now { continuation.resume(returning: now) }
        }
    }

    func untilEnd() async -> Record { await until { !$0.ends.isEmpty } }

    private func note(_ change: (inout Record) -> Void) {
        let (record, satisfied) = state.withLock { state in
            change(&state.record)
            let record = state.record
            let satisfied = state.waiters.filter { $0.condition(record) }
            state.waiters.removeAll { $0.condition(record) }
            return (record, satisfied.map(\.continuation))
        }
        for continuation in satisfied { continuation.resume(returning: record) }
    }

    func received(_ bytes: ByteChunk) {
        note { record in
            bytes.withUnsafeBytes { record.bytes.append(contentsOf: $0) }
            record.pieces.append(bytes.count)
        }
        onReceived(bytes)
    }

    func receivedAll() { note { $0.receivedAlls += 1 } }
    func writable() { note { $0.writables += 1 } }
    func ended(_ end: StreamEnding) { note { $0.ends.append(end) } }
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
