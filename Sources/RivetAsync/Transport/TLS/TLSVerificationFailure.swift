// SPDX-License-Identifier: Apache-2.0

/// Turns what OpenSSL has against a certificate into an error that says what to do about it.
struct TLSVerificationFailure {
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
