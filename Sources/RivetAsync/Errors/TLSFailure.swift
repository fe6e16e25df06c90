// SPDX-License-Identifier: Apache-2.0

/// Why TLS could not be agreed on, or ended; an open set, so a `switch` needs a `default`.
///
/// ``RivetError/isTransient`` says whether another attempt may succeed, which is so for ``cut``, for alerts 80 and 90, and
/// for ``malformed`` behind a complete handshake only.
public struct TLSFailure: Hashable, Sendable, CustomStringConvertible {
    /// The case as text, for logs and metrics: `expired`, `alert 48`.
    public let description: String

    private init(_ description: String) { self.description = description }

    // MARK: The server's certificate

    /// A certificate of the server, its own or one that issued it, has expired, or the clock here is wrong.
    public static let expired = Self("expired")
    /// A certificate of the server is not valid yet, or the clock here is wrong.
    public static let notYetValid = Self("notYetValid")
    /// The server's certificate is self-signed, or its issuer is not in the trust store.
    public static let untrusted = Self("untrusted")
    /// The server's certificate is for another name or address.
    public static let otherName = Self("otherName")
    /// The server's certificate is refused for another reason: a weak key or digest, a purpose other than servers.
    public static let badCertificate = Self("badCertificate")

    // MARK: Ours

    /// The server wants a client certificate, and ``TLSOptions/identity-swift.property`` has none.
    public static let clientCertificateRequired = Self("clientCertificateRequired")
    /// The server refused the client certificate.
    public static let clientCertificateRefused = Self("clientCertificateRefused")
    /// ``TLSOptions`` cannot be used: a file that cannot be read, a key that is not the certificate's.
    public static let options = Self("options")
    /// OpenSSL 3 is not installed.
    public static let noLibrary = Self("noLibrary")

    // MARK: The handshake

    /// There is no version of TLS that both ends take.
    public static let protocolVersion = Self("protocolVersion")
    /// There is no cipher or signature method that both ends take.
    public static let cipher = Self("cipher")
    /// The server does not speak HTTP/1.1 at this port (ALPN).
    public static let alpn = Self("alpn")
    /// The server's bytes are not TLS, such as those of a plain HTTP server.
    public static let notTLS = Self("notTLS")
    /// The server ended the connection during the handshake.
    public static let cut = Self("cut")
    /// The server's TLS is broken, or was damaged on the way.
    public static let malformed = Self("malformed")

    /// The server ended the session by an alert that has no case of its own (RFC 8446 §6).
    ///
    /// - Parameter number: the alert's, 0 to 255; 80 is `internal_error`, 112 a name that the server does not know.
    /// - Returns: the failure.
    public static func alert(_ number: UInt8) -> Self { Self("alert \(number)") }
}

extension TLSFailure {
    /// Nil for what is no failure of TLS itself: a session that ended without its farewell.
    init?(_ kind: TLSError.Kind) {
        switch kind {
        case .libraryMissing: self = .noLibrary
        case .configuration: self = .options
        case .certificateExpired: self = .expired
        case .certificateNotYetValid: self = .notYetValid
        case .wrongName: self = .otherName
        case .selfSigned, .unknownIssuer, .missingIssuer: self = .untrusted
        case .weakKey, .badCertificate: self = .badCertificate
        case .clientCertificateRequired: self = .clientCertificateRequired
        case .clientCertificateRefused: self = .clientCertificateRefused
        case .protocolVersion: self = .protocolVersion
        case .cipher: self = .cipher
        case .applicationProtocol: self = .alpn
        case .notTLS: self = .notTLS
        case .closedDuringHandshake: self = .cut
        case .alert(let number): self = .alert(number)
        case .protocolFailure, .damaged: self = .malformed
        case .truncated: return nil
        }
    }
}

extension RivetError {
    /// What failed, where the reason is TLS: of this error, or of one that it was made of.
    ///
    /// ``code`` is ``Code/tlsFailed`` then, or that of a call which gave up for this reason. What a repeat cannot mend
    /// fails at once and ends a connection for good; see ``isTransient``.
    public var tls: TLSFailure? {
        var error: (any Error)? = self
        // A chain is short; the bound is for one that somebody tied into a ring.
        for _ in 0..<32 {
            switch error {
            case let rivet as RivetError: error = rivet.underlying
            case let call as HTTPCallError: error = call.error
            case let transport as TransportError:
                guard case .tls(let failure) = transport else { return nil }
                return TLSFailure(failure.kind)
            default: return nil
            }
        }
        return nil
    }
}
