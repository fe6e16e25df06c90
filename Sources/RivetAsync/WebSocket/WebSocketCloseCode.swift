// SPDX-License-Identifier: Apache-2.0

/// Why a WebSocket was closed: IANA's registry for RFC 6455 §7.4, every other number kept as it is.
///
/// Codes 3000 to 3999 are registered by libraries and frameworks, 4000 to 4999 are private; both are plain numbers
/// here, as `WebSocketCloseCode(rawValue: 4001)` or the literal `4001`.
public struct WebSocketCloseCode: Sendable, Hashable, RawRepresentable, ExpressibleByIntegerLiteral {
    /// The number on the wire.
    public let rawValue: UInt16

    /// The code with this number, known or not.
    public init(rawValue: UInt16) { self.rawValue = rawValue }

    /// The code with this number, known or not.
    public init(integerLiteral value: UInt16) { rawValue = value }

    /// The purpose is fulfilled.
    public static let normalClosure = Self(rawValue: 1000)
    /// The server shuts down or the client leaves.
    public static let goingAway = Self(rawValue: 1001)
    /// The peer broke RFC 6455.
    public static let protocolError = Self(rawValue: 1002)
    /// A kind of data that cannot be accepted.
    public static let unsupportedData = Self(rawValue: 1003)
    /// Reserved; never on the wire.
    public static let reserved = Self(rawValue: 1004)
    /// The close frame carried no code; never on the wire.
    public static let noStatusReceived = Self(rawValue: 1005)
    /// The stream ended without a close frame; never on the wire.
    public static let abnormalClosure = Self(rawValue: 1006)
    /// Data that contradicts the message's kind, such as text that is not UTF-8.
    public static let invalidFramePayloadData = Self(rawValue: 1007)
    /// A message that breaks the receiver's policy; for reasons with no code of their own.
    public static let policyViolation = Self(rawValue: 1008)
    /// A message above the receiver's limit.
    public static let messageTooBig = Self(rawValue: 1009)
    /// The client needs an extension that the server did not take.
    public static let mandatoryExtension = Self(rawValue: 1010)
    /// The server met a condition that it did not expect.
    public static let internalError = Self(rawValue: 1011)
    /// The service restarts.
    public static let serviceRestart = Self(rawValue: 1012)
    /// The service is overloaded.
    public static let tryAgainLater = Self(rawValue: 1013)
    /// A gateway got a bad answer from the server behind it.
    public static let badGateway = Self(rawValue: 1014)
    /// The TLS handshake failed; never on the wire.
    public static let tlsHandshake = Self(rawValue: 1015)

    /// Whether a close frame may carry it (RFC 6455 §7.4.1, §7.4.2).
    package var isAllowedOnTheWire: Bool {
        switch rawValue {
        case 1000...1003, 1007...1014, 3000...4999: true
        default: false
        }
    }
}
