// SPDX-License-Identifier: Apache-2.0

/// A value's place in a document: what a user's `init(from:)` is given.
///
/// It is three words, so `any Decoder` holds it inline, and it keeps the document's bytes alive, so it may be kept.
/// The document was checked as a whole before the first one was made: its structure and depth are sound.
struct ValueDecoder: Decoder {
    struct Flags: OptionSet {
        let rawValue: UInt8
        static let json = Flags(rawValue: 1)
        /// There is no value: a missing argument, an answer without bytes.
        static let nothing = Flags(rawValue: 2)
        /// The properties are the elements of the list of arguments here.
        static let positional = Flags(rawValue: 4)
        /// The text here has one `$` too many: the first element of an escaped pair.
        static let escaped = Flags(rawValue: 8)
    }

    let storage: ByteStorage
    /// The document within the storage.
    private let start: UInt32, end: UInt32
    /// The value within the document.
    private(set) var offset: UInt32
    private(set) var flags: Flags

    private static let emptyStorage = ByteStorage(capacity: 1)

    /// The root of a document, which is checked here.
    init(document bytes: ByteChunk, isJSON: Bool) throws(CodingFailure) {
        guard let end = Int32(exactly: bytes.offset &+ bytes.count).map(UInt32.init) else {
            throw CodingFailure(.lengthExceedsInput, at: 0, wanted: "at most \(Int32.max) bytes")
        }
        storage = bytes.storage ?? Self.emptyStorage
        start = UInt32(bytes.offset)
        self.end = end
        offset = 0
        flags = isJSON ? .json : []
        guard bytes.count > 0 else {
            flags.insert(.nothing)
            return
        }
        var reader = reader
        do {
            try reader.skipItem(depth: 0)
            try reader.readEnd()
        } catch {
            throw located(error)
        }
    }

    /// A place in a document that was checked already; its bytes are in `storage`.
    init(_ storage: ByteStorage, _ base: UnsafeRawPointer, size: UInt32, offset: UInt32, isJSON: Bool) {
        self.storage = storage
        start = UInt32(truncatingIfNeeded: base - UnsafeRawPointer(storage.base))
        end = start &+ size
        self.offset = offset
        flags = isJSON ? .json : []
    }

    // MARK: Places

    /// The document's first byte, and how many it has.
    var base: UnsafeRawPointer { UnsafeRawPointer(storage.base + Int(start)) }
    var size: UInt32 { end &- start }

    @inline(__always)
    var reader: DocumentReader {
        let bytes = UnsafeRawBufferPointer(start: storage.base + Int(start), count: Int(end &- start))
        return DocumentReader(bytes, position: Int(offset), isJSON: flags.contains(.json))
    }

    @inline(__always)
    func at(_ position: Int, escaped: Bool = false) -> ValueDecoder {
        var place = self
        place.offset = UInt32(truncatingIfNeeded: position)
        place.flags.formIntersection(.json)
        if escaped { place.flags.insert(.escaped) }
        return place
    }

    var nothing: ValueDecoder {
        var place = self
        place.flags.insert(.nothing)
        place.flags.remove(.positional)
        return place
    }

    var positional: ValueDecoder {
        var place = self
        place.flags.insert(.positional)
        return place
    }

    var isNothing: Bool { flags.contains(.nothing) }

    /// The bytes of the document left from here: a bound on what a scan can cost.
    var bytesLeft: Int { Int(end &- start &- offset) }

    /// A byte string that stands in one piece in the document, without a copy.
    func slice(_ range: Range<Int>) -> ByteChunk {
        ByteChunk(storage: storage, offset: Int(start) &+ range.lowerBound, count: range.count)
    }

    // MARK: Reading

    /// Reads with a reader at this place; a failure becomes the error that `Codable` promises.
    @inline(__always)
    func read<R>(_ wanted: Any.Type, _ body: (inout DocumentReader) throws(CodingFailure) -> R) throws -> R {
        var reader = reader
        do throws(CodingFailure) {
            guard !isNothing else { throw CodingFailure(.missingField, at: Int(offset), wanted: "\(wanted)") }
            return try withExtendedLifetime(storage) { () throws(CodingFailure) in try body(&reader) }
        } catch {
            throw decodingError(error, wanted)
        }
    }

    func decodingError(_ failure: CodingFailure, _ wanted: Any.Type) -> DecodingError {
        let context = DecodingError.Context(
            codingPath: codingPath,
            debugDescription: failure.kind.rawValue,
            underlyingError: failure
        )
        switch failure.kind {
        case .typeMismatch where decodeNil(): return .valueNotFound(wanted, context)
        case .typeMismatch: return .typeMismatch(wanted, context)
        case .missingField: return .valueNotFound(wanted, context)
        default: return .dataCorrupted(context)
        }
    }

    /// Any value: a few types are known, the others read themselves.
    @inline(__always)
    func decodeValue<T: Decodable>(_: T.Type) throws -> T {
        guard let special = SpecialType(T.self) else { return try T(from: self) }
        return try decodeSpecial(special)
    }

    func text() throws -> String {
        let text = try read(String.self) { (reader) throws(CodingFailure) in try reader.readText() }
        return flags.contains(.escaped) ? text.withoutDollar : text
    }

    func integer<T: FixedWidthInteger>(_: T.Type) throws -> T {
        try read(T.self) { (reader) throws(CodingFailure) in try reader.readInteger(as: T.self) }
    }

    // MARK: Decoder

    var codingPath: [any CodingKey] { [PlaceKey(self)] }
    var userInfo: [CodingUserInfoKey: Any] { [:] }

    func container<Key: CodingKey>(keyedBy _: Key.Type) throws -> KeyedDecodingContainer<Key> {
        KeyedDecodingContainer(KeyedDecoder<Key>(map: try MapDecoder(self)))
    }

    func unkeyedContainer() throws -> any UnkeyedDecodingContainer {
        guard flags.contains(.positional) else { return try UnkeyedDecoder(self) }
        return try argumentList() ?? UnkeyedDecoder(self)
    }

    func singleValueContainer() throws -> any SingleValueDecodingContainer {
        guard flags.contains(.positional), !isNothing else { return self }
        guard let list = try argumentList() else { return at(Int(offset)) }
        return list.isAtEnd ? nothing : list.current
    }

    /// The list of arguments here, or nil if it is no array and so the one argument itself (B110).
    func argumentList() throws -> UnkeyedDecoder? {
        guard !isNothing else { return UnkeyedDecoder(empty: self) }
        let isList = try read([Int].self) { (reader) throws(CodingFailure) in
            guard try reader.peekKind() == .array else { return false }
            let pair = try reader.peekPair()
            return pair == nil || pair?.kind == .escaped
        }
        return isList ? try UnkeyedDecoder(self) : nil
    }
}

extension ValueDecoder: SingleValueDecodingContainer {
    func decodeNil() -> Bool {
        if isNothing { return true }
        var reader = reader
        return (try? reader.readNil()) ?? false
    }

    func decode(_: Bool.Type) throws -> Bool {
        try read(Bool.self) { (reader) throws(CodingFailure) in try reader.readBool() }
    }
    func decode(_: Double.Type) throws -> Double {
        try read(Double.self) { (reader) throws(CodingFailure) in try reader.readDouble() }
    }
    func decode(_: Float.Type) throws -> Float {
        let value = try decode(Double.self)
        let float = Float(value)
        guard float.isFinite || !value.isFinite else {
            throw decodingError(CodingFailure(.integerOverflow, at: Int(offset), wanted: "Float"), Float.self)
        }
        return float
    }
    func decode(_: String.Type) throws -> String { try text() }
    func decode(_: Int.Type) throws -> Int { try integer(Int.self) }
    func decode(_: Int8.Type) throws -> Int8 { try integer(Int8.self) }
    func decode(_: Int16.Type) throws -> Int16 { try integer(Int16.self) }
    func decode(_: Int32.Type) throws -> Int32 { try integer(Int32.self) }
    func decode(_: Int64.Type) throws -> Int64 { try integer(Int64.self) }
    func decode(_: Int128.Type) throws -> Int128 { try integer(Int128.self) }
    func decode(_: UInt.Type) throws -> UInt { try integer(UInt.self) }
    func decode(_: UInt8.Type) throws -> UInt8 { try integer(UInt8.self) }
    func decode(_: UInt16.Type) throws -> UInt16 { try integer(UInt16.self) }
    func decode(_: UInt32.Type) throws -> UInt32 { try integer(UInt32.self) }
    func decode(_: UInt64.Type) throws -> UInt64 { try integer(UInt64.self) }
    func decode(_: UInt128.Type) throws -> UInt128 { try integer(UInt128.self) }
    func decode<T: Decodable>(_: T.Type) throws -> T { try decodeValue(T.self) }
}
