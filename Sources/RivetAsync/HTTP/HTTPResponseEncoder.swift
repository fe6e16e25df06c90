// SPDX-License-Identifier: Apache-2.0

/// A response head that has been checked and can be written; the local engine's side.
package struct HTTPResponseEncoder: Sendable {
    package let head: HTTPResponseHead
    package let framing: HTTPFraming

    /// Checks the head; `framing` is that of the body.
    ///
    /// For HEAD it is the one GET would have, with nothing written behind the head; 1xx, 204 and 304
    /// have none whatever it says. Until close means that the server closes behind the body.
    package init(_ head: HTTPResponseHead, framing: HTTPFraming) throws(HTTPError) {
        guard (100...999).contains(head.status) else { throw .invalidStatus(head.status) }
        var offset = 0
        for byte in head.reason.utf8 {
            guard HTTPSyntax.isTextByte(byte) else { throw .invalidReason(offset: offset) }
            offset += 1
        }
        try HTTPSyntax.validate(head.fields, asciiOnly: false)
        // RFC 9110 §8.6, RFC 9112 §6.1: neither length field may stand in these.
        let hasNoBody = head.status < 200 || head.status == 204 || head.status == 304
        self.framing = hasNoBody ? .none : framing
        // The length in a 304 is that of the answer to GET.
        if head.status != 304 { try HTTPSyntax.checkFraming(head.fields, self.framing) }
        self.head = head
    }

    package func write(into buffer: inout ByteBuffer) {
        buffer.append("HTTP/1.1 \(head.status) ".utf8)
        buffer.append((head.reason.isEmpty ? Self.reason(head.status) : head.reason).utf8)
        buffer.append("\r\n".utf8)
        HTTPSyntax.write(head.fields, framing, into: &buffer)
    }

    /// The usual phrase for people; a client ignores it.
    private static func reason(_ status: Int) -> String {
        switch status {
        case 100: "Continue"
        case 101: "Switching Protocols"
        case 200: "OK"
        case 201: "Created"
        case 204: "No Content"
        case 304: "Not Modified"
        case 400: "Bad Request"
        case 401: "Unauthorized"
        case 403: "Forbidden"
        case 404: "Not Found"
        case 405: "Method Not Allowed"
        case 408: "Request Timeout"
        case 413: "Content Too Large"
        case 414: "URI Too Long"
        case 429: "Too Many Requests"
        case 431: "Request Header Fields Too Large"
        case 500: "Internal Server Error"
        case 502: "Bad Gateway"
        case 503: "Service Unavailable"
        case 504: "Gateway Timeout"
        default: ""
        }
    }
}
