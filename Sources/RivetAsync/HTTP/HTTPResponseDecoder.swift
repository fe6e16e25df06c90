// SPDX-License-Identifier: Apache-2.0

/// Reads the responses on one connection, incrementally, as a client must (RFC 9112).
///
/// For each request call `expectResponse`, then `next` for every chunk that arrives until it returns nil:
///
///     var position = 0
///     while let event = try decoder.next(in: chunk, from: &position) { … }
///
/// After `.end` or `.upgraded` what is left is `chunk` from `position` on. After an error only `close` makes sense.
package struct HTTPResponseDecoder: Sendable {
    package enum Event: Sendable, Equatable {
        /// 100 to 199 but 101: more to come.
        case interim(HTTPResponseHead)
        case head(HTTPResponseHead)
        /// Content, a slice of the chunk that arrived.
        case body(ByteChunk)
        case end(trailers: HTTPFields)
        /// 101: the bytes from here on belong to the other protocol.
        case upgraded(HTTPResponseHead)
    }

    private enum State: Sendable {
        case idle
        case statusLine
        case fields
        case body
        case upgraded
        case failed(HTTPError)
    }

    private var state = State.idle
    private var reader = HTTPLineReader(unfoldsFields: true)
    private var head = HTTPResponseHead(status: 0)
    private var minorVersion = 1
    private var body: HTTPBodyDecoder?
    private var isHead = false
    private var allowsUpgrade = false
    private let limits: HTTPLimits

    /// Whether the connection can carry another request once this response has ended (RFC 9112 §9.3).
    package private(set) var keepsAlive = true

    package init(limits: HTTPLimits = HTTPLimits()) {
        self.limits = limits
    }

    /// Between two responses: bytes that come now were not asked for.
    package var isIdle: Bool { if case .idle = state { true } else { false } }

    /// Whether a byte of the response to the current request has arrived.
    package private(set) var hasBegun = false

    /// A request of that method was sent.
    ///
    /// Methods are told by their case: only `HEAD` is HEAD.
    package mutating func expectResponse(toMethod method: String, allowsUpgrade: Bool = false) {
        guard case .idle = state else {
            assertionFailure("a response is still being read")
            return
        }
        isHead = method == "HEAD"
        self.allowsUpgrade = allowsUpgrade
        hasBegun = false
        keepsAlive = false
        state = .statusLine
        reader.reset()
        reader.begin(.head, limit: limits.maxHeadSize)
    }

    /// The next event in `chunk` from `position` on; nil when all of it was taken and more is needed.
    package mutating func next(in chunk: ByteChunk, from position: inout Int) throws(HTTPError) -> Event? {
        if position < chunk.count, !isIdle { hasBegun = true }
        do {
            return try advance(in: chunk, from: &position)
        } catch {
            state = .failed(error)
            keepsAlive = false
            throw error
        }
    }

    /// The peer ended its side, which is the end of a body that lasts until then.
    package mutating func finish() throws(HTTPError) -> Event? {
        switch state {
        case .idle, .upgraded: return nil
        case .failed(let error): throw error
        case .statusLine, .fields: throw .truncated(.head, received: reader.offset, expected: nil)
        case .body:
            try body?.finish()
            state = .idle
            return .end(trailers: [:])
        }
    }

    private mutating func advance(in chunk: ByteChunk, from position: inout Int) throws(HTTPError) -> Event? {
        while true {
            switch state {
            case .failed(let error): throw error
            case .upgraded: return nil
            case .idle:
                guard position >= chunk.count else { throw .unexpectedBytes(count: chunk.count &- position) }
                return nil
            case .statusLine:
                try checkBeginning(of: chunk, from: position)
                let line = try reader.next(in: chunk, from: &position) { line, offset throws(HTTPError) in
                    try Self.statusLine(line, offset: offset)
                }
                guard let line else { return nil }
                (head, minorVersion) = line
                state = .fields
            case .fields:
                guard try reader.readFields(in: chunk, from: &position, into: &head.fields) else { return nil }
                return try headEnded()
            case .body:
                switch try body?.next(in: chunk, from: &position, reader: &reader) {
                case .bytes(let bytes): return .body(bytes)
                case .end(let trailers):
                    state = .idle
                    return .end(trailers: trailers)
                case nil: return nil
                }
            }
        }
    }

    private mutating func headEnded() throws(HTTPError) -> Event {
        if head.status == 101 {
            guard allowsUpgrade else { throw .unexpectedUpgrade }
            state = .upgraded
            return .upgraded(head)
        }
        if head.status < 200 {
            // The bytes of interim heads count against the limit of the one head, so they cannot go on for ever.
            state = .statusLine
            return .interim(head)
        }
        // RFC 9112 §6.3: what cannot have a body has none, whatever its fields say; they are still checked.
        let announced = try HTTPFraming(head.fields, minorVersion: minorVersion, offset: reader.offset)
        let hasNoBody = isHead || head.status == 204 || head.status == 304
        let framing = hasNoBody ? .none : announced ?? .untilClose
        body = try HTTPBodyDecoder(framing, limits: limits, reader: &reader)
        keepsAlive = framing != .untilClose && head.fields.keepsAlive(minorVersion: minorVersion)
        state = .body
        return .head(head)
    }

    /// A peer that speaks something else (TLS, SSH, HTTP/2) may never send a line end: its first bytes tell.
    private func checkBeginning(of chunk: ByteChunk, from position: Int) throws(HTTPError) {
        var at = position
        for byte in "HTTP/".utf8.dropFirst(reader.lineLength) where at < chunk.count {
            guard chunk[at] == byte else {
                // An alert, as the answer to what is no ClientHello.
                if reader.lineLength == 0, at == position, chunk[at] == 21 { throw .answeredInTLS }
                throw .malformed(.statusLine, offset: reader.offset &+ at &- position)
            }
            at &+= 1
        }
    }

    /// `HTTP/1.1 200 OK`; the reason may be missing, and the blank before it too (RFC 9112 §4).
    private static func statusLine(
        _ line: Span<UInt8>,
        offset: Int
    ) throws(HTTPError) -> (HTTPResponseHead, minorVersion: Int) {
        let minorVersion = try HTTPSyntax.version(line, at: 0, offset: offset, part: .statusLine)
        guard line.count >= 12, line[8] == 0x20 else {
            throw .malformed(.statusLine, offset: offset &+ min(line.count, 8))
        }
        var status = 0
        for position in 9..<12 {
            guard line[position] >= 0x30, line[position] <= 0x39 else {
                throw .malformed(.statusLine, offset: offset &+ position)
            }
            status = status &* 10 &+ Int(line[position] &- 0x30)
        }
        guard status >= 100 else { throw .malformed(.statusLine, offset: offset &+ 9) }
        guard line.count == 12 || line[12] == 0x20 else { throw .malformed(.statusLine, offset: offset &+ 12) }
        let start = min(13, line.count)
        for position in start..<line.count where !HTTPSyntax.isTextByte(line[position]) {
            throw .malformed(.statusLine, offset: offset &+ position)
        }
        let reason = HTTPSyntax.text(line.extracting(droppingFirst: start))
        return (HTTPResponseHead(status: status, reason: reason), minorVersion)
    }
}
