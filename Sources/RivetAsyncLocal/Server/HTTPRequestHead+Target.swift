// SPDX-License-Identifier: Apache-2.0
import RivetAsync

extension HTTPRequestHead {
    var isUpgrade: Bool { fields.list("upgrade", contains: "websocket") }

    /// The same request with its target in origin form, path and query; nil where it has none (RFC 9112 §3.2).
    ///
    /// In absolute form, as to a proxy, the host counts for nothing here: there is one engine behind each port.
    var inOriginForm: HTTPRequestHead? {
        if target.utf8.first == UInt8(ascii: "/") || target == "*" { return self }
        guard let colon = target.firstIndex(of: ":"), let start = target.firstRange(of: "://"),
            start.lowerBound == colon, ["http", "https"].contains(target[..<colon].lowercased())
        else { return nil }
        let rest = target[start.upperBound...]
        let end = rest.firstIndex { $0 == "/" || $0 == "?" } ?? rest.endIndex
        // A URI without a host is invalid (RFC 9110 §4.2.1).
        guard end > rest.startIndex, rest[..<end].last != "@", rest[..<end].first != ":" else { return nil }
        var head = self
        head.target = rest[end...].first == "/" ? String(rest[end...]) : "/" + rest[end...]
        return head
    }
}

extension String {
    /// A target's path.
    var withoutQuery: Substring { Substring(utf8.prefix { $0 != UInt8(ascii: "?") }) }
}
