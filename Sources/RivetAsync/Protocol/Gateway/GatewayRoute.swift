// SPDX-License-Identifier: Apache-2.0

/// What the gateway reads from a request's target (PROTOCOL c), for the local engine.
package enum GatewayRoute: Sendable {
    /// Not a gateway path at all: `//` before the query, or another path.
    case elsewhere
    /// `path` is what the actor sees, byte for byte, query included.
    case byID(ActorID, token: Secret?, path: String)
    case byQuery(GatewayQuery, path: String)
    /// 400 `guard.CODE`.
    case refused(code: String)

    /// No gateway path: the actors API's, or nothing.
    package var isElsewhere: Bool { if case .elsewhere = self { true } else { false } }

    /// `readsKeyParts`: Rivet 3 knows `rvt-key-part` (PROTOCOL c6), which 2.3.x refuses as it does any other name.
    package init(target: String, readsKeyParts: Bool = false) {
        let slash = UInt8(ascii: "/")
        let mark = target.utf8.firstIndex(of: UInt8(ascii: "?")) ?? target.endIndex
        let path = target.utf8[..<mark]
        guard path.starts(with: "/gateway/".utf8),
            !zip(path, path.dropFirst()).contains(where: { $0 == (slash, slash) })
        else {
            self = .elsewhere
            return
        }
        let rest = path.dropFirst("/gateway/".utf8.count)
        let end = rest.firstIndex(of: slash) ?? rest.endIndex
        let segment = Substring(rest[..<end])
        let parameters = target.utf8[mark...].dropFirst()
            .split(separator: UInt8(ascii: "&"), omittingEmptySubsequences: false)
        if parameters.contains(where: { $0.starts(with: "rvt-".utf8) }) {
            self = Self.query(segment, remainder: target[end..<mark], parameters.map(Substring.init), readsKeyParts)
            return
        }
        guard !segment.isEmpty else {
            self = .elsewhere
            return
        }
        let at = segment.utf8.firstIndex(of: UInt8(ascii: "@")) ?? segment.endIndex
        guard let id = PercentEncoding.decode(segment[..<at]),
            let token = PercentEncoding.decode(segment[at...].dropFirst())
        else {
            self = .refused(code: "query_invalid_percent_encoding")
            return
        }
        self = .byID(
            ActorID(rawValue: id),
            token: at < segment.endIndex ? Secret(token) : nil,
            path: String(target[end...])
        )
    }

    private static func query(
        _ segment: Substring,
        remainder: Substring,
        _ parameters: [Substring],
        _ readsKeyParts: Bool
    ) -> GatewayRoute {
        if segment.isEmpty { return .refused(code: "query_empty_actor_name") }
        if segment.utf8.contains(UInt8(ascii: "@")) { return .refused(code: "query_path_token_syntax") }
        guard let name = PercentEncoding.decode(segment) else {
            return .refused(code: "query_invalid_percent_encoding")
        }
        var values: [String: String] = [:]
        var keyParts: [String] = []
        var others: [Substring] = []
        for parameter in parameters {
            guard parameter.utf8.starts(with: "rvt-".utf8) else {
                others.append(parameter)
                continue
            }
            let equals = parameter.utf8.firstIndex(of: UInt8(ascii: "=")) ?? parameter.endIndex
            let key = String(parameter[..<equals].dropFirst("rvt-".count))
            let isKeyPart = readsKeyParts && key == "key-part"
            guard names.contains(key) || isKeyPart else { return .refused(code: "query_invalid_params") }
            let encoded = Substring(parameter.utf8[equals...].dropFirst())
            guard let value = PercentEncoding.decode(encoded, plusIsBlank: true) else {
                return .refused(code: "query_invalid_percent_encoding")
            }
            if isKeyPart {
                keyParts.append(value)
                continue
            }
            guard values.updateValue(value, forKey: key) == nil else { return .refused(code: "query_duplicate_param") }
        }
        guard let namespace = values["namespace"], let method = values["method"],
            let skipsReadyWait = boolean(values["skip-ready-wait"] ?? "false")
        else { return .refused(code: "query_invalid_params") }
        var query = GatewayQuery(
            namespace: namespace,
            name: name,
            key: ActorKey(
                (values["key"] ?? "").utf8.split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false)
                    .map { String(Substring($0)) }
            ),
            method: .get,
            token: values["token"].map { Secret($0) },
            skipsReadyWait: skipsReadyWait
        )
        if query.key.parts == [""] { query.key = [] }
        if !keyParts.isEmpty { query.key = ActorKey(keyParts) }
        switch method {
        case "get":
            guard creationNames.isDisjoint(with: values.keys) else {
                return .refused(code: "query_get_disallowed_params")
            }
        case "getOrCreate":
            guard let pool = values["pool"] ?? values["runner"] else { return .refused(code: "query_missing_pool") }
            var creation = GatewayQuery.Creation(poolName: pool, region: values["region"])
            if let text = values["crash-policy"] {
                guard let policy = CrashPolicy(rawValue: text) else { return .refused(code: "query_invalid_params") }
                creation.crashPolicy = policy
            }
            if let text = values["input"] {
                guard let input = Base64.decodeURL(text.utf8) else {
                    return .refused(code: "query_invalid_base64_input")
                }
                guard isCBOR(input) else { return .refused(code: "query_invalid_cbor_input") }
                creation.input = input
            }
            query.method = .getOrCreate(creation)
        default:
            return .refused(code: "query_invalid_params")
        }
        let userQuery = others.isEmpty ? "" : "?" + others.joined(separator: "&")
        return .byQuery(query, path: String(remainder) + userQuery)
    }

    private static func isCBOR(_ bytes: [UInt8]) -> Bool {
        unsafe bytes.withUnsafeBytes { bytes in
            var reader = unsafe CBORReader(bytes)
            do {
                try reader.skipItem(depth: 0)
                try reader.readEnd()
                return true
            } catch {
                return false
            }
        }
    }

    /// The four spellings that Rivet takes for a boolean, in headers too (PROTOCOL d).
    package static func boolean(_ text: String) -> Bool? {
        switch text {
        case "true", "1": true
        case "false", "0": false
        default: nil
        }
    }

    private static let creationNames: Set<String> = ["runner", "pool", "input", "region", "crash-policy"]
    private static let names = creationNames.union(["namespace", "method", "key", "token", "skip-ready-wait"])
}
