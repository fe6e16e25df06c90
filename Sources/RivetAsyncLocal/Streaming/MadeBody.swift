// SPDX-License-Identifier: Apache-2.0
import RivetAsync

/// The body of an answer on its way from a handler's sequence, wherever that runs, to the lane that writes it.
final class MadeBody: Sendable {
    typealias Producer = @Sendable (_ write: (ByteChunk) async throws -> Void) async throws -> Void

    enum Next: Sendable {
        case chunk(ByteChunk)
        /// `isWhole`: the sequence came to its end.
        case end(isWhole: Bool)
        /// Nothing yet; the lane hears of the next.
        case nothing
    }

    private struct State {
        var chunks = RingBuffer<ByteChunk>()
        var byteCount = 0
        var isWhole: Bool?
        var isAbandoned = false
        var notify: (@Sendable () -> Void)?
        /// The lane has found nothing since, and is to be told.
        var isLaneWaiting = false
    }

    private let state: Monitor<State>

    init(gauge: ResourceGauge) { state = Monitor(State(), gauge: gauge) }

    // MARK: The producer's side

    /// Runs `produce` to its end; cancels it where nobody wants the rest, and returns when it heeds that.
    func fill(_ produce: @escaping Producer) async {
        await withTaskGroup { group in
            group.addTask {
                do {
                    try await produce { try await self.write($0) }
                    // Some sequences just end when they are cancelled.
                    try Task.checkCancellation()
                    self.finish(isWhole: true)
                } catch {
                    self.finish(isWhole: false)
                }
            }
            group.addTask { _ = await self.state.first { $0.isAbandoned ? () : nil } }
            await group.next()
            group.cancelAll()
        }
    }

    /// Returns when less than 64 KiB wait, so that no more is made meanwhile.
    private func write(_ chunk: ByteChunk) async throws {
        tell { state in
            guard !state.isAbandoned, !chunk.isEmpty else { return }
            state.chunks.append(chunk)
            state.byteCount += chunk.count
        }
        let hasRoom: Bool? = await state.first { state in
            if state.isAbandoned { return false }
            return state.byteCount <= OutputMarks.high ? true : nil
        }
        // Room or not: an endless sequence need not look for its cancellation itself.
        guard hasRoom == true, !Task.isCancelled else { throw CancellationError() }
    }

    private func finish(isWhole: Bool) { tell { $0.isWhole = $0.isWhole ?? isWhole } }

    private func tell(_ change: (inout State) -> Void) {
        let notify: (@Sendable () -> Void)? = state.update { state in
            change(&state)
            guard state.isLaneWaiting else { return nil }
            state.isLaneWaiting = false
            return state.notify
        }
        notify?()
    }

    // MARK: The lane's side

    /// `notify` is called from anywhere, after `next` has given nothing.
    func attach(_ notify: @escaping @Sendable () -> Void) { state.access { $0.notify = notify } }

    func next() -> Next {
        state.update { state in
            if let chunk = state.chunks.popFirst() {
                state.byteCount -= chunk.count
                return .chunk(chunk)
            }
            if let isWhole = state.isWhole { return .end(isWhole: isWhole) }
            state.isLaneWaiting = true
            return .nothing
        }
    }

    /// Nobody wants the rest.
    func abandon() {
        state.update { state in
            state.isAbandoned = true
            state.notify = nil
            state.chunks.removeAll()
            state.byteCount = 0
        }
    }
}
