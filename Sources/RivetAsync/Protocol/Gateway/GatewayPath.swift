// SPDX-License-Identifier: Apache-2.0

/// What stands behind the actor in a gateway target (PROTOCOL c5), checked for what no gateway URL can carry (c3).
package struct GatewayPath: Sendable, Equatable {
    /// Path and query: empty, or a slash and what follows.
    package let text: String

    package static let connect = GatewayPath(unchecked: "/connect")

    package static func action(_ name: String) -> GatewayPath {
        GatewayPath(unchecked: "/action/" + PercentEncoding.encode(name))
    }

    package static func queue(_ name: String) -> GatewayPath {
        GatewayPath(unchecked: "/queue/" + PercentEncoding.encode(name))
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
        try GatewayPath(prefix + (path.first == "/" ? path.dropFirst() : path[...]))
    }

    /// Cuts a fragment off and percent-encodes what no request target can hold; the rest stays as it is.
    package init(_ path: String) throws(GatewayPathError) {
        let sent = PercentEncoding.encodeUnsendable(path.prefix { $0 != "#" })
        let mark = sent.firstIndex(of: "?") ?? sent.endIndex
        if sent[..<mark].contains("//") { throw .doubleSlash }
        for parameter in sent[mark...].dropFirst().split(separator: "&") {
            let name = parameter.prefix { $0 != "=" }
            // The engine may compare before or after decoding: both are refused.
            let decoded = PercentEncoding.decode(name, plusIsBlank: true) ?? ""
            if name.hasPrefix("rvt-") || decoded.hasPrefix("rvt-") { throw .reservedParameter }
        }
        text = sent
    }
}

/// Why a path cannot be sent through the gateway (B183).
package enum GatewayPathError: Error, Sendable, CustomStringConvertible {
    case doubleSlash, reservedParameter

    package var description: String {
        switch self {
        case .doubleSlash: "A path with '//' before its query cannot pass the gateway."
        case .reservedParameter: "Query parameters that begin with 'rvt-' are the gateway's own."
        }
    }
}

/// Gateway URLs by actor id (PROTOCOL c1).
package enum GatewayURL {
    /// The request target: base path, `/gateway/{id}[@{token}]`, then the path.
    package static func target(_ endpoint: Endpoint, actorID: ActorID, token: Secret?, path: GatewayPath) -> String {
        var target = endpoint.basePath + "/gateway/" + PercentEncoding.encode(actorID.rawValue)
        if let token { target += "@" + PercentEncoding.encode(token.reveal()) }
        return target + path.text
    }
}
