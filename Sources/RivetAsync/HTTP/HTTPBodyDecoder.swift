// SPDX-License-Identifier: Apache-2.0

/// Cuts one body out of the bytes that follow a head, the same for requests and responses (RFC 9112 §6, §7).
struct HTTPBodyDecoder: Sendable {
    enum Event {
        case bytes(ByteChunk)
        case end(trailers: HTTPFields)
    }

    private enum State {
        case content(remaining: Int)
        case untilClose
        case chunkSize
        case chunk(remaining: Int)
        case chunkEnd(sawCarriageReturn: Bool)
        case trailers
        case ended
    }

    private var state: State
    private var trailers = HTTPFields()
    private let limits: HTTPLimits
    /// Bytes of content so far.
    private(set) var received = 0

    init(_ framing: HTTPFraming, limits: HTTPLimits, reader: inout HTTPLineReader) throws(HTTPError) {
        self.limits = limits
        switch framing {
        case .none: state = .content(remaining: 0)
        case .length(let length):
            guard length <= limits.maxBodySize else {
                throw .tooLarge(.body, limit: limits.maxBodySize, actual: length)
            }
            state = .content(remaining: length)
        case .chunked:
            state = .chunkSize
            reader.begin(.chunkLine, limit: limits.maxChunkLineSize)
        case .untilClose: state = .untilClose
        }
    }

    /// The next piece of `chunk` from `position` on; nil when more bytes are needed.
    mutating func next(
        in chunk: ByteChunk,
        from position: inout Int,
        reader: inout HTTPLineReader
    ) throws(HTTPError) -> Event? {
        while true {
            switch state {
            case .content(0):
                state = .ended
                return .end(trailers: [:])
            case .content(let remaining):
                guard let bytes = take(remaining, of: chunk, from: &position, reader: &reader) else { return nil }
                state = .content(remaining: remaining &- bytes.count)
                return .bytes(bytes)
            case .untilClose:
                guard position < chunk.count else { return nil }
                let allowed = limits.maxBodySize &- received
                guard allowed > 0 else { throw .tooLarge(.body, limit: limits.maxBodySize, actual: nil) }
                return take(allowed, of: chunk, from: &position, reader: &reader).map { .bytes($0) }
            case .chunkSize:
                let size = try reader.next(in: chunk, from: &position) { line, offset throws(HTTPError) in
                    try Self.chunkSize(line, offset: offset)
                }
                guard let size else { return nil }
                if size == 0 {
                    state = .trailers
                    reader.begin(.trailers, limit: limits.maxTrailersSize)
                } else {
                    let (total, overflow) = received.addingReportingOverflow(size)
                    guard !overflow, total <= limits.maxBodySize else {
                        throw .tooLarge(.body, limit: limits.maxBodySize, actual: overflow ? nil : total)
                    }
                    state = .chunk(remaining: size)
                }
            case .chunk(let remaining):
                guard let bytes = take(remaining, of: chunk, from: &position, reader: &reader) else { return nil }
                let left = remaining &- bytes.count
                state = left == 0 ? .chunkEnd(sawCarriageReturn: false) : .chunk(remaining: left)
                return .bytes(bytes)
            case .chunkEnd(let sawCarriageReturn):
                guard position < chunk.count else { return nil }
                guard chunk[position] == (sawCarriageReturn ? 0x0a : 0x0d) else {
                    throw .malformed(.chunkEnd, offset: reader.offset)
                }
                position &+= 1
                reader.offset &+= 1
                if sawCarriageReturn {
                    state = .chunkSize
                    reader.begin(.chunkLine, limit: limits.maxChunkLineSize)
                } else {
                    state = .chunkEnd(sawCarriageReturn: true)
                }
            case .trailers:
                guard try reader.readFields(in: chunk, from: &position, into: &trailers) else { return nil }
                state = .ended
                return .end(trailers: trailers)
            case .ended:
                return nil
            }
        }
    }

    /// The connection ended properly: the end of a body without a length, the truncation of any other.
    mutating func finish() throws(HTTPError) {
        switch state {
        case .untilClose, .ended:
            state = .ended
        case .content(let remaining):
            throw .truncated(.body, received: received, expected: received &+ remaining)
        case .chunkSize, .chunk, .chunkEnd, .trailers:
            throw .truncated(.body, received: received, expected: nil)
        }
    }

    private mutating func take(
        _ limit: Int,
        of chunk: ByteChunk,
        from position: inout Int,
        reader: inout HTTPLineReader
    ) -> ByteChunk? {
        let count = min(limit, chunk.count &- position)
        guard count > 0 else { return nil }
        let bytes = chunk.slice(position..<(position &+ count))
        position &+= count
        received &+= count
        reader.offset &+= count
        return bytes
    }

    /// Hexadecimal digits, then perhaps extensions, which nobody defines and which are ignored (§7.1.1).
    private static func chunkSize(_ line: Span<UInt8>, offset: Int) throws(HTTPError) -> Int {
        var size = 0
        var position = 0
        while position < line.count, let digit = hexDigit(line[position]) {
            guard size <= Int.max >> 4 else { throw .malformed(.chunkSize, offset: offset &+ position) }
            size = size << 4 | digit
            position &+= 1
        }
        guard position > 0 else { throw .malformed(.chunkSize, offset: offset) }
        // "BWS": blanks before an extension are to be read, though never written.
        var next = position
        while next < line.count, line[next] == 0x20 || line[next] == 0x09 { next &+= 1 }
        guard position == line.count || (next < line.count && line[next] == UInt8(ascii: ";")) else {
            throw .malformed(.chunkSize, offset: offset &+ position)
        }
        for byte in next..<line.count where !HTTPSyntax.isTextByte(line[byte]) {
            throw .malformed(.chunkExtension, offset: offset &+ byte)
        }
        return size
    }

    private static func hexDigit(_ byte: UInt8) -> Int? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): Int(byte &- UInt8(ascii: "0"))
        case UInt8(ascii: "a")...UInt8(ascii: "f"): Int(byte &- UInt8(ascii: "a") &+ 10)
        case UInt8(ascii: "A")...UInt8(ascii: "F"): Int(byte &- UInt8(ascii: "A") &+ 10)
        default: nil
        }
    }
}
