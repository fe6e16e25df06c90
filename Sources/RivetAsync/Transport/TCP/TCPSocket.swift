// SPDX-License-Identifier: Apache-2.0

/// A TCP connection on its lane.
///
/// `@unchecked Sendable`: all mutable state is touched on the lane only, which every method asserts.
package final class TCPSocket: ByteStream, LaneMember, @unchecked Sendable {
    /// After this many reads in one turn, of 64 KiB each or counted so, the lane's other sockets have theirs.
    private static let mostReadsPerTurn = 16

    package let lane: Lane
    private let descriptor: Int32
    private let registration: Registration

    private var handler: (any ByteHandler)?
    private var output = ByteBuffer()
    private var writeError: TransportError?

    private var isOpen = true
    /// The kernel may have bytes or the end for us; cleared by "would block" and by a read that left room.
    private var isReadable: Bool
    /// A short read is no proof that nothing is left: an end may be behind it, which is not reported again.
    private var mayHaveEnded: Bool
    private var isReadingSuspended = false
    private var hasReceivedEnd = false
    private var isDraining = false
    /// The kernel's buffer is full; it will report room.
    private var isWriteBlocked = false
    private var isEndOfTurnAsked = false
    private var owesAcknowledgement = false
    /// A sender saw the output above the high-water mark and waits for `writable`.
    private var isWriterWaiting = false
    private var isFinishingWriting = false
    private var hasFinishedWriting = false

    /// After each drain.
    package var wantsQuickAcknowledgements = false

    /// Takes over a connected descriptor that is registered on `lane`; the caller makes this its member there.
    ///
    /// `reported`: what the lane has said of it already, and does not say again.
    init(lane: Lane, descriptor: Int32, registration: Registration, reported: ReadyEvents = []) {
        isReadable = reported.contains(.readable)
        mayHaveEnded = reported.contains(.ended)
        self.lane = lane
        self.descriptor = descriptor
        self.registration = registration
    }

    /// Takes over a connected descriptor, as `Lane.register` does.
    ///
    /// On the lane.
    static func adopt(_ descriptor: Int32, on lane: Lane) throws(TransportError) -> TCPSocket {
        let registration = try lane.register(descriptor, Entrance())
        SystemCalls.setNoDelay(descriptor)
        let socket = TCPSocket(lane: lane, descriptor: descriptor, registration: registration)
        lane.replaceMember(of: registration, with: socket)
        return socket
    }

    /// Holds the place between registration and the socket, within one call.
    private final class Entrance: LaneMember {}

    package var securityDescription: String? { nil }

    /// Nil when the connection is gone.
    package var localAddress: SocketAddress? { isOpen ? try? SystemCalls.localAddress(descriptor) : nil }
    package var remoteAddress: SocketAddress? { isOpen ? try? SystemCalls.remoteAddress(descriptor) : nil }

    // MARK: Reading

    package func setHandler(_ handler: any ByteHandler) {
        lane.assertCurrent()
        guard isOpen, !hasReceivedEnd else { return }
        let isFirst = self.handler == nil
        self.handler = handler
        if isFirst, isReadable { lane.nextTurn(self) }
    }

    package func suspendReading() {
        lane.assertCurrent()
        isReadingSuspended = true
    }

    package func resumeReading() {
        lane.assertCurrent()
        guard isReadingSuspended else { return }
        isReadingSuspended = false
        // Inside a drain the loop there goes on by itself.
        if isOpen, isReadable, !isDraining { lane.nextTurn(self) }
    }

    package func ready(_ events: ReadyEvents) {
        if events.contains(.ended) { mayHaveEnded = true }
        if events.contains(.readable) {
            isReadable = true
            drain()
        }
        if isOpen, isWriteBlocked, events.contains(.writable) {
            isWriteBlocked = false
            send()
            if isOpen { askForEndOfTurn() }
        }
    }

    private func drain() {
        guard !isDraining else { return }
        isDraining = true
        defer { isDraining = false }
        var reads = 0
        while isOpen, isReadable, !isReadingSuspended, !hasReceivedEnd, let handler {
            if reads >= Self.mostReadsPerTurn {
                lane.nextTurn(self)
                break
            }
            let handlersRoom = unsafe handler.receiveRoom()
            let room = unsafe handlersRoom ?? lane.receiveRoom()
            switch unsafe SystemCalls.receive(descriptor, room) {
            case .bytes(let count):
                reads += max(1, count / ReceivePool.blockSize)
                if count < room.count, !mayHaveEnded { isReadable = false }
                if unsafe handlersRoom == nil {
                    handler.received(lane.takeReceived(count))
                } else {
                    handler.received(inRoom: count)
                }
            case .wouldBlock:
                isReadable = false
                if let writeError { return fail(writeError, afterBytes: reads > 0) }
            case .end:
                if let writeError { return fail(writeError, afterBytes: reads > 0) }
                return receivedEnd(afterBytes: reads > 0)
            case .failed(let error):
                return fail(.system(.receive, error), afterBytes: reads > 0)
            }
        }
        guard isOpen else { return }
        if !isReadable { lane.wantsReadable(registration) }
        guard reads > 0 else { return }
        if wantsQuickAcknowledgements, !owesAcknowledgement {
            owesAcknowledgement = true
            lane.beforeWaiting(self)
        }
        handler?.receivedAll()
    }

    private func receivedEnd(afterBytes: Bool) {
        hasReceivedEnd = true
        if afterBytes { handler?.receivedAll() }
        // The handler may have closed the stream in `receivedAll`.
        handler.take()?.ended(.finished)
    }

    private func fail(_ error: TransportError, afterBytes: Bool) {
        if afterBytes { handler?.receivedAll() }
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
        // Writing to a stream that has just ended is a legal race; writing after `finishWriting` is our bug.
        assert(!isFinishingWriting || !isOpen, "written after finishWriting")
        guard isOpen, writeError == nil, !isFinishingWriting else { return }
        body(&output)
        if output.count > OutputMarks.high {
            if !isWriteBlocked { send() }
            if output.count > OutputMarks.high { isWriterWaiting = true }
        } else {
            askForEndOfTurn()
        }
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
        guard !isEndOfTurnAsked else { return }
        isEndOfTurnAsked = true
        lane.atEndOfTurn(self)
    }

    package func turnEnds() {
        isEndOfTurnAsked = false
        guard isOpen else { return }
        if !isWriteBlocked { send() }
        // A buffer that has grown beyond what senders fill before they wait is not kept by an idle connection. Not given
        // back sooner: a writer that goes on would have its memory taken from and given to the system again and again.
        if output.isEmpty, output.isOversized { output = ByteBuffer() }
    }

    package func laneWaits() {
        if isOpen, owesAcknowledgement { SystemCalls.acknowledge(descriptor) }
        owesAcknowledgement = false
    }

    private func send() {
        sending: while !output.isEmpty {
            switch output.withUnsafeBytes({ unsafe SystemCalls.send(descriptor, $0) }) {
            case .bytes(let count):
                output.removeFirst(count)
                sentCount += UInt64(count)
                // It carries the acknowledgement, and no packet is spent on one.
                owesAcknowledgement = false
            case .wouldBlock:
                isWriteBlocked = true
                lane.wantsWritable(registration)
                break sending
            case .failed(let error):
                writingFailed(.system(.send, error))
                break sending
            }
        }
        if output.isEmpty {
            if output.isOversized { askForEndOfTurn() }
            if isFinishingWriting, !hasFinishedWriting, writeError == nil {
                hasFinishedWriting = true
                SystemCalls.finishWriting(descriptor)
            }
        }
        if isWriterWaiting, output.count < OutputMarks.low {
            isWriterWaiting = false
            handler?.writable()
        }
    }

    /// What the peer sent before it went away can still be read (an answer that refuses a long request, say), so the
    /// end comes by the reading side.
    ///
    /// Until then what is written goes nowhere.
    private func writingFailed(_ error: TransportError) {
        writeError = error
        output.removeAll()
        isReadable = true
        lane.nextTurn(self)
    }

    // MARK: The end

    package func close() {
        lane.assertCurrent()
        guard isOpen else { return }
        isOpen = false
        handler = nil
        output = ByteBuffer()
        lane.removeAndClose(registration)
    }

    /// Ends both sides by a reset, so that the peer sees an error instead of an end.
    ///
    /// For faults on purpose.
    package func closeWithReset() {
        lane.assertCurrent()
        if isOpen { SystemCalls.setResetOnClose(descriptor) }
        close()
    }

    package func laneShutsDown() {
        fail(.laneShutDown, afterBytes: false)
    }
}
