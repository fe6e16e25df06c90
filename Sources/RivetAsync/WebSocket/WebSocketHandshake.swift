// SPDX-License-Identifier: Apache-2.0

/// The opening handshake (RFC 6455 §4), as heads in and out.
package struct WebSocketHandshake: Sendable {
    package let request: HTTPRequestHead
    package let subprotocols: [String]
    private let key: String
    private let requiresSubprotocol: Bool

    private static let guid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
    private static let ownFields = [
        "connection", "host", "sec-websocket-accept", "sec-websocket-extensions", "sec-websocket-key",
        "sec-websocket-protocol", "sec-websocket-version", "upgrade",
    ]

    /// A client's handshake.
    ///
    /// `host` is the Host field's value, with the port where it is not the scheme's own; `nonce` is 16 random bytes
    /// (§4.1). RFC 6455 leaves it to the client whether an answer that selects no subprotocol is an error:
    /// `requiresSubprotocol`.
    package init(
        target: String,
        host: String,
        subprotocols: [String] = [],
        requiresSubprotocol: Bool = false,
        fields: HTTPFields = [:],
        nonce: [UInt8]
    ) throws(WebSocketHandshakeError) {
        for field in fields where Self.ownFields.contains(where: { field.name.equalsIgnoringASCIICase($0) }) {
            throw .reservedField(name: field.name)
        }
        for (index, subprotocol) in subprotocols.enumerated() {
            guard HTTPSyntax.isToken(subprotocol), !subprotocols[..<index].contains(subprotocol) else {
                throw .invalidSubprotocol(index: index)
            }
        }
        assert(nonce.count == 16, "a nonce has 16 bytes")
        key = Base64.encode(nonce)
        self.subprotocols = subprotocols
        self.requiresSubprotocol = requiresSubprotocol && !subprotocols.isEmpty
        var head: HTTPFields = [
            "Host": host, "Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Key": key,
            "Sec-WebSocket-Version": "13",
        ]
        if !subprotocols.isEmpty { head["Sec-WebSocket-Protocol"] = subprotocols.joined(separator: ", ") }
        for field in fields { head.append(field) }
        request = HTTPRequestHead(target: target, fields: head)
    }

    /// Checks the answer (§4.1, points 1 to 6) and returns the selected subprotocol.
    package func check(_ response: HTTPResponseHead) throws(WebSocketHandshakeError) -> String? {
        guard response.status == 101 else { throw .notSwitched(response) }
        let fields = response.fields
        let upgrades = fields.list("upgrade")
        guard upgrades.count == 1, upgrades[0].equalsIgnoringASCIICase("websocket") else { throw .upgradeField }
        guard fields.list("connection", contains: "upgrade") else { throw .connectionField }
        let accepts = fields.values(of: "sec-websocket-accept")
        guard accepts.count == 1 else { throw .acceptKeyMissing(count: accepts.count) }
        guard accepts[0] == Self.acceptKey(for: key) else { throw .acceptKeyWrong }
        guard fields.list("sec-websocket-extensions").isEmpty else { throw .extensionNotOffered }
        let selected = fields.values(of: "sec-websocket-protocol")
        guard selected.count <= 1 else { throw .severalSubprotocols(count: selected.count) }
        guard let subprotocol = selected.first else {
            guard !requiresSubprotocol else { throw .subprotocolMissing }
            return nil
        }
        guard subprotocols.contains(subprotocol) else { throw .subprotocolNotOffered }
        return subprotocol
    }

    /// The proof that the server has read `key` (§4.2.2, point 5.4).
    package static func acceptKey(for key: String) -> String {
        Base64.encode(SHA1.digest(Array((key + guid).utf8)))
    }

    // MARK: Server

    /// Checks a client's request (§4.2.1), and returns its key.
    @discardableResult
    package static func check(_ request: HTTPRequestHead) throws(WebSocketHandshakeError) -> String {
        guard request.method == "GET" else { throw .methodNotGet }
        guard request.fields.list("upgrade", contains: "websocket") else { throw .upgradeField }
        guard request.fields.list("connection", contains: "upgrade") else { throw .connectionField }
        guard request.fields.values(of: "sec-websocket-version") == ["13"] else { throw .unsupportedVersion }
        let keys = request.fields.values(of: "sec-websocket-key")
        guard keys.count == 1 else { throw .keyFields(count: keys.count) }
        guard Base64.decode(keys[0].utf8)?.count == 16 else { throw .keyNotSixteenBytes }
        return keys[0]
    }

    /// Checks a client's request and makes the answer.
    ///
    /// Extensions are never accepted. `subprotocol` is what to select; the caller has chosen it from the request's
    /// offer.
    package static func response(
        to request: HTTPRequestHead,
        subprotocol: String? = nil,
        fields: HTTPFields = [:]
    ) throws(WebSocketHandshakeError) -> HTTPResponseHead {
        var head: HTTPFields = [
            "Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Accept": acceptKey(for: try check(request)),
        ]
        if let subprotocol { head["Sec-WebSocket-Protocol"] = subprotocol }
        for field in fields { head.append(field) }
        return HTTPResponseHead(status: 101, fields: head)
    }

    /// What a server answers to a request that `check` refused: 426 with our version (§4.4), 405 or 400.
    package static func refusal(of error: WebSocketHandshakeError) -> HTTPResponseHead {
        switch error {
        case .unsupportedVersion:
            // To what the client shall upgrade stands in it too (RFC 9110 §15.5.22).
            HTTPResponseHead(
                status: 426,
                reason: "Upgrade Required",
                fields: ["Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13"]
            )
        case .methodNotGet:
            HTTPResponseHead(status: 405, fields: ["Allow": "GET"])
        case .reservedField, .invalidSubprotocol, .notSwitched, .upgradeField, .connectionField, .acceptKeyMissing,
            .acceptKeyWrong, .extensionNotOffered, .severalSubprotocols, .subprotocolNotOffered, .subprotocolMissing,
            .keyFields, .keyNotSixteenBytes, .http, .ended:
            HTTPResponseHead(status: 400)
        }
    }
}
