// SPDX-License-Identifier: Apache-2.0

/// Percent-encoding as both ends of the protocol use it (PROTOCOL c0): one encoder for names, keys, tokens, ids.
package enum PercentEncoding {
    /// Keeps `A–Z a–z 0–9 - . _ ~`; every other byte becomes `%XX`, hex digits in upper case.
    package static func encode(_ text: String) -> String {
        if text.utf8.allSatisfy(isUnreserved) { return text }
        var out: [UInt8] = []
        out.reserveCapacity(text.utf8.count)
        for byte in text.utf8 {
            if isUnreserved(byte) { out.append(byte) } else { appendEscape(byte, to: &out) }
        }
        return String(decoding: out, as: UTF8.self)
    }

    package enum Malformed { case fails, stays }

    /// Decodes `%XX`; nil when the result is not UTF-8, or on a malformed `%` if that `fails`.
    ///
    /// `plusIsBlank`: also reads `+` as a blank, as in form values.
    package static func decode(
        _ text: some StringProtocol,
        malformed: Malformed = .stays,
        plusIsBlank: Bool = false
    ) -> String? {
        decodeBytes(text, malformed: malformed, plusIsBlank: plusIsBlank)
            .flatMap { String(validating: $0, as: UTF8.self) }
    }

    /// The same where it need not be UTF-8.
    package static func decodeBytes(
        _ text: some StringProtocol,
        malformed: Malformed = .stays,
        plusIsBlank: Bool = false
    ) -> [UInt8]? {
        let bytes = Array(text.utf8)
        var out: [UInt8] = []
        out.reserveCapacity(bytes.count)
        var index = 0
        while index < bytes.count {
            let byte = bytes[index]
            index += 1
            if byte == UInt8(ascii: "+"), plusIsBlank {
                out.append(UInt8(ascii: " "))
            } else if byte != UInt8(ascii: "%") {
                out.append(byte)
            } else if index + 1 < bytes.count, let high = hexValue(bytes[index]), let low = hexValue(bytes[index + 1]) {
                out.append(high << 4 | low)
                index += 2
            } else if malformed == .stays {
                out.append(byte)
            } else {
                return nil
            }
        }
        return out
    }

    /// Encodes only the bytes that no URI has (RFC 3986 §2): controls, the blank, `"`, `<`, `>`, `\`, `^`, `` ` ``, `{`,
    /// `|`, `}`, everything beyond ASCII, and a `%` that begins no escape.
    package static func encodeUnsendable(_ target: some StringProtocol) -> String {
        let bytes = Array(target.utf8)
        var out: [UInt8] = []
        out.reserveCapacity(bytes.count)
        for (index, byte) in bytes.enumerated() {
            let isSent =
                byte == UInt8(ascii: "%")
                ? index + 2 < bytes.count && hexValue(bytes[index + 1]) != nil && hexValue(bytes[index + 2]) != nil
                : isOfURI(byte)
            if isSent { out.append(byte) } else { appendEscape(byte, to: &out) }
        }
        return String(decoding: out, as: UTF8.self)
    }

    /// Whether a path has a segment `.` or `..`, escaped or not: whoever stands between would lead it elsewhere
    /// (RFC 3986 §3.3, §5.2.4).
    package static func hasDotSegment(_ path: some StringProtocol) -> Bool {
        path.utf8.split(separator: UInt8(ascii: "/")).contains { segment in
            guard segment.count <= 6, let decoded = decodeBytes(String(decoding: segment, as: UTF8.self)) else {
                return false
            }
            return decoded == [UInt8(ascii: ".")] || decoded == [UInt8(ascii: "."), UInt8(ascii: ".")]
        }
    }

    private static func isOfURI(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "<"), UInt8(ascii: ">"), UInt8(ascii: "\\"), UInt8(ascii: "^"),
            UInt8(ascii: "`"), UInt8(ascii: "{"), UInt8(ascii: "|"), UInt8(ascii: "}"):
            false
        default:
            byte > 0x20 && byte < 0x7F
        }
    }

    private static func isUnreserved(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
            UInt8(ascii: "~"):
            true
        default:
            false
        }
    }

    private static func appendEscape(_ byte: UInt8, to out: inout [UInt8]) {
        let digits: StaticString = "0123456789ABCDEF"
        out.append(UInt8(ascii: "%"))
        unsafe out.append(digits.utf8Start[Int(byte >> 4)])
        unsafe out.append(digits.utf8Start[Int(byte & 15)])
    }

    private static func hexValue(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
        case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
        default: nil
        }
    }
}
