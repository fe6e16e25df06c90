// SPDX-License-Identifier: Apache-2.0
import Foundation
import Testing

/// A value of the vectors' and recordings' own JSON, read by Foundation so that no reader of ours judges itself.
indirect enum FileValue: Sendable, Hashable {
    case null, bool(Bool), number(Double), text(String), array([FileValue]), object([String: FileValue])

    init(_ any: Any) {
        switch any {
        case let text as String: self = .text(text)
        case let array as [Any]: self = .array(array.map(FileValue.init))
        case let object as [String: Any]: self = .object(object.mapValues(FileValue.init))
        case let number as NSNumber:
            self = CFBooleanIsBoolean(number) ? .bool(number.boolValue) : .number(number.doubleValue)
        default: self = .null
        }
    }

    subscript(name: String) -> FileValue? {
        if case .object(let members) = self { members[name] } else { nil }
    }

    subscript(index: Int) -> FileValue? {
        if case .array(let elements) = self, elements.indices.contains(index) { elements[index] } else { nil }
    }

    var text: String? { if case .text(let text) = self { text } else { nil } }
    var int: Int? { if case .number(let number) = self { Int(exactly: number) } else { nil } }
    var double: Double? { if case .number(let number) = self { number } else { nil } }
    var bool: Bool? { if case .bool(let bool) = self { bool } else { nil } }
    var array: [FileValue]? { if case .array(let array) = self { array } else { nil } }
    var object: [String: FileValue]? { if case .object(let object) = self { object } else { nil } }
    var isNull: Bool { self == .null }
}

private func CFBooleanIsBoolean(_ number: NSNumber) -> Bool {
    String(cString: number.objCType) == "c" || String(cString: number.objCType) == "B"
}

/// One vector: `id` is its test's name, the fields are those of its group.
struct Vector: Sendable, CustomTestStringConvertible {
    var id: String
    var fields: FileValue

    subscript(name: String) -> FileValue? { fields[name] }
    var testDescription: String { id }

    /// The bytes in `hex` or `text` (also the repeated forms).
    var bytes: [UInt8] {
        if let hex = fields["hex"]?.text { return unhex(hex) }
        if let text = fields["text"]?.text { return Array(text.utf8) }
        if let text = fields["json"]?.text { return Array(text.utf8) }
        if let unit = fields["hex_repeat"]?[0]?.text, let times = fields["hex_repeat"]?[1]?.int {
            return Array(repeatElement(unhex(unit), count: times).joined()) + unhex(fields["hex_tail"]?.text ?? "")
        }
        if let unit = fields["text_repeat"]?[0]?.text, let times = fields["text_repeat"]?[1]?.int {
            return Array(String(repeating: unit, count: times).utf8) + Array((fields["text_tail"]?.text ?? "").utf8)
        }
        return []
    }
}

/// `Vectors/vectors.json` and `Vectors/recorded/`.
enum VectorFile {
    static let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .appending(path: "Vectors")

    private static let groups: [String: [Vector]] = {
        var groups: [String: [Vector]] = [:]
        for group in read("vectors.json")["groups"]?.array ?? [] {
            groups[group["name"]?.text ?? ""] = (group["vectors"]?.array ?? []).map {
                Vector(id: $0["id"]?.text ?? "?", fields: $0)
            }
        }
        return groups
    }()

    static var groupNames: [String] { Array(groups.keys) }

    /// The vectors of a group; empty if there is no such group, which the tests' counts notice.
    static func group(_ name: String) -> [Vector] { groups[name] ?? [] }

    /// The steps of one recorded conversation: `scripted-values-cbor`.
    static func recording(_ name: String) -> [FileValue] {
        read("recorded/\(name).json")["steps"]?.array ?? []
    }

    /// The names of all recorded conversations.
    static let recordings = ((try? FileManager.default.contentsOfDirectory(atPath: folder.path + "/recorded")) ?? [])
        .filter { $0.hasSuffix(".json") }.map { String($0.dropLast(5)) }.sorted()

    private static func read(_ path: String) -> FileValue {
        guard let data = try? Data(contentsOf: folder.appending(path: path)),
            let json = try? JSONSerialization.jsonObject(with: data)
        else { return .null }
        return FileValue(json)
    }
}

func unhex(_ text: String) -> [UInt8] {
    let digits = Array(text.utf8).map { $0 <= 0x39 ? $0 &- 0x30 : ($0 | 0x20) &- 0x57 }
    return stride(from: 0, to: digits.count - 1, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
}

func hex(_ bytes: some Sequence<UInt8>) -> String {
    bytes.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
}
