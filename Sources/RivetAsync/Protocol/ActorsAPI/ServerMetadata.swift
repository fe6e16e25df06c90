// SPDX-License-Identifier: Apache-2.0

/// What a client reads of `GET /metadata` (PROTOCOL a3): three fields, each optional (B12, B15).
package struct ServerMetadata: Sendable {
    package var endpoint: String?
    package var namespace: String?
    package var token: Secret?

    package init(endpoint: String? = nil, namespace: String? = nil, token: Secret? = nil) {
        self.endpoint = endpoint
        self.namespace = namespace
        self.token = token
    }

    package static func read(_ body: ByteChunk) throws(CodingError) -> ServerMetadata {
        try readJSON(body) { (reader) throws(CodingError) in
            var metadata = ServerMetadata()
            try reader.readMembers { (key, reader) throws(CodingError) in
                switch key {
                case "clientEndpoint": metadata.endpoint = try reader.readOptionalText()
                case "clientNamespace": metadata.namespace = try reader.readOptionalText()
                case "clientToken": metadata.token = try reader.readOptionalText().map { Secret($0) }
                default: try reader.skipItem(depth: 1)
                }
            }
            return metadata
        }
    }

    /// The engine's own answer: no field for clients.
    package static func writeEngine(version: String, to output: inout some ByteOutput & ~Copyable) {
        output.append(#"{"runtime":"engine","version":"#)
        output.appendJSON(version)
        output.append(#","git_sha":"cb33baec8","build_timestamp":"2026-08-06T20:37:26Z","rustc_version":"1.0","#)
        output.append(#""rustc_host":"x86_64-unknown-linux-gnu","cargo_target":"x86_64-unknown-linux-gnu","#)
        output.append(#""cargo_profile":"release","epoxy_protocol_version":1,"envoy_protocol_version":1}"#)
    }

    /// An app's own endpoint: members sorted.
    package func writeRuntime(
        actorNames: [String],
        version: String,
        envoyProtocolVersion: Int = 1,
        to output: inout some ByteOutput & ~Copyable
    ) {
        output.append(#"{"actorNames":{"#)
        for (index, name) in actorNames.sorted().enumerated() {
            if index > 0 { output.append(",") }
            output.appendJSON(name)
            output.append(#":{"metadata":{}}"#)
        }
        output.append("}")
        let fields: [(StaticString, String?)] = [
            (#","clientEndpoint":"#, endpoint),
            (#","clientNamespace":"#, namespace),
            (#","clientToken":"#, token?.reveal()),
        ]
        for (name, value) in fields {
            guard let value else { continue }
            output.append(name)
            output.appendJSON(value)
        }
        output.append(#","envoy":{"kind":{"serverless":{}},"version":1},"envoyProtocolVersion":"#)
        output.appendJSON(digits: envoyProtocolVersion)
        output.append(#","runtime":"rivetkit","version":"#)
        output.appendJSON(version)
        output.append("}")
    }
}
