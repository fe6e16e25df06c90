// SPDX-License-Identifier: Apache-2.0
import RivetAsync

/// Writes to a stream what is to be written, or what a fault makes of it.
///
/// On the lane only.
///
/// `@unchecked Sendable`: everything is touched on the stream's lane.
final class FaultyOutput: LaneMember, @unchecked Sendable {
    /// How long Nagle's algorithm and a delayed acknowledgement hold a segment (PROTOCOL h11).
    static let stall = Duration.milliseconds(40)

    private let stream: any ByteStream
    private let engine: EngineState
    private let closeStream: @Sendable () -> Void
    private var held: [[UInt8]] = []
    /// A fault has ended our side.
    private(set) var isOver = false

    /// `closeStream` ends the stream and everything that belongs to it; called on the lane.
    init(stream: any ByteStream, engine: EngineState, closeStream: @escaping @Sendable () -> Void) {
        self.stream = stream
        self.engine = engine
        self.closeStream = closeStream
    }

    func write(_ bytes: [UInt8]) {
        guard !isOver else { return }
        stream.write { $0.append(bytes) }
    }

    /// `replacement` makes what is written for the faults `bytes` and `close`.
    func write(_ bytes: [UInt8], _ fault: Faults.Fault.Kind?, replacement: (Faults.Fault.Kind) -> [UInt8]) {
        switch fault {
        case nil, .refuse: write(bytes)
        case .withhold: break
        case .bytes?, .close?: if let fault { write(replacement(fault)) }
        case .cut(let count):
            write(Array(bytes.prefix(count)))
            isOver = true
            // What was written leaves at the end of this turn, so the close has to wait for the next one.
            stream.lane.nextTurn(self)
        case .reset:
            (stream as? TCPSocket)?.closeWithReset()
            (stream as? MemoryStream)?.closeWithReset()
            closeStream()
        case .halfClose:
            write(bytes)
            isOver = true
            stream.finishWriting()
        case .delay(let duration):
            later(duration) { [self] in write(bytes) }
        case .holdUntilNextFrame:
            held.append(bytes)
            later(Self.stall) { [self] in release() }
        }
    }

    /// Runs `body` on the lane so much later.
    func later(_ wait: Duration, _ body: @escaping @Sendable () -> Void) {
        _ = engine.deadlines.schedule(after: wait) { [stream] in stream.lane.run(body) }
    }

    /// How long what is written where no frame can come before it waits for a fault; nil for one that does something else.
    static func wait(for fault: Faults.Fault.Kind) -> Duration? {
        switch fault {
        case .delay(let duration): duration
        case .holdUntilNextFrame: stall
        default: nil
        }
    }

    /// Writes what waits for the client's next frame.
    func release() {
        for bytes in held { write(bytes) }
        held = []
    }

    func ready(_ events: ReadyEvents) { closeStream() }
}
