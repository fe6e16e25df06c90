// SPDX-License-Identifier: Apache-2.0

/// Text that must not reach a log: printing, interpolating or dumping it shows an ellipsis.
public struct Secret: Sendable, ExpressibleByStringLiteral, CustomStringConvertible, CustomDebugStringConvertible,
    CustomReflectable
{
    private let value: String

    /// Wraps `value`.
    public init(_ value: String) {
        self.value = value
    }

    /// Wraps a literal.
    public init(stringLiteral value: String) {
        self.value = value
    }

    /// The text itself: the one way to it, easy to search for.
    public func reveal() -> String { value }

    /// Always an ellipsis.
    public var description: String { "…" }
    /// Always an ellipsis.
    public var debugDescription: String { "…" }
    /// Has no children, so `dump` shows nothing.
    public var customMirror: Mirror { Mirror(self, children: []) }
}

/// A URL that carries a token: printing it shows the URL with an ellipsis in the token's place.
public struct SecretURL: Sendable, CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    private let value: String
    /// The URL without its token.
    public let description: String

    package init(_ value: String, redacted: String) {
        self.value = value
        description = redacted
    }

    /// The whole URL, token included.
    public func reveal() -> String { value }

    /// The URL without its token.
    public var debugDescription: String { description }
    /// Shows the URL without its token.
    public var customMirror: Mirror { Mirror(self, children: ["url": description]) }
}
