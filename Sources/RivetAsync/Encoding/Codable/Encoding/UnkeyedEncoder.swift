// SPDX-License-Identifier: Apache-2.0

/// An array as `Codable` sees it.
struct UnkeyedEncoder: UnkeyedEncodingContainer {
    let session: EncodingSession
    let id: ValueOutput.ValueID
    private var output: ValueOutput { session.output }
    var codingPath: [any CodingKey] { output.codingPath(of: id) }
    var count: Int { output.scope.id == id ? output.scope.count : 0 }

    func encodeNil() throws {
        try output.begin(id)
        output.writeNull()
    }
    func encode(_ value: Bool) throws {
        try output.begin(id)
        output.write(value)
    }
    func encode(_ value: String) throws {
        try output.begin(id)
        output.write(value)
    }
    func encode(_ value: Double) throws { try output.add(id) { try output.write(value) } }
    func encode(_ value: Float) throws { try output.add(id) { try output.write(value) } }
    func encode(_ value: Int) throws {
        try output.begin(id)
        output.write(integer: value)
    }
    func encode(_ value: Int8) throws {
        try output.begin(id)
        output.write(integer: value)
    }
    func encode(_ value: Int16) throws {
        try output.begin(id)
        output.write(integer: value)
    }
    func encode(_ value: Int32) throws {
        try output.begin(id)
        output.write(integer: value)
    }
    func encode(_ value: Int64) throws {
        try output.begin(id)
        output.write(integer: value)
    }
    func encode(_ value: Int128) throws {
        try output.begin(id)
        output.write(integer: value)
    }
    func encode(_ value: UInt) throws {
        try output.begin(id)
        output.write(integer: value)
    }
    func encode(_ value: UInt8) throws {
        try output.begin(id)
        output.write(integer: value)
    }
    func encode(_ value: UInt16) throws {
        try output.begin(id)
        output.write(integer: value)
    }
    func encode(_ value: UInt32) throws {
        try output.begin(id)
        output.write(integer: value)
    }
    func encode(_ value: UInt64) throws {
        try output.begin(id)
        output.write(integer: value)
    }
    func encode(_ value: UInt128) throws {
        try output.begin(id)
        output.write(integer: value)
    }
    func encode<T: Encodable>(_ value: T) throws { try output.add(id) { try output.write(value) } }

    func nestedContainer<Key: CodingKey>(keyedBy _: Key.Type) -> KeyedEncodingContainer<Key> {
        output.addInsert(id).container(keyedBy: Key.self)
    }
    func nestedUnkeyedContainer() -> any UnkeyedEncodingContainer { output.addInsert(id).unkeyedContainer() }
    func superEncoder() -> any Encoder { output.addInsert(id) }
}
