// SPDX-License-Identifier: Apache-2.0
import Synchronization

/// A WebSocket for tasks: messages out by `send`, in by a sequence.
///
/// It is behind the public raw sockets of both ends.
///
/// `@unchecked Sendable`: what is neither constant nor locked is touched on the lane only.
package final class WebSocketChannel: WebSocketHandler, @unchecked Sendable {
    /// The error that callers see for an ending, or nil where the sequence of messages just ends.
    package typealias Translation = @Sendable (WebSocketEnding) -> (any Error)?

    private let lane: Lane
    private let inbox: WebSocketInbox
    private let outbox: WebSocketOutbox
    private let translate: Translation
    private let onPong: @Sendable (ByteChunk) -> Void
    private let finish = Mutex<Finish?>(nil)
    private let finished: Signal

    // On the lane only.
    private var connection: WebSocketConnection?
    private var keepAlive: WebSocketKeepAlive?
    private var batch = RingBuffer<WebSocketReceivedMessages>()
    private var batchSize = 0
    private var output = ByteBuffer()
    private var isClosedByUs = false
    /// What an end of the stream is that nothing else has explained.
    private var unexplained = WebSocketError.notOpen

    private struct Finish {
        let ending: WebSocketEnding
        /// Our side began the closing handshake.
        let isOurs: Bool
    }

    /// A channel that reads ahead at most `readAhead` bytes of messages.
    ///
    /// `maskingKeys` is nil in the server's role. By default a clean close ends the sequence and a failure is thrown as
    /// it is; a close of our own always ends it. `onPong` is called on the lane.
    package init(
        lane: Lane,
        readAhead: Int = 1 << 20,
        maskingKeys: WebSocketMaskingKeys?,
        translate: @escaping Translation = { if case .failed(let error) = $0 { error } else { nil } },
        onPong: @escaping @Sendable (ByteChunk) -> Void = { _ in }
    ) {
        self.lane = lane
        self.translate = translate
        self.onPong = onPong
        inbox = WebSocketInbox(readAhead: readAhead, gauge: lane.gauge)
        outbox = WebSocketOutbox(maskingKeys: maskingKeys, gauge: lane.gauge)
        finished = Signal(gauge: lane.gauge)
    }

    /// The connection that has this as its handler; before it is started, on the lane.
    package func attach(_ connection: WebSocketConnection) {
        self.connection = connection
    }

    // MARK: Any task

    /// How it ended; nil while it is open.
    package var ending: WebSocketEnding? { finish.withLock { $0?.ending } }

    /// Why it was lost; nil while it is open, after a close, and where we gave it up.
    package var failure: WebSocketError? {
        if case .failed(let error) = ending, error != .notOpen { error } else { nil }
    }

    package var messages: WebSocketMessages { messages(keeping: nil) }

    /// The messages; whoever reads them, or may, holds `owner`.
    package func messages(keeping owner: (any AnyObject & Sendable)?) -> WebSocketMessages {
        WebSocketMessages(channel: self, owner: owner)
    }

    /// How it was closed; nil while it is open and after a failure.
    package var closing: WebSocketClosing? {
        if case .closed(let closing) = ending { closing } else { nil }
    }

    /// Returns when the message was accepted; waits only while more than 64 KiB are pending.
    ///
    /// Cancelled while it waits it throws `CancellationError`, and the message is not sent.
    package func send(_ message: WebSocketMessage) async throws {
        while try !accepts(message) { try await outbox.waitForRoom() }
    }

    /// Sends the message unless too much is pending; false then.
    func accepts(_ message: WebSocketMessage) throws -> Bool {
        switch message {
        case .text(var text): try text.withUTF8 { try unsafe append(.text, UnsafeRawBufferPointer($0)) }
        case .binary(let bytes): try unsafe append(.binary, bytes.unsafeBytes)
        }
    }

    private func append(_ opcode: WebSocketOpcode, _ payload: UnsafeRawBufferPointer) throws -> Bool {
        switch unsafe outbox.append(opcode, payload) {
        case .accepted(mustTake: true):
            lane.run { [self] in flush() }
            return true
        case .accepted(mustTake: false): return true
        case .full: return false
        case .closed: throw translate(.failed(.notOpen)) ?? WebSocketError.notOpen
        }
    }

    /// Sends a ping of at most 125 bytes; `onPong` gets the answer.
    package func ping(_ payload: ByteChunk) {
        lane.run { [self] in payload.withUnsafeBytes { unsafe connection?.ping($0) } }
    }

    /// Begins the closing handshake behind everything accepted, and returns when the stream is closed.
    ///
    /// That is after the close time-out at the latest, or when the task is cancelled. Messages that come meanwhile are
    /// dropped. Calling it again waits for the same.
    package func close(_ closing: WebSocketClosing = WebSocketClosing(.normalClosure)) async {
        beginClose(closing)
        await finished.wait()
    }

    /// The same, whatever happens to the task.
    package func closeUncancellably(_ closing: WebSocketClosing) async {
        beginClose(closing)
        await finished.waitUncancellably()
    }

    /// The same without waiting.
    package func beginClose(_ closing: WebSocketClosing) {
        outbox.close()
        lane.run { [self] in
            flush(evenIfBlocked: true)
            guard let connection, connection.isOpen else { return }
            isClosedByUs = true
            connection.close(closing)
        }
    }

    /// Ends the stream now; the sequence of messages throws `error`.
    package func abort(_ error: WebSocketError = .notOpen) {
        outbox.close()
        lane.run { [self] in
            unexplained = error
            connection?.abort()
        }
    }

    /// What the sequence of messages ends with; nil while it is open and where it just ends.
    package var error: (any Error)? {
        guard let finish = finish.withLock({ $0 }) else { return nil }
        if case .closed = finish.ending, finish.isOurs { return nil }
        return translate(finish.ending)
    }

    // MARK: Reader

    /// Moves what has arrived into `batch`, which is empty, or waits for it; false at the end.
    func receive(into batch: inout RingBuffer<WebSocketReceivedMessages>) async throws -> Bool {
        while true {
            switch inbox.take(into: &batch) {
            case .taken(let mustResumeReading):
                if mustResumeReading { lane.run { [self] in resumeReading() } }
                return true
            case .ended:
                if let error { throw error }
                return false
            case .empty(let mustResumeReading):
                if mustResumeReading { lane.run { [self] in resumeReading() } }
                do {
                    try await inbox.wait()
                } catch let error as WebSocketError {
                    throw translate(.failed(error)) ?? error
                }
            }
        }
    }

    func putBack(_ first: WebSocketReceivedMessages, _ rest: RingBuffer<WebSocketReceivedMessages>) {
        if inbox.putBack(first, rest) { lane.run { [self] in resumeReading() } }
    }

    // MARK: Lane

    /// Whether neither side has begun to close.
    package var isOpen: Bool { connection?.isOpen ?? false }

    /// Sends a ping at once, whose pong is known by its number.
    func sendPing(_ number: UInt64) { connection?.ping(number) }

    private func flush(evenIfBlocked: Bool = false) {
        // While the stream is full, senders fill the outbox, and then wait.
        guard let connection, evenIfBlocked || connection.pendingOutput <= OutputMarks.high else { return }
        outbox.take(into: &output)
        guard !output.isEmpty else { return }
        connection.send(encodedFrames: &output)
        // A buffer that has grown for one message is not kept.
        if output.isOversized { output = ByteBuffer() }
    }

    /// Pings whenever nothing came for `interval`; without a pong within `timeout` it ends with ``WebSocketError/silent``.
    func startKeepAlive(interval: Duration, timeout: Duration, time: TimeSource, deadlines: DeadlineScheduler) {
        keepAlive = connection.map {
            WebSocketKeepAlive($0, interval: interval, timeout: timeout, time: time, deadlines: deadlines)
        }
    }

    func suspendReading() {
        connection?.suspendReading()
        keepAlive?.readingSuspended()
    }

    func resumeReading() {
        connection?.resumeReading()
        keepAlive?.readingResumed()
    }

    package func received(pong: ByteChunk) {
        keepAlive?.received(pong: pong)
        onPong(pong)
    }

    package func received(_ messages: WebSocketReceivedMessages) {
        batch.append(messages)
        batchSize &+= WebSocketInbox.size(of: messages)
        // A turn may bring more than fits.
        if batchSize > inbox.limit { pushBatch() }
    }

    private func pushBatch() {
        guard !batch.isEmpty else { return }
        if inbox.push(&batch) { suspendReading() }
        batchSize = 0
    }

    package func receivedAll() { pushBatch() }
    package func writable() { flush() }

    package func ended(_ ending: WebSocketEnding) {
        pushBatch()
        finish.withLock { $0 = $0 ?? Finish(ending: ending, isOurs: isClosedByUs) }
        outbox.close()
        inbox.finish()
    }

    package func streamClosed() {
        // After `abort` nothing else has said that it is over.
        ended(.failed(unexplained))
        keepAlive?.stop()
        (keepAlive, connection) = (nil, nil)
        finished.set()
    }
}
