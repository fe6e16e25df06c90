// SPDX-License-Identifier: Apache-2.0

/// What messages need of CBOR and JSON beyond values: text as a slice of the message.
protocol MessageReader: ItemReader {
    /// The place of a text whose bytes stand in the document as they are; nil, and nothing read, for any other item.
    mutating func readVerbatimText() throws(CodingError) -> Range<Int>?
}

extension CBORReader: MessageReader {
    mutating func readVerbatimText() throws(CodingError) -> Range<Int>? {
        guard let bytes = try readPlainText() else { return nil }
        return (position &- bytes.count)..<position
    }
}

extension JSONReader: MessageReader {
    mutating func readVerbatimText() throws(CodingError) -> Range<Int>? {
        guard try peek() == UInt8(ascii: "\"") else { return nil }
        let start = position
        let string = try scanString()
        if string.hasEscapes {
            position = start
            return nil
        }
        return (position &- 1 &- string.bytes.count)..<(position &- 1)
    }
}

extension MessageReader {
    /// A text as a slice of `message`, checked as UTF-8; copied only where it stands there in another form.
    mutating func readTextSlice(of message: ByteChunk) throws(CodingError) -> ByteChunk {
        guard let range = try readVerbatimText() else { return ByteChunk(try readText().utf8) }
        let slice = message.slice(range)
        guard slice.isUTF8 else { throw CodingError(.invalidUTF8, at: range.lowerBound) }
        return slice
    }

    /// Any value, as a slice of `message`; checked for its form only.
    mutating func readValueSlice(of message: ByteChunk) throws(CodingError) -> ByteChunk {
        message.slice(try readItem())
    }

    /// A value, or nil where null or undefined stands.
    mutating func readOptional<T>(_ body: (inout Self) throws(CodingError) -> T) throws(CodingError) -> T? {
        switch try peekKind() {
        case .null, .undefined:
            try skipItem(depth: 0)
            return nil
        default:
            return try body(&self)
        }
    }

    /// An action's id: a plain integer or the pair `$BigInt`; a float is refused, also a whole one (B124).
    mutating func readID() throws(CodingError) -> UInt64 {
        if try peekKind() == .float { throw CodingError(.typeMismatch, at: position, wanted: "an integer") }
        return try readUnsigned()
    }
}

extension ByteChunk {
    fileprivate var isUTF8: Bool {
        withUnsafeBytes { (try? UTF8Span(validating: Span(_unsafeBytes: $0))) != nil }
    }
}

extension Optional {
    /// The value of a field that must be there.
    func required(_ name: String, at offset: Int) throws(CodingError) -> Wrapped {
        guard let self else { throw CodingError(.missingField, at: offset, wanted: name) }
        return self
    }
}
