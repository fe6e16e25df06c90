// SPDX-License-Identifier: Apache-2.0

/// Cuts lines that end in CRLF out of chunks; a line within one chunk is read in place, without a copy.
///
/// A lone LF is refused although RFC 9112 §2.2 allows to take it: readers that disagree about lines are how messages
/// are smuggled.
struct HTTPLineReader: Sendable {
    /// Bytes of this message that have been taken, lines and others.
    var offset = 0
    private var partial: [UInt8] = []
    private var section = HTTPError.Section.head
    private var limit = 0
    private var used = 0
    /// A field that goes on in the next line is one field, as a client has to read it; a server refuses it (RFC 9112 §5.2).
    private let unfoldsFields: Bool

    init(unfoldsFields: Bool = false) { self.unfoldsFields = unfoldsFields }

    /// A new message begins.
    mutating func reset() {
        self = HTTPLineReader(unfoldsFields: unfoldsFields)
    }

    /// The lines that follow, with their CRLFs, may have `limit` bytes together.
    mutating func begin(_ section: HTTPError.Section, limit: Int) {
        (self.section, self.limit, used) = (section, limit, 0)
    }

    /// How much of the current line has come in earlier chunks.
    var lineLength: Int { partial.count }

    /// Gives `body` the next line without its CRLF and where it began, and returns what it returns; nil when the line
    /// is not complete in `chunk`, whose rest is then kept.
    mutating func next<R>(
        in chunk: ByteChunk,
        from position: inout Int,
        _ body: (Span<UInt8>, Int) throws(HTTPError) -> R
    ) throws(HTTPError) -> R? {
        let start = offset &- partial.count
        let from = position
        let (taken, isComplete) = chunk.withSpan { bytes in
            var end = from
            while end < bytes.count, bytes[end] != 0x0a { end &+= 1 }
            return end < bytes.count ? (end &+ 1 &- from, true) : (end &- from, false)
        }
        guard taken <= limit &- used else { throw .tooLarge(section, limit: limit, actual: nil) }
        used &+= taken
        offset &+= taken
        position &+= taken
        if isComplete && partial.isEmpty {
            return try Self.read(chunk.slice(from..<position), start, body)
        }
        partial.append(chunk.slice(from..<position))
        guard isComplete else { return nil }
        defer { partial.removeAll(keepingCapacity: true) }
        return try Self.read(ByteChunk(partial), start, body)
    }

    /// Adds the fields that end in `chunk` to `fields`; true when the empty line behind the last one has come.
    mutating func readFields(
        in chunk: ByteChunk,
        from position: inout Int,
        into fields: inout HTTPFields
    ) throws(HTTPError) -> Bool {
        while true {
            // A blank line before the first field goes on with nothing: refused (RFC 9112 §2.2).
            let unfolds = unfoldsFields && fields.count > 0
            let line = try next(in: chunk, from: &position) { line, offset throws(HTTPError) -> FieldLine in
                if line.isEmpty { return .end }
                if unfolds, HTTPSyntax.isBlank(line[0]) {
                    return .rest(try HTTPSyntax.fieldValue(line, from: 0, offset: offset))
                }
                return .field(try HTTPSyntax.field(line, offset: offset))
            }
            switch line {
            case .field(let field): fields.append(field)
            case .rest(let rest): fields.extendLast(by: rest)
            case .end: return true
            case nil: return false
            }
        }
    }

    private enum FieldLine {
        case field(HTTPFields.Field)
        case rest(String)
        case end
    }

    private static func read<R>(
        _ line: ByteChunk,
        _ start: Int,
        _ body: (Span<UInt8>, Int) throws(HTTPError) -> R
    ) throws(HTTPError) -> R {
        try line.withSpan { bytes throws(HTTPError) in
            let length = bytes.count &- 2
            guard length >= 0, bytes[length] == 0x0d else {
                throw .malformed(.lineEnding, offset: start &+ bytes.count &- 1)
            }
            return try body(bytes.extracting(first: length), start)
        }
    }
}
