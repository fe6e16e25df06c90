// SPDX-License-Identifier: Apache-2.0

/// A value's place in a document: what a user's `init(from:)` is given.
///
/// It is two words, so `any Decoder` holds it inline, and it keeps the document's bytes alive, so it may be kept.
struct ValueDecoder: Decoder {
    struct Flags: OptionSet {
        let rawValue: UInt8
        /// There is no value: a missing argument, an answer without bytes.
        static let nothing = Flags(rawValue: 1)
        /// The properties are the elements of the list of arguments here.
        static let positional = Flags(rawValue: 2)
        /// The text here has one `$` too many: the first element of an escaped pair.
        static let escaped = Flags(rawValue: 4)
    }

    let session: DecodingSession
    /// The value within the document.
    private(set) var offset: UInt32
    private(set) var flags: Flags
    /// The steps of its coding path.
    private(set) var level: UInt8

    /// The root of a document; one without bytes is nothing.
    init(_ session: DecodingSession) {
        self.session = session
        offset = 0
        flags = session.size == 0 ? .nothing : []
        level = 0
    }

    init(_ session: DecodingSession, _ offset: UInt32, _ flags: Flags, level: UInt8) {
        (self.session, self.offset, self.flags, self.level) = (session, offset, flags, level)
    }

    // MARK: Places

    @inline(__always)
    var reader: DocumentReader {
        let bytes = unsafe UnsafeRawBufferPointer(start: session.base, count: session.size)
        return unsafe DocumentReader(bytes, position: Int(offset), session.syntax)
    }

    /// An element or a member.
    @inline(__always)
    func at(_ position: Int, escaped: Bool = false) -> ValueDecoder {
        var place = self
        place.level &+= 1
        place.offset = UInt32(truncatingIfNeeded: position)
        place.flags = escaped ? .escaped : []
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

    // MARK: Reading

    /// Reads with a reader at this place; a failure becomes the error that `Codable` promises.
    @inline(__always)
    func read<R>(_ wanted: Any.Type, _ body: (inout DocumentReader) throws(CodingError) -> R) throws -> R {
        var reader = reader
        do throws(CodingError) {
            guard !isNothing else { throw CodingError(.missingField, at: Int(offset), wanted: "\(wanted)") }
            return try withExtendedLifetime(self) { () throws(CodingError) in try body(&reader) }
        } catch {
            throw decodingError(error, wanted)
        }
    }

    func decodingError(_ failure: CodingError, _ wanted: Any.Type) -> DecodingError {
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
        if session.lastPlainType == ObjectIdentifier(T.self) { return try T(from: self) }
        if let special = SpecialType(T.self) { return try decodeSpecial(special) }
        session.remember(plain: T.self)
        return try T(from: self)
    }

    func text() throws -> String {
        let text = try read(String.self) { (reader) throws(CodingError) in try reader.readText() }
        return flags.contains(.escaped) ? text.withoutDollar : text
    }

    func integer<T: FixedWidthInteger>(_: T.Type) throws -> T {
        try read(T.self) { (reader) throws(CodingError) in try reader.readInteger(as: T.self) }
    }

    // MARK: Decoder

    var codingPath: [any CodingKey] { (0..<Int(level)).map { PlaceKey(self, level: $0) } }
    var userInfo: [CodingUserInfoKey: Any] { [:] }

    func container<Key: CodingKey>(keyedBy key: Key.Type) throws -> KeyedDecodingContainer<Key> {
        try session.container(key, at: self)
    }

    func unkeyedContainer() throws -> any UnkeyedDecodingContainer {
        guard flags.contains(.positional) else { return try UnkeyedDecoder(self) }
        return try argumentList() ?? UnkeyedDecoder(self)
    }

    func singleValueContainer() throws -> any SingleValueDecodingContainer {
        guard flags.contains(.positional), !isNothing else { return self }
        guard let list = try argumentList() else {
            var argument = self
            argument.flags = []
            return argument
        }
        return list.isAtEnd ? nothing : list.current
    }

    /// The first argument where there is an array of them; nil also where that has to be looked at more closely.
    @inline(__always)
    func firstArgument() throws -> ValueDecoder? {
        guard !isNothing else { return nil }
        let place = try read([Int].self) { (reader) throws(CodingError) -> Int? in
            guard try reader.peekKind() == .array, try reader.peekPair() == nil else { return nil }
            var remaining = try reader.beginArray()
            return try reader.hasNext(&remaining) ? reader.position : nil
        }
        return place.map { at($0) }
    }

    /// The list of arguments here, or nil if it is no array and so the one argument itself (B110).
    func argumentList() throws -> UnkeyedDecoder? {
        isNothing ? UnkeyedDecoder(empty: self) : try UnkeyedDecoder(argumentsAt: self)
    }
}

extension ValueDecoder: SingleValueDecodingContainer {
    func decodeNil() -> Bool {
        if isNothing { return true }
        var reader = reader
        return (try? reader.readNil()) ?? false
    }

    func decode(_: Bool.Type) throws -> Bool {
        try read(Bool.self) { (reader) throws(CodingError) in try reader.readBool() }
    }
    func decode(_: Double.Type) throws -> Double {
        try read(Double.self) { (reader) throws(CodingError) in try reader.readDouble() }
    }
    func decode(_: Float.Type) throws -> Float {
        try read(Float.self) { (reader) throws(CodingError) in try reader.readFloat() }
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
    func decode<T: Decodable>(_: T.Type) throws -> T {
        try session.single(at: self) { try decodeValue(T.self) }
    }
}
