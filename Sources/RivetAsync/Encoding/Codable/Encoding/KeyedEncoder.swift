// SPDX-License-Identifier: Apache-2.0

/// A map as `Codable` sees it; in a list of arguments, its values one after another.
struct KeyedEncoder<Key: CodingKey>: KeyedEncodingContainerProtocol {
    let map: MapEncoder
    private var output: ValueOutput { map.output }
    private var id: ValueOutput.ValueID { map.id }
    var codingPath: [any CodingKey] { output.codingPath(of: id) }

    private func begin(_ key: Key) throws {
        try output.begin(id, key: key.stringValue)
    }

    @inline(__always)
    private func add(_ key: Key, _ value: () throws -> Void) throws {
        try output.add(id, key: key.stringValue, value)
    }

    func encodeNil(forKey key: Key) throws {
        try begin(key)
        output.writeNull()
    }
    func encode(_ value: Bool, forKey key: Key) throws {
        try begin(key)
        output.write(value)
    }
    func encode(_ value: String, forKey key: Key) throws {
        try begin(key)
        output.write(value)
    }
    func encode(_ value: Double, forKey key: Key) throws { try add(key) { try output.write(value) } }
    func encode(_ value: Float, forKey key: Key) throws { try add(key) { try output.write(value) } }
    func encode(_ value: Int, forKey key: Key) throws {
        try begin(key)
        output.write(integer: value)
    }
    func encode(_ value: Int8, forKey key: Key) throws {
        try begin(key)
        output.write(integer: value)
    }
    func encode(_ value: Int16, forKey key: Key) throws {
        try begin(key)
        output.write(integer: value)
    }
    func encode(_ value: Int32, forKey key: Key) throws {
        try begin(key)
        output.write(integer: value)
    }
    func encode(_ value: Int64, forKey key: Key) throws {
        try begin(key)
        output.write(integer: value)
    }
    func encode(_ value: Int128, forKey key: Key) throws {
        try begin(key)
        output.write(integer: value)
    }
    func encode(_ value: UInt, forKey key: Key) throws {
        try begin(key)
        output.write(integer: value)
    }
    func encode(_ value: UInt8, forKey key: Key) throws {
        try begin(key)
        output.write(integer: value)
    }
    func encode(_ value: UInt16, forKey key: Key) throws {
        try begin(key)
        output.write(integer: value)
    }
    func encode(_ value: UInt32, forKey key: Key) throws {
        try begin(key)
        output.write(integer: value)
    }
    func encode(_ value: UInt64, forKey key: Key) throws {
        try begin(key)
        output.write(integer: value)
    }
    func encode(_ value: UInt128, forKey key: Key) throws {
        try begin(key)
        output.write(integer: value)
    }
    func encode<T: Encodable>(_ value: T, forKey key: Key) throws { try add(key) { try output.write(value) } }

    /// What is nil is left out of a map, but never of a list of arguments, where it would shift the rest.
    private func encodeAbsence(_ key: Key) throws {
        if output.scope.isPositional { try encodeNil(forKey: key) }
    }

    func encodeIfPresent(_ value: Bool?, forKey key: Key) throws {
        if let value { try encode(value, forKey: key) } else { try encodeAbsence(key) }
    }
    func encodeIfPresent(_ value: String?, forKey key: Key) throws {
        if let value { try encode(value, forKey: key) } else { try encodeAbsence(key) }
    }
    func encodeIfPresent(_ value: Double?, forKey key: Key) throws {
        if let value { try encode(value, forKey: key) } else { try encodeAbsence(key) }
    }
    func encodeIfPresent(_ value: Float?, forKey key: Key) throws {
        if let value { try encode(value, forKey: key) } else { try encodeAbsence(key) }
    }
    func encodeIfPresent(_ value: Int?, forKey key: Key) throws {
        if let value { try encode(value, forKey: key) } else { try encodeAbsence(key) }
    }
    func encodeIfPresent(_ value: Int8?, forKey key: Key) throws {
        if let value { try encode(value, forKey: key) } else { try encodeAbsence(key) }
    }
    func encodeIfPresent(_ value: Int16?, forKey key: Key) throws {
        if let value { try encode(value, forKey: key) } else { try encodeAbsence(key) }
    }
    func encodeIfPresent(_ value: Int32?, forKey key: Key) throws {
        if let value { try encode(value, forKey: key) } else { try encodeAbsence(key) }
    }
    func encodeIfPresent(_ value: Int64?, forKey key: Key) throws {
        if let value { try encode(value, forKey: key) } else { try encodeAbsence(key) }
    }
    func encodeIfPresent(_ value: Int128?, forKey key: Key) throws {
        if let value { try encode(value, forKey: key) } else { try encodeAbsence(key) }
    }
    func encodeIfPresent(_ value: UInt?, forKey key: Key) throws {
        if let value { try encode(value, forKey: key) } else { try encodeAbsence(key) }
    }
    func encodeIfPresent(_ value: UInt8?, forKey key: Key) throws {
        if let value { try encode(value, forKey: key) } else { try encodeAbsence(key) }
    }
    func encodeIfPresent(_ value: UInt16?, forKey key: Key) throws {
        if let value { try encode(value, forKey: key) } else { try encodeAbsence(key) }
    }
    func encodeIfPresent(_ value: UInt32?, forKey key: Key) throws {
        if let value { try encode(value, forKey: key) } else { try encodeAbsence(key) }
    }
    func encodeIfPresent(_ value: UInt64?, forKey key: Key) throws {
        if let value { try encode(value, forKey: key) } else { try encodeAbsence(key) }
    }
    func encodeIfPresent(_ value: UInt128?, forKey key: Key) throws {
        if let value { try encode(value, forKey: key) } else { try encodeAbsence(key) }
    }
    func encodeIfPresent<T: Encodable>(_ value: T?, forKey key: Key) throws {
        if let value { try encode(value, forKey: key) } else { try encodeAbsence(key) }
    }

    func nestedContainer<Nested: CodingKey>(keyedBy _: Nested.Type, forKey key: Key) -> KeyedEncodingContainer<Nested> {
        output.addInsert(id, key: key.stringValue, kind: .map).container(keyedBy: Nested.self)
    }
    func nestedUnkeyedContainer(forKey key: Key) -> any UnkeyedEncodingContainer {
        output.addInsert(id, key: key.stringValue, kind: .array).unkeyedContainer()
    }
    func superEncoder() -> any Encoder { output.addInsert(id, key: "super") }
    func superEncoder(forKey key: Key) -> any Encoder { output.addInsert(id, key: key.stringValue) }
}
