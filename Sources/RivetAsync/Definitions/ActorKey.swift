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
}
