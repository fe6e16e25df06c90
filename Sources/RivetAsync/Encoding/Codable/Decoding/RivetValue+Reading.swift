// SPDX-License-Identifier: Apache-2.0

extension RivetValue {
    /// Reads the next item of a checked document, whose depth is bounded.
    init(_ reader: inout DocumentReader) throws(CodingError) {
        switch try reader.peekKind() {
        case .null:
            _ = try reader.readNil()
            self = .null
        case .undefined:
            _ = try reader.readNil()
            self = .undefined
        case .bool: self = .bool(try reader.readBool())
        case .text: self = .string(try reader.readText())
        case .bytes: self = .bytes(try reader.readBytes())
        case .float: self = .double(try reader.readDouble())
        case .integer: self = try Self.integer(&reader)
        case .array: self = try Self.array(&reader)
        case .map: self = try Self.map(&reader)
        case .tag: self = try Self.tagged(&reader)
        case .simple: self = .simple(try reader.readSimpleValue())
        }
    }

    /// The number in its smallest form.
    init(integer value: some FixedWidthInteger) {
        self = Int(exactly: value).map(RivetValue.integer) ?? .bigInteger(value.description)
    }

    private static func integer(_ reader: inout DocumentReader) throws(CodingError) -> RivetValue {
        let start = reader.position
        if let value = try? reader.readInteger(as: Int.self) { return .integer(value) }
        reader.position = start
        if let value = try? reader.readInteger(as: Int128.self) { return RivetValue(integer: value) }
        // Only JSON has more digits than that.
        reader.position = start
        let digits = try reader.readDigits()
        if digits.utf8.count <= maxBigIntDigits { return .bigInteger(digits) }
        reader.position = start
        return .double(try reader.readDouble())
    }

    private static func array(_ reader: inout DocumentReader) throws(CodingError) -> RivetValue {
        let pair = try reader.peekPair()
        switch pair?.kind {
        case .undefined:
            reader.position = pair?.end ?? reader.position
            return .undefined
        case .bytes:
            return .bytes(try reader.readBytes())
        case .bigInt:
            let digits = try reader.readBigIntDigits(wanted: "an integer")
            return Int(digits).map(RivetValue.integer) ?? .bigInteger(canonical(digits))
        case .set:
            reader.position = pair?.second ?? reader.position
            let set = try RivetValue(&reader)
            guard case .array = set else {
                throw CodingError(.invalidCompatValue, at: pair?.second ?? 0, wanted: "an array")
            }
            reader.position = pair?.end ?? reader.position
            return set
        case .escaped, nil:
            break
        }
        var elements: [RivetValue] = []
        var remaining = try reader.beginArray()
        // The document was checked: as many as are announced are there.
        elements.reserveCapacity(max(remaining, 0))
        while try reader.hasNext(&remaining) { elements.append(try RivetValue(&reader)) }
        if pair != nil, case .string(let text) = elements.first { elements[0] = .string(text.withoutDollar) }
        return .array(elements)
    }

    private static func map(_ reader: inout DocumentReader) throws(CodingError) -> RivetValue {
        var members: [Member] = []
        var remaining = try reader.beginMap()
        members.reserveCapacity(max(remaining, 0))
        while try reader.hasNext(&remaining) {
            let key = try reader.peekKind() == .text ? .string(reader.readKey() ?? "") : RivetValue(&reader)
            members.append(Member(key, try RivetValue(&reader)))
        }
        return .map(members)
    }

    private static func tagged(_ reader: inout DocumentReader) throws(CodingError) -> RivetValue {
        let start = reader.position
        let tag = try reader.readTag()
        switch tag {
        case 2, 3:
            guard try reader.peekKind() == .bytes else { break }
            let content = reader.position
            reader.position = start
            if let value = try? reader.readInteger(as: Int128.self) { return RivetValue(integer: value) }
            reader.position = start
            if let value = try? reader.readInteger(as: UInt128.self) { return RivetValue(integer: value) }
            reader.position = content
        case 64:
            if try reader.peekKind() == .bytes { return try RivetValue(&reader) }
        case 258:
            if try reader.peekKind() == .array { return try RivetValue(&reader) }
        case 259:
            if try reader.peekKind() == .map { return try RivetValue(&reader) }
        case 55799:
            return try RivetValue(&reader)
        default:
            break
        }
        return .tag(tag, try RivetValue(&reader))
    }

    /// Without leading zeros.
    static func canonical(_ digits: String) -> String {
        let isNegative = digits.first == "-"
        let rest = (isNegative ? digits.dropFirst() : digits[...]).drop { $0 == "0" }
        return rest.isEmpty ? "0" : (isNegative ? "-" : "") + rest
    }
}
