// SPDX-License-Identifier: Apache-2.0

/// What a user's `encode(to:)` is given: an output and which of its values this is.
///
/// `any Encoder` holds it inline.
struct ValueEncoder: Encoder {
    let session: EncodingSession
    let id: ValueOutput.ValueID
    var output: ValueOutput { session.output }

    var codingPath: [any CodingKey] { output.codingPath(of: id) }
    var userInfo: [CodingUserInfoKey: Any] { [:] }

    func container<Key: CodingKey>(keyedBy key: Key.Type) -> KeyedEncodingContainer<Key> {
        output.open(.map, id)
        output.noteNames(of: key)
        return session.container(key, id)
    }

    func unkeyedContainer() -> any UnkeyedEncodingContainer {
        output.open(.array, id)
        return UnkeyedEncoder(session: session, id: id)
    }

    func singleValueContainer() -> any SingleValueEncodingContainer { self }
}

extension ValueEncoder: SingleValueEncodingContainer {
    func encodeNil() throws { try output.single(id) { output.writeNull() } }
    func encode(_ value: Bool) throws { try output.single(id) { output.write(value) } }
    func encode(_ value: String) throws { try output.single(id) { output.write(value) } }
    func encode(_ value: Double) throws { try output.single(id) { try output.write(value) } }
    func encode(_ value: Float) throws { try output.single(id) { try output.write(value) } }
    func encode(_ value: Int) throws { try output.single(id) { output.write(integer: value) } }
    func encode(_ value: Int8) throws { try output.single(id) { output.write(integer: value) } }
    func encode(_ value: Int16) throws { try output.single(id) { output.write(integer: value) } }
    func encode(_ value: Int32) throws { try output.single(id) { output.write(integer: value) } }
    func encode(_ value: Int64) throws { try output.single(id) { output.write(integer: value) } }
    func encode(_ value: Int128) throws { try output.single(id) { output.write(integer: value) } }
    func encode(_ value: UInt) throws { try output.single(id) { output.write(integer: value) } }
    func encode(_ value: UInt8) throws { try output.single(id) { output.write(integer: value) } }
    func encode(_ value: UInt16) throws { try output.single(id) { output.write(integer: value) } }
    func encode(_ value: UInt32) throws { try output.single(id) { output.write(integer: value) } }
    func encode(_ value: UInt64) throws { try output.single(id) { output.write(integer: value) } }
    func encode(_ value: UInt128) throws { try output.single(id) { output.write(integer: value) } }
    func encode<T: Encodable>(_ value: T) throws { try output.single(id) { try output.write(value) } }
}
