// SPDX-License-Identifier: Apache-2.0

/// A decimal fraction as Foundation's `Decimal` has it: at most 38 digits and a power of ten in a byte.
struct DecimalNumber {
    var isNegative = false
    var magnitude: UInt128 = 0
    var exponent = 0

    /// What `Decimal` itself writes: its magnitude in words of 16 bits, the lowest first.
    init(form: OwnForm) {
        isNegative = form.isNegative
        exponent = form.exponent
        for word in form.mantissa.prefix(min(form.length, 8)).reversed() { magnitude = magnitude << 16 | UInt128(word) }
    }

    /// As read from somebody else: nil if `Decimal` never makes it.
    init?(checking form: OwnForm) {
        guard (-128...127).contains(form.exponent), (0...8).contains(form.length), form.mantissa.count <= 8,
            form.length > 0 || !form.isNegative
        else { return nil }
        self.init(form: form)
    }

    struct OwnForm: Decodable {
        var exponent: Int, length: Int, isNegative: Bool, mantissa: [UInt16]
        var isNaN: Bool { length == 0 && isNegative }
    }

    /// Digits with or without sign, point and exponent; nil if they are none or too many.
    init?(_ text: String) {
        var rest = Substring(text)
        isNegative = rest.first == "-"
        if isNegative { rest.removeFirst() }
        let parts = rest.split(maxSplits: 1, omittingEmptySubsequences: false) { $0 == "e" || $0 == "E" }
        if parts.count == 2 {
            // No text has so many digits that they could make up for a larger one.
            guard let power = Self.power(parts[1].utf8) else { return nil }
            exponent = power
        }
        var isFraction = false, isEmpty = true, isFull = false
        for byte in parts[0].utf8 {
            if byte == UInt8(ascii: "."), !isFraction {
                isFraction = true
                continue
            }
            guard byte &- 0x30 < 10 else { return nil }
            isEmpty = false
            let (shifted, overflowed) = magnitude.multipliedReportingOverflow(by: 10)
            let (sum, overflowedToo) = shifted.addingReportingOverflow(UInt128(byte &- 0x30))
            if isFull || overflowed || overflowedToo {
                // Zeros at the end are a matter of the exponent.
                guard byte == UInt8(ascii: "0") else { return nil }
                isFull = true
                if !isFraction { exponent += 1 }
            } else {
                magnitude = sum
                if isFraction { exponent -= 1 }
            }
        }
        guard !isEmpty else { return nil }
        normalize()
        guard (-128...127).contains(exponent) else { return nil }
    }

    /// An exponent; a very large one is another one, as large.
    private static func power(_ text: Substring.UTF8View) -> Int? {
        let digits = text.first == UInt8(ascii: "-") || text.first == UInt8(ascii: "+") ? text.dropFirst() : text
        guard !digits.isEmpty else { return nil }
        var power = 0
        for digit in digits {
            guard digit &- 0x30 < 10 else { return nil }
            power = min(power * 10 + Int(digit &- 0x30), 1 << 40)
        }
        return text.first == UInt8(ascii: "-") ? -power : power
    }

    /// Takes zeros off the end, and puts them back where the exponent would not fit.
    private mutating func normalize() {
        guard magnitude > 0 else {
            (exponent, isNegative) = (0, false)
            return
        }
        while magnitude % 10 == 0 {
            magnitude /= 10
            exponent += 1
        }
        while exponent > 127, magnitude <= UInt128.max / 10 {
            magnitude *= 10
            exponent -= 1
        }
    }

    /// As `Decimal` reads it.
    func append(to form: inout [UInt8]) {
        let words = (0..<8).map { UInt64(truncatingIfNeeded: magnitude >> UInt128($0 * 16)) & 0xffff }
        form.appendCBORMapHead(5)
        form.appendCBOR("exponent")
        form.appendCBOR(Int64(exponent))
        form.appendCBOR("length")
        form.appendCBOR(UInt64((words.lastIndex { $0 != 0 } ?? -1) + 1))
        form.appendCBOR("isNegative")
        form.appendCBOR(isNegative && magnitude > 0)
        form.appendCBOR("isCompact")
        form.appendCBOR(true)
        form.appendCBOR("mantissa")
        form.appendCBORArrayHead(8)
        for word in words { form.appendCBOR(word) }
    }

    /// The whole number it is, if it is one.
    var integer: Int128? {
        var number = self
        number.normalize()
        guard (0...38).contains(number.exponent), var value = Int128(exactly: number.magnitude) else { return nil }
        for _ in 0..<number.exponent {
            let (shifted, overflowed) = value.multipliedReportingOverflow(by: 10)
            if overflowed { return nil }
            value = shifted
        }
        return isNegative ? -value : value
    }

    /// The Double from which the same digits are read again, if there is one.
    var double: Double? {
        guard let value = Double(text), let back = DecimalNumber(value.description) else { return nil }
        var number = self
        number.normalize()
        return back.magnitude == number.magnitude && back.exponent == number.exponent ? value : nil
    }

    var text: String { "\(isNegative ? "-" : "")\(magnitude)e\(exponent)" }

    /// All the digits, without an exponent.
    var plainText: String {
        let digits = String(magnitude)
        let sign = isNegative ? "-" : ""
        if exponent >= 0 { return sign + digits + String(repeating: "0", count: exponent) }
        let padded = String(repeating: "0", count: max(0, 1 - exponent - digits.count)) + digits
        return sign + padded.dropLast(-exponent) + "." + padded.suffix(-exponent)
    }
}
