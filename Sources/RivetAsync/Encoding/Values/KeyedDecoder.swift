// SPDX-License-Identifier: Apache-2.0

/// A map as `Codable` sees it.
///
/// Only this thin face is generic over the user's keys.
struct KeyedDecoder<Key: CodingKey>: KeyedDecodingContainerProtocol {
    let map: MapDecoder

    var codingPath: [any CodingKey] { map.decoder.codingPath }
    var allKeys: [Key] { map.keys(Key.self) }

    func contains(_ key: Key) -> Bool { map.find(key) != nil }

    @inline(__always)
    private func present(_ key: Key) -> ValueDecoder? {
        guard let value = map.find(key), !value.decodeNil() else { return nil }
        return value
    }

    @inline(__always)
    private func integer<T: FixedWidthInteger>(_ key: Key) throws -> T {
        try map.read(key) { (reader) throws(CodingFailure) in try reader.readInteger(as: T.self) }
    }

    func decodeNil(forKey key: Key) throws -> Bool { try map.value(key).decodeNil() }
    func decode(_: Bool.Type, forKey key: Key) throws -> Bool {
        try map.read(key) { (reader) throws(CodingFailure) in try reader.readBool() }
    }
    func decode(_: String.Type, forKey key: Key) throws -> String {
        if case .positional(let cursor) = map, let value = cursor.place(of: key.stringValue) { return try value.text() }
        return try map.read(key) { (reader) throws(CodingFailure) in try reader.readText() }
    }
    func decode(_: Double.Type, forKey key: Key) throws -> Double {
        try map.read(key) { (reader) throws(CodingFailure) in try reader.readDouble() }
    }
    func decode(_: Float.Type, forKey key: Key) throws -> Float { try map.value(key).decode(Float.self) }
    func decode(_: Int.Type, forKey key: Key) throws -> Int { try integer(key) }
    func decode(_: Int8.Type, forKey key: Key) throws -> Int8 { try integer(key) }
    func decode(_: Int16.Type, forKey key: Key) throws -> Int16 { try integer(key) }
    func decode(_: Int32.Type, forKey key: Key) throws -> Int32 { try integer(key) }
    func decode(_: Int64.Type, forKey key: Key) throws -> Int64 { try integer(key) }
    func decode(_: Int128.Type, forKey key: Key) throws -> Int128 { try integer(key) }
    func decode(_: UInt.Type, forKey key: Key) throws -> UInt { try integer(key) }
    func decode(_: UInt8.Type, forKey key: Key) throws -> UInt8 { try integer(key) }
    func decode(_: UInt16.Type, forKey key: Key) throws -> UInt16 { try integer(key) }
    func decode(_: UInt32.Type, forKey key: Key) throws -> UInt32 { try integer(key) }
    func decode(_: UInt64.Type, forKey key: Key) throws -> UInt64 { try integer(key) }
    func decode(_: UInt128.Type, forKey key: Key) throws -> UInt128 { try integer(key) }
    func decode<T: Decodable>(_: T.Type, forKey key: Key) throws -> T { try map.value(key).decodeValue(T.self) }

    // The standard forms of these look a key up three times.
    func decodeIfPresent(_: Bool.Type, forKey key: Key) throws -> Bool? { try present(key)?.decode(Bool.self) }
    func decodeIfPresent(_: String.Type, forKey key: Key) throws -> String? { try present(key)?.text() }
    func decodeIfPresent(_: Double.Type, forKey key: Key) throws -> Double? { try present(key)?.decode(Double.self) }
    func decodeIfPresent(_: Float.Type, forKey key: Key) throws -> Float? { try present(key)?.decode(Float.self) }
    func decodeIfPresent(_: Int.Type, forKey key: Key) throws -> Int? { try present(key)?.integer(Int.self) }
    func decodeIfPresent(_: Int8.Type, forKey key: Key) throws -> Int8? { try present(key)?.integer(Int8.self) }
    func decodeIfPresent(_: Int16.Type, forKey key: Key) throws -> Int16? { try present(key)?.integer(Int16.self) }
    func decodeIfPresent(_: Int32.Type, forKey key: Key) throws -> Int32? { try present(key)?.integer(Int32.self) }
    func decodeIfPresent(_: Int64.Type, forKey key: Key) throws -> Int64? { try present(key)?.integer(Int64.self) }
    func decodeIfPresent(_: Int128.Type, forKey key: Key) throws -> Int128? { try present(key)?.integer(Int128.self) }
    func decodeIfPresent(_: UInt.Type, forKey key: Key) throws -> UInt? { try present(key)?.integer(UInt.self) }
    func decodeIfPresent(_: UInt8.Type, forKey key: Key) throws -> UInt8? { try present(key)?.integer(UInt8.self) }
    func decodeIfPresent(_: UInt16.Type, forKey key: Key) throws -> UInt16? { try present(key)?.integer(UInt16.self) }
    func decodeIfPresent(_: UInt32.Type, forKey key: Key) throws -> UInt32? { try present(key)?.integer(UInt32.self) }
    func decodeIfPresent(_: UInt64.Type, forKey key: Key) throws -> UInt64? { try present(key)?.integer(UInt64.self) }
    func decodeIfPresent(_: UInt128.Type, forKey key: Key) throws -> UInt128? {
        try present(key)?.integer(UInt128.self)
    }
    func decodeIfPresent<T: Decodable>(_: T.Type, forKey key: Key) throws -> T? {
        try present(key)?.decodeValue(T.self)
    }

    func nestedContainer<Nested: CodingKey>(
        keyedBy _: Nested.Type,
        forKey key: Key
    ) throws -> KeyedDecodingContainer<Nested> {
        try map.value(key).container(keyedBy: Nested.self)
    }

    func nestedUnkeyedContainer(forKey key: Key) throws -> any UnkeyedDecodingContainer {
        try map.value(key).unkeyedContainer()
    }

    func superDecoder() throws -> any Decoder { map.find(name: "super") ?? map.decoder.nothing }
    func superDecoder(forKey key: Key) throws -> any Decoder {
        map.find(key) ?? map.decoder.nothing
    }
}
