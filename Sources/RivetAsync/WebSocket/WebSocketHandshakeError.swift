// SPDX-License-Identifier: Apache-2.0

/// Why an opening handshake failed (RFC 6455 §4.1, §4.2); holds no value that the peer or the caller sent.
package enum WebSocketHandshakeError: Error, Sendable, Equatable {
    // Ours: refused before a byte was written.

    /// A field that the handshake writes itself.
    case reservedField(name: String)
    /// Not a token, or offered twice (§4.1).
    case invalidSubprotocol(index: Int)

    // The server's answer.

    /// Anything but 101: a proxy's answer, a redirect or a refusal. `head` is what came.
    case notSwitched(HTTPResponseHead)
    case upgradeField
    case connectionField
    case acceptKeyMissing(count: Int)
    case acceptKeyWrong
    case extensionNotOffered
    case severalSubprotocols(count: Int)
    case subprotocolNotOffered
    /// We offered some, need one, and none was selected.
    case subprotocolMissing

    // The client's request.

    case methodNotGet
    case keyFields(count: Int)
    case keyNotSixteenBytes
    case unsupportedVersion

    // Either side's.

    case http(HTTPError)
    /// The stream ended before the handshake did.
    case ended(StreamEnding)
}

extension WebSocketHandshakeError {
    /// Whether a client's request was refused by ourselves, before a byte of it left.
    package var isOurs: Bool {
        switch self {
        case .reservedField, .invalidSubprotocol: true
        case .http(let error): !error.isPeersFault
        case .notSwitched, .upgradeField, .connectionField, .acceptKeyMissing, .acceptKeyWrong, .extensionNotOffered,
            .severalSubprotocols, .subprotocolNotOffered, .subprotocolMissing, .methodNotGet, .keyFields,
            .keyNotSixteenBytes, .unsupportedVersion, .ended:
            false
        }
    }
}

extension WebSocketHandshakeError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .reservedField(let name): "the field \(name) is written by the WebSocket handshake itself"
        case .invalidSubprotocol(let index): "subprotocol \(index) is not a token or is offered twice"
        case .notSwitched(let head): "the server answered the WebSocket handshake with \(head.status) instead of 101"
        case .upgradeField: "the handshake's Upgrade field is not websocket"
        case .connectionField: "the handshake's Connection field does not list Upgrade"
        case .acceptKeyMissing(let count): "the handshake needs one Sec-WebSocket-Accept field and has \(count)"
        case .acceptKeyWrong: "the handshake's Sec-WebSocket-Accept does not belong to our key"
        case .extensionNotOffered: "the server selected an extension, and none was offered"
        case .severalSubprotocols(let count): "the server selected \(count) subprotocols"
        case .subprotocolNotOffered: "the server selected a subprotocol that was not offered"
        case .subprotocolMissing: "the server selected none of the offered subprotocols"
        case .methodNotGet: "a WebSocket handshake must be a GET request"
        case .keyFields(let count): "the handshake needs one Sec-WebSocket-Key field and has \(count)"
        case .keyNotSixteenBytes: "the handshake's Sec-WebSocket-Key is not 16 bytes in Base64"
        case .unsupportedVersion: "the handshake's Sec-WebSocket-Version is not 13"
        case .http(let error): "\(error)"
        case .ended(.finished): "the stream ended before the WebSocket handshake was complete"
        case .ended(.failed(let error)): "the stream failed before the WebSocket handshake was complete: \(error)"
        }
    }
}
