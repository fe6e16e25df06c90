// SPDX-License-Identifier: Apache-2.0

/// The key of an actor: a list of parts that, with the actor's name, says which one is meant.
///
/// Written as a literal (`"lobby"`, one part) or an array (`["org-acme", "general"]`). A text with an interpolation
/// does not compile: `["org", id]` keeps what a user typed inside its own part, where it cannot add another.
/// No key, `[]`, and an omitted key are the same. On the wire a key takes at most 1,024 bytes.
public struct ActorKey: Sendable, Hashable, ExpressibleByArrayLiteral, ExpressibleByStringLiteral {
    /// The parts, in order; any text, empty ones too.
    public let parts: [String]

    /// Makes a key of `parts`.
    public init(_ parts: [String]) {
        self.parts = parts
    }

    /// Makes a key of the elements.
    public init(arrayLiteral elements: String...) {
        parts = elements
    }

    /// Makes a key of one part.
    public init(stringLiteral value: String) {
        parts = [value]
    }

    /// Whether both have the same parts, byte for byte: `"\u{e9}"` and `"e\u{301}"` are two keys.
    public static func == (a: Self, b: Self) -> Bool {
        a.parts.elementsEqual(b.parts) { $0.hasSameBytes(as: $1) }
    }

    /// Feeds the bytes of the parts to `hasher`.
    public func hash(into hasher: inout Hasher) {
        hasher.combine(parts.count)
        for part in parts { ExactName(part).hash(into: &hasher) }
    }
}

extension ActorKey {
    /// The largest key text that a server takes, in bytes (PROTOCOL b1).
    package static let maxTextSize = 1_024

    /// The one text for the actors API (PROTOCOL b1): parts joined by `/`, inside them `\` and `/` behind a backslash,
    /// an empty part as `\0`, no parts as `/`.
    package var text: String {
        if parts.isEmpty { return "/" }
        var out: [UInt8] = []
        for (index, part) in parts.enumerated() {
            if index > 0 { out.append(Self.slash) }
            if part.isEmpty { out.append(contentsOf: [Self.backslash, Self.zero]) }
            for byte in part.utf8 {
                if byte == Self.slash || byte == Self.backslash { out.append(Self.backslash) }
                out.append(byte)
            }
        }
        return String(decoding: out, as: UTF8.self)
    }

    /// The text of headers and of an error's actor, where no parts is the empty text (PROTOCOL b1).
    package var headerText: String { parts.isEmpty ? "" : text }

    /// Reads a key's text.
    ///
    /// Every text means some key: `""` and `/` mean no parts, a backslash at the end is literal.
    package init(text: some StringProtocol) {
        let bytes = Array(text.utf8)
        if bytes.isEmpty || bytes == [Self.slash] {
            self.init([])
            return
        }
        var parts: [String] = []
        var part: [UInt8] = []
        var index = 0
        while index < bytes.count {
            let byte = bytes[index]
            index += 1
            switch byte {
            case Self.slash:
                parts.append(String(decoding: part, as: UTF8.self))
                part = []
            case Self.backslash where index < bytes.count:
                // `\0` marks an empty part; it adds nothing to the part it stands in.
                if bytes[index] != Self.zero { part.append(bytes[index]) }
                index += 1
            default:
                part.append(byte)
            }
        }
        parts.append(String(decoding: part, as: UTF8.self))
        self.init(parts)
    }

    private static var slash: UInt8 { UInt8(ascii: "/") }
    private static var backslash: UInt8 { UInt8(ascii: "\\") }
    private static var zero: UInt8 { UInt8(ascii: "0") }
}
