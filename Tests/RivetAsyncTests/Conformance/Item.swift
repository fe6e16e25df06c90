// SPDX-License-Identifier: Apache-2.0
import RivetAsync

/// A value as a program means it, whatever the format: what vectors say is compared with what was read in this form.
enum Item: Equatable {
    case null, undefined, bool(Bool), int(Int128), float(UInt64), text(String), bytes([UInt8])
    case array([Item]), map([String: Item])

    /// The typed values of the vectors: `{"t":"int","v":"5"}`.
    init(typed value: FileValue) {
        let content = value["v"]
        switch value["t"]?.text {
        case "int": self = .int(Int128(content?.text ?? "") ?? -1)
        case "float": self = .float(UInt64(value["bits"]?.text ?? "", radix: 16) ?? 0)
        case "text": self = .text(content?.text ?? "")
        case "bytes": self = .bytes(unhex(value["hex"]?.text ?? ""))
        case "bool": self = .bool(content?.bool ?? false)
        case "undefined": self = .undefined
        case "array": self = .array((content?.array ?? []).map { Item(typed: $0) })
        case "map":
            var members: [String: Item] = [:]
            for pair in content?.array ?? [] {
                members[pair[0]?["v"]?.text ?? ""] = Item(typed: pair[1] ?? .null)
            }
            self = .map(members)
        default: self = .null
        }
    }

    /// Plain JSON values of the vectors: `{"hex":"00"}` means bytes.
    init(plain value: FileValue) {
        switch value {
        case .null: self = .null
        case .bool(let bool): self = .bool(bool)
        case .number(let number): self = Int128(exactly: number).map { .int($0) } ?? .float(number.bitPattern)
        case .text(let text): self = .text(text)
        case .array(let elements): self = Item.array(elements.map { Item(plain: $0) }).revived
        case .object(let members):
            if members.count == 1, let hex = members["hex"]?.text {
                self = .bytes(unhex(hex))
            } else {
                self = .map(members.mapValues { Item(plain: $0) })
            }
        }
    }

    init(_ value: ByteChunk, _ format: ValueFormat) throws {
        self = try value.withUnsafeBytes { bytes in
            if format == .json {
                var reader = JSONReader(bytes)
                return try Item.read(&reader)
            }
            var reader = CBORReader(bytes)
            return try Item.read(&reader)
        }
    }

    private static func read(_ reader: inout some ItemReader) throws -> Item {
        switch try reader.peekKind() {
        case .null:
            try reader.skipItem(depth: 0)
            return .null
        case .undefined:
            try reader.skipItem(depth: 0)
            return .undefined
        case .bool: return .bool(try reader.readBool())
        case .integer: return .int(try reader.readInteger(as: Int128.self))
        case .float: return .float(try reader.readDouble().bitPattern)
        case .text: return .text(try reader.readText())
        case .bytes: return .bytes(try reader.readBytes())
        case .array:
            var elements: [Item] = []
            var remaining = try reader.beginArray()
            while try reader.hasNext(&remaining) { elements.append(try read(&reader)) }
            return Item.array(elements).revived
        case .map:
            var members: [String: Item] = [:]
            var remaining = try reader.beginMap()
            while try reader.hasNext(&remaining) {
                let key = try reader.readKey() ?? ""
                members[key] = try read(&reader)
            }
            return .map(members)
        case .tag, .simple:
            try reader.skipItem(depth: 0)
            return .null
        }
    }

    private var revived: Item {
        guard case .array(let elements) = self, elements.count == 2, case .text(let tag) = elements[0],
            tag.hasPrefix("$")
        else { return self }
        switch (tag, elements[1]) {
        case ("$Undefined", _): return .undefined
        case ("$BigInt", .text(let digits)): return Int128(digits).map { .int($0) } ?? .null
        case ("$Uint8Array", .text(let text)), ("$ArrayBuffer", .text(let text)):
            return Base64.decode(text.utf8).map { .bytes($0) } ?? .null
        default: return tag.hasPrefix("$$") ? .array([.text(String(tag.dropFirst())), elements[1]]) : self
        }
    }
}

/// What `body` writes.
func written(_ body: (inout [UInt8]) -> Void) -> [UInt8] {
    var output: [UInt8] = []
    body(&output)
    return output
}

extension ByteChunk {
    /// The bytes as text.
    var string: String { String(decoding: self, as: UTF8.self) }
}

/// The kind of failure that `body` throws, as the vectors name it.
func failureKind(_ body: () throws -> Void) -> String? {
    do {
        try body()
        return nil
    } catch let failure as CodingError {
        return failure.kind.rawValue
    } catch {
        return "\(error)"
    }
}
