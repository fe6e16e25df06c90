// SPDX-License-Identifier: Apache-2.0

/// The id that the server gave an actor; opaque text to a client.
public struct ActorID: Sendable, Hashable, RawRepresentable, ExpressibleByStringLiteral, CustomStringConvertible {
    /// The id as the server wrote it.
    public let rawValue: String

    /// Takes any text; what no server gave out is refused by the server.
    public init(rawValue: String) {
        self.rawValue = rawValue
    }

    /// Takes an id from a literal.
    public init(stringLiteral value: String) {
        rawValue = value
    }

    /// Whether both have the same bytes.
    public static func == (a: Self, b: Self) -> Bool { a.rawValue.hasSameBytes(as: b.rawValue) }

    /// Feeds the bytes to `hasher`.
    public func hash(into hasher: inout Hasher) { ExactName(rawValue).hash(into: &hasher) }

    /// The id.
    public var description: String { rawValue }
}

/// Which actor and which of its connections this is.
///
/// Both change with a reconnect.
public struct ConnectionInfo: Sendable, Hashable {
    /// The actor behind the connection.
    public let actorID: ActorID
    /// The id that the actor gave the connection.
    public let connectionID: String
    /// Counts the times that this connection was opened, from 1.
    public let connectionNumber: Int
}
