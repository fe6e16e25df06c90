// SPDX-License-Identifier: Apache-2.0

/// What stands behind the actor in a gateway target (PROTOCOL c5), checked for what no gateway URL can carry (c3).
package struct GatewayPath: Sendable, Equatable {
    /// Path and query: empty, or a slash and what follows.
    package let text: String

    package static let connect = GatewayPath(unchecked: "/connect")

    package static func action(_ name: String) throws(GatewayPathError) -> GatewayPath {
        GatewayPath(unchecked: "/action/" + (try segment(name)))
    }

    package static func queue(_ name: String) throws(GatewayPathError) -> GatewayPath {
        GatewayPath(unchecked: "/queue/" + (try segment(name)))
    }

    /// A name or an id as one segment of a target.
    package static func segment(_ text: String) throws(GatewayPathError) -> String {
        try checkSegment(text)
        return PercentEncoding.encode(text)
    }

    /// Refuses the texts that cannot be a segment: empty ones, which make `//`, and dots, which no escape protects (B309).
    package static func checkSegment(_ text: String) throws(GatewayPathError) {
        if text.utf8.isEmpty { throw .emptySegment }
        if text.utf8.count <= 2, text.utf8.allSatisfy({ $0 == UInt8(ascii: ".") }) { throw .dotSegment }
    }

    /// Raw HTTP: `path` with or without a leading slash, with or without a query (B182).
    package static func request(_ path: String) throws(GatewayPathError) -> GatewayPath {
        try user(path, below: "/request/")
    }

    /// Raw WebSocket, the same way (B192).
    package static func webSocket(_ path: String) throws(GatewayPathError) -> GatewayPath {
        try user(path, below: "/websocket/")
    }

    private init(unchecked text: String) {
        self.text = text
    }

    private static func user(_ path: String, below prefix: String) throws(GatewayPathError) -> GatewayPath {
        // In bytes: a slash with a combining mark behind it is another character, and a slash all the same.
        try GatewayPath(prefix + (path.utf8.first == UInt8(ascii: "/") ? Substring(path.utf8.dropFirst()) : path[...]))
    }

    /// Cuts a fragment off and percent-encodes what no URI has; the rest stays as it is.
    package init(_ path: String) throws(GatewayPathError) {
        let sent = PercentEncoding.encodeUnsendable(Substring(path.utf8.prefix { $0 != UInt8(ascii: "#") }))
        let mark = sent.firstIndex(of: "?") ?? sent.endIndex
        if sent[..<mark].contains("//") { throw .doubleSlash }
        if PercentEncoding.hasDotSegment(sent[..<mark]) { throw .dotSegment }
        for parameter in sent[mark...].dropFirst().split(separator: "&") {
            let name = parameter.prefix { $0 != "=" }
            // The engine may compare before or after decoding: both are refused.
            let decoded = PercentEncoding.decodeBytes(name) ?? []
            if name.hasPrefix("rvt-") || decoded.starts(with: "rvt-".utf8) { throw .reservedParameter }
        }
        text = sent
    }
}

/// Why a path cannot be sent through the gateway (B183, B309).
package enum GatewayPathError: Error, Sendable, CustomStringConvertible {
    case doubleSlash, reservedParameter, emptySegment, dotSegment

    package var description: String {
        switch self {
        case .doubleSlash: "A path with '//' before its query cannot pass the gateway."
        case .emptySegment: "An empty name or id cannot stand in a path."
        case .dotSegment: "A name, an id or a part of a path that is '.' or '..' would lead elsewhere."
        case .reservedParameter: "Query parameters that begin with 'rvt-' are the gateway's own."
        }
    }
}
