// SPDX-License-Identifier: Apache-2.0

/// One end of a connection without descriptors.
///
/// It behaves as a TCP connection does, and more: a test can make it split what arrives and stall.
///
/// `@unchecked Sendable`: all mutable state is touched on the lane only, which every method asserts.
package final class MemoryStream: ByteStream, LaneMember, @unchecked Sendable {
    /// After this many chunks in one turn, of 64 KiB at the most, the lane's other streams have theirs: a writer on another
    /// lane may refill the pipe as fast as it is emptied.
    private static let mostChunksPerTurn = 4

    package let lane: Lane
    private let incoming: MemoryPipe
    private let outgoing: MemoryPipe

    private var handler: (any ByteHandler)?
    private var output = ByteBuffer()
    private var writeError: TransportError?
    private var isOpen = true
    private var isReadingSuspended = false
    private var isDraining = false
    private var hasReceivedEnd = false
    private var isWriteBlocked = false
    private var isEndOfTurnAsked = false
    private var isWriterWaiting = false
    private var isFinishingWriting = false

    /// What arrives is handed over in pieces of at most this many bytes.
    package var largestPiece = Int.max
    /// While true, nothing that arrives is handed over, the end included, as on a line that is dead but not cut.
    package var isStalled = false {
        didSet { if oldValue, !isStalled { lane.nextTurn(self) } }
    }

    /// Two ends of one connection.
    package static func pair(on first: Lane, _ second: Lane) -> (MemoryStream, MemoryStream) {
        let forth = MemoryPipe()
        let back = MemoryPipe()
        let a = MemoryStream(lane: first, incoming: back, outgoing: forth)
        let b = MemoryStream(lane: second, incoming: forth, outgoing: back)
        forth.connect(writer: a, reader: b)
        back.connect(writer: b, reader: a)
        return (a, b)
    }

    private init(lane: Lane, incoming: MemoryPipe, outgoing: MemoryPipe) {
        self.lane = lane
        self.incoming = incoming
        self.outgoing = outgoing
    }

    package var securityDescription: String? { nil }
    /// Nothing is acknowledged here.
    package var wantsQuickAcknowledgements = false

    // MARK: Reading

    package func setHandler(_ handler: any ByteHandler) {
        lane.assertCurrent()
        guard isOpen, !hasReceivedEnd else { return }
        let isFirst = self.handler == nil
        self.handler = handler
        if isFirst { lane.nextTurn(self) }
    }

    package func suspendReading() {
        lane.assertCurrent()
        isReadingSuspended = true
    }

    package func resumeReading() {
        lane.assertCurrent()
        guard isReadingSuspended else { return }
        isReadingSuspended = false
        if !isDraining { lane.nextTurn(self) }
    }

    /// The other end has pushed something.
    ///
    /// From any lane.
    func arrived() {
        lane.run { self.ready(.readable) }
    }

    package func ready(_ events: ReadyEvents) {
        guard !isDraining else { return }
        isDraining = true
        defer { isDraining = false }
        var chunks = 0
        while canHandOver {
            if chunks == Self.mostChunksPerTurn {
                lane.nextTurn(self)
                break
            }
            switch incoming.pop() {
            case .bytes(let chunk):
                chunks += 1
                handOver(chunk)
            case .nothing:
                if chunks > 0 { handler?.receivedAll() }
                if let writeError { fail(writeError) }
                return
            case .end(let end):
                if chunks > 0 { handler?.receivedAll() }
                guard isOpen else { return }
                switch end {
                case .finished:
                    if let writeError { return fail(writeError) }
                    hasReceivedEnd = true
                    handler.take()?.ended(.finished)
                case .failed(let error):
                    fail(error)
                }
                return
            }
        }
        if chunks > 0 { handler?.receivedAll() }
    }

    private var canHandOver: Bool {
        isOpen && !isReadingSuspended && !isStalled && !hasReceivedEnd && handler != nil
    }

    /// A chunk that was begun is handed over whole: reading can be suspended between chunks, as between two `recv`.
    private func handOver(_ chunk: ByteChunk) {
        var start = 0
        while start < chunk.count, isOpen {
            let end = chunk.count - start > largestPiece ? start + max(largestPiece, 1) : chunk.count
            handler?.received(chunk.slice(start..<end))
            start = end
        }
    }

    private func fail(_ error: TransportError) {
        guard isOpen else { return }
        let handler = handler
        close()
        handler?.ended(.failed(error))
    }

    // MARK: Writing

    package var pendingOutput: Int { output.count }
    package private(set) var sentCount: UInt64 = 0
    package var writtenCount: UInt64 { sentCount + UInt64(output.count) }

    package func write(_ body: (inout ByteBuffer) -> Void) {
        lane.assertCurrent()
        assert(!isFinishingWriting || !isOpen, "written after finishWriting")
        guard isOpen, writeError == nil, !isFinishingWriting else { return }
        body(&output)
        if output.count > OutputMarks.high { isWriterWaiting = true }
        askForEndOfTurn()
    }

    package func finishWriting() {
        lane.assertCurrent()
        guard isOpen, !isFinishingWriting else { return }
        isFinishingWriting = true
        askForEndOfTurn()
    }

    package func flush() {
        lane.assertCurrent()
        if isOpen, !isWriteBlocked { send() }
    }

    private func askForEndOfTurn() {
        guard !isEndOfTurnAsked, !isWriteBlocked else { return }
        isEndOfTurnAsked = true
        lane.atEndOfTurn(self)
    }

    package func turnEnds() {
        isEndOfTurnAsked = false
        guard isOpen else { return }
        if !isWriteBlocked { send() }
        // As in a socket: what has grown for a large message is not kept.
        if output.isEmpty, output.isOversized { output = ByteBuffer() }
    }

    /// The other end has read.
    ///
    /// From any lane.
    func roomWasMade() {
        lane.run { [self] in
            isWriteBlocked = false
            if isOpen { send() }
        }
    }

    private func send() {
        if !output.isEmpty {
            let pending = output.count
            let outcome = outgoing.push(&output)
            sentCount += UInt64(pending - output.count)
            switch outcome {
            case .all:
                break
            case .blocked:
                isWriteBlocked = true
            case .abandoned:
                output.removeAll()
                writeError = .system(.send, .brokenPipe)
                lane.nextTurn(self)
            }
        }
        if output.isEmpty {
            if output.isOversized { askForEndOfTurn() }
            if isFinishingWriting, writeError == nil { outgoing.end(.finished) }
        }
        if isWriterWaiting, output.count < OutputMarks.low {
            isWriterWaiting = false
            handler?.writable()
        }
    }

    // MARK: The end

    package func close() {
        // The peer of somebody who leaves bytes unread sees a reset, as with TCP.
        close(otherEnd: .finished, ifUnread: .failed(.system(.receive, .connectionReset)))
    }

    /// Ends both sides so that the peer sees an error instead of an end.
    package func closeWithReset() {
        let reset = StreamEnding.failed(.system(.receive, .connectionReset))
        close(otherEnd: reset, ifUnread: reset)
    }

    private func close(otherEnd: StreamEnding, ifUnread: StreamEnding) {
        lane.assertCurrent()
        guard isOpen else { return }
        isOpen = false
        handler = nil
        output = ByteBuffer()
        outgoing.end(incoming.readerLeft() ? ifUnread : otherEnd)
        outgoing.writerLeft()
    }
}
