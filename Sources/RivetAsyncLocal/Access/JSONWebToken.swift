// SPDX-License-Identifier: Apache-2.0
import RivetAsync

/// Tokens as Rivet issues them, in form: three parts with dots (RFC 7519).
///
/// Nothing is signed. The third part is random, and the engine knows the tokens that it issued.
enum JSONWebToken {
    private struct Claims: Encodable {
        let sub: String?
        let ns: String
        let iat: Int64
        let exp: Int64
        let grants: [Grant]
    }

    /// Times in seconds since 1970.
    static func make(subject: String?, issued: Int64, expires: Int64, grants: [Grant]) -> String {
        let claims = Claims(sub: subject, ns: "default", iat: issued, exp: expires, grants: grants)
        let payload = (try? ValueFormat.json.encode(claims)).map { Array($0) } ?? []
        let signature = (0..<32).map { _ in UInt8.random(in: .min ... .max) }
        return [Array(#"{"alg":"EdDSA","typ":"JWT"}"#.utf8), payload, signature].map { Base64.encodeURL($0) }
            .joined(separator: ".")
    }
}
