// SPDX-License-Identifier: Apache-2.0

extension CBORReader {
    package mutating func readBool() throws(CodingError) -> Bool {
        let start = position
        if try peek() >> 5 == 6 { _ = try readTags() }
        switch try peek() {
        case 0xf4:
            position &+= 1
            return false
        case 0xf5:
            position &+= 1
            return true
        default: throw CodingError(.typeMismatch, at: start, wanted: "a boolean")
        }
    }

    package mutating func readNil() throws(CodingError) -> Bool {
        switch try peek() {
        case 0xf6, 0xf7:
            position &+= 1
            return true
        case 0x80...0x9f:
            return try readUndefinedPair()
        default:
            return false
        }
    }

    @inline(__always)
    package mutating func readInteger<T: FixedWidthInteger>(as _: T.Type) throws(CodingError) -> T {
        let start = position
        let initial = try peek()
        guard initial >> 5 <= 1 else { return try readOddInteger() }
        let head = try readHead()
        let value = head.major == 0 ? T(exactly: head.argument) : T(exactly: -1 - Int128(head.argument))
        guard let value else { throw CodingError(.integerOverflow, at: start, wanted: "\(T.self)") }
        return value
    }

    /// An integer in another form than an integer head (B113, B116, B117).
    private mutating func readOddInteger<T: FixedWidthInteger>() throws(CodingError) -> T {
        let start = position
        let tag = try readTags()
        let value: T?
        switch try peekKind() {
        case .integer:
            return try readInteger(as: T.self)
        case .float:
            let number = try readDouble()
            guard number.rounded(.towardZero) == number else {
                throw CodingError(.typeMismatch, at: start, wanted: "\(T.self)")
            }
            value = T(exactly: number)
        case .bytes where tag == 2 || tag == 3:
            value = try readBigNumber(negative: tag == 3)
        case .array:
            value = try readBigIntPair(as: T.self)
        default:
            throw CodingError(.typeMismatch, at: start, wanted: "\(T.self)")
        }
        guard let value else { throw CodingError(.integerOverflow, at: start, wanted: "\(T.self)") }
        return value
    }

    /// The content of tag 2 or 3 (RFC 8949 §3.4.3); nil if it does not fit.
    mutating func readBigNumber<T: FixedWidthInteger>(negative: Bool) throws(CodingError) -> T? {
        var magnitude: UInt128 = 0
        var fits = true
        try unsafe readChunks(readHead()) { (chunk) throws(CodingError) in
            for index in 0..<chunk.count {
                fits = fits && magnitude >> 120 == 0
                magnitude = unsafe magnitude << 8 | UInt128(chunk[index])
                if !fits { return }
            }
        }
        guard fits else { return nil }
        if !negative { return T(exactly: magnitude) }
        // -1 - magnitude, which only an Int128 down to its minimum can hold.
        guard let below = Int128(exactly: magnitude) else { return nil }
        return T(exactly: -1 - below)
    }

    package mutating func readDouble() throws(CodingError) -> Double {
        let start = position
        if try peek() >> 5 == 6, let tag = try readTags(), tag == 2 || tag == 3 { position = start }
        switch try peek() {
        case 0xf9: return Double(halfPrecision: UInt16(truncatingIfNeeded: try readHead().argument))
        case 0xfa: return Double(Float(bitPattern: UInt32(truncatingIfNeeded: try readHead().argument)))
        case 0xfb: return Double(bitPattern: try readHead().argument)
        default: break
        }
        return try readOddFloating(from: start)
    }

    package mutating func readFloat() throws(CodingError) -> Float {
        let start = position
        if try peek() >> 5 == 6, let tag = try readTags(), tag == 2 || tag == 3 { position = start }
        switch try peekKind() {
        case .float:
            let double = try readDouble()
            let value = Float(double)
            guard value.isFinite || !double.isFinite else {
                throw CodingError(.integerOverflow, at: start, wanted: "Float")
            }
            return value
        default:
            return try readOddFloating(from: start)
        }
    }

    /// What is nearest to an integer, rounded once.
    private mutating func readOddFloating<F: BinaryFloatingPoint & LosslessStringConvertible>(
        from start: Int
    ) throws(CodingError) -> F {
        do throws(CodingError) {
            switch try peekKind() {
            case .integer:
                return F(try readInteger(as: Int128.self))
            case .tag:
                if let value = try readBigNumber(as: F.self), value.isFinite { return value }
            case .array:
                if let value = F(try readBigIntDigits(wanted: "\(F.self)")), value.isFinite { return value }
            default:
                throw CodingError(.typeMismatch, at: start)
            }
        } catch {
            throw CodingError(error.kind, at: start, wanted: "\(F.self)")
        }
        throw CodingError(.integerOverflow, at: start, wanted: "\(F.self)")
    }

    /// A number of tag 2 or 3 that 128 bits hold.
    private mutating func readBigNumber<F: BinaryFloatingPoint>(as _: F.Type) throws(CodingError) -> F? {
        let start = position
        let isNegative = try readTags() == 3
        guard try peekKind() == .bytes else { throw CodingError(.typeMismatch, at: start) }
        if isNegative {
            let value: Int128? = try readBigNumber(negative: true)
            return value.map { F($0) }
        }
        let value: UInt128? = try readBigNumber(negative: false)
        return value.map { F($0) }
    }

    package mutating func readBytes() throws(CodingError) -> [UInt8] {
        let start = position
        let tag = try readTags()
        switch try peekKind() {
        case .bytes where tag != 2 && tag != 3:
            let head = try readHead()
            var bytes: [UInt8] = []
            try unsafe readChunks(head) { (chunk) throws(CodingError) in unsafe bytes.append(contentsOf: chunk) }
            return bytes
        case .array:
            return try readBytesOfArray()
        default:
            throw CodingError(.typeMismatch, at: start, wanted: "bytes")
        }
    }
}

extension Double {
    /// IEEE 754 binary16, which not every platform's Swift has as a type (RFC 8949, appendix D).
    init(halfPrecision bits: UInt16) {
        let exponent = Int(bits >> 10 & 0x1f)
        let mantissa = Double(bits & 0x3ff)
        let magnitude: Double =
            switch exponent {
            case 0: mantissa * 0x1p-24
            case 31: mantissa == 0 ? .infinity : .nan
            default: (mantissa + 1024) * Double(sign: .plus, exponent: exponent - 25, significand: 1)
            }
        self = bits & 0x8000 == 0 ? magnitude : -magnitude
    }
}

extension CBORReader {
    /// The place of a byte string that stands in one piece, or nil, and then nothing is read.
    mutating func readPlainBytes() throws(CodingError) -> Range<Int>? {
        let start = position
        let tag = try readTags()
        guard try peek() >> 5 == 2, tag != 2, tag != 3, try peek() & 31 != 31 else {
            position = start
            return nil
        }
        let head = try readHead()
        try unsafe readChunks(head) { (_) throws(CodingError) in }
        return position &- Int(truncatingIfNeeded: head.argument)..<position
    }
}
