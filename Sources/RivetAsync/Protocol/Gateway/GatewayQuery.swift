// SPDX-License-Identifier: Apache-2.0

/// Which actor a gateway URL by query means (PROTOCOL c2).
package struct GatewayQuery: Sendable {
    package enum Method: Sendable, Equatable {
        case get
        case getOrCreate(Creation)
    }

    /// What only `getOrCreate` may say.
    package struct Creation: Sendable, Equatable {
        package var poolName: String
        /// One CBOR item.
        package var input: [UInt8]?
        package var region: String?
        package var crashPolicy: CrashPolicy

        package init(
            poolName: String,
            input: [UInt8]? = nil,
            region: String? = nil,
            crashPolicy: CrashPolicy = .sleep
        ) {
            self.poolName = poolName
            self.input = input
            self.region = region
            self.crashPolicy = crashPolicy
        }
    }

    package var namespace: String
    package var name: String
    package var key: ActorKey
    package var method: Method
    package var token: Secret?
    package var skipsReadyWait: Bool

    package init(
        namespace: String,
        name: String,
        key: ActorKey,
        method: Method,
        token: Secret? = nil,
        skipsReadyWait: Bool = false
    ) {
        self.namespace = namespace
        self.name = name
        self.key = key
        self.method = method
        self.token = token
        self.skipsReadyWait = skipsReadyWait
    }

    /// Whether `rvt-key`, which joins the parts by commas without an escape, can say this key (B26).
    package static func canExpress(_ key: ActorKey) -> Bool {
        key.parts != [""] && !key.parts.contains { $0.utf8.contains(UInt8(ascii: ",")) }
    }

    /// The largest input that stands in a URL, in bytes of CBOR (B20).
    package static let maxInputSize = 4_096

    /// The request target, base path included; the user's own query comes first.
    package func target(_ endpoint: Endpoint, path: GatewayPath) throws(GatewayQueryError) -> String {
        endpoint.basePath + (try suffix(path: path, token: token?.reveal()))
    }

    /// The URL, whose description has an ellipsis for the token.
    package func url(_ endpoint: Endpoint, path: GatewayPath) throws(GatewayQueryError) -> SecretURL {
        let whole = endpoint.text + (try suffix(path: path, token: token?.reveal()))
        guard token != nil else { return SecretURL(whole, redacted: whole) }
        // Built, not searched for: the token's text may stand elsewhere too.
        let shown = endpoint.text + (try suffix(path: path, token: nil, shownToken: "…"))
        return SecretURL(whole, redacted: shown)
    }

    private func suffix(
        path: GatewayPath,
        token: String?,
        shownToken: String? = nil
    ) throws(GatewayQueryError) -> String {
        if name.isEmpty { throw .emptyName }
        guard Self.canExpress(key) else { throw .inexpressibleKey }
        var text = "/gateway/" + PercentEncoding.encode(name) + path.text
        var separator = path.text.utf8.contains(UInt8(ascii: "?")) ? "&" : "?"
        func add(_ parameter: String, _ value: String) {
            text += separator + "rvt-" + parameter + "=" + PercentEncoding.encode(value)
            separator = "&"
        }
        add("namespace", namespace)
        switch method {
        case .get:
            add("method", "get")
            if !key.parts.isEmpty { add("key", key.parts.joined(separator: ",")) }
        case .getOrCreate(let creation):
            add("method", "getOrCreate")
            add("runner", creation.poolName)
            if !key.parts.isEmpty { add("key", key.parts.joined(separator: ",")) }
            if let input = creation.input {
                guard input.count <= Self.maxInputSize else {
                    throw .inputTooLarge(limit: Self.maxInputSize, size: input.count)
                }
                add("input", Base64.encodeURL(input))
            }
            if let region = creation.region { add("region", region) }
            add("crash-policy", creation.crashPolicy.rawValue)
        }
        if let token { add("token", token) }
        if let shownToken { text += separator + "rvt-token=" + shownToken }
        if skipsReadyWait { add("skip-ready-wait", "true") }
        return text
    }
}

/// Why no URL can say what was asked for.
package enum GatewayQueryError: Error, Sendable, Equatable, CustomStringConvertible {
    case emptyName
    case inexpressibleKey
    case inputTooLarge(limit: Int, size: Int)

    package var description: String {
        switch self {
        case .emptyName: "The actor's name is empty."
        case .inexpressibleKey: "A gateway URL cannot say a key with a comma in a part, or of one empty part."
        case .inputTooLarge(let limit, let size):
            "The input takes \(size) bytes of CBOR; a URL carries at most \(limit)."
        }
    }
}

/// What the engine does with an actor that crashed; ignored for pools of the current kind (PROTOCOL b3).
package enum CrashPolicy: String, Sendable, CaseIterable {
    case sleep, restart, destroy
}
