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
        /// No cipher or signature method in common.
        case cipher
        /// The server does not speak http/1.1 (ALPN).
        case applicationProtocol
        /// The bytes are not TLS records, such as those of a plain HTTP server.
        case notTLS
        /// The stream ended without `close_notify`.
        case truncated
        case closedDuringHandshake
        /// The peer ended the session by an alert (RFC 8446 §6) that has no case of its own.
        case alert(UInt8)
        case protocolFailure
        /// An established session received what it cannot decrypt or read.
        case damaged
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

/// Turns what OpenSSL has against a certificate into an error that says what to do about it.
struct TLSVerificationReport {
    /// The number of the failure (`X509_V_ERR_…`).
    let code: Int32
    /// 0 is the server's own certificate, 1 the one that issued it, and so on.
    let depth: Int
    let certificate: TLSCertificate
    /// How many certificates the server sent.
    let sentCount: Int
    /// What OpenSSL itself says.
    let reason: String

    func error(host: String) -> TLSError {
        typealias C = OpenSSLConstants
        let whose = depth == 0 ? "the certificate of \(host)" : "the issuing certificate \"\(certificate.subject)\""
        switch code {
        case C.X509_V_ERR_CERT_HAS_EXPIRED:
            return TLSError(
                .certificateExpired,
                "\(whose) expired at \(certificate.notAfter): it has to be renewed on the server (or the clock of "
                    + "this machine is wrong)"
            )
        case C.X509_V_ERR_CERT_NOT_YET_VALID:
            return TLSError(
                .certificateNotYetValid,
                "\(whose) is not valid before \(certificate.notBefore) (or the clock of this machine is wrong)"
            )
        case C.X509_V_ERR_HOSTNAME_MISMATCH, C.X509_V_ERR_IP_ADDRESS_MISMATCH:
            let names = certificate.alternativeNames.map { "it is for \($0)" }
            return TLSError(
                .wrongName,
                "the server's certificate is not for \(host): "
                    + (names ?? "it has no subjectAltName, and its subject \"\(certificate.subject)\" does not count")
            )
        case C.X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
            return TLSError(
                .selfSigned,
                "the certificate of \(host) is self-signed (\"\(certificate.subject)\"); to trust it, give it as an "
                    + "additional root"
            )
        case C.X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
            return unknownIssuer("\"\(certificate.subject)\"", host)
        case C.X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY, C.X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT,
            C.X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
            guard sentCount <= 1 else { return unknownIssuer("\"\(certificate.issuer)\"", host) }
            return TLSError(
                .missingIssuer,
                "the certificate of \(host) was issued by \"\(certificate.issuer)\", which the server did not send "
                    + "and which is not in the trust store: if it is an intermediate certificate, the server has to "
                    + "send it with its own; if it is a private root, give it as an additional root"
            )
        case C.X509_V_ERR_EE_KEY_TOO_SMALL, C.X509_V_ERR_CA_KEY_TOO_SMALL:
            return TLSError(
                .weakKey,
                "\(whose) has a weak key of \(certificate.keyBits) bits (RSA needs 2048, elliptic curves 224)"
            )
        case C.X509_V_ERR_CA_MD_TOO_WEAK:
            return TLSError(.weakKey, "\(whose) is signed with a weak digest such as SHA-1")
        case C.X509_V_ERR_INVALID_PURPOSE:
            return TLSError(.badCertificate, "\(whose) is not meant for servers (its key usage does not allow it)")
        default:
            return TLSError(.badCertificate, "\(whose) is not accepted: \(reason)")
        }
    }

    private func unknownIssuer(_ name: String, _ host: String) -> TLSError {
        TLSError(
            .unknownIssuer,
            "the certificate chain of \(host) ends at \(name), which is not in the trust store; to trust a private "
                + "root, give it as an additional root"
        )
    }
}

/// Turns what OpenSSL says of a failed session into an error that says what to do about it.
struct TLSProtocolReport {
    let code: UInt
    let reason: String
    let isClientCertificateWanted: Bool
    let hasIdentity: Bool
    let host: String

    var error: TLSError {
        typealias C = OpenSSLConstants
        guard code.errorLibrary == C.ERR_LIB_SSL else { return TLSError(.protocolFailure, "TLS failed: \(reason)") }
        if code.errorReason >= C.SSL_AD_REASON_OFFSET, let alert = UInt8(exactly: code.errorReason - 1_000) {
            return error(forAlert: alert)
        }
        switch code.errorReason {
        case C.SSL_R_UNSUPPORTED_PROTOCOL, C.SSL_R_WRONG_SSL_VERSION, C.SSL_R_VERSION_TOO_LOW:
            return versionError
        case C.SSL_R_WRONG_VERSION_NUMBER:
            return TLSError(.notTLS, "what \(host) sent is not TLS (\(reason))")
        case C.SSL_R_DH_KEY_TOO_SMALL, C.SSL_R_EE_KEY_TOO_SMALL:
            return TLSError(.weakKey, "\(host) offers a key that is too small to be safe (\(reason))")
        default:
            return TLSError(.protocolFailure, "TLS with \(host) failed: \(reason)")
        }
    }

    private var versionError: TLSError {
        TLSError(
            .protocolVersion,
            "\(host) does not offer a TLS version that is accepted here (the minimum is in the TLS options, and at "
                + "least 1.2)"
        )
    }

    /// RFC 8446 §6.2.
    private func error(forAlert alert: UInt8) -> TLSError {
        switch alert {
        case 116:
            return certificateRequired
        // handshake_failure: also what a TLS 1.2 server says that wanted a certificate and got none.
        case 40 where isClientCertificateWanted && !hasIdentity:
            return certificateRequired
        case 40, 71:
            return TLSError(
                .cipher,
                "\(host) ended the handshake: it shares no cipher or signature method with this side (alert \(alert))"
            )
        // bad, unsupported, revoked, expired, unknown certificate; unknown CA; access denied; decrypt error.
        case 42...46, 48, 49, 51:
            if hasIdentity {
                return TLSError(
                    .clientCertificateRefused,
                    "\(host) refused the client certificate: \(reason) (alert \(alert))"
                )
            }
            return isClientCertificateWanted ? certificateRequired : other(alert)
        case 70, 86:
            return versionError
        case 112:
            return TLSError(.alert(112), "the server does not know the name \(host) (unrecognized_name, alert 112)")
        case 120:
            return TLSError(
                .applicationProtocol,
                "\(host) does not speak http/1.1 (no_application_protocol, alert 120)"
            )
        default:
            return other(alert)
        }
    }

    private var certificateRequired: TLSError {
        TLSError(
            .clientCertificateRequired,
            "\(host) wants a client certificate and none was given: set the identity of the TLS options"
        )
    }

    private func other(_ alert: UInt8) -> TLSError {
        TLSError(.alert(alert), "\(host) ended the TLS session: \(reason) (alert \(alert))")
    }
}
