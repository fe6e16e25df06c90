// SPDX-License-Identifier: Apache-2.0

/// An array as `Codable` sees it, tagged pairs revived: a set's elements, an escaped pair without its extra `$`.
struct UnkeyedDecoder: UnkeyedDecodingContainer {
    let decoder: ValueDecoder
    private var position = 0
    private var remaining = 0
    private var isEscaped = false
    private(set) var isAtEnd: Bool
    private(set) var currentIndex = 0
    let count: Int?

    init(empty decoder: ValueDecoder) {
        self.decoder = decoder
        isAtEnd = true
        count = 0
    }

    /// A list of the one value.
    init(one decoder: ValueDecoder) {
        self.decoder = decoder
        position = Int(decoder.offset)
        isAtEnd = false
        count = 1
    }

    /// An array, or a set's elements.
    init(_ decoder: ValueDecoder) throws {
        let start = try decoder.read([Int].self) { (reader) throws(CodingError) in
            var start = Start()
            if try reader.peekKind() == .array, let pair = try reader.peekPair() {
                switch pair.kind {
                case .escaped: start.isEscaped = true
                case .set: reader.position = pair.second
                case .bigInt, .bytes, .undefined:
                    throw CodingError(.typeMismatch, at: reader.position, wanted: "an array")
                }
            }
            try start.begin(&reader)
            return start
        }
        self.init(decoder, start)
    }

    /// A list of arguments, or nil if what stands there is none, but the one argument itself (B110).
    init?(argumentsAt decoder: ValueDecoder) throws {
        let start = try decoder.read([Int].self) { (reader) throws(CodingError) -> Start? in
            guard try reader.peekKind() == .array else { return nil }
            var start = Start()
            if let pair = try reader.peekPair() {
                guard pair.kind == .escaped else { return nil }
                start.isEscaped = true
            }
            try start.begin(&reader)
            return start
        }
        guard let start else { return nil }
        self.init(decoder, start)
    }

    /// The first element's place.
    private struct Start {
        var position = 0, remaining = 0
        var count: Int?
        var isEscaped = false, isAtEnd = false

        mutating func begin(_ reader: inout DocumentReader) throws(CodingError) {
            remaining = try reader.beginArray()
            count = remaining >= 0 ? remaining : nil
            isAtEnd = try !reader.hasNext(&remaining)
            if isAtEnd { count = 0 }
            position = reader.position
        }
    }

    private init(_ decoder: ValueDecoder, _ start: Start) {
        self.decoder = decoder
        (position, remaining, isAtEnd) = (start.position, start.remaining, start.isAtEnd)
        (isEscaped, count) = (start.isEscaped, start.count)
    }

    var codingPath: [any CodingKey] { decoder.codingPath }

    /// The next element's place; only if there is one.
    var current: ValueDecoder {
        decoder.at(position, escaped: isEscaped && currentIndex == 0)
    }

    mutating func advance() {
        var reader = decoder.reader
        reader.position = position
        currentIndex &+= 1
        // The document was checked, so nothing here fails.
        do {
            try reader.skipItem(depth: 0)
            isAtEnd = try !reader.hasNext(&remaining)
        } catch {
            isAtEnd = true
        }
        position = reader.position
    }

    private func next(_ wanted: Any.Type) throws -> ValueDecoder {
        guard isAtEnd else { return current }
        var failure = CodingError(
            .missingField,
            at: Int(decoder.offset),
            wanted: "\(wanted)",
            found: "the array's end"
        )
        failure.path = "[\(currentIndex)]"
        throw DecodingError.valueNotFound(
            wanted,
            DecodingError.Context(codingPath: codingPath, debugDescription: "missingField", underlyingError: failure)
        )
    }

    mutating func decodeNil() throws -> Bool {
        guard try next((any Decodable).self).decodeNil() else { return false }
        advance()
        return true
    }

    mutating func decode<T: Decodable>(_: T.Type) throws -> T {
        let value = try next(T.self).decodeValue(T.self)
        advance()
        return value
    }

    mutating func nestedContainer<Key: CodingKey>(keyedBy _: Key.Type) throws -> KeyedDecodingContainer<Key> {
        let container = try next([String: Int].self).container(keyedBy: Key.self)
        advance()
        return container
    }

    mutating func nestedUnkeyedContainer() throws -> any UnkeyedDecodingContainer {
        let container = try next([Int].self).unkeyedContainer()
        advance()
        return container
    }

    mutating func superDecoder() throws -> any Decoder {
        let decoder = try next((any Decodable).self)
        advance()
        return decoder
    }

    mutating func decode(_: Bool.Type) throws -> Bool { try decodeElement() }
    mutating func decode(_: String.Type) throws -> String { try decodeElement() }
    mutating func decode(_: Double.Type) throws -> Double { try decodeElement() }
    mutating func decode(_: Float.Type) throws -> Float { try decodeElement() }
    mutating func decode(_: Int.Type) throws -> Int { try decodeElement() }
    mutating func decode(_: Int8.Type) throws -> Int8 { try decodeElement() }
    mutating func decode(_: Int16.Type) throws -> Int16 { try decodeElement() }
    mutating func decode(_: Int32.Type) throws -> Int32 { try decodeElement() }
    mutating func decode(_: Int64.Type) throws -> Int64 { try decodeElement() }
    mutating func decode(_: Int128.Type) throws -> Int128 { try decodeElement() }
    mutating func decode(_: UInt.Type) throws -> UInt { try decodeElement() }
    mutating func decode(_: UInt8.Type) throws -> UInt8 { try decodeElement() }
    mutating func decode(_: UInt16.Type) throws -> UInt16 { try decodeElement() }
    mutating func decode(_: UInt32.Type) throws -> UInt32 { try decodeElement() }
    mutating func decode(_: UInt64.Type) throws -> UInt64 { try decodeElement() }
    mutating func decode(_: UInt128.Type) throws -> UInt128 { try decodeElement() }

    private mutating func decodeElement<T: Decodable>() throws -> T { try decode(T.self) }
}
