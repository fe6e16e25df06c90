// SPDX-License-Identifier: Apache-2.0

/// Reads server-sent events out of bytes that come in any pieces (HTML standard, "Server-sent events", B270 to B273).
///
/// Lines are kept as bytes until they are whole: neither their ends nor the field names can stand within a character of
/// UTF-8, and what a line has that is none becomes U+FFFD when it is read.
struct ServerSentEventParser: Sendable {
    private static let byteOrderMark: [UInt8] = [0xef, 0xbb, 0xbf]

    private let maxLineSize: Int
    private let maxEventSize: Int

    /// How many bytes of a byte order mark have been seen; nil behind the place where it may stand.
    private var mark: Int? = 0
    /// The beginning of a line whose end has not come.
    private var line: [UInt8] = []
    /// A line feed that comes next belongs to the line end before.
    private var sawCarriageReturn = false

    private var type = ""
    private var data: [UInt8] = []
    private var hasData = false
    private var id = ""
    private var ownRetry: Duration?

    /// The id of the last event that was whole; nil without one.
    private(set) var lastEventID: String?
    /// The last time that was named.
    private(set) var retry: Duration?

    init(maxLineSize: Int = 1 << 20, maxEventSize: Int = 4 << 20) {
        (self.maxLineSize, self.maxEventSize) = (maxLineSize, maxEventSize)
    }

    /// The next event of `chunk` from `position` on; nil when more bytes are needed.
    mutating func next(in chunk: ByteChunk, from position: inout Int) throws(HTTPError) -> ServerSentEvent? {
        while position < chunk.count {
            if let seen = mark {
                readMark(seen, chunk[position], &position)
                continue
            }
            if sawCarriageReturn {
                sawCarriageReturn = false
                if chunk[position] == 0x0a {
                    position &+= 1
                    continue
                }
            }
            let start = position
            let end = chunk.withSpan { bytes in
                (start..<bytes.count).first { bytes[$0] == 0x0a || bytes[$0] == 0x0d }
            }
            let size = (end ?? chunk.count) &- start &+ line.count
            guard size <= maxLineSize else { throw .tooLarge(.eventLine, limit: maxLineSize, actual: size) }
            let piece = chunk.slice(start..<(end ?? chunk.count))
            guard let end else {
                line.append(piece)
                position = chunk.count
                return nil
            }
            position = end &+ 1
            sawCarriageReturn = chunk[end] == 0x0d
            if let event = try endLine(piece) { return event }
        }
        return nil
    }

    /// One mark at the very beginning is dropped; what only begins like one belongs to the first line.
    private mutating func readMark(_ seen: Int, _ byte: UInt8, _ position: inout Int) {
        if byte == Self.byteOrderMark[seen] {
            position &+= 1
            mark = seen == 2 ? nil : seen &+ 1
        } else {
            line += Self.byteOrderMark.prefix(seen)
            mark = nil
        }
    }

    private mutating func endLine(_ piece: ByteChunk) throws(HTTPError) -> ServerSentEvent? {
        if line.isEmpty {
            if piece.isEmpty { return endEvent() }
            try field(piece)
        } else {
            line.append(piece)
            let whole = ByteChunk(line)
            line = []
            try field(whole)
        }
        return nil
    }

    private mutating func field(_ line: ByteChunk) throws(HTTPError) {
        let colon = line.firstIndex(of: UInt8(ascii: ":")) ?? line.count
        var start = min(colon &+ 1, line.count)
        if start < line.count, line[start] == UInt8(ascii: " ") { start &+= 1 }
        let name = line.slice(0..<colon)
        let value = line.slice(start..<line.count)
        if name.elementsEqual("data".utf8) {
            let size = data.count &+ value.count &+ (hasData ? 1 : 0)
            guard size <= maxEventSize else { throw .tooLarge(.event, limit: maxEventSize, actual: size) }
            if hasData { data.append(0x0a) }
            data.append(value)
            hasData = true
        } else if name.elementsEqual("event".utf8) {
            type = Self.text(value)
        } else if name.elementsEqual("id".utf8) {
            if !value.contains(0) { id = Self.text(value) }
        } else if name.elementsEqual("retry".utf8), let time = Self.milliseconds(value) {
            (retry, ownRetry) = (time, time)
        }
    }

    /// An empty line.
    private mutating func endEvent() -> ServerSentEvent? {
        lastEventID = id.isEmpty ? nil : id
        defer {
            (type, data, hasData, ownRetry) = ("", [], false, nil)
        }
        guard hasData else { return nil }
        return ServerSentEvent(
            event: type.isEmpty ? "message" : type,
            data: String(decoding: data, as: UTF8.self),
            id: lastEventID,
            retry: ownRetry
        )
    }

    private static func text(_ bytes: ByteChunk) -> String {
        String(decoding: bytes, as: UTF8.self)
    }

    /// Digits alone; more than there are numbers for is the largest.
    private static func milliseconds(_ bytes: ByteChunk) -> Duration? {
        guard !bytes.isEmpty, bytes.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }) else { return nil }
        return .milliseconds(Int64(text(bytes)) ?? .max)
    }
}
