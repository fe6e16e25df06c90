// SPDX-License-Identifier: Apache-2.0

extension JSONReader {
    /// A number's parts: `digits` without sign, point and exponent, as far as they fit.
    struct Number {
        var bytes: UnsafeRawBufferPointer
        var isInteger = true
        /// The first digits as a number, while it is exact.
        var significand: UInt64 = 0
        var isExact = true
        /// The power of ten that `significand` is to be multiplied by.
        var exponent = 0
    }

    /// Steps over a number (RFC 8259 §6).
    mutating func scanNumber() throws(CodingError) -> Number {
        let start = position
        var number = Number(bytes: UnsafeRawBufferPointer(start: base, count: 0))
        if try peek() == UInt8(ascii: "-") { position &+= 1 }
        let firstDigit = byte(at: position)
        let digits = scanDigits(&number)
        guard digits == 1 || (digits > 1 && firstDigit != UInt8(ascii: "0")) else { throw malformed() }
        if byte(at: position) == UInt8(ascii: ".") {
            position &+= 1
            number.isInteger = false
            let decimals = scanDigits(&number)
            guard decimals > 0 else { throw malformed() }
            number.exponent = -decimals
        }
        if let mark = byte(at: position), mark | 0x20 == UInt8(ascii: "e") {
            position &+= 1
            number.isInteger = false
            let sign = byte(at: position)
            if sign == UInt8(ascii: "+") || sign == UInt8(ascii: "-") { position &+= 1 }
            var exponent = Number(bytes: number.bytes)
            guard scanDigits(&exponent) > 0 else { throw malformed() }
            let value = exponent.isExact && exponent.significand < 100_000 ? Int(exponent.significand) : 100_000
            number.exponent = number.exponent &+ (sign == UInt8(ascii: "-") ? -value : value)
        }
        number.bytes = UnsafeRawBufferPointer(start: base + start, count: position &- start)
        return number
    }

    @inline(__always)
    private mutating func scanDigits(_ number: inout Number) -> Int {
        let start = position
        while let byte = byte(at: position), byte &- 0x30 < 10 {
            let (shifted, overflowed) = number.significand.multipliedReportingOverflow(by: 10)
            let (value, overflowedToo) = shifted.addingReportingOverflow(UInt64(byte &- 0x30))
            if overflowed || overflowedToo { number.isExact = false }
            number.significand = value
            position &+= 1
        }
        return position &- start
    }

    package mutating func readInteger<T: FixedWidthInteger>(as _: T.Type) throws(CodingError) -> T {
        let first = try peek()
        let start = position
        guard first == UInt8(ascii: "-") || first &- 0x30 < 10 else {
            guard first == UInt8(ascii: "[") else {
                throw CodingError(.typeMismatch, at: start, wanted: "\(T.self)")
            }
            guard let value = try readBigIntPair(as: T.self) else {
                throw CodingError(.integerOverflow, at: start, wanted: "\(T.self)")
            }
            return value
        }
        let number = try scanNumber()
        let isNegative = first == UInt8(ascii: "-")
        let value: T?
        if !number.isInteger {
            let double = number.double(isNegative: isNegative)
            guard double.rounded(.towardZero) == double else {
                throw CodingError(.typeMismatch, at: start, wanted: "\(T.self)")
            }
            value = T(exactly: double)
        } else if number.isExact {
            value = isNegative ? T(exactly: -Int128(number.significand)) : T(exactly: number.significand)
        } else {
            value = T(decimal: number.bytes)
        }
        guard let value else { throw CodingError(.integerOverflow, at: start, wanted: "\(T.self)") }
        return value
    }

    package mutating func readDouble() throws(CodingError) -> Double {
        let first = try peek()
        let start = position
        guard first == UInt8(ascii: "-") || first &- 0x30 < 10 else {
            guard first == UInt8(ascii: "["), let integer = try? readInteger(as: Int128.self) else {
                throw CodingError(.typeMismatch, at: start, wanted: "Double")
            }
            guard let value = Double(exactly: integer) else {
                throw CodingError(.integerOverflow, at: start, wanted: "Double")
            }
            return value
        }
        let number = try scanNumber()
        let value = number.double(isNegative: first == UInt8(ascii: "-"))
        // A 64-bit integer is one for the server too: it is read exactly or not at all (B118).
        let isInexact = number.isInteger && number.isExact && Double(exactly: number.significand) == nil
        guard value.isFinite, !isInexact else { throw CodingError(.integerOverflow, at: start, wanted: "Double") }
        return value
    }
}

extension JSONReader.Number {
    /// The nearest Double; infinite beyond its range.
    func double(isNegative: Bool) -> Double {
        // Up to 2^53 and 10^22 both factors are exact, so one rounding makes the nearest Double.
        if isExact, significand <= 1 << 53, abs(exponent) <= 22 {
            let power = powersOfTen[abs(exponent)]
            let magnitude = exponent < 0 ? Double(significand) / power : Double(significand) * power
            return isNegative ? -magnitude : magnitude
        }
        return Double(String(decoding: bytes, as: UTF8.self)) ?? .infinity
    }
}

private let powersOfTen: [Double] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20,
    1e21, 1e22,
]
