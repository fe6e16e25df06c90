// SPDX-License-Identifier: Apache-2.0

/// What an actor's connect hooks get to see of the caller, such as a session token.
///
/// Parameters travel as JSON, in a header over HTTP and in a subprotocol over WebSocket, never in a URL, and never
/// appear in a log or an error.
public struct ConnectionParameters: Sendable {
    /// Encodes the value that is current; nil for "no parameters", which is not the same as a null value (B40).
    let encode: @Sendable () async throws -> ByteChunk?
    /// Whether the user's own code is asked, so that its error is told from ours (B135).
    let isProvided: Bool

    /// No parameters.
    public static var none: Self { Self(encode: { nil }, isProvided: false) }

    /// The same value each time; null, `0`, `false` and `""` are values too.
    public static func fixed(_ value: some Encodable & Sendable) -> Self {
        Self(encode: { try ValueFormat.json.encode(value) }, isProvided: false)
    }

    /// A value that is asked for anew before each connection attempt, action, queue send and raw request, so that a
    /// token is fresh on every path.
    ///
    /// An error of the provider fails that call, or that attempt of a connection.
    public static func provided<T: Encodable & Sendable>(_ provider: @escaping @Sendable () async throws -> T) -> Self {
        Self(encode: { try ValueFormat.json.encode(try await provider()) }, isProvided: true)
    }
}
