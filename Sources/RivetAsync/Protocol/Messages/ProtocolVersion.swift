// SPDX-License-Identifier: Apache-2.0

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
