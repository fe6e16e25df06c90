// SPDX-License-Identifier: Apache-2.0

/// What a client shows the engine: a fixed token, one that a provider gives and renews, one that suits the host, or none.
///
/// A literal is a fixed one. A token goes to the endpoint's host, and to the hosts that
/// ``RivetConfiguration/allowedHosts`` names, and to no other. Printing or dumping it never shows the token.
public struct AccessToken: Sendable, ExpressibleByStringLiteral, CustomStringConvertible, CustomReflectable {
    /// Gives a token; `refused` is the one that the server did not take, nil otherwise.
    typealias Provider = @Sendable (_ refused: Secret?) async throws -> Secret

    enum Kind: Sendable {
        case fixed(Secret)
        case provided(Provider)
        case automatic
        case none
    }

    let kind: Kind

    /// The same token for the life of the client: printable ASCII, not empty.
    ///
    /// Where the engine's metadata names an address and a token for it, that one takes its place. When the server refuses
    /// it, calls fail and connections end.
    public static func fixed(_ token: Secret) -> Self { Self(kind: .fixed(token)) }

    /// A token that `provider` gives, for tokens that expire.
    ///
    /// It is asked when the first token is needed, when a JWT is within 5 s of its expiry (the claim `exp`), and when
    /// the server refused the current one. One question runs at a time for the whole client; all who need a token
    /// wait for its answer, each within its own deadline. A question that is not answered within
    /// ``RivetConfiguration/callTimeout`` is given up. The task of a question that nobody waits for any more is
    /// cancelled, unless it was asked because the server refused a token.
    ///
    /// What `provider` throws, and an empty token, fails those who wait with ``RivetError/Code/tokenUnavailable``; the
    /// next one asks again. A connection tries again with its backoff. It must not use the client that it gives tokens
    /// to: whatever needs a token fails inside it.
    public static func provided(_ provider: @escaping @Sendable (_ refused: Secret?) async throws -> Secret) -> Self {
        Self(kind: .provided(provider))
    }

    /// The token `default` where the host in use is this machine (`localhost`, 127.0.0.0/8 or `::1`), as Rivet's engines
    /// take it there, and none elsewhere.
    ///
    /// An engine that asks for no token does not mind it.
    public static var automatic: Self { Self(kind: .automatic) }

    /// No token, not even `default`, but for one that the engine's metadata names.
    public static var none: Self { Self(kind: .none) }

    var isAutomatic: Bool { if case .automatic = kind { true } else { false } }

    init(kind: Kind) { self.kind = kind }

    /// A fixed token.
    public init(stringLiteral value: String) { self = .fixed(Secret(value)) }

    /// What kind it is: an ellipsis for a fixed token.
    public var description: String {
        switch kind {
        case .fixed(let token): "\(token)"
        case .provided: "provided"
        case .automatic: "automatic"
        case .none: "none"
        }
    }

    /// Has no children, so `dump` shows nothing.
    public var customMirror: Mirror { Mirror(self, children: []) }
}
