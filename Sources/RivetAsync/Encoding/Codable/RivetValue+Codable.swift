// SPDX-License-Identifier: Apache-2.0

extension ValueOutput {
    func write(_ value: RivetValue) throws {
        switch value {
        case .null: writeNull()
        case .undefined: writeUndefined()
        case .bool(let value): write(value)
        case .integer(let value): write(integer: value)
        case .bigInteger(let digits): try write(digits: digits)
        case .double(let value): try write(value)
        case .string(let value): write(value)
        case .bytes(let value): unsafe value.withUnsafeBytes { unsafe write(bytes: $0) }
        case .array(let elements):
            try writeArray { for element in elements { try writeElement(element) } }
        case .map(let members):
            try writeScope { encoder in
                open(.map, encoder.id)
                for member in members {
                    // Where the server's JSON is not in between, a key may be anything.
                    let key = format == .nativeCBOR ? nil : try Self.key(member.key)
                    try add(encoder.id, key: key) {
                        if key == nil { try write(member.key) }
                        try write(member.value)
                    }
                }
            }
        case .tag(let tag, let content): try write(tag: tag, content)
        case .simple(let number):
            guard format == .nativeCBOR, number < 20 || number >= 32 else {
                throw CodingError(.notRepresentable, at: -1, found: "a simple value")
            }
            buffer.appendCBORHead(major: 7, UInt64(number))
        }
    }

    private func write(digits: String) throws {
        guard digits.utf8.count <= maxBigIntDigits, isDecimalInteger(digits) else {
            throw CodingError(.notRepresentable, at: -1, wanted: "at most \(maxBigIntDigits) digits")
        }
        if let value = Int128(digits) {
            write(integer: value)
        } else if format == .plainJSON {
            buffer.append(utf8: RivetValue.canonical(digits))
        } else {
            writePair("$BigInt", digits)
        }
    }

    private func write(tag: UInt64, _ content: RivetValue) throws {
        guard format == .nativeCBOR else {
            // Only dates have another form where tags are refused (PROTOCOL j4).
            switch (tag, content) {
            case (1, .integer(let seconds)): return try write(secondsSince1970: Double(seconds))
            case (1, .double(let seconds)): return try write(secondsSince1970: seconds)
            case (0, .string(let text)): return write(text)
            default: throw CodingError(.notRepresentable, at: -1, found: "tag \(tag)")
            }
        }
        try writeScope { encoder in
            buffer.appendCBORHead(major: 6, tag)
            open(.tag, encoder.id)
            try write(content)
        }
    }

    private static func key(_ key: RivetValue) throws -> String {
        switch key {
        case .string(let text): return text
        case .integer(let number): return String(number)
        case .bigInteger(let digits): return digits
        case .bool(let value): return value ? "true" : "false"
        default: throw CodingError(.notRepresentable, at: -1, wanted: "a text key")
        }
    }
}

extension RivetValue: Codable {
    /// Reads any value.
    ///
    /// From a decoder of another library it takes what that one can tell.
    public init(from decoder: any Decoder) throws {
        if let ours = decoder as? ValueDecoder {
            self = try ours.untyped()
        } else if let container = try? decoder.container(keyedBy: AnyKey.self) {
            self = .map(
                try container.allKeys.map {
                    Member(.string($0.stringValue), try container.decode(RivetValue.self, forKey: $0))
                }
            )
        } else if var container = try? decoder.unkeyedContainer() {
            var elements: [RivetValue] = []
            while !container.isAtEnd { elements.append(try container.decode(RivetValue.self)) }
            self = .array(elements)
        } else {
            let container = try decoder.singleValueContainer()
            if container.decodeNil() {
                self = .null
            } else if let value = try? container.decode(Bool.self) {
                self = .bool(value)
            } else if let value = try? container.decode(Int.self) {
                self = .integer(value)
            } else if let value = try? container.decode(Double.self) {
                self = .double(value)
            } else {
                self = .string(try container.decode(String.self))
            }
        }
    }

    /// Writes any value.
    ///
    /// To an encoder of another library: tags by their content, `undefined` as null.
    public func encode(to encoder: any Encoder) throws {
        if let ours = encoder as? ValueEncoder {
            return try ours.output.single(ours.id) { try ours.output.write(self) }
        }
        switch self {
        case .array(let elements):
            var container = encoder.unkeyedContainer()
            for element in elements { try container.encode(element) }
        case .map(let members):
            var container = encoder.container(keyedBy: AnyKey.self)
            for member in members {
                guard case .string(let name) = member.key else { continue }
                try container.encode(member.value, forKey: AnyKey(stringValue: name))
            }
        default:
            var container = encoder.singleValueContainer()
            switch self {
            case .bool(let value): try container.encode(value)
            case .integer(let value): try container.encode(value)
            case .bigInteger(let value), .string(let value): try container.encode(value)
            case .double(let value): try container.encode(value)
            case .bytes(let value): try container.encode(value)
            case .tag(_, let content): try container.encode(content)
            default: try container.encodeNil()
            }
        }
    }

    private struct AnyKey: CodingKey {
        let stringValue: String
        var intValue: Int? { nil }
        init(stringValue: String) { self.stringValue = stringValue }
        init?(intValue: Int) { nil }
    }
}
