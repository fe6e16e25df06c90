// SPDX-License-Identifier: Apache-2.0

/// Reads and writes messages and HTTP bodies in one encoding, for both ends (PROTOCOL g).
///
/// The client's half and the server's half stand in the extensions, a file each. What is read are slices of the
/// document; what is written goes straight into its destination. Values come in and go out already encoded.
package struct MessageCodec: Sendable {
    package let encoding: WireEncoding

    package init(_ encoding: WireEncoding) {
        self.encoding = encoding
    }

    /// An empty list of arguments.
    var emptyArguments: ByteChunk {
        ByteChunk(encoding == .json ? Array("[]".utf8) : [0x80])
    }

    /// Whether a value means "nothing": no bytes, null, undefined, the pair `$Undefined` (B119).
    package func isNothing(_ value: ByteChunk) -> Bool {
        if value.isEmpty { return true }
        let answer = try? readItems(
            value,
            cbor: { (reader) throws(CodingError) in try reader.readNil() },
            json: { (reader) throws(CodingError) in try reader.readNil() }
        )
        return answer ?? false
    }

    /// Reads a whole document by one of the two self-describing formats.
    func readItems<T>(
        _ document: ByteChunk,
        cbor: (inout CBORReader) throws(CodingError) -> T,
        json: (inout JSONReader) throws(CodingError) -> T
    ) throws(CodingError) -> T {
        let bytes = unsafe document.unsafeBytes
        // The slices that `cbor` and `json` make keep the same memory; the document lives as long as the call.
        defer { withExtendedLifetime(document) {} }
        if encoding == .json {
            var reader = unsafe JSONReader(bytes)
            let result = try json(&reader)
            try reader.readEnd()
            return result
        }
        var reader = unsafe CBORReader(bytes)
        let result = try cbor(&reader)
        try reader.readEnd()
        return result
    }

    /// Reads a whole BARE document behind its version.
    func readBARE<T>(
        _ document: ByteChunk,
        since first: ProtocolVersion = .connectionToken,
        _ body: (inout BAREReader, ProtocolVersion) throws(CodingError) -> T
    ) throws(CodingError) -> T {
        defer { withExtendedLifetime(document) {} }
        var reader = unsafe BAREReader(document.unsafeBytes)
        let version = try reader.readVersion(since: first)
        let result = try body(&reader, version)
        try reader.readEnd()
        return result
    }
}

/// The envelope of messages in CBOR and JSON: `{"body":{"tag":NAME,"val":{FIELDS}}}`, members in any order.
func readEnvelope<Reader: MessageReader, Message>(
    _ reader: inout Reader,
    _ readFields: (String, inout Reader) throws(CodingError) -> Message
) throws(CodingError) -> Message {
    var message: Message?
    try reader.readMembers { (key, reader) throws(CodingError) in
        guard key == "body", message == nil else { return try reader.skipValue() }
        let start = reader.position
        var tag: String?
        var valuePosition: Int?
        try reader.readMembers { (key, reader) throws(CodingError) in
            switch key {
            case "tag" where tag == nil:
                tag = try reader.readText()
            case "val" where valuePosition == nil:
                valuePosition = reader.position
                if let tag { message = try readFields(tag, &reader) } else { try reader.skipValue() }
            default:
                try reader.skipValue()
            }
        }
        if message == nil {
            // `val` came first, as it may.
            let end = reader.position
            let name = try tag.required("tag", at: start)
            reader.position = try valuePosition.required("val", at: start)
            message = try readFields(name, &reader)
            reader.position = end
        }
    }
    return try message.required("body", at: 0)
}

extension ByteOutput where Self: ~Copyable {
    mutating func appendBARE(data chunk: ByteChunk) {
        chunk.withUnsafeBytes { unsafe appendBARE(data: $0) }
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
