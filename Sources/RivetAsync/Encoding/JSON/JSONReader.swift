// SPDX-License-Identifier: Apache-2.0

/// Reads JSON (RFC 8259), strictly: no comments, no trailing commas, no bare control characters.
///
/// Not a `Sendable` value and no owner: the bytes must outlive it. Every access is checked against `end`.
///
/// `@safe`: who makes one vouches that the bytes outlive it; from then on every access is checked.
@safe package struct JSONReader: ItemReader {
    let base: UnsafeRawPointer
    let end: Int
    package var position: Int
    package let hasPairs: Bool

    package init(_ bytes: UnsafeRawBufferPointer, position: Int) {
        unsafe self.init(bytes, position: position, hasPairs: true)
    }

    init(_ bytes: UnsafeRawBufferPointer, position: Int, hasPairs: Bool) {
        unsafe base = bytes.baseAddress ?? UnsafeRawPointer(bitPattern: 1).unsafelyUnwrapped
        end = bytes.count
        self.position = position
        self.hasPairs = hasPairs
    }

    @inline(__always)
    func byte(at index: Int) -> UInt8? {
        unsafe index < end ? base.load(fromByteOffset: index, as: UInt8.self) : nil
    }

    /// Of what was stepped over, or is known to be there.
    @inline(__always)
    func bytes(_ start: Int, _ count: Int) -> UnsafeRawBufferPointer {
        assert(start >= 0 && count >= 0 && count <= end &- start)
        return unsafe UnsafeRawBufferPointer(start: base + start, count: count)
    }

    func malformed() -> CodingError {
        CodingError(.malformed, at: position)
    }

    /// Steps over blanks; the byte behind them.
    @inline(__always)
    mutating func peek() throws(CodingError) -> UInt8 {
        while position < end {
            let byte = unsafe base.load(fromByteOffset: position, as: UInt8.self)
            guard byte == 0x20 || byte == 0x0a || byte == 0x0d || byte == 0x09 else { return byte }
            position &+= 1
        }
        throw malformed()
    }

    package mutating func peekKind() throws(CodingError) -> ItemKind {
        switch try peek() {
        case UInt8(ascii: "{"): return .map
        case UInt8(ascii: "["): return .array
        case UInt8(ascii: "\""): return .text
        case UInt8(ascii: "t"), UInt8(ascii: "f"): return .bool
        case UInt8(ascii: "n"): return .null
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"):
            var ahead = self
            return try ahead.scanNumber().isInteger ? .integer : .float
        default: throw malformed()
        }
    }

    // MARK: Structure

    package mutating func skipItem(depth: Int) throws(CodingError) {
        switch try peek() {
        case UInt8(ascii: "\""):
            _ = try unsafe scanString()
        case UInt8(ascii: "{"), UInt8(ascii: "["):
            guard depth < maxNestingDepth else { throw CodingError.tooDeep(at: position) }
            let isMap = try peek() == UInt8(ascii: "{")
            position &+= 1
            var remaining = isMap ? State.firstMember : State.firstElement
            while try hasNext(&remaining) {
                if isMap { try skipKey() }
                try skipItem(depth: depth &+ 1)
            }
        case UInt8(ascii: "t"): try readLiteral("true")
        case UInt8(ascii: "f"): try readLiteral("false")
        case UInt8(ascii: "n"): try readLiteral("null")
        default: _ = try scanNumber()
        }
    }

    package mutating func readEnd() throws(CodingError) {
        if position < end, (try? peek()) != nil { throw malformed() }
    }

    /// What `hasNext` remembers of a container, in the place of a count: which one, and whether a comma is due.
    private enum State {
        static let firstElement = -1, nextElement = -2, firstMember = -3, nextMember = -4
    }

    /// Whether what `hasNext` remembers is of a map: a key is next.
    func isOfMap(_ remaining: Int) -> Bool { remaining <= State.firstMember }

    mutating func skipKey() throws(CodingError) {
        guard try peek() == UInt8(ascii: "\"") else { throw malformed() }
        _ = try unsafe scanString()
        try readColon()
    }

    package mutating func beginArray() throws(CodingError) -> Int {
        guard try peek() == UInt8(ascii: "[") else {
            throw CodingError(.typeMismatch, at: position, wanted: "an array")
        }
        position &+= 1
        return State.firstElement
    }

    package mutating func beginMap() throws(CodingError) -> Int {
        guard try peek() == UInt8(ascii: "{") else {
            throw CodingError(.typeMismatch, at: position, wanted: "a map")
        }
        position &+= 1
        return State.firstMember
    }

    package mutating func hasNext(_ remaining: inout Int) throws(CodingError) -> Bool {
        let close = remaining <= State.firstMember ? UInt8(ascii: "}") : UInt8(ascii: "]")
        let isFirst = remaining == State.firstElement || remaining == State.firstMember
        let next = try peek()
        if next == close {
            position &+= 1
            return false
        }
        if isFirst {
            remaining &-= 1
            return true
        }
        guard next == UInt8(ascii: ",") else { throw malformed() }
        position &+= 1
        guard try peek() != close else { throw malformed() }
        return true
    }

    private mutating func readColon() throws(CodingError) {
        guard try peek() == UInt8(ascii: ":") else { throw malformed() }
        position &+= 1
    }

    private mutating func readLiteral(_ word: StaticString) throws(CodingError) {
        let count = word.utf8CodeUnitCount
        guard end &- position >= count,
            unsafe bytes(position, count)
                .hasSameBytes(as: UnsafeRawBufferPointer(start: word.utf8Start, count: count))
        else { throw malformed() }
        position &+= count
    }

    package mutating func readKey() throws(CodingError) -> String? {
        guard try peek() == UInt8(ascii: "\"") else { throw malformed() }
        let key = try readText()
        try readColon()
        return key
    }

    package mutating func readKey(equals name: UnsafeRawBufferPointer) throws(CodingError) -> Bool {
        guard try peek() == UInt8(ascii: "\"") else { throw malformed() }
        let start = position
        let string = try unsafe scanString()
        var isEqual = unsafe string.bytes.hasSameBytes(as: name)
        if unsafe string.hasEscapes {
            let key = try unsafe unescape(string.bytes, at: start)
            isEqual = unsafe withUTF8(of: key) { unsafe $0.hasSameBytes(as: name) }
        }
        try readColon()
        return isEqual
    }

    // MARK: Values

    package mutating func readBool() throws(CodingError) -> Bool {
        switch try peek() {
        case UInt8(ascii: "t"):
            try readLiteral("true")
            return true
        case UInt8(ascii: "f"):
            try readLiteral("false")
            return false
        default: throw CodingError(.typeMismatch, at: position, wanted: "a boolean")
        }
    }

    package mutating func readNil() throws(CodingError) -> Bool {
        switch try peek() {
        case UInt8(ascii: "n"):
            try readLiteral("null")
            return true
        case UInt8(ascii: "["):
            return try readUndefinedPair()
        default: return false
        }
    }

    package mutating func readBytes() throws(CodingError) -> [UInt8] {
        switch try peek() {
        case UInt8(ascii: "["): return try readBytesOfArray()
        case UInt8(ascii: "\"") where !hasPairs: return try readBase64()
        default: throw CodingError(.typeMismatch, at: position, wanted: "bytes")
        }
    }
}
