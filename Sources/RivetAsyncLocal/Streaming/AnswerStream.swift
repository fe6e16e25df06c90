// SPDX-License-Identifier: Apache-2.0
import RivetAsync

/// Writes the body of an answer as it is made, no faster than the client takes it.
///
/// `@unchecked Sendable`: everything is touched on the stream's lane.
final class AnswerStream: @unchecked Sendable {
    private static let pieceSize = OutputMarks.high

    private let body: MadeBody
    private let stream: any ByteStream
    private let isChunked: Bool
    /// How much may still be written before the connection is cut, by a fault.
    private var budget: Int?
    private let ended: (_ isWhole: Bool) -> Void
    private var rest = ByteChunk()
    private var isOver = false

    /// `ended` is called once, on the lane: whether the body was written to its end.
    init(
        _ body: MadeBody,
        to stream: any ByteStream,
        isChunked: Bool,
        budget: Int?,
        ended: @escaping (_ isWhole: Bool) -> Void
    ) {
        self.body = body
        self.stream = stream
        self.isChunked = isChunked
        self.budget = budget
        self.ended = ended
    }

    /// Behind the head.
    func start() {
        body.attach { [weak self, lane = stream.lane] in lane.run { [weak self] in self?.pump() } }
        pump()
    }

    func pump() {
        var written = 0
        while !isOver, stream.pendingOutput <= OutputMarks.high {
            // A stream whose peer has gone takes all and keeps nothing, and says so in its next turn: that must come.
            guard written <= OutputMarks.high else {
                return stream.lane.run { [weak self] in self?.pump() }
            }
            guard rest.isEmpty else {
                let piece = rest.slice(0..<min(rest.count, Self.pieceSize))
                rest = rest.slice(piece.count..<rest.count)
                written += piece.count
                write(piece)
                continue
            }
            switch body.next() {
            case .chunk(let chunk): rest = chunk
            case .end(let isWhole):
                if isWhole, isChunked { stream.write { HTTPChunkEncoder.writeEnd(into: &$0) } }
                end(isWhole: isWhole)
            case .nothing: return
            }
        }
    }

    private func write(_ piece: ByteChunk) {
        var part = piece
        if let budget {
            part = piece.slice(0..<min(budget, piece.count))
            self.budget = budget - part.count
        }
        stream.write { buffer in
            if isChunked { HTTPChunkEncoder.write(part, into: &buffer) } else { buffer.append(part) }
        }
        if budget == 0 {
            abandon()
            ended(false)
        }
    }

    private func end(isWhole: Bool) {
        isOver = true
        ended(isWhole)
    }

    /// The client has gone.
    func abandon() {
        isOver = true
        rest = ByteChunk()
        body.abandon()
    }
}
