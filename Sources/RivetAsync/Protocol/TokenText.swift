// SPDX-License-Identifier: Apache-2.0

/// What can be read off a token without knowing its signature (PROTOCOL a5).
package struct TokenText: Sendable {
    private let token: Secret

    package init(_ token: Secret) { self.token = token }

    package static let ofLocalEngine: Secret = "default"

    /// Whether a field and a target can carry it: printable ASCII, not empty.
    package var canBeSent: Bool {
        let bytes = token.reveal().utf8
        return !bytes.isEmpty && bytes.allSatisfy { (0x20...0x7e).contains($0) }
    }

    /// When a JWT (RFC 7519 §4.1.4) expires, in seconds since 1970; nil for a token without a whole `exp`.
    package var expiry: Int64? {
        let parts = token.reveal().utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard parts.count == 3, let claims = Base64.decodeURL(parts[1]) else { return nil }
        do {
            return try readJSON(ByteChunk(claims)) { (reader) throws(CodingError) in
                var expiry: Int64?
                try reader.readMembers { (key, reader) throws(CodingError) in
                    if key.hasSameBytes(as: "exp") {
                        expiry = try reader.readInteger(as: Int64.self)
                    } else {
                        try reader.skipItem(depth: 1)
                    }
                }
                return expiry
            }
        } catch {
            return nil
        }
    }

    /// What kind of token it is, in words that hold nothing of it but a JWT's expiry.
    package var kind: String {
        let text = token.reveal()
        if text.hasSameBytes(as: Self.ofLocalEngine.reveal()) { return "the token \"default\"" }
        if text.hasPrefix("sk_") { return "a secret token (sk_…)" }
        if text.hasPrefix("pk_") { return "a public token (pk_…)" }
        if let expiry { return "a JWT with the expiry \(expiry) (seconds since 1970)" }
        return "a token of no kind that is known here"
    }
}
