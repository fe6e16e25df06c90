// SPDX-License-Identifier: Apache-2.0

/// How requests, answers and messages are written, chosen for each request or connection.
package enum WireEncoding: String, Sendable, CaseIterable {
    case bare, cbor, json

    /// The word on the wire: in `x-rivet-encoding` and in the subprotocol.
    package var name: String { rawValue }

    package var contentType: String { self == .json ? "application/json" : "application/octet-stream" }

    /// Whether its WebSocket messages are text (PROTOCOL f3).
    package var isText: Bool { self == .json }

    /// How values stand inside (PROTOCOL j4).
    package var valueFormat: ValueFormat {
        switch self {
        case .bare: .nativeCBOR
        case .cbor: .cbor
        case .json: .json
        }
    }

    /// What the server reads from `x-rivet-encoding`: anything it does not know is JSON (PROTOCOL d).
    package init(headerValue: String?) {
        self = headerValue.flatMap { WireEncoding(rawValue: $0) } ?? .json
    }

    /// The encoding of an error's body: JSON where the content type says so, else the request's (B57).
    package func ofErrorBody(contentType: String?) -> WireEncoding {
        let prefix = contentType?.prefix(16).lowercased()
        return prefix == "application/json" ? .json : self
    }
}
