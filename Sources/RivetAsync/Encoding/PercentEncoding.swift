// SPDX-License-Identifier: Apache-2.0

/// Percent-encoding as both ends of the protocol use it (PROTOCOL c0): one encoder for names, keys, tokens, ids.
package enum PercentEncoding {
    /// Keeps `A–Z a–z 0–9 - . _ ~`; every other byte becomes `%XX`, hex digits in upper case.
    package static func encode(_ text: String) -> String {
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
        return String(validating: out, as: UTF8.self)
    }

    /// Encodes only the bytes that no request target can hold: controls, blanks and everything beyond ASCII.
    package static func encodeUnsendable(_ target: some StringProtocol) -> String {
        if target.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) { return String(target) }
        var out: [UInt8] = []
        for byte in target.utf8 {
            if byte > 0x20 && byte < 0x7F { out.append(byte) } else { appendEscape(byte, to: &out) }
        }
        return String(decoding: out, as: UTF8.self)
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
        out.append(digits.utf8Start[Int(byte >> 4)])
        out.append(digits.utf8Start[Int(byte & 15)])
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
