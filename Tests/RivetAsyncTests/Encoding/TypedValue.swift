// SPDX-License-Identifier: Apache-2.0
@testable import RivetAsync

/// A raw data item of the vectors (`{"t":…}`), before any tag or pair is interpreted; equal NaNs are equal.
indirect enum TypedValue: Hashable {
    case int(String), float(UInt64), text(String), bytes(String), array([TypedValue]), map([[TypedValue]])
    case tag(String, TypedValue), bool(Bool), null, undefined, simple(Int)

    static func float(_ value: Double) -> TypedValue {
        .float(value.isNaN ? 0x7ff8_0000_0000_0000 : value.bitPattern)
    }

    init?(_ file: FileValue?) {
        guard let file, let kind = file["t"]?.text else { return nil }
        switch kind {
        case "int": self = .int(file["v"]?.text ?? "")
        case "float": self = .float(Double(bitPattern: UInt64(file["bits"]?.text ?? "", radix: 16) ?? 0))
        case "text": self = .text(file["v"]?.text ?? "")
        case "bytes": self = .bytes(file["hex"]?.text ?? "")
        case "array": self = .array((file["v"]?.array ?? []).compactMap(TypedValue.init))
        case "map": self = .map((file["v"]?.array ?? []).map { ($0.array ?? []).compactMap(TypedValue.init) })
        case "tag": self = .tag("\(file["n"]?.int ?? -1)", TypedValue(file["v"]) ?? .null)
        case "bool": self = .bool(file["v"]?.bool ?? false)
        case "null": self = .null
        case "undefined": self = .undefined
        case "simple": self = .simple(file["n"]?.int ?? -1)
        default: return nil
        }
    }

    /// Reads one item with the low-level reader.
    init(_ reader: inout CBORReader) throws(CodingError) {
        let kind = try reader.peekKind()
        switch kind {
        case .null, .undefined:
            _ = try reader.readNil()
            self = kind == .null ? .null : .undefined
        case .bool: self = .bool(try reader.readBool())
        case .integer: self = .int(try reader.readInteger(as: Int128.self).description)
        case .float: self = .float(try reader.readDouble())
        case .text: self = .text(try reader.readText())
        case .bytes: self = .bytes(hex(try reader.readBytes()))
        case .simple: self = .simple(Int(try reader.readHead().argument))
        case .tag: self = .tag("\(try reader.readHead().argument)", try TypedValue(&reader))
        case .array:
            var elements: [TypedValue] = []
            var remaining = try reader.beginArray()
            while try reader.hasNext(&remaining) { elements.append(try TypedValue(&reader)) }
            self = .array(elements)
        case .map:
            var members: [[TypedValue]] = []
            var remaining = try reader.beginMap()
            while try reader.hasNext(&remaining) {
                members.append([try TypedValue(&reader), try TypedValue(&reader)])
            }
            self = .map(members)
        }
    }

    init(_ value: RivetValue) {
        switch value {
        case .null: self = .null
        case .undefined: self = .undefined
        case .bool(let value): self = .bool(value)
        case .integer(let value): self = .int(value.description)
        case .bigInteger(let digits): self = .int(digits)
        case .double(let value): self = .float(value)
        case .string(let value): self = .text(value)
        case .bytes(let value): self = .bytes(hex(value))
        case .array(let elements): self = .array(elements.map(TypedValue.init))
        case .map(let members): self = .map(members.map { [TypedValue($0.key), TypedValue($0.value)] })
        case .tag(let tag, let content): self = .tag("\(tag)", TypedValue(content))
        case .simple(let number): self = .simple(Int(number))
        }
    }

    /// The same as a value of ours, with what a tag or pair means in the place of it.
    var meaning: RivetValue {
        switch self {
        case .int(let digits): Int(digits).map(RivetValue.integer) ?? .bigInteger(digits)
        case .float(let bits): .double(Double(bitPattern: bits))
        case .text(let text): .string(text)
        case .bytes(let digits): .bytes(unhex(digits))
        case .array(let elements): .array(elements.map(\.meaning))
        case .map(let members): .map(members.map { .init($0[0].meaning, $0[1].meaning) })
        case .tag("2", .bytes(let digits)): .bigInteger(UInt128(digits, radix: 16)?.description ?? "?")
        case .tag("3", .bytes(let digits)): .bigInteger("-" + ((UInt128(digits, radix: 16) ?? 0) + 1).description)
        case .tag("64", let content), .tag("258", let content), .tag("259", let content),
            .tag("55799", let content):
            content.meaning
        case .tag(let tag, let content): .tag(UInt64(tag) ?? 0, content.meaning)
        case .bool(let value): .bool(value)
        case .null: .null
        case .undefined: .undefined
        case .simple(let number): .simple(UInt8(number))
        }
    }
}
