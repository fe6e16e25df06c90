// SPDX-License-Identifier: Apache-2.0

/// What messages need of CBOR and JSON beyond values: text as a slice of the message.
protocol MessageReader: ItemReader {
    /// The place of a text whose bytes stand in the document as they are; nil, and nothing read, for any other item.
    mutating func readVerbatimText() throws(CodingError) -> Range<Int>?
    /// Steps over an item however deep it is, with memory instead of the stack; never more than the message has.
    mutating func skipDeepItem() throws(CodingError)
}

extension CBORReader: MessageReader {
    mutating func readVerbatimText() throws(CodingError) -> Range<Int>? {
        guard let bytes = try unsafe readPlainText() else { return nil }
        return (position &- bytes.count)..<position
    }
}

extension JSONReader: MessageReader {
    mutating func readVerbatimText() throws(CodingError) -> Range<Int>? {
        guard try peek() == UInt8(ascii: "\"") else { return nil }
        let start = position
        let string = try unsafe scanString()
        if unsafe string.hasEscapes {
            position = start
            return nil
        }
        return unsafe (position &- 1 &- string.bytes.count)..<(position &- 1)
    }
}

extension JSONReader {
    mutating func skipDeepItem() throws(CodingError) {
        // Of each container under way what `hasNext` remembers.
        var states: [Int8] = []
        repeat {
            switch try peekKind() {
            case .map: states.append(Int8(truncatingIfNeeded: try beginMap()))
            case .array: states.append(Int8(truncatingIfNeeded: try beginArray()))
            default: try skipItem(depth: 0)
            }
            while let state = states.last {
                var remaining = Int(state)
                guard try hasNext(&remaining) else {
                    states.removeLast()
                    continue
                }
                states[states.count &- 1] = Int8(truncatingIfNeeded: remaining)
                if isOfMap(remaining) { try skipKey() }
                break
            }
        } while !states.isEmpty
    }
}

extension CBORReader {
    mutating func skipDeepItem() throws(CodingError) {
        // Of each container under way how many items are to come; negative where only the end tells. One whose last item
        // has begun is not among them.
        var counts: [Int32] = []
        let elements: Int32 = -1, key: Int32 = -2, value: Int32 = -3
        while true {
            let kind = try peekKind()
            switch kind {
            case .tag:
                _ = try readHead()
                continue
            case .array, .map:
                let count = kind == .map ? try beginMap() : try beginArray()
                // What is under way ends by a byte at least.
                guard counts.count < left || count == 0 else { throw CodingError(.truncated, at: position) }
                guard count <= Int(Int32.max) / 2 else { throw CodingError(.lengthExceedsInput, at: position) }
                if count < 0 {
                    counts.append(kind == .map ? key : elements)
                } else if count > 0 {
                    counts.append(Int32(count) &* (kind == .map ? 2 : 1))
                }
            default:
                try skipItem(depth: 0)
            }
            // Ends of containers, then the next item.
            while true {
                guard let count = counts.last else { return }
                if count < 0, count != value, try peek() == 0xff {
                    position &+= 1
                    counts.removeLast()
                    continue
                }
                switch count {
                case 1: counts.removeLast()
                case key: counts[counts.count &- 1] = value
                case value: counts[counts.count &- 1] = key
                case elements: break
                default: counts[counts.count &- 1] = count &- 1
                }
                break
            }
        }
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
        _ = try peekKind()  // Steps over blanks.
        let start = position
        try skipValue()
        return message.slice(start..<position)
    }

    /// Steps over a value, also one that is too deep to be read: whoever wants it is told, and the message is sound
    /// (B305).
    mutating func skipValue() throws(CodingError) {
        let start = position
        do throws(CodingError) {
            try skipItem(depth: 0)
        } catch {
            guard error.kind == .depthLimit else { throw error }
            position = start
            try skipDeepItem()
        }
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
        withUnsafeBytes { unsafe (try? UTF8Span(validating: Span(_unsafeBytes: $0))) != nil }
    }
}

extension Optional {
    /// The value of a field that must be there.
    func required(_ name: String, at offset: Int) throws(CodingError) -> Wrapped {
        guard let self else { throw CodingError(.missingField, at: offset, wanted: name) }
        return self
    }
}
