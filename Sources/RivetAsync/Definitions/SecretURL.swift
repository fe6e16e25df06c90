// SPDX-License-Identifier: Apache-2.0

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
