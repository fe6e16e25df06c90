// SPDX-License-Identifier: Apache-2.0

/// How the end of a message's body is found (RFC 9112 §6.3).
package enum HTTPFraming: Sendable, Equatable {
    case none
    case length(Int)
    case chunked
    /// Responses only.
    case untilClose

    /// What the fields say; nil where they say nothing.
    init?(_ fields: HTTPFields, minorVersion: Int, offset: Int) throws(HTTPError) {
        if fields.count(of: "transfer-encoding") > 0 {
            guard fields.count(of: "content-length") == 0 else { throw .bothLengths }
            // HTTP/1.0 has no transfer codings: such a message was mangled on its way (§6.1).
            guard minorVersion > 0 else { throw .malformed(.transferEncoding, offset: offset) }
            let members = fields.list("transfer-encoding")
            guard members.count == 1, members[0].equalsIgnoringASCIICase("chunked") else {
                throw .unsupportedTransferCoding
            }
            self = .chunked
            return
        }
        guard let length = try Self.length(fields, offset: offset) else { return nil }
        self = .length(length)
    }

    /// One length; the same one several times counts as one (RFC 9110 §8.6).
    private static func length(_ fields: HTTPFields, offset: Int) throws(HTTPError) -> Int? {
        var length: Int?
        for field in fields where field.name.equalsIgnoringASCIICase("content-length") {
            var rest = field.value[...]
            while true {
                let end = rest.utf8.firstIndex(of: UInt8(ascii: ",")) ?? rest.endIndex
                let digits = rest[..<end].trimmingBlanks
                guard !digits.isEmpty, digits.utf8.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }), let number = Int(digits)
                else { throw .malformed(.contentLength, offset: offset) }
                if let length, length != number { throw .conflictingLengths(length, number) }
                length = number
                if end == rest.endIndex { break }
                rest = Substring(rest.utf8[end...].dropFirst())
            }
        }
        return length
    }
}

extension HTTPFields {
    /// Whether the connection goes on after the message that has these fields (RFC 9112 §9.3).
    func keepsAlive(minorVersion: Int) -> Bool {
        if list("connection", contains: "close") { return false }
        return minorVersion > 0 || list("connection", contains: "keep-alive")
    }
}
