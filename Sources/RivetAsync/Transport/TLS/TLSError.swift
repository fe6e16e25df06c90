// SPDX-License-Identifier: Apache-2.0

/// Why TLS could not be used, in words a person can act on.
package struct TLSError: Error, Hashable, Sendable, CustomStringConvertible {
    package enum Kind: Hashable, Sendable {
        /// OpenSSL 3 is not installed, or lacks a function.
        case libraryMissing
        /// The options cannot be used: a file that cannot be read, a key that does not fit, no trusted certificate.
        case configuration
        case certificateExpired
        case certificateNotYetValid
        case wrongName
        case selfSigned
        /// The chain ends at a certificate that nobody here trusts.
        case unknownIssuer
        /// The server's only certificate was issued by one that it did not send and that is not trusted here.
        case missingIssuer
        case weakKey
        case badCertificate
        case clientCertificateRequired
        case clientCertificateRefused
        case protocolVersion
        /// The bytes are not TLS records, such as those of a plain HTTP server.
        case notTLS
        /// The stream ended without `close_notify`.
        case truncated
        case closedDuringHandshake
        /// The peer ended the session by an alert (RFC 8446 §6) that has no case of its own.
        case alert(UInt8)
        case protocolFailure
    }

    package let kind: Kind
    package let message: String

    package init(_ kind: Kind, _ message: String) {
        self.kind = kind
        self.message = message
    }

    package var description: String { message }

    package static let truncated = TLSError(
        .truncated,
        "the connection ended without TLS close_notify: what was received may have been cut short by the network or "
            + "somebody on the way"
    )
}
