// SPDX-License-Identifier: Apache-2.0

/// A request head that has been checked and can be written: making one refuses what could not be sent as it is, or
/// would bring a line of its own (RFC 9112 §3, §5).
package struct HTTPRequestEncoder: Sendable {
    package let head: HTTPRequestHead
    package let framing: HTTPFraming
    /// The value of the Host field where the head has none.
    private let host: String?

    /// Checks the head; the field for `framing` (none, a length or chunked) is written by the encoder, and so is Host,
    /// with `host`, where the head has none.
    package init(_ head: HTTPRequestHead, host: String? = nil, framing: HTTPFraming = .none) throws(HTTPError) {
        guard HTTPSyntax.isToken(head.method), head.method != "CONNECT" else { throw .invalidMethod }
        guard head.target.utf8.first == UInt8(ascii: "/") || head.target == "*" else { throw .invalidTarget(offset: 0) }
        var offset = 0
        for byte in head.target.utf8 {
            // A fragment never leaves the client (RFC 9110 §7.1).
            guard byte > 0x20, byte < 0x7f, byte != UInt8(ascii: "#") else { throw .invalidTarget(offset: offset) }
            offset += 1
        }
        try HTTPSyntax.validate(head.fields, asciiOnly: true)
        let hosts = head.fields.count(of: "host")
        guard hosts == 1 || hosts == 0 && host != nil else { throw .hostFields(count: hosts) }
        self.host = hosts == 0 ? host : nil
        if let host = self.host, let bad = host.utf8.firstIndex(where: { !HTTPSyntax.isPrintableASCII($0) }) {
            throw .invalidFieldValue(name: "Host", offset: host.utf8.distance(from: host.startIndex, to: bad))
        }
        // Methods that usually have a body announce an empty one (RFC 9110 §8.6).
        let announcesNothing = framing == .none && ["POST", "PUT", "PATCH"].contains(head.method)
        self.framing = announcesNothing ? .length(0) : framing
        try HTTPSyntax.checkFraming(head.fields, self.framing)
        self.head = head
    }

    package func write(into buffer: inout ByteBuffer) {
        buffer.append(head.method.utf8)
        buffer.append(0x20)
        buffer.append(head.target.utf8)
        buffer.append(" HTTP/1.1\r\n".utf8)
        if let host { HTTPSyntax.write("Host", host, into: &buffer) }
        HTTPSyntax.write(head.fields, framing, into: &buffer)
    }
}

/// A chunked body as it is written (RFC 9112 §7.1).
package enum HTTPChunkEncoder {
    /// Writes one chunk; nothing for no bytes, because an empty chunk would end the body.
    package static func write(_ bytes: some Collection<UInt8>, into buffer: inout ByteBuffer) {
        guard !bytes.isEmpty else { return }
        buffer.append(String(bytes.count, radix: 16).utf8)
        buffer.append("\r\n".utf8)
        buffer.append(bytes)
        buffer.append("\r\n".utf8)
    }

    /// Ends the body, without trailers.
    package static func writeEnd(into buffer: inout ByteBuffer) {
        buffer.append("0\r\n\r\n".utf8)
    }
}

extension HTTPSyntax {
    /// Refuses fields of the caller that contradict the framing; a Content-Length that agrees is let pass.
    static func checkFraming(_ fields: HTTPFields, _ framing: HTTPFraming) throws(HTTPError) {
        guard fields.count(of: "transfer-encoding") == 0 else { throw .framingField(name: "transfer-encoding") }
        let lengths = fields.values(of: "content-length")
        if lengths.isEmpty { return }
        guard case .length(let length) = framing, lengths == [String(length)] else {
            throw .framingField(name: "content-length")
        }
    }

    /// Writes checked fields, the one for the framing, and the empty line.
    static func write(_ fields: HTTPFields, _ framing: HTTPFraming, into buffer: inout ByteBuffer) {
        for field in fields { write(field.name, field.value, into: &buffer) }
        switch framing {
        case .length(let length):
            if fields["content-length"] == nil { write("content-length", String(length), into: &buffer) }
        case .chunked: write("transfer-encoding", "chunked", into: &buffer)
        case .none, .untilClose: break
        }
        buffer.append("\r\n".utf8)
    }

    static func write(_ name: String, _ value: String, into buffer: inout ByteBuffer) {
        buffer.append(name.utf8)
        buffer.append(": ".utf8)
        buffer.append(value.utf8)
        buffer.append("\r\n".utf8)
    }
}
