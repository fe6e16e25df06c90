// SPDX-License-Identifier: Apache-2.0

/// The body of `POST /auth/tokens` for the traffic of one actor (PROTOCOL a5).
package struct TokenRequest: Sendable {
    package var namespace: String
    package var subject: String?
    package var seconds: Int64
    package var actorID: ActorID
    package var operations: [String]

    package static let target = "/auth/tokens"

    package init(namespace: String, subject: String?, seconds: Int64, actorID: ActorID, operations: [String]) {
        self.namespace = namespace
        self.subject = subject
        self.seconds = seconds
        self.actorID = actorID
        self.operations = operations
    }

    package func write(to output: inout some ByteOutput & ~Copyable) {
        output.append(#"{"namespace":"#)
        output.appendJSON(namespace)
        if let subject {
            output.append(#","subject":"#)
            output.appendJSON(subject)
        }
        output.append(#","duration":"#)
        output.appendJSON(digits: seconds)
        output.append(#","grants":[{"resource":"actor_gateway","target":{"id":"#)
        output.appendJSON(actorID.rawValue)
        output.append(#"},"operations":["#)
        for (index, operation) in operations.enumerated() {
            if index > 0 { output.append(",") }
            output.appendJSON(operation)
        }
        output.append("]}]}")
    }
}

/// The answer to it.
package struct TokenAnswer: Sendable {
    package var token: Secret
    /// Milliseconds since 1970.
    package var issued: Int64
    package var expires: Int64

    package static func read(_ body: ByteChunk) throws(CodingError) -> TokenAnswer {
        try readJSON(body) { (reader) throws(CodingError) in
            var token: String?
            var issued: Int64?
            var expires: Int64?
            try reader.readMembers { (key, reader) throws(CodingError) in
                switch key {
                case "token": token = try reader.readText()
                case "issued_ts": issued = try reader.readInteger(as: Int64.self)
                case "expires_ts": expires = try reader.readInteger(as: Int64.self)
                default: try reader.skipItem(depth: 1)
                }
            }
            return TokenAnswer(
                token: Secret(try token.required("token", at: 0)),
                issued: try issued.required("issued_ts", at: 0),
                expires: try expires.required("expires_ts", at: 0)
            )
        }
    }
}
