// SPDX-License-Identifier: Apache-2.0

/// Reads the requests on one connection, incrementally, as a server must (RFC 9112); the local engine's side.
///
/// Driven as ``HTTPResponseDecoder``. After `.end` the next call begins with the next request; who takes an upgrade
/// stops calling there, and what is left of the chunk belongs to the other protocol.
package struct HTTPRequestDecoder: Sendable {
    package enum Event: Sendable, Equatable {
        case head(HTTPRequestHead)
        /// Content, a slice of the chunk that arrived.
        case body(ByteChunk)
        case end(trailers: HTTPFields)
    }

    private enum State: Sendable {
        case requestLine
        case fields
        case body
        case failed(HTTPError)
    }

    private var state = State.requestLine
    private var reader = HTTPLineReader()
    private var head = HTTPRequestHead(target: "")
    /// Of HTTP 1, of the last head.
    package private(set) var minorVersion = 1
    private var body: HTTPBodyDecoder?
    private let limits: HTTPLimits

    /// Whether the peer may send another request on this connection; valid from `.head` on.
    package private(set) var keepsAlive = true

    package init(limits: HTTPLimits = HTTPLimits()) {
        self.limits = limits
        reader.begin(.head, limit: limits.maxHeadSize)
    }

    /// The next event in `chunk` from `position` on; nil when all of it was taken and more is needed.
    package mutating func next(in chunk: ByteChunk, from position: inout Int) throws(HTTPError) -> Event? {
        do {
            return try advance(in: chunk, from: &position)
        } catch {
            state = .failed(error)
            keepsAlive = false
            throw error
        }
    }

    /// The peer ended its side: an error unless between two requests.
    package mutating func finish() throws(HTTPError) {
        switch state {
        case .failed(let error): throw error
        case .requestLine where reader.offset == 0: return
        case .requestLine, .fields: throw .truncated(.head, received: reader.offset, expected: nil)
        case .body: try body?.finish()
        }
    }

    private mutating func advance(in chunk: ByteChunk, from position: inout Int) throws(HTTPError) -> Event? {
        while true {
            switch state {
            case .failed(let error): throw error
            case .requestLine:
                let line = try reader.next(in: chunk, from: &position) { line, offset throws(HTTPError) in
                    line.isEmpty ? nil : try Self.requestLine(line, offset: offset)
                }
                guard let line else { return nil }
                // An empty line before a request is skipped (§2.2); such lines count against the head's limit.
                guard let (method, target, minorVersion) = line else { continue }
                head = HTTPRequestHead(method: method, target: target)
                self.minorVersion = minorVersion
                state = .fields
            case .fields:
                guard try reader.readFields(in: chunk, from: &position, into: &head.fields) else { return nil }
                return try headEnded()
            case .body:
                switch try body?.next(in: chunk, from: &position, reader: &reader) {
                case .bytes(let bytes): return .body(bytes)
                case .end(let trailers):
                    reader.reset()
                    reader.begin(.head, limit: limits.maxHeadSize)
                    state = .requestLine
                    return .end(trailers: trailers)
                case nil: return nil
                }
            }
        }
    }

    private mutating func headEnded() throws(HTTPError) -> Event {
        let hosts = head.fields.count(of: "host")
        guard hosts == 1 || (hosts == 0 && minorVersion == 0) else { throw .hostFields(count: hosts) }
        let framing = try HTTPFraming(head.fields, minorVersion: minorVersion, offset: reader.offset)
        body = try HTTPBodyDecoder(framing ?? .none, limits: limits, reader: &reader)
        keepsAlive = head.fields.keepsAlive(minorVersion: minorVersion)
        state = .body
        return .head(head)
    }

    /// `GET /path?query HTTP/1.1`, one blank between (RFC 9112 §3).
    private static func requestLine(
        _ line: Span<UInt8>,
        offset: Int
    ) throws(HTTPError) -> (method: String, target: String, minorVersion: Int) {
        var position = 0
        while position < line.count, HTTPSyntax.isTokenByte(line[position]) { position &+= 1 }
        guard position > 0, position < line.count, line[position] == 0x20 else {
            throw .malformed(.requestLine, offset: offset &+ position)
        }
        let method = HTTPSyntax.text(line.extracting(first: position))
        let start = position &+ 1
        position = start
        while position < line.count, line[position] > 0x20, line[position] < 0x7f { position &+= 1 }
        guard position > start, position < line.count, line[position] == 0x20 else {
            throw .malformed(.requestLine, offset: offset &+ position)
        }
        let target = HTTPSyntax.text(line.extracting(start..<position))
        let version = try HTTPSyntax.version(line, at: position &+ 1, offset: offset, part: .requestLine)
        guard line.count == position &+ 9 else { throw .malformed(.requestLine, offset: offset &+ position &+ 9) }
        return (method, target, version)
    }
}
