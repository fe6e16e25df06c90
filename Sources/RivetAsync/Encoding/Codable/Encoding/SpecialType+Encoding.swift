// SPDX-License-Identifier: Apache-2.0

extension ValueOutput {
    func writeSpecial<T: Encodable>(_ value: T, _ special: SpecialType) throws {
        switch special {
        case .string: write(same(value, as: String.self))
        case .int: write(integer: same(value, as: Int.self))
        case .double: try write(same(value, as: Double.self))
        case .bool: write(same(value, as: Bool.self))
        case .bytes: unsafe same(value, as: [UInt8].self).withUnsafeBytes { unsafe write(bytes: $0) }
        case .chunk: same(value, as: ByteChunk.self).withUnsafeBytes { unsafe write(bytes: $0) }
        case .untyped: try write(same(value, as: RivetValue.self))
        case .data:
            guard let bytes = value as? any Sequence<UInt8> else { return try writeScope { try value.encode(to: $0) } }
            write(bytesOf: bytes)
        case .date:
            let seconds = try ownForm(of: value, Double.self)
            try write(secondsSince1970: seconds + secondsFrom1970To2001)
        case .url:
            let form = try ownForm(of: value, [String: String].self)
            guard let text = form["relative"], form.count == 1 else {
                throw CodingError(.notRepresentable, at: -1, wanted: "an absolute URL", found: "one with a base")
            }
            write(text)
        case .duration:
            guard same(value, as: Duration.self).hasSeconds else {
                throw CodingError(.notRepresentable, at: -1, wanted: "seconds in 64 bits", found: "a longer duration")
            }
            try writeScope { try value.encode(to: $0) }
        case .decimal:
            let form = try ownForm(of: value, DecimalNumber.OwnForm.self)
            guard !form.isNaN else {
                throw CodingError(.notRepresentable, at: -1, wanted: "a finite number", found: "NaN")
            }
            let number = DecimalNumber(form: form)
            // A number where the number is exact, else text: no digit is lost.
            if format == .plainJSON {
                buffer.append(utf8: number.plainText)
            } else if let integer = number.integer {
                write(integer: integer)
            } else if let double = number.double {
                try write(double)
            } else {
                write(number.plainText)
            }
        }
    }

    private func write(bytesOf sequence: some Sequence<UInt8>) {
        func write(_ bytes: UnsafeRawBufferPointer) {
            if format == .plainJSON { unsafe self.write(Base64.encode(bytes)) } else { unsafe self.write(bytes: bytes) }
        }
        let done: Void? = sequence.withContiguousStorageIfAvailable { unsafe write(UnsafeRawBufferPointer($0)) }
        if done == nil { unsafe Array(sequence).withUnsafeBytes { unsafe write($0) } }
    }

    /// What a type of Foundation's writes by itself, read as `Form`.
    private func ownForm<T: Encodable, Form: Decodable>(of value: T, _: Form.Type) throws -> Form {
        let bytes = try EncodingSession.encode(.nativeCBOR, options: .init()) { output in
            try output.writeScope { try value.encode(to: $0) }
        }
        return try DecodingSession.decode(bytes, .cbor) { (root) throws in try Form(from: root) }
    }
}
