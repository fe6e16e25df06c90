// SPDX-License-Identifier: Apache-2.0

/// What is commonest, read from its first bytes; all else, and what is wrong, is left to the plain reader, which reads
/// the same.
extension CBORReader {
    @inline(__always)
    package mutating func skipElement(depth: Int) throws(CodingError) {
        if skipPlain(1) == 0 { try skipItem(depth: depth) }
    }

    /// Steps over numbers, simple values and short strings, at most `count` and up to the first other item; how many.
    @inline(__always)
    mutating func skipPlain(_ count: Int) -> Int {
        var remaining = count
        while remaining > 0, position < end {
            let size = plainSize()
            guard size > 0, size <= left else { break }
            position &+= size
            remaining &-= 1
        }
        return count &- remaining
    }

    /// The size of the number, simple value or short string that is next, as its first two bytes tell it; 0 for others.
    @inline(__always)
    private func plainSize() -> Int {
        let initial = byte(at: position)
        let info = Int(initial & 31)
        if initial & 0xc0 == 0x40 {  // major types 2 and 3
            if info < 24 { return 1 &+ info }
            guard info == 24, left > 1 else { return 0 }
            return 2 &+ Int(byte(at: position &+ 1))
        }
        guard initial < 0x40 || initial >= 0xe0 else { return 0 }
        if info < 24 { return 1 }
        // A simple value of two bytes has to be looked at.
        return info < 28 && initial != 0xf8 ? 1 &+ (1 &<< (info &- 24)) : 0
    }

    /// The commonest map's number of members, which its first byte tells; nil, and nothing read, for all else.
    @inline(__always)
    mutating func readShortMapHead() -> Int? {
        guard position < end else { return nil }
        let count = Int(byte(at: position) ^ 0xa0)
        guard count < 24, count <= (left &- 1) / 2 else { return nil }
        position &+= 1
        return count
    }

    /// The commonest text: short ASCII in one piece; nil, and nothing read, if another or none is next.
    @inline(__always)
    mutating func readShortText() -> String? {
        guard left > 1 else { return nil }
        var start = position &+ 1
        var count = Int(byte(at: position) ^ 0x60)
        if count == 24 {
            count = Int(byte(at: start))
            start &+= 1
        } else if count > 24 {
            return nil
        }
        guard count <= end &- start else { return nil }
        let text = unsafe makeShortText(bytes(start, count))
        if text != nil { position = start &+ count }
        return text
    }
}
