// SPDX-License-Identifier: Apache-2.0

/// Where a server is: `http[s]://[namespace[:token]@]host[:port][/base]` (PROTOCOL a1).
package struct Endpoint: Sendable, Equatable {
    package let usesTLS: Bool
    /// The host without the brackets of an IPv6 address: what is looked up.
    package let host: String
    package let port: UInt16
    /// Host and port as written, for the `Host` field.
    package let authority: String
    /// The prefix of every request target: empty, or a slash and what follows, without one at the end.
    package let basePath: String

    /// The endpoint without user info and without a slash at the end.
    package var text: String { (usesTLS ? "https://" : "http://") + authority + basePath }

    /// An endpoint and what its user info said.
    package struct Parsed: Sendable {
        package let endpoint: Endpoint
        package let namespace: String?
        package let token: Secret?
    }

    package static func parse(_ text: String) throws(EndpointError) -> Parsed {
        guard let separator = text.firstRange(of: "://") else { throw .scheme }
        let usesTLS: Bool
        switch text[..<separator.lowerBound].lowercased() {
        case "http": usesTLS = false
        case "https": usesTLS = true
        default: throw .scheme
        }
        let rest = text[separator.upperBound...]
        if let mark = rest.first(where: { $0 == "?" || $0 == "#" }) { throw mark == "?" ? .query : .fragment }

        let pathStart = rest.firstIndex(of: "/") ?? rest.endIndex
        var authority = rest[..<pathStart]
        var path = rest[pathStart...]
        while path.last == "/" { path.removeLast() }
        guard path.utf8.elementsEqual(PercentEncoding.encodeUnsendable(path).utf8), !PercentEncoding.hasDotSegment(path)
        else { throw .path }

        var namespace: String?
        var token: Secret?
        if let at = authority.utf8.lastIndex(of: UInt8(ascii: "@")) {
            (namespace, token) = try userInfo(authority[..<at])
            authority = Substring(authority.utf8[at...].dropFirst())
        }
        let (host, port) = try hostAndPort(authority)
        return Parsed(
            endpoint: Endpoint(
                usesTLS: usesTLS,
                host: host,
                port: port ?? (usesTLS ? 443 : 80),
                authority: String(authority),
                basePath: String(path)
            ),
            namespace: namespace,
            token: token
        )
    }

    private static func userInfo(_ text: Substring) throws(EndpointError) -> (String?, Secret?) {
        // In bytes: a colon with a combining mark behind it begins the token all the same.
        let colon = text.utf8.firstIndex(of: UInt8(ascii: ":")) ?? text.endIndex
        guard let namespace = PercentEncoding.decode(text[..<colon], malformed: .fails),
            let token = PercentEncoding.decode(Substring(text.utf8[colon...].dropFirst()), malformed: .fails)
        else { throw .userInfo }
        if namespace.isEmpty && !token.isEmpty { throw .tokenWithoutNamespace }
        return (namespace.isEmpty ? nil : namespace, token.isEmpty ? nil : Secret(token))
    }

    private static func hostAndPort(_ authority: Substring) throws(EndpointError) -> (String, UInt16?) {
        let host: Substring
        let rest: Substring
        if authority.first == "[" {
            guard let end = authority.firstIndex(of: "]") else { throw .host }
            host = authority[..<end].dropFirst()
            rest = authority[authority.index(after: end)...]
            guard !host.isEmpty, host.utf8.allSatisfy(isAddressByte) else { throw .host }
        } else {
            let colon = authority.firstIndex(of: ":") ?? authority.endIndex
            host = authority[..<colon]
            rest = authority[colon...]
            guard !host.isEmpty, host.utf8.allSatisfy(isNameByte) else { throw .host }
        }
        if rest.isEmpty { return (String(host), nil) }
        // Digits only: `UInt16` alone would also take a sign.
        guard rest.first == ":", rest.dropFirst().utf8.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }),
            let port = UInt16(rest.dropFirst()), port > 0
        else { throw .port }
        return (String(host), port)
    }

    private static func isNameByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"):
            true
        default:
            false
        }
    }

    private static func isAddressByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "f"), UInt8(ascii: "A")...UInt8(ascii: "F"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: ":"), UInt8(ascii: "."):
            true
        default:
            false
        }
    }
}

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
        case .path: "The endpoint's path has a character that no URI has (percent-encode it), or a part '.' or '..'."
        case .query: "The endpoint has a query string; it must end with its path."
        case .fragment: "The endpoint has a fragment; it must end with its path."
        case .userInfo: "The endpoint's user info is not valid percent-encoding of UTF-8."
        case .tokenWithoutNamespace:
            "The endpoint's user info has a token without a namespace; write namespace:token@."
        }
    }
}
