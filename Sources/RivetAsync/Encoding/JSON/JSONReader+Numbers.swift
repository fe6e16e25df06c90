// SPDX-License-Identifier: Apache-2.0

extension JSONReader {
    /// A number's parts: `digits` without sign, point and exponent, as far as they fit.
    ///
    /// `@safe`: as its reader.
    @safe struct Number {
        var bytes: UnsafeRawBufferPointer
        var isNegative = false
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
        var number = unsafe Number(bytes: UnsafeRawBufferPointer(start: base, count: 0))
        number.isNegative = try peek() == UInt8(ascii: "-")
        if number.isNegative { position &+= 1 }
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
            var exponent = unsafe Number(bytes: number.bytes)
            guard scanDigits(&exponent) > 0 else { throw malformed() }
            // No document has so many digits that they could make up for a larger one.
            let value = exponent.isExact ? Int(min(exponent.significand, 1 << 40)) : 1 << 40
            number.exponent = number.exponent &+ (sign == UInt8(ascii: "-") ? -value : value)
        }
        unsafe number.bytes = bytes(start, position &- start)
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
        let value: T?
        if number.isExact, number.exponent == 0 {
            value = number.isNegative ? T(exactly: -Int128(number.significand)) : T(exactly: number.significand)
        } else if number.isInteger {
            value = unsafe T(decimal: number.bytes)
        } else {
            switch number.whole {
            case .number(let magnitude): value = number.isNegative ? T(negative: magnitude) : T(exactly: magnitude)
            case .tooLarge: value = nil
            case .fraction: throw CodingError(.typeMismatch, at: start, wanted: "\(T.self)")
            }
        }
        guard let value else { throw CodingError(.integerOverflow, at: start, wanted: "\(T.self)") }
        return value
    }

    package mutating func readDouble() throws(CodingError) -> Double {
        let first = try peek()
        let start = position
        guard first == UInt8(ascii: "-") || first &- 0x30 < 10 else { return try readFloatingPair("Double") }
        let value = try scanNumber().double
        guard value.isFinite else { throw CodingError(.integerOverflow, at: start, wanted: "Double") }
        return value
    }

    package mutating func readFloat() throws(CodingError) -> Float {
        let first = try peek()
        let start = position
        guard first == UInt8(ascii: "-") || first &- 0x30 < 10 else { return try readFloatingPair("Float") }
        let value = try scanNumber().float
        guard value.isFinite else { throw CodingError(.integerOverflow, at: start, wanted: "Float") }
        return value
    }

    /// The value nearest to `["$BigInt", "…"]`.
    private mutating func readFloatingPair<F: BinaryFloatingPoint & LosslessStringConvertible>(
        _ wanted: String
    ) throws(CodingError) -> F {
        let start = position
        guard try peek() == UInt8(ascii: "["), let digits = try? readBigIntDigits(wanted: wanted) else {
            throw CodingError(.typeMismatch, at: start, wanted: wanted)
        }
        guard let value = F(digits), value.isFinite else {
            throw CodingError(.integerOverflow, at: start, wanted: wanted)
        }
        return value
    }
}

extension JSONReader.Number {
    /// The nearest one; infinite beyond its range.
    func parsed<F: BinaryFloatingPoint & LosslessStringConvertible>() -> F {
        unsafe F(String(decoding: bytes, as: UTF8.self)) ?? .infinity
    }

    /// What digits with a point or an exponent are as a whole number; told by the digits, since a Double has too few.
    enum Whole {
        case number(magnitude: UInt128)
        case fraction, tooLarge
    }

    var whole: Whole {
        var magnitude: UInt128 = 0
        // Zeros are held back until another digit follows: behind the last one they are a matter of the exponent.
        var zeros = 0
        var exponent = exponent
        var isFull = false
        if isExact {
            magnitude = UInt128(significand)
        } else {
            let bytes = unsafe bytes
            for index in 0..<bytes.count {
                let byte = unsafe bytes[index]
                guard byte | 0x20 != UInt8(ascii: "e") else { break }
                guard byte &- 0x30 < 10 else { continue }
                if byte == UInt8(ascii: "0") {
                    zeros &+= magnitude == 0 ? 0 : 1
                } else if !isFull {
                    isFull = !magnitude.append(digit: byte &- 0x30, behind: zeros)
                    zeros = 0
                } else {
                    zeros = 0
                }
            }
            exponent &+= zeros
        }
        if magnitude == 0 { return .number(magnitude: 0) }
        if isFull { return exponent < 0 ? .fraction : .tooLarge }
        while exponent < 0 {
            let (quotient, rest) = magnitude.quotientAndRemainder(dividingBy: 10)
            guard rest == 0 else { return .fraction }
            magnitude = quotient
            exponent &+= 1
        }
        guard magnitude.append(digit: 0, behind: exponent &- 1) else { return .tooLarge }
        return .number(magnitude: magnitude)
    }
}

extension UInt128 {
    /// Appends so many zeros and a digit; false, and something else stands there, if they do not fit.
    fileprivate mutating func append(digit: UInt8, behind zeros: Int) -> Bool {
        guard zeros < 39 || self == 0 else { return false }
        for step in 0..<(self == 0 ? 1 : zeros &+ 1) {
            let (shifted, overflowed) = multipliedReportingOverflow(by: 10)
            let (sum, overflowedToo) = shifted.addingReportingOverflow(step == zeros ? UInt128(digit) : 0)
            if overflowed || overflowedToo { return false }
            self = sum
        }
        return true
    }
}

extension FixedWidthInteger {
    fileprivate init?(negative magnitude: UInt128) {
        guard magnitude <= UInt128(1) << 127 else { return nil }
        self.init(exactly: Int128(truncatingIfNeeded: 0 &- magnitude))
    }
}
