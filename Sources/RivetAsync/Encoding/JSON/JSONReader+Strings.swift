// SPDX-License-Identifier: Apache-2.0

extension JSONReader {
    package mutating func readText() throws(CodingError) -> String {
        guard try peek() == UInt8(ascii: "\"") else { throw CodingError(.typeMismatch, at: position, wanted: "text") }
        let start = position
        let string = try unsafe scanString()
        return unsafe string.hasEscapes ? try unescape(string.bytes, at: start) : try makeText(string.bytes, at: start)
    }

    /// Steps over the string that starts at the position: what stands between its quotes.
    mutating func scanString() throws(CodingError) -> (bytes: UnsafeRawBufferPointer, hasEscapes: Bool) {
        position &+= 1
        let start = position
        var hasEscapes = false
        while true {
            stepOverPlainBytes()
            guard let byte = byte(at: position) else { throw malformed() }
            switch byte {
            case UInt8(ascii: "\""):
                let bytes = unsafe bytes(start, position &- start)
                position &+= 1
                return unsafe (bytes, hasEscapes)
            case UInt8(ascii: "\\"):
                hasEscapes = true
                try scanEscape()
            case 0..<0x20:
                throw malformed()
            default:
                position &+= 1
            }
        }
    }

    /// Checks and steps over one escape, or the two of a surrogate pair.
    private mutating func scanEscape() throws(CodingError) {
        switch byte(at: position &+ 1) {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"), UInt8(ascii: "b"), UInt8(ascii: "f"),
            UInt8(ascii: "n"), UInt8(ascii: "r"), UInt8(ascii: "t"):
            position &+= 2
        case UInt8(ascii: "u"):
            guard let unit = hexUnit(at: position &+ 2) else { throw malformed() }
            position &+= unit & 0xfc00 == 0xd800 && isLowSurrogate(at: position &+ 6) ? 12 : 6
        default:
            throw malformed()
        }
    }

    private func isLowSurrogate(at index: Int) -> Bool {
        guard byte(at: index) == UInt8(ascii: "\\"), byte(at: index &+ 1) == UInt8(ascii: "u"),
            let unit = hexUnit(at: index &+ 2)
        else { return false }
        return unit & 0xfc00 == 0xdc00
    }

    private func hexUnit(at index: Int) -> UInt16? {
        var unit: UInt16 = 0
        for offset in 0..<4 {
            guard let byte = byte(at: index &+ offset) else { return nil }
            let digit: UInt8
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): digit = byte &- 0x30
            case UInt8(ascii: "a")...UInt8(ascii: "f"): digit = byte &- 0x57
            case UInt8(ascii: "A")...UInt8(ascii: "F"): digit = byte &- 0x37
            default: return nil
            }
            unit = unit << 4 | UInt16(digit)
        }
        return unit
    }

    /// The text that a scanned string with escapes stands for.
    func unescape(_ raw: UnsafeRawBufferPointer, at offset: Int) throws(CodingError) -> String {
        guard unsafe (try? UTF8Span(validating: Span(_unsafeBytes: raw))) != nil else {
            throw CodingError(.invalidUTF8, at: offset)
        }
        var reader = unsafe JSONReader(raw)
        var bytes: [UInt8] = []
        bytes.reserveCapacity(raw.count)
        while let byte = reader.byte(at: reader.position) {
            guard byte == UInt8(ascii: "\\") else {
                bytes.append(byte)
                reader.position &+= 1
                continue
            }
            let escape = reader.byte(at: reader.position &+ 1)
            reader.position &+= 2
            switch escape {
            case UInt8(ascii: "b"): bytes.append(0x08)
            case UInt8(ascii: "f"): bytes.append(0x0c)
            case UInt8(ascii: "n"): bytes.append(0x0a)
            case UInt8(ascii: "r"): bytes.append(0x0d)
            case UInt8(ascii: "t"): bytes.append(0x09)
            case UInt8(ascii: "u"): bytes.append(contentsOf: Unicode.UTF8.encode(reader.readUnicodeEscape()) ?? .init())
            case let escape?: bytes.append(escape)
            case nil: break
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// The character behind `\u`; the position is behind the `u`.
    ///
    /// A lone half of a surrogate pair is none: JavaScript cuts text between the halves (B305).
    private mutating func readUnicodeEscape() -> Unicode.Scalar {
        let high = UInt32(hexUnit(at: position) ?? 0xfffd)
        position &+= 4
        guard high & 0xfc00 == 0xd800, isLowSurrogate(at: position) else { return Unicode.Scalar(high) ?? "\u{fffd}" }
        let low = UInt32(hexUnit(at: position &+ 2) ?? 0xdc00)
        position &+= 6
        return Unicode.Scalar(0x10000 + (high & 0x3ff) << 10 + (low & 0x3ff)) ?? "\u{fffd}"
    }
}
