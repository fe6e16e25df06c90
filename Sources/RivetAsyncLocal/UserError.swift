// SPDX-License-Identifier: Apache-2.0

/// Thrown by a handler: reaches the client as `user.CODE` with message and metadata.
///
/// Any other error is masked, as Rivet masks it: the client sees `rivetkit.internal_error` and no text. Only where a
/// hook refuses a connection the text of every error goes out.
public struct UserError: Error, CustomStringConvertible {
    /// What the client reads.
    public let message: String
    /// What the client's program tells errors apart by; `user_error` by default.
    public let code: String
    /// More about it, for the client to decode.
    public let metadata: (any Encodable & Sendable)?

    /// An error for the client.
    public init(_ message: String, code: String = "user_error", metadata: (any Encodable & Sendable)? = nil) {
        self.message = message
        self.code = code
        self.metadata = metadata
    }

    /// The code and the message.
    public var description: String { "user.\(code): \(message)" }
}
