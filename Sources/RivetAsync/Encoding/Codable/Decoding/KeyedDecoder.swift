// SPDX-License-Identifier: Apache-2.0

/// A map as `Codable` sees it.
///
/// Only this thin face is generic over the user's keys.
struct KeyedDecoder<Key: CodingKey>: KeyedDecodingContainerProtocol {
    let map: MapDecoder

    var codingPath: [any CodingKey] { map.decoder.codingPath }
    var allKeys: [Key] { map.keys(Key.self) }

    func contains(_ key: Key) -> Bool { find(key) != nil }

    @inline(__always)
    private func find(_ key: Key) -> Int? {
        if let place = map.find(key.stringValue) { return place }
        // A map with integer keys, as JavaScript's Map writes it.
        return key.intValue.flatMap { map.find(String($0)) }
    }

    @inline(__always)
    private func place(_ key: Key) throws -> Int {
        guard let place = find(key) else { throw missing(key) }
        return place
    }

    @inline(__always)
    private func present(_ key: Key) -> Int? {
        guard let place = find(key), !map.isNil(at: place) else { return nil }
        return place
    }

    @inline(__always)
    private func integerIfPresent<T: FixedWidthInteger>(_ key: Key) throws -> T? {
        try present(key).map { try map.integer(at: $0) }
    }

    private func missing(_ key: Key) -> DecodingError {
        let decoder = map.decoder
        var failure = CodingError(.missingField, at: Int(decoder.offset), wanted: "a value", found: "none")
        failure.path = decoder.session.names.shown(key.stringValue)
        let context = DecodingError.Context(
            codingPath: decoder.codingPath,
            debugDescription: "missingField",
            underlyingError: failure
        )
        return .keyNotFound(key, context)
    }

    func decodeNil(forKey key: Key) throws -> Bool { map.isNil(at: try place(key)) }
    func decode(_: Bool.Type, forKey key: Key) throws -> Bool { try map.bool(at: place(key)) }
    func decode(_: String.Type, forKey key: Key) throws -> String { try map.text(at: place(key)) }
    func decode(_: Double.Type, forKey key: Key) throws -> Double { try map.double(at: place(key)) }
    func decode(_: Float.Type, forKey key: Key) throws -> Float { try map.value(at: place(key)).decode(Float.self) }
    func decode(_: Int.Type, forKey key: Key) throws -> Int { try map.integer(at: place(key)) }
    func decode(_: Int8.Type, forKey key: Key) throws -> Int8 { try map.integer(at: place(key)) }
    func decode(_: Int16.Type, forKey key: Key) throws -> Int16 { try map.integer(at: place(key)) }
    func decode(_: Int32.Type, forKey key: Key) throws -> Int32 { try map.integer(at: place(key)) }
    func decode(_: Int64.Type, forKey key: Key) throws -> Int64 { try map.integer(at: place(key)) }
    func decode(_: Int128.Type, forKey key: Key) throws -> Int128 { try map.integer(at: place(key)) }
    func decode(_: UInt.Type, forKey key: Key) throws -> UInt { try map.integer(at: place(key)) }
    func decode(_: UInt8.Type, forKey key: Key) throws -> UInt8 { try map.integer(at: place(key)) }
    func decode(_: UInt16.Type, forKey key: Key) throws -> UInt16 { try map.integer(at: place(key)) }
    func decode(_: UInt32.Type, forKey key: Key) throws -> UInt32 { try map.integer(at: place(key)) }
    func decode(_: UInt64.Type, forKey key: Key) throws -> UInt64 { try map.integer(at: place(key)) }
    func decode(_: UInt128.Type, forKey key: Key) throws -> UInt128 { try map.integer(at: place(key)) }
    func decode<T: Decodable>(_: T.Type, forKey key: Key) throws -> T {
        try map.value(at: place(key)).decodeValue(T.self)
    }

    // The standard forms of these look a key up three times. Closures, since a method passed as a value is a counted one.
    func decodeIfPresent(_: Bool.Type, forKey key: Key) throws -> Bool? {
        try present(key).map { try map.bool(at: $0) }
    }
    func decodeIfPresent(_: String.Type, forKey key: Key) throws -> String? {
        try present(key).map { try map.text(at: $0) }
    }
    func decodeIfPresent(_: Double.Type, forKey key: Key) throws -> Double? {
        try present(key).map { try map.double(at: $0) }
    }
    func decodeIfPresent(_: Float.Type, forKey key: Key) throws -> Float? {
        try present(key).map { try map.value(at: $0).decode(Float.self) }
    }
    func decodeIfPresent(_: Int.Type, forKey key: Key) throws -> Int? { try integerIfPresent(key) }
    func decodeIfPresent(_: Int8.Type, forKey key: Key) throws -> Int8? { try integerIfPresent(key) }
    func decodeIfPresent(_: Int16.Type, forKey key: Key) throws -> Int16? { try integerIfPresent(key) }
    func decodeIfPresent(_: Int32.Type, forKey key: Key) throws -> Int32? { try integerIfPresent(key) }
    func decodeIfPresent(_: Int64.Type, forKey key: Key) throws -> Int64? { try integerIfPresent(key) }
    func decodeIfPresent(_: Int128.Type, forKey key: Key) throws -> Int128? { try integerIfPresent(key) }
    func decodeIfPresent(_: UInt.Type, forKey key: Key) throws -> UInt? { try integerIfPresent(key) }
    func decodeIfPresent(_: UInt8.Type, forKey key: Key) throws -> UInt8? { try integerIfPresent(key) }
    func decodeIfPresent(_: UInt16.Type, forKey key: Key) throws -> UInt16? { try integerIfPresent(key) }
    func decodeIfPresent(_: UInt32.Type, forKey key: Key) throws -> UInt32? { try integerIfPresent(key) }
    func decodeIfPresent(_: UInt64.Type, forKey key: Key) throws -> UInt64? { try integerIfPresent(key) }
    func decodeIfPresent(_: UInt128.Type, forKey key: Key) throws -> UInt128? { try integerIfPresent(key) }
    func decodeIfPresent<T: Decodable>(_: T.Type, forKey key: Key) throws -> T? {
        try present(key).map { try map.value(at: $0).decodeValue(T.self) }
    }

    func nestedContainer<Nested: CodingKey>(
        keyedBy _: Nested.Type,
        forKey key: Key
    ) throws -> KeyedDecodingContainer<Nested> {
        try map.value(at: place(key)).container(keyedBy: Nested.self)
    }

    func nestedUnkeyedContainer(forKey key: Key) throws -> any UnkeyedDecodingContainer {
        try map.value(at: place(key)).unkeyedContainer()
    }

    func superDecoder() throws -> any Decoder { map.find("super").map(map.value) ?? map.decoder.nothing }
    func superDecoder(forKey key: Key) throws -> any Decoder { find(key).map(map.value) ?? map.decoder.nothing }
}
