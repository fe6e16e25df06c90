// SPDX-License-Identifier: Apache-2.0

extension ByteOutput where Self: ~Copyable {
    mutating func append(_ chunk: ByteChunk) {
        chunk.withUnsafeBytes { append($0) }
    }

    mutating func appendBARE(data chunk: ByteChunk) {
        chunk.withUnsafeBytes { appendBARE(data: $0) }
    }

    /// `{"body":{"tag":NAME,"val":{…` up to the first of `fields` members.
    mutating func appendCBOREnvelope(_ tag: String, fields: Int) {
        appendCBORMapHead(1)
        appendCBOR("body")
        appendCBORMapHead(2)
        appendCBOR("tag")
        appendCBOR(tag)
        appendCBOR("val")
        appendCBORMapHead(fields)
    }
}

extension MessageReader {
    /// An action's id: a plain integer or the pair `$BigInt`; a float is refused, also a whole one (B124).
    mutating func readID() throws(CodingError) -> UInt64 {
        if try peekKind() == .float { throw CodingError(.typeMismatch, at: position, wanted: "an integer") }
        return try readUnsigned()
    }
}
