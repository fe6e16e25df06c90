// SPDX-License-Identifier: Apache-2.0

/// The largest integer up to which a JavaScript number is exact.
private let maxSafeInteger: Int64 = (1 << 53) - 1

extension ValueOutput {
    func writeNull() {
        if format.isJSON { buffer.appendJSONNull() } else { buffer.appendCBORNull() }
    }

    func write(_ value: Bool) {
        if format.isJSON { buffer.appendJSON(value) } else { buffer.appendCBOR(value) }
    }

    @inline(__always)
    func write(_ value: String) {
        if format.isJSON { buffer.appendJSON(value) } else { buffer.appendCBOR(value) }
    }

    func write(_ value: Double) throws {
        guard format.isJSON else { return buffer.appendCBOR(value) }
        try writeJSON(value)
    }

    func write(_ value: Float) throws {
        guard format.isJSON else { return buffer.appendCBOR(Double(value)) }
        try writeJSON(value)
    }

    private func writeJSON(_ value: some BinaryFloatingPoint & LosslessStringConvertible) throws {
        // JSON has no form for these, and null would be another value (PROTOCOL j5).
        guard value.isFinite else {
            if options.notFiniteAsNull { return writeNull() }
            throw CodingError(.notRepresentable, at: -1, wanted: "a finite number", found: "NaN or infinity")
        }
        buffer.append(utf8: value.description)
    }

    @inline(__always)
    func write<T: FixedWidthInteger>(integer value: T) {
        if !format.isJSON, !options.javaScriptNumbers, let value = Int64(exactly: value) {
            return buffer.appendCBOR(value)
        }
        writeOdd(integer: value)
    }

    private func writeOdd<T: FixedWidthInteger>(integer value: T) {
        let isSafe = value.magnitude <= T.Magnitude(clamping: maxSafeInteger)
        if options.javaScriptNumbers, isSafe, let value = Int64(exactly: value),
            !(-0x1_0000_0000..<0x1_0000_0000).contains(value)
        {
            if !format.isJSON { return buffer.appendCBOR(Double(value)) }
            // With a point the server takes it for a float, too.
            buffer.appendJSON(digits: value)
            return buffer.append(".0")
        }
        switch format {
        case .json where isSafe, .plainJSON:
            buffer.appendJSON(digits: value)
        case .json:
            noteInnerContainer()
            buffer.appendJSONBigInt(value)
        case .cbor, .nativeCBOR:
            if let value = Int64(exactly: value) {
                buffer.appendCBOR(value)
            } else if let value = UInt64(exactly: value) {
                buffer.appendCBOR(value)
            } else if format == .cbor {
                // The server's JSON holds 64 bits (PROTOCOL e1).
                writePair("$BigInt", value.description)
            } else {
                writeBigNumber(value)
            }
        }
    }

    /// Tags 2 and 3 (RFC 8949 §3.4.3), below 2^64 the plain head.
    private func writeBigNumber<T: FixedWidthInteger>(_ value: T) {
        let isNegative = value < 0
        let magnitude = UInt128(isNegative ? T.Magnitude(~value) : value.magnitude)
        if let small = UInt64(exactly: magnitude) { return buffer.appendCBORHead(major: isNegative ? 1 : 0, small) }
        let high = UInt64(truncatingIfNeeded: magnitude >> 64)
        let highCount = 8 - high.leadingZeroBitCount / 8
        buffer.append(isNegative ? 0xc3 : 0xc2)
        buffer.append(0x40 | UInt8(8 + highCount))
        buffer.append(bigEndian: high, count: highCount)
        buffer.append(bigEndian: UInt64(truncatingIfNeeded: magnitude), count: 8)
    }

    /// A tagged pair of two texts.
    func writePair(_ tag: String, _ text: String) {
        noteInnerContainer()
        if format.isJSON {
            buffer.append(UInt8(ascii: "["))
            buffer.appendJSON(tag)
            buffer.append(UInt8(ascii: ","))
            buffer.appendJSON(text)
            buffer.append(UInt8(ascii: "]"))
        } else {
            buffer.append(0x82)
            buffer.appendCBOR(tag)
            buffer.appendCBOR(text)
        }
    }

    func write(bytes: UnsafeRawBufferPointer) {
        switch format {
        case .nativeCBOR: unsafe buffer.appendCBOR(bytes: bytes)
        case .json, .cbor: unsafe writePair("$Uint8Array", Base64.encode(bytes))
        case .plainJSON:
            noteInnerContainer()
            buffer.append(UInt8(ascii: "["))
            for index in 0..<bytes.count {
                if index > 0 { buffer.append(UInt8(ascii: ",")) }
                unsafe buffer.appendJSON(digits: bytes[index])
            }
            buffer.append(UInt8(ascii: "]"))
        }
    }

    /// JavaScript's `undefined`, which JSON has not.
    func writeUndefined() {
        switch format {
        case .plainJSON: writeNull()
        case .json:
            noteInnerContainer()
            buffer.append("[\"$Undefined\",0]")
        case .cbor, .nativeCBOR:
            noteInnerContainer()
            buffer.append(0x82)
            buffer.appendCBOR("$Undefined")
            buffer.append(0)
        }
    }

    /// A moment, by the rules of PROTOCOL j4.
    func write(secondsSince1970 seconds: Double) throws {
        if format == .nativeCBOR, abs(seconds) <= DateText.maxSeconds {
            buffer.append(0xc1)
            return buffer.appendCBOR(seconds)
        }
        guard let text = DateText.write(secondsSince1970: seconds) else {
            throw CodingError(.notRepresentable, at: -1, wanted: "a date in JavaScript's range", found: "one beyond")
        }
        write(text)
    }
}
