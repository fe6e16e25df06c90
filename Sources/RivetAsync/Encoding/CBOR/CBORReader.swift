// SPDX-License-Identifier: Apache-2.0

/// Reads CBOR (RFC 8949): every well-formed encoding, also not in shortest form; nothing else.
///
/// Not a `Sendable` value and no owner: the bytes must outlive it. Every access is checked against `end`.
///
/// `@safe`: who makes one vouches that the bytes outlive it; from then on every access is checked.
@safe package struct CBORReader: ItemReader {
    let base: UnsafeRawPointer
    let end: Int
    package var position: Int
    package var hasPairs: Bool { true }

    package init(_ bytes: UnsafeRawBufferPointer, position: Int) {
        unsafe base = bytes.baseAddress ?? UnsafeRawPointer(bitPattern: 1).unsafelyUnwrapped
        end = bytes.count
        self.position = position
    }

    // MARK: Memory; the caller has held the place against `end`

    @inline(__always)
    func byte(at index: Int) -> UInt8 {
        assert(index >= 0 && index < end)
        return unsafe base.load(fromByteOffset: index, as: UInt8.self)
    }

    @inline(__always)
    private func word<Word: BitwiseCopyable>(_: Word.Type) -> Word {
        assert(MemoryLayout<Word>.size <= left)
        return unsafe base.loadUnaligned(fromByteOffset: position, as: Word.self)
    }

    @inline(__always)
    func bytes(_ start: Int, _ count: Int) -> UnsafeRawBufferPointer {
        assert(start >= 0 && count >= 0 && count <= end &- start)
        return unsafe UnsafeRawBufferPointer(start: base + start, count: count)
    }

    // MARK: Heads

    /// An item's first byte and its argument (RFC 8949 §3); 0 where the length is indefinite.
    struct Head {
        var initial: UInt8
        var argument: UInt64
        var major: UInt8 { initial >> 5 }
        var info: UInt8 { initial & 31 }
        var isIndefinite: Bool { initial & 31 == 31 }
    }

    var left: Int { end &- position }

    @inline(__always)
    func peek() throws(CodingError) -> UInt8 {
        guard position < end else { throw CodingError(.truncated, at: position) }
        return byte(at: position)
    }

    @inline(__always)
    mutating func readHead() throws(CodingError) -> Head {
        let initial = try peek()
        let info = initial & 31
        position &+= 1
        if info < 24 { return Head(initial: initial, argument: UInt64(info)) }
        return try readLongHead(initial, info)
    }

    private mutating func readLongHead(_ initial: UInt8, _ info: UInt8) throws(CodingError) -> Head {
        let start = position &- 1
        guard info < 28 else {
            if initial == 0xff { throw CodingError(.unexpectedBreak, at: start) }
            // Only strings, arrays and maps have an indefinite form (RFC 8949 §3.2.1).
            guard info == 31, (2...5).contains(initial >> 5) else {
                throw CodingError(.reservedAdditionalInfo, at: start)
            }
            return Head(initial: initial, argument: 0)
        }
        let width = 1 << Int(info &- 24)
        guard width <= left else { throw CodingError(.truncated, at: start) }
        let argument: UInt64 =
            switch width {
            case 1: UInt64(byte(at: position))
            case 2: UInt64(UInt16(bigEndian: word(UInt16.self)))
            case 4: UInt64(UInt32(bigEndian: word(UInt32.self)))
            default: UInt64(bigEndian: word(UInt64.self))
            }
        position &+= width
        // Below 32 a simple value has one form only, the short one (RFC 8949 §3.3).
        if initial == 0xf8, argument < 32 { throw CodingError(.invalidSimpleValue, at: start) }
        return Head(initial: initial, argument: argument)
    }

    /// Steps over tags, and gives the innermost.
    mutating func readTags() throws(CodingError) -> UInt64? {
        var tag: UInt64?
        var depth = 0
        while try peek() >> 5 == 6 {
            depth &+= 1
            guard depth <= maxNestingDepth else { throw CodingError.tooDeep(at: position) }
            tag = try readHead().argument
        }
        return tag
    }

    package mutating func peekKind() throws(CodingError) -> ItemKind {
        let initial = try peek()
        switch initial >> 5 {
        case 0, 1: return .integer
        case 2: return .bytes
        case 3: return .text
        case 4: return .array
        case 5: return .map
        case 6: return .tag
        default:
            switch initial {
            case 0xf4, 0xf5: return .bool
            case 0xf6: return .null
            case 0xf7: return .undefined
            case 0xf9, 0xfa, 0xfb: return .float
            case 0xff: throw CodingError(.unexpectedBreak, at: position)
            default: return .simple
            }
        }
    }

    // MARK: Structure

    package mutating func skipItem(depth: Int) throws(CodingError) {
        let start = position
        let head = try readHead()
        switch head.major {
        case 0, 1, 7:
            return
        case 2, 3:
            try unsafe readChunks(head) { (_) throws(CodingError) in }
        case 6:
            guard depth < maxNestingDepth else { throw CodingError.tooDeep(at: start) }
            try skipItem(depth: depth &+ 1)
        default:
            guard depth < maxNestingDepth else { throw CodingError.tooDeep(at: start) }
            try skipElements(of: head, depth: depth &+ 1)
        }
    }

    @inline(__always)
    private mutating func skipElements(of head: Head, depth: Int) throws(CodingError) {
        let width = head.major == 5 ? 2 : 1
        var remaining = try count(head)
        if remaining < 0 {
            while try hasNext(&remaining) {
                for _ in 0..<width { try skipElement(depth: depth) }
            }
            return
        }
        remaining &*= width
        while true {
            remaining &-= skipPlain(remaining)
            if remaining == 0 { return }
            try skipItem(depth: depth)
            remaining &-= 1
        }
    }

    package mutating func readEnd() throws(CodingError) {
        guard position == end else { throw CodingError(.trailingBytes, at: position) }
    }

    /// A container's announced count, held against what is left: an element needs a byte, a member two.
    private func count(_ head: Head) throws(CodingError) -> Int {
        if head.isIndefinite { return -1 }
        let room = head.major == 5 ? left / 2 : left
        guard head.argument <= UInt64(room) else { throw CodingError(.lengthExceedsInput, at: position) }
        return Int(head.argument)
    }

    package mutating func beginArray() throws(CodingError) -> Int {
        try begin(major: 4, wanted: "an array")
    }

    package mutating func beginMap() throws(CodingError) -> Int {
        try begin(major: 5, wanted: "a map")
    }

    private mutating func begin(major: UInt8, wanted: String) throws(CodingError) -> Int {
        let start = position
        _ = try readTags()  // 258 (set), 259 (map), 55799: their content; others add nothing a typed reader wants.
        guard try peek() >> 5 == major else { throw CodingError(.typeMismatch, at: start, wanted: wanted) }
        return try count(readHead())
    }

    @inline(__always)
    package mutating func hasNext(_ remaining: inout Int) throws(CodingError) -> Bool {
        if remaining > 0 {
            remaining &-= 1
            return true
        }
        if remaining == 0 { return false }
        guard try peek() == 0xff else { return true }
        position &+= 1
        return false
    }

    // MARK: Strings

    /// Gives a string's bytes, piece by piece where it is of indefinite length.
    @inline(__always)
    mutating func readChunks(
        _ head: Head,
        _ body: (UnsafeRawBufferPointer) throws(CodingError) -> Void
    ) throws(CodingError) {
        if !head.isIndefinite { return try unsafe body(readSlice(head.argument)) }
        while true {
            let initial = try peek()
            if initial == 0xff { break }
            // A chunk is a definite-length string of the same kind (RFC 8949 §3.2.3).
            guard initial >> 5 == head.major, initial & 31 != 31 else {
                throw CodingError(.invalidChunk, at: position)
            }
            try unsafe body(readSlice(readHead().argument))
        }
        position &+= 1
    }

    @inline(__always)
    private mutating func readSlice(_ count: UInt64) throws(CodingError) -> UnsafeRawBufferPointer {
        guard count <= UInt64(left) else { throw CodingError(.lengthExceedsInput, at: position) }
        let slice = unsafe bytes(position, Int(count))
        position &+= Int(count)
        return unsafe slice
    }

    package mutating func readText() throws(CodingError) -> String {
        let start = position
        if let text = try unsafe readPlainText() { return try unsafe makeText(text, at: start) }
        _ = try readTags()
        guard try peek() >> 5 == 3 else { throw CodingError(.typeMismatch, at: start, wanted: "text") }
        var text = ""
        // Each chunk is whole characters (RFC 8949 §3.2.3).
        try unsafe readChunks(readHead()) { (chunk) throws(CodingError) in
            unsafe text += try makeText(chunk, at: start)
        }
        return text
    }

    /// The bytes of a definite-length text that is next, or nil.
    @inline(__always)
    mutating func readPlainText() throws(CodingError) -> UnsafeRawBufferPointer? {
        let initial = try peek()
        guard initial >> 5 == 3, initial & 31 != 31 else { return nil }
        return try unsafe readSlice(readHead().argument)
    }

    package mutating func readKey() throws(CodingError) -> String? {
        switch try peekKind() {
        case .text: return try readText()
        case .integer: return try readInteger(as: Int128.self).description
        case .float:
            let key = try readDouble()
            return Int128(exactly: key)?.description ?? key.description
        case .bool: return try readBool() ? "true" : "false"
        default:
            try skipItem(depth: 0)
            return nil
        }
    }

    @inline(__always)
    package mutating func readKey(equals name: UnsafeRawBufferPointer) throws(CodingError) -> Bool {
        if let key = try unsafe readPlainText() { return unsafe key.hasSameBytes(as: name) }
        return try unsafe readOddKey(equals: name)
    }

    private mutating func readOddKey(equals name: UnsafeRawBufferPointer) throws(CodingError) -> Bool {
        guard let key = try readKey() else { return false }
        return unsafe withUTF8(of: key) { unsafe $0.hasSameBytes(as: name) }
    }
}
