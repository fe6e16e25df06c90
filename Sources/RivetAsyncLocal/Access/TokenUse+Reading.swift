// SPDX-License-Identifier: Apache-2.0
import RivetAsync

extension TokenUse {
    /// Finds the token of a request (PROTOCOL a5): the URL's wins.
    init(_ request: EngineRequest, _ route: GatewayRoute) {
        let fields = request.head.fields
        // Of repeated fields the last counts, as for all of them (PROTOCOL d).
        let header = fields.values(of: "x-rivet-token").last.map { (Way.header, $0) }
        let bearer = fields.values(of: "authorization").last.flatMap(Self.bearer).map { (Way.bearer, $0) }
        let found: (Way, String)?
        switch route {
        case .byID(_, let token?, _): found = (.path, token.reveal())
        case .byQuery(let query, _) where query.token != nil: found = query.token.map { (.query, $0.reveal()) }
        case .elsewhere: found = bearer ?? header
        default: found = header ?? bearer ?? (request.isUpgrade ? Self.subprotocol(fields) : nil)
        }
        self.init(
            method: request.head.method,
            target: Self.withoutToken(request.head.target),
            way: found?.0,
            token: found.map { Secret($0.1) },
            isWebSocket: request.isUpgrade
        )
    }

    private static func bearer(_ value: String) -> String? {
        let scheme = value.prefix { $0 != " " }
        guard scheme.equalsIgnoringASCIICase("bearer"), scheme.endIndex < value.endIndex else { return nil }
        return String(value[scheme.endIndex...].drop { $0 == " " })
    }

    private static func subprotocol(_ fields: HTTPFields) -> (Way, String)? {
        let prefix = "rivet_token."
        let item = fields.list("sec-websocket-protocol").first { $0.hasPrefix(prefix) }
        return item.map { (.subprotocol, String($0.dropFirst(prefix.count))) }
    }

    /// Also of a target that is no gateway's or is refused: nothing that may be a token stays.
    private static func withoutToken(_ target: String) -> String {
        let mark = target.utf8.firstIndex(of: UInt8(ascii: "?")) ?? target.endIndex
        guard target.utf8.contains(UInt8(ascii: "@")) || mark < target.endIndex else { return target }
        var path = target.utf8[..<mark].split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
        if path.count > 2 { path[2] = path[2].prefix { $0 != UInt8(ascii: "@") } }
        let query = target.utf8[mark...].dropFirst()
            .split(separator: UInt8(ascii: "&"), omittingEmptySubsequences: false)
            .filter { !$0.starts(with: "rvt-token".utf8) }.map(Substring.init).joined(separator: "&")
        let shown = path.map(Substring.init).joined(separator: "/")
        return query.isEmpty ? shown : shown + "?" + query
    }
}
