// SPDX-License-Identifier: Apache-2.0

/// What is wrong with an endpoint's text.
///
/// The text itself is not repeated: it may hold a token.
package enum EndpointError: String, Error, Sendable, CustomStringConvertible {
    case scheme, host, port, path, query, fragment, userInfo, tokenWithoutNamespace

    package var description: String {
        switch self {
        case .scheme: "The endpoint must begin with http:// or https://."
        case .host: "The endpoint has no host, or one with characters other than letters, digits, '-', '.' and '_'."
        case .port: "The endpoint's port is not a number from 1 to 65535."
        case .path: "The endpoint's path has a blank, a control character or one beyond ASCII; percent-encode it."
        case .query: "The endpoint has a query string; it must end with its path."
        case .fragment: "The endpoint has a fragment; it must end with its path."
        case .userInfo: "The endpoint's user info is not valid percent-encoding of UTF-8."
        case .tokenWithoutNamespace:
            "The endpoint's user info has a token without a namespace; write namespace:token@."
        }
    }
}
