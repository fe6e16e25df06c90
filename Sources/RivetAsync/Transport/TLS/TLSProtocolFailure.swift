// SPDX-License-Identifier: Apache-2.0

/// Turns what OpenSSL says of a failed session into an error that says what to do about it.
struct TLSProtocolFailure {
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
                .protocolFailure,
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
            return TLSError(.alert(120), "\(host) does not speak http/1.1 (no_application_protocol, alert 120)")
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
