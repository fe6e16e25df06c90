// SPDX-License-Identifier: Apache-2.0

/// A response and its body, which is still arriving.
package struct HTTPResponse: Sendable {
    package let head: HTTPResponseHead
    package let body: HTTPBody
}

/// The content of a response, pulled by one reader.
///
/// While nobody reads, at most 256 KiB and what one receive brings are held, 64 bytes more counted for each piece, and
/// the peer has to wait. Ends with nil after the whole body; throws ``HTTPCallError`` otherwise. When the last copy is
/// dropped before the end, or the reading task is cancelled, the connection is closed, not drained (B191).
package struct HTTPBody: AsyncSequence, Sendable {
    package typealias Element = ByteChunk

    private let reader: HTTPBodyReader

    package init(_ buffer: HTTPBodyBuffer) {
        reader = HTTPBodyReader(buffer)
    }

    package struct AsyncIterator: AsyncIteratorProtocol {
        fileprivate let reader: HTTPBodyReader

        package mutating func next(isolation: (any Actor)? = #isolation) async throws(HTTPCallError) -> ByteChunk? {
            try await reader.buffer.next(within: nil)
        }
    }

    package func makeAsyncIterator() -> AsyncIterator { AsyncIterator(reader: reader) }

    /// The next piece; ``HTTPError/bodySilent(for:)`` where none arrives within `silence`, nil for as long as it takes.
    package func next(within silence: Duration?) async throws(HTTPCallError) -> ByteChunk? {
        try await reader.buffer.next(within: silence)
    }

    /// Reads no further: closes the connection unless the whole body has arrived.
    package func abandon() { reader.buffer.abandon() }

    /// The whole body, which can still be read afterwards, where it begins with `first` and has arrived before `deadline`.
    ///
    /// Nil where it does not, is longer than what is held while nobody reads, or breaks off.
    package func peek(ifFirst first: UInt8, before deadline: TimePoint) async throws(HTTPCallError) -> ByteChunk? {
        try await reader.buffer.peek(ifFirst: first, before: deadline)
    }

    /// At least the first `count` bytes, or all where there are fewer; the rest is not read.
    package func beginning(_ count: Int, within silence: Duration? = nil) async throws(HTTPCallError) -> [UInt8] {
        var beginning: [UInt8] = []
        while beginning.count < count {
            guard let chunk = try await reader.buffer.next(within: silence) else { return beginning }
            beginning += chunk.prefix(count - beginning.count)
        }
        reader.buffer.abandon()
        return beginning
    }

    /// For tests: how many pieces were read.
    var taken: Int { reader.buffer.taken }

    /// The whole body.
    ///
    /// - Throws: ``HTTPCallError``, with ``HTTPError/tooLarge(_:limit:actual:)`` above `maxBytes`, and as
    ///   ``next(within:)`` does.
    package func collect(
        upTo maxBytes: Int,
        within silence: Duration? = nil
    ) async throws(HTTPCallError) -> ByteChunk {
        var pieces = HTTPBodyPieces()
        while let chunk = try await reader.buffer.next(within: silence) {
            guard chunk.count <= maxBytes - pieces.count else {
                let error = HTTPError.tooLarge(.body, limit: maxBytes, actual: nil)
                reader.buffer.abandon(error)
                throw HTTPCallError(error, requestLeft: true, answerBegun: true)
            }
            pieces.append(chunk)
        }
        return pieces.bytes
    }
}

/// A body that is gathered until it is whole; most are one piece.
struct HTTPBodyPieces {
    private var first = ByteChunk()
    private var all: [UInt8] = []
    private(set) var count = 0

    mutating func append(_ piece: ByteChunk) {
        if count == 0 {
            first = piece
        } else {
            if all.isEmpty { all = Array(first) }
            all.append(piece)
        }
        count += piece.count
    }

    /// A copy: a piece keeps a whole receive buffer.
    var bytes: ByteChunk { all.isEmpty ? ByteChunk(copyOf: first) : ByteChunk(all) }
}

/// Notices that nobody can read any more.
private final class HTTPBodyReader: Sendable {
    let buffer: HTTPBodyBuffer

    init(_ buffer: HTTPBodyBuffer) { self.buffer = buffer }

    deinit { buffer.abandon() }
}

/// Between the lane, which fills it, and the reader, wherever that runs.
package final class HTTPBodyBuffer: Sendable {
    /// Above this many bytes reading from the connection stops; four of the largest receives.
    static let highWaterMark = 262_144
    /// Below this many it goes on.
    static let lowWaterMark = 65_536

    package enum Request: Equatable, Sendable {
        case resumeReading
        case close
    }

    private enum End {
        case finished
        case failed(HTTPCallError)
    }

    private enum Step {
        case chunk(ByteChunk, resumes: Bool)
        case end(HTTPCallError?)
    }

    private struct State {
        var ask: (@Sendable (Request) -> Void)?
        var chunks = RingBuffer<ByteChunk>()
        var byteCount = 0
        var pinned = PinnedBuffers()
        var end: End?
        var isPaused = false
        /// Chunks that were read so far: by it a timer knows whether it is still for the same wait.
        var taken = 0
        var isPeekOver = false
    }

    private let state: Monitor<State>
    private let deadlines: DeadlineScheduler?

    /// An empty buffer; without `deadlines` silence has no end.
    package init(gauge: ResourceGauge, deadlines: DeadlineScheduler? = nil) {
        state = Monitor(State(), gauge: gauge)
        self.deadlines = deadlines
    }

    /// `ask` is called from anywhere, outside the lock, until nil takes its place.
    package func onRequest(_ ask: (@Sendable (Request) -> Void)?) { state.access { $0.ask = ask } }

    private func ask(_ request: Request) { state.access { $0.ask }?(request) }

    /// Returns false when it is full, and reading should stop; wakes nobody.
    package func push(_ chunk: ByteChunk) -> Bool {
        state.access { state in
            guard state.end == nil else { return true }
            state.chunks.append(chunk)
            state.byteCount += Self.size(of: chunk)
            if state.pinned.note(chunk, queueSize: state.byteCount) { state.chunks.mutateEach { $0.copyOut() } }
            if state.byteCount > Self.highWaterMark { state.isPaused = true }
            return !state.isPaused
        }
    }

    /// With what a piece costs besides its bytes, so that many small ones are bounded too.
    private static func size(of chunk: ByteChunk) -> Int { chunk.count + 64 }

    package func wake() { state.update { _ in } }

    /// What was pushed can still be read; the first end counts.
    package func finish(_ failure: HTTPCallError? = nil) {
        state.update { state in
            if state.end == nil { state.end = failure.map { .failed($0) } ?? .finished }
        }
    }

    /// Nobody will read on: closes the connection unless the whole body has arrived.
    ///
    /// Who reads on all the same must not take what was dropped for the end: it hears `reason`, or that the body was given
    /// up where something was dropped.
    func abandon(_ reason: HTTPError? = nil) {
        let isOpen = state.update { state in
            let isOpen = state.end == nil
            let hasFailed = if case .failed? = state.end { true } else { false }
            if !hasFailed, isOpen || reason != nil || !state.chunks.isEmpty {
                state.end = .failed(
                    HTTPCallError(reason ?? HTTPError.bodyAbandoned, requestLeft: true, answerBegun: true)
                )
            }
            state.chunks.removeAll()
            (state.byteCount, state.pinned) = (0, PinnedBuffers())
            return isOpen
        }
        if isOpen { ask(.close) }
    }

    var taken: Int { state.access { $0.taken } }

    // MARK: Reading

    func next(within silence: Duration? = nil) async throws(HTTPCallError) -> ByteChunk? {
        var step = state.access { Self.step(&$0) }
        if step == nil {
            // Only who has to wait needs a timer.
            let timer = silence.flatMap { failLater($0) }
            defer { if let timer { deadlines?.cancel(timer) } }
            step = try await state.first(orThrow: Self.secondReader, Self.step)
        }
        switch step {
        case .chunk(let chunk, let resumes):
            if resumes { ask(.resumeReading) }
            return chunk
        case .end(let failure):
            guard let failure else { return nil }
            // Whoever is cancelled hears of that, whichever way it came here first.
            if failure.error as? HTTPError == .bodyAbandoned, Task.isCancelled { throw cancelled() }
            throw failure
        case nil:
            throw cancelled()
        }
    }

    func peek(ifFirst first: UInt8, before deadline: TimePoint) async throws(HTTPCallError) -> ByteChunk? {
        let timer = deadlines?.schedule(at: deadline) { [weak self] in self?.state.update { $0.isPeekOver = true } }
        defer { if let timer { deadlines?.cancel(timer) } }
        let peek = try await state.first(orThrow: Self.secondReader) { state -> ByteChunk?? in
            let begin = state.chunks.first?.first { !" \t\r\n".utf8.contains($0) }
            if let begin, begin != first { return .some(nil) }
            if case .finished? = state.end { return Self.joined(&state) }
            return state.end != nil || state.isPaused || state.isPeekOver ? .some(nil) : nil
        }
        guard let peek else { throw cancelled() }
        return peek
    }

    private static var secondReader: HTTPCallError {
        HTTPCallError(HTTPError.bodyHasReader, requestLeft: true, answerBegun: true)
    }

    private func cancelled() -> HTTPCallError {
        abandon()
        return HTTPCallError(CancellationError(), requestLeft: true, answerBegun: true)
    }

    private static func joined(_ state: inout State) -> ByteChunk {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(state.byteCount)
        state.chunks.mutateEach { chunk in bytes.append(chunk) }
        return ByteChunk(bytes)
    }

    private func failLater(_ silence: Duration) -> DeadlineScheduler.ID? {
        let taken = state.access { $0.taken }
        return deadlines?.schedule(after: silence) { [weak self] in self?.fail(silentFor: silence, since: taken) }
    }

    private func fail(silentFor silence: Duration, since taken: Int) {
        let isSilent = state.update { state in
            guard state.end == nil, state.chunks.isEmpty, state.taken == taken else { return false }
            let error = HTTPError.bodySilent(for: silence)
            state.end = .failed(HTTPCallError(error, requestLeft: true, answerBegun: true))
            return true
        }
        if isSilent { ask(.close) }
    }

    /// Nil where there is nothing to read yet.
    @Sendable private static func step(_ state: inout State) -> Step? {
        if let chunk = state.chunks.popFirst() {
            state.byteCount -= size(of: chunk)
            if state.chunks.isEmpty { state.pinned = PinnedBuffers() }
            state.taken &+= 1
            let resumes = state.isPaused && state.byteCount < lowWaterMark
            if resumes { state.isPaused = false }
            return .chunk(chunk, resumes: resumes)
        }
        switch state.end {
        case .finished: return .end(nil)
        case .failed(let failure): return .end(failure)
        case nil: return nil
        }
    }
}
