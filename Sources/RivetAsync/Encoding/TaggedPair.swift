// SPDX-License-Identifier: Apache-2.0

/// An array of two whose first element is text starting with `$` (PROTOCOL j4): what JavaScript has and JSON has not.
package struct TaggedPair {
    package enum Kind: Sendable {
        case bigInt, bytes, undefined, set
        /// `["$$…", x]` is the array `["$…", x]`.
        case escaped
    }
    package var kind: Kind
    /// Where the second element starts, and where the pair is over.
    package var second: Int, end: Int
}

/// The digits a `$BigInt` may have (B230): many more than 128 bits need.
let maxBigIntDigits = 1_024

extension ItemReader {
    /// The pair that is next, if the array there is one; reads nothing.
    package mutating func peekPair() throws(CodingError) -> TaggedPair? {
        guard hasPairs else { return nil }
        let start = position
        var remaining = try beginArray()
        defer { position = start }
        // Two elements announced, or none announced: JSON and indefinite lengths.
        guard remaining == 2 || remaining < 0, try hasNext(&remaining), try peekKind() == .text else { return nil }
        let tagPosition = position
        let name = try readText()
        guard name.utf8.first == UInt8(ascii: "$"), try hasNext(&remaining) else { return nil }
        _ = try peekKind()  // Steps over blanks.
        let second = position
        try skipItem(depth: 0)
        guard try !hasNext(&remaining) else { return nil }
        let kind: TaggedPair.Kind
        switch name {
        case "$BigInt": kind = .bigInt
        case "$Uint8Array", "$ArrayBuffer": kind = .bytes
        case "$Undefined": kind = .undefined
        case "$Set": kind = .set
        case _ where name.utf8.starts(with: "$$".utf8): kind = .escaped
        // Its name is not told: it may be a text of the user's that begins so.
        default: throw CodingError(.unknownCompatTag, at: tagPosition, found: "an unknown tag")
        }
        return TaggedPair(kind: kind, second: second, end: position)
    }

    /// Reads `["$Undefined", …]` if it is next.
    mutating func readUndefinedPair() throws(CodingError) -> Bool {
        guard let pair = try peekPair(), pair.kind == .undefined else { return false }
        position = pair.end
        return true
    }

    /// Reads `["$BigInt", "…"]`; nil if the number does not fit.
    mutating func readBigIntPair<T: FixedWidthInteger>(as _: T.Type) throws(CodingError) -> T? {
        let digits = try readBigIntDigits(wanted: "\(T.self)")
        return unsafe withUTF8(of: digits) { unsafe T(decimal: $0) }
    }

    /// The digits of `["$BigInt", "…"]`, checked.
    mutating func readBigIntDigits(wanted: String) throws(CodingError) -> String {
        let start = position
        guard let pair = try peekPair(), pair.kind == .bigInt else {
            throw CodingError(.typeMismatch, at: start, wanted: wanted)
        }
        position = pair.second
        guard try peekKind() == .text else { throw CodingError(.invalidCompatValue, at: start, wanted: "digits") }
        let text = try readText()
        guard text.utf8.count <= maxBigIntDigits else {
            throw CodingError(.integerOverflow, at: start, wanted: "at most \(maxBigIntDigits) digits")
        }
        guard isDecimalInteger(text) else { throw CodingError(.invalidCompatValue, at: start, wanted: "digits") }
        position = pair.end
        return text
    }

    /// Bytes as a pair, or as an array of small integers, which is what Rust's serde makes of a plain `Vec<u8>`.
    mutating func readBytesOfArray() throws(CodingError) -> [UInt8] {
        let start = position
        if let pair = try peekPair(), pair.kind != .escaped {
            guard pair.kind == .bytes else { throw CodingError(.typeMismatch, at: start, wanted: "bytes") }
            position = pair.second
            guard try peekKind() == .text else {
                throw CodingError(.invalidCompatValue, at: start, wanted: "Base64")
            }
            let bytes = try readBase64()
            position = pair.end
            return bytes
        }
        var bytes: [UInt8] = []
        var remaining = try beginArray()
        while try hasNext(&remaining) { bytes.append(try readInteger(as: UInt8.self)) }
        return bytes
    }
}

extension ItemReader {
    /// Bytes as Base64 text (RFC 4648 §4).
    mutating func readBase64() throws(CodingError) -> [UInt8] {
        let start = position
        guard let bytes = Base64.decode(try readText().utf8) else {
            throw CodingError(.invalidCompatValue, at: start, wanted: "Base64")
        }
        return bytes
    }
}

extension String {
    /// Without the `$` in front, which may be one character together with a mark behind it.
    var withoutDollar: String { String(Substring(utf8.dropFirst())) }
}

/// An optional minus sign and at least one digit.
func isDecimalInteger(_ text: String) -> Bool {
    let digits = text.utf8.first == UInt8(ascii: "-") ? text.utf8.dropFirst() : text.utf8[...]
    return !digits.isEmpty && digits.allSatisfy { $0 &- 48 < 10 }
}

extension FixedWidthInteger {
    /// The number that checked decimal `digits` stand for, or nil if it does not fit.
    init?(decimal digits: UnsafeRawBufferPointer) {
        let negative = unsafe digits.first == UInt8(ascii: "-")
        var value: Self = 0
        for index in (negative ? 1 : 0)..<digits.count {
            let (shifted, overflowed) = value.multipliedReportingOverflow(by: 10)
            let digit = unsafe Self(truncatingIfNeeded: digits[index] &- 48)
            let (next, overflowedToo) =
                negative ? shifted.subtractingReportingOverflow(digit) : shifted.addingReportingOverflow(digit)
            if overflowed || overflowedToo { return nil }
            value = next
        }
        self = value
    }
}
