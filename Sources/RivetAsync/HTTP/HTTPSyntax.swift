// SPDX-License-Identifier: Apache-2.0

/// The character classes of RFC 9110 §5 and the reading of one field line, shared by both directions and both ends.
package enum HTTPSyntax {
    /// A letter, digit, or one of `` !#$%&'*+-.^_`|~ `` (RFC 9110 §5.6.2).
    package static func isTokenByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "!"), UInt8(ascii: "#")...UInt8(ascii: "'"),
            UInt8(ascii: "*"), UInt8(ascii: "+"), UInt8(ascii: "-"), UInt8(ascii: "."),
            UInt8(ascii: "^")...UInt8(ascii: "`"), UInt8(ascii: "|"), UInt8(ascii: "~"):
            true
        default: false
        }
    }

    package static func isToken(_ text: some StringProtocol) -> Bool {
        !text.isEmpty && text.utf8.allSatisfy(isTokenByte)
    }

    /// What may stand in a received field value or reason phrase: HTAB, blank, VCHAR and obs-text (RFC 9110 §5.5).
    static func isTextByte(_ byte: UInt8) -> Bool {
        (byte >= 0x20 && byte != 0x7f) || byte == 0x09
    }

    static func isPrintableASCII(_ byte: UInt8) -> Bool { byte >= 0x20 && byte < 0x7f }

    @inline(__always)
    static func lowercased(_ byte: UInt8) -> UInt8 {
        byte >= UInt8(ascii: "A") && byte <= UInt8(ascii: "Z") ? byte | 0x20 : byte
    }

    @inline(__always)
    static func areEqualIgnoringASCIICase(_ a: Span<UInt8>, _ b: Span<UInt8>) -> Bool {
        guard a.count == b.count else { return false }
        for index in a.indices where a[index] != b[index] && lowercased(a[index]) != lowercased(b[index]) {
            return false
        }
        return true
    }

    /// Received text: UTF-8 if it is, else each byte as the character of that number (ISO 8859-1), so nothing is lost.
    static func text(_ bytes: Span<UInt8>) -> String {
        if let text = try? UTF8Span(validating: bytes) { return String(copying: text) }
        var text = String.UnicodeScalarView()
        for index in bytes.indices { text.append(Unicode.Scalar(bytes[index])) }
        return String(text)
    }

    /// Reads `HTTP/1.x` at `position`: 0, or 1 for that and anything newer, which is read as 1.1 (RFC 9110 §2.5).
    static func version(
        _ line: Span<UInt8>,
        at position: Int,
        offset: Int,
        part: HTTPError.Part
    ) throws(HTTPError) -> Int {
        var minor = position
        for byte in "HTTP/1.".utf8 {
            guard minor < line.count else { throw .malformed(part, offset: offset &+ minor) }
            guard line[minor] == byte else {
                throw minor < position &+ 5
                    ? .malformed(part, offset: offset &+ minor) : .unsupportedVersion(offset: offset &+ minor)
            }
            minor &+= 1
        }
        guard minor < line.count, line[minor] >= 0x30, line[minor] <= 0x39 else {
            throw .malformed(part, offset: offset &+ minor)
        }
        return line[minor] == 0x30 ? 0 : 1
    }

    /// Reads `name: value` (RFC 9112 §5); `offset` is where the line begins, for the error.
    ///
    /// Blanks before the name or the colon are refused, not mended (§5.1).
    static func field(_ line: Span<UInt8>, offset: Int) throws(HTTPError) -> HTTPFields.Field {
        if !line.isEmpty, isBlank(line[0]) { throw .malformed(.foldedField, offset: offset) }
        var colon = 0
        while colon < line.count, isTokenByte(line[colon]) { colon &+= 1 }
        guard colon > 0, colon < line.count, line[colon] == UInt8(ascii: ":") else {
            throw .malformed(.fieldName, offset: offset &+ colon)
        }
        return HTTPFields.Field(
            text(line.extracting(first: colon)),
            try fieldValue(line, from: colon &+ 1, offset: offset)
        )
    }

    /// The rest of a field's line from `start` on, without the blanks around it.
    @inline(__always)
    static func fieldValue(
        _ line: Span<UInt8>,
        from start: Int,
        offset: Int
    ) throws(HTTPError) -> String {
        var (start, end) = (start, line.count)
        while start < end, isBlank(line[start]) { start &+= 1 }
        while end > start, isBlank(line[end &- 1]) { end &-= 1 }
        for position in start..<end where !isTextByte(line[position]) {
            throw .malformed(.fieldValue, offset: offset &+ position)
        }
        return text(line.extracting(start..<end))
    }

    /// A blank or a tab.
    @inline(__always)
    static func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }

    /// Checks fields that are to be written, so that none can bring a line of its own.
    ///
    /// `asciiOnly` is for requests: the gateway drops in silence what holds another byte (PROTOCOL d).
    static func validate(_ fields: HTTPFields, asciiOnly: Bool) throws(HTTPError) {
        var index = 0
        for field in fields {
            guard isToken(field.name) else { throw .invalidFieldName(index: index) }
            var offset = 0
            for byte in field.value.utf8 {
                guard asciiOnly ? isPrintableASCII(byte) : isTextByte(byte) else {
                    throw .invalidFieldValue(name: field.name, offset: offset)
                }
                offset += 1
            }
            index += 1
        }
    }
}
