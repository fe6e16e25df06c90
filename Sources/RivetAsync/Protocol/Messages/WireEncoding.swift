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

/// The version that stands before each BARE message; nothing negotiates it (PROTOCOL g3).
package struct ProtocolVersion: Sendable, Comparable, RawRepresentable {
    package let rawValue: UInt16

    package init(rawValue: UInt16) {
        self.rawValue = rawValue
    }

    /// What both our ends write.
    package static let current = Self(rawValue: 4)
    /// The first that names the actor in an error.
    package static let actorInErrors = Self(rawValue: 4)
    /// The first with queue messages.
    package static let queues = Self(rawValue: 3)
    /// The last whose `Init` carries a connection token.
    package static let connectionToken = Self(rawValue: 1)

    package static func < (a: Self, b: Self) -> Bool { a.rawValue < b.rawValue }
}

extension BAREReader {
    /// The version, which must be one that is read: 1 to 4, later ones only where `first` says so (B121).
    mutating func readVersion(since first: ProtocolVersion = .connectionToken) throws(CodingError) -> ProtocolVersion {
        let version = ProtocolVersion(rawValue: try readFixed(as: UInt16.self))
        guard version >= first, version <= .current else {
            throw CodingError(
                .unsupportedVersion,
                at: 0,
                wanted: "\(first.rawValue) to \(ProtocolVersion.current.rawValue)",
                found: "\(version.rawValue)"
            )
        }
        return version
    }
}

extension ByteOutput where Self: ~Copyable {
    mutating func appendVersion() {
        appendBARE(fixed: ProtocolVersion.current.rawValue)
    }
}
