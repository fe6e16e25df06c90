// SPDX-License-Identifier: Apache-2.0

/// Encoded frames on their way from any task to the lane.
///
/// What was gathered leaves in one go.
final class WebSocketOutbox: Sendable {
    private struct State: ~Copyable {
        var frames = ByteBuffer()
        var maskingKeys: WebSocketMaskingKeys?
        /// The lane will take what is gathered, because it was asked to or when its stream has room.
        var isTakeComing = false
        var isClosed = false
    }

    enum Accepted {
        /// `mustTake`: the lane must be asked to take it.
        case accepted(mustTake: Bool)
        case full
        case closed
    }

    private let state: Monitor<State>

    /// `gauge` counts the senders that wait.
    init(maskingKeys: WebSocketMaskingKeys?, gauge: ResourceGauge) {
        state = Monitor(State(maskingKeys: maskingKeys), gauge: gauge)
    }

    // MARK: Senders

    func append(_ opcode: WebSocketOpcode, _ payload: UnsafeRawBufferPointer) -> Accepted {
        state.access { state in
            if state.isClosed { return .closed }
            if state.frames.count > OutputMarks.high { return .full }
            let key = state.maskingKeys?.next()
            unsafe WebSocketFrameEncoder.encode(opcode, payload, maskingKey: key, into: &state.frames)
            defer { state.isTakeComing = true }
            return .accepted(mustTake: !state.isTakeComing)
        }
    }

    /// Returns when there is room again, or it is closed.
    func waitForRoom() async throws {
        let hasRoom: Void? = await state.first { $0.isClosed || $0.frames.count <= OutputMarks.high ? () : nil }
        if hasRoom == nil { throw CancellationError() }
    }

    // MARK: Lane

    /// Exchanges what was gathered for `buffer`, which is empty, and lets senders go on.
    func take(into buffer: inout ByteBuffer) {
        state.update { state in
            swap(&state.frames, &buffer)
            state.isTakeComing = false
        }
    }

    /// Nothing is accepted any more; what was can still be taken.
    func close() { state.update { $0.isClosed = true } }
}
