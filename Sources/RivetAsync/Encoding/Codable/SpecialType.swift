// SPDX-License-Identifier: Apache-2.0

/// The types that do not read and write themselves: scalars, because asking for a container is the slower way, and
/// those whose own form is not what Rivet's other languages understand (PROTOCOL j4).
enum SpecialType {
    case string, int, double, bool, bytes, chunk, untyped
    case date, data, url, decimal, duration

    @inline(__always)
    init?(_ type: Any.Type) {
        if type == String.self {
            self = .string
        } else if type == Int.self {
            self = .int
        } else if type == Double.self {
            self = .double
        } else if type == Bool.self {
            self = .bool
        } else if type == [UInt8].self {
            self = .bytes
        } else if type == ByteChunk.self {
            self = .chunk
        } else if type == RivetValue.self {
            self = .untyped
        } else if let foundation = FoundationTypes.shared.special(type) {
            self = foundation
        } else if type == Duration.self {
            self = .duration
        } else {
            return nil
        }
    }
}

/// Foundation's types, found by name, because importing Foundation would cost a static image tens of megabytes.
///
/// Where a program does not link Foundation there is none to be found, and none to be met.
struct FoundationTypes: Sendable {
    static let shared = FoundationTypes()

    let date = Self.named("4Date"), data = Self.named("4Data"), url = Self.named("3URL")
    let decimal = Self.named("7Decimal")

    /// A mangled name is a module and a type, each with its length; swift-foundation moved them into one of its own.
    private static func named(_ name: String) -> Any.Type? {
        _typeByName("20FoundationEssentials\(name)V") ?? _typeByName("10Foundation\(name)V")
    }

    @inline(__always)
    func special(_ type: Any.Type) -> SpecialType? {
        if type == date { return .date }
        if type == data { return .data }
        if type == url { return .url }
        if type == decimal { return .decimal }
        return nil
    }
}

extension Duration {
    /// Whether its seconds fit into 64 bits; to ask for the `components` of another one traps.
    var hasSeconds: Bool {
        (-0x8000_0000_0000_0000 * 1_000_000_000_000_000_000...0x7fff_ffff_ffff_ffff * 1_000_000_000_000_000_000)
            .contains(attoseconds)
    }
}

extension ByteChunk: Codable {
    /// Reads bytes; from one of Rivet's messages they are a slice of it, without a copy.
    public init(from decoder: any Decoder) throws {
        self = try (decoder as? ValueDecoder)?.decodeValue(ByteChunk.self) ?? ByteChunk([UInt8](from: decoder))
    }

    /// Writes bytes as bytes.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        if encoder is ValueEncoder { try container.encode(self) } else { try container.encode(Array(self)) }
    }
}
