// SPDX-License-Identifier: Apache-2.0
import Synchronization

/// The server-sent events of an answer, as they arrive, read by the rules of the HTML standard.
///
/// Ends with nil after the whole body; what stands behind the last empty line is dropped then. An answer whose status is
/// not 200, or whose `Content-Type` is not `text/event-stream`, is ``RivetError/Code/unexpectedResponse`` at the first
/// `next()`, with the status and the beginning of the body. One that breaks off is ``RivetError/Code/connectionLost``,
/// behind the events before it. It is not asked for again: a new request may carry ``lastEventID``.
///
/// For one reader: whoever reads while another task waits gets ``RivetError/Code/invalidArgument``. While nobody reads,
/// the peer has to wait. Leaving the loop, or cancelling its task, closes the connection; another loop ends at once.
///
/// ```swift
/// let events = try await counter.fetch(.serverSentEvents("prices")).serverSentEvents
/// for try await event in events { print(event.event, event.data) }
/// print(events.lastEventID ?? "no id")
/// ```
public struct ServerSentEvents: AsyncSequence, Sendable {
    /// The longest line, in bytes without its end; a longer one is ``RivetError/Code/limitExceeded``.
    ///
    /// 1 MiB by default. Set it before the first event is read.
    public var maxLineSize = 1 << 20
    /// The largest `data` of one event, in bytes; more is ``RivetError/Code/limitExceeded``.
    ///
    /// 4 MiB by default. Set it before the first event is read.
    public var maxEventSize = 4 << 20

    private let reading: Reading

    init(_ response: ActorResponse) { reading = Reading(response) }

    /// The id of the last event that was read, or nil: what a new request sends as `Last-Event-ID`.
    ///
    /// Can be read at any time, also after the end.
    public var lastEventID: String? { reading.state.withLock { $0.parser?.lastEventID } }

    /// The last `retry` that was read, or nil: how long the actor wants a new request to wait.
    ///
    /// Can be read at any time, also after the end.
    public var retry: Duration? { reading.state.withLock { $0.parser?.retry } }

    /// The reader.
    public struct AsyncIterator: AsyncIteratorProtocol {
        private let reader: Reader

        init(_ events: ServerSentEvents) { reader = Reader(events) }

        /// The next event; nil at the end.
        ///
        /// - Throws: ``RivetError``; `CancellationError`.
        public nonisolated(nonsending) mutating func next(isolation: (any Actor)? = #isolation) async throws
            -> ServerSentEvent?
        {
            try await reader.next()
        }
    }

    /// The one reader.
    public func makeAsyncIterator() -> AsyncIterator { AsyncIterator(self) }

    /// What the sequence and its readers share.
    private final class Reading: Sendable {
        struct State {
            /// Made with the first event that is asked for.
            var parser: ServerSentEventParser?
            var chunk = ByteChunk()
            var position = 0
            /// The end was told, or an error.
            var isOver = false
        }

        let response: ActorResponse
        let state = Mutex(State())

        init(_ response: ActorResponse) { self.response = response }

        /// Nil is the end.
        func arrived(_ chunk: ByteChunk?) {
            state.withLock { ($0.chunk, $0.position, $0.isOver) = (chunk ?? ByteChunk(), 0, chunk == nil) }
        }
    }

    /// Notices that the loop was left.
    private final class Reader: Sendable {
        private let events: ServerSentEvents
        private var reading: Reading { events.reading }
        /// One that was refused, or never asked, leaves the others alone.
        private let hasRead = Atomic(false)

        init(_ events: ServerSentEvents) { self.events = events }

        deinit {
            guard hasRead.load(ordering: .relaxed) else { return }
            // In this order: who waits for the body hears that it is given up, and finds why.
            reading.arrived(nil)
            reading.response.body.body.abandon()
        }

        func next() async throws -> ServerSentEvent? {
            let response = reading.response
            do {
                if begin() { try await response.requireEvents() }
                while true {
                    if let event = try parse() {
                        hasRead.store(true, ordering: .relaxed)
                        return event
                    }
                    if reading.state.withLock({ $0.isOver }) { return nil }
                    // Silence is no fault of a stream of events, unless the caller says so.
                    let chunk = try await response.body.next(within: response.body.idleTimeout)
                    reading.arrived(chunk)
                }
            } catch {
                let cause = (error as? RivetError)?.underlying as? HTTPError
                if cause == .bodyHasReader { throw error }
                let hasAnotherLeft = cause == .bodyAbandoned && reading.state.withLock { $0.isOver }
                reading.arrived(nil)
                response.body.body.abandon()
                if hasAnotherLeft { return nil }
                throw error
            }
        }

        /// Whether this is the first time that an event is asked for.
        private func begin() -> Bool {
            reading.state.withLock { state in
                guard state.parser == nil else { return false }
                state.parser = ServerSentEventParser(
                    maxLineSize: events.maxLineSize,
                    maxEventSize: events.maxEventSize
                )
                return true
            }
        }

        private func parse() throws -> ServerSentEvent? {
            do {
                return try reading.state.withLock { state throws(HTTPError) in
                    try state.parser?.next(in: state.chunk, from: &state.position)
                }
            } catch {
                throw reading.response.body.error(HTTPCallError(error, requestLeft: true, answerBegun: true))
            }
        }
    }
}

extension ActorResponse {
    /// The content as server-sent events, while it arrives.
    ///
    /// For one reader, and in place of ``body``. The time of ``CallOptions/bodyIdleTimeout`` holds only where it is set.
    public var serverSentEvents: ServerSentEvents { ServerSentEvents(self) }

    /// - Throws: ``RivetError`` unless this is an answer with server-sent events (B269).
    fileprivate func requireEvents() async throws {
        let type = fields["content-type"] ?? ""
        let essence = type.prefix { $0 != ";" }.lowercased().filter { $0 != " " && $0 != "\t" }
        if status == 200, essence == "text/event-stream" { return }
        let piece = try await body.beginning(ByteChunk.maxPieceSize + 1)
        throw RivetError(
            .unexpectedResponse,
            "the answer has no server-sent events: HTTP \(status)" + (type.isEmpty ? "" : ", \(type.prefix(200))"),
            fault: .server,
            execution: .ran,
            remote: RemoteError(
                group: "",
                code: "",
                message: ByteChunk(piece).boundedText,
                rayID: fields["x-rivet-ray-id"],
                httpStatus: status
            )
        )
    }
}
