// SPDX-License-Identifier: Apache-2.0

/// Whom an `https` connection trusts, and how this side shows who it is.
///
/// TLS is that of the system's OpenSSL 3, which is opened when the first `https` address is used: `libssl3` on Debian
/// and Ubuntu, `openssl-libs` on Fedora. Without it `https` fails with an error that says so; plain `http`
/// works. Certificate chain and name are verified unless ``unsafelySkipsVerification`` is set (RFC 9525: names and
/// addresses of the certificate's subjectAltName only, a wildcard only as the whole leftmost label), keys below 112 bits
/// of security are refused, and only `http/1.1` is offered.
///
/// Roots and identity are files or bytes. They are read and checked once for each client, when it first connects, before
/// anything leaves: what cannot be used fails with ``RivetError/Code/tlsFailed`` and ``TLSFailure/options``, and a text
/// that names the option or the file, never what is in it. A failure is not kept: after it the next attempt reads anew.
public struct TLSOptions: Sendable {
    /// Where the certificates come from that are trusted to issue others.
    ///
    /// They are read once for each client, when it connects for the first time.
    public enum TrustStore: Sendable {
        /// What the system trusts: the file `SSL_CERT_FILE` of the environment, or without it the distribution's bundle;
        /// the directories in `SSL_CERT_DIR` in addition. A container image may need the package `ca-certificates`.
        case system
        /// The certificates of a file in PEM form, and no others.
        case pemFile(String)
        /// Certificates in PEM form, and no others.
        case pem([UInt8])
    }

    /// A version of TLS, of which none is below 1.2.
    public enum Version: Sendable {
        /// TLS 1.2 (RFC 5246).
        case v1_2
        /// TLS 1.3 (RFC 8446).
        case v1_3
    }

    /// The certificate by which a client shows who it is, to servers that ask for one.
    ///
    /// It is read when the client first connects; printing it shows no bytes.
    public struct Identity: Sendable, CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
        package let certificate: PEMSource
        package let key: PEMSource

        /// An identity from two files, which may be the same one.
        ///
        /// - Parameters:
        ///   - certificatePEMFile: a file with the certificate, followed by the intermediate ones that belong to it, in
        ///     PEM form.
        ///   - keyPEMFile: a file with the certificate's private key in PEM form, without a password.
        public init(certificatePEMFile: String, keyPEMFile: String) {
            (certificate, key) = (.file(certificatePEMFile), .file(keyPEMFile))
        }

        /// An identity from memory, as a secret store gives it.
        ///
        /// - Parameters:
        ///   - certificatePEM: the certificate, followed by the intermediate ones that belong to it, in PEM form.
        ///   - keyPEM: the certificate's private key in PEM form, without a password.
        public init(certificatePEM: [UInt8], keyPEM: [UInt8]) {
            (certificate, key) = (.bytes(certificatePEM), .bytes(keyPEM))
        }

        /// The names of the files, and an ellipsis for bytes.
        public var description: String { "certificate \(Self.text(certificate)), key \(Self.text(key))" }
        /// The same as the description.
        public var debugDescription: String { description }
        /// Has no children, so `dump` shows no bytes.
        public var customMirror: Mirror { Mirror(self, children: []) }

        private static func text(_ source: PEMSource) -> String {
            switch source {
            case .file(let path): path
            case .bytes: "…"
            }
        }
    }

    /// Whom to trust, by default those whom the system trusts.
    public var trustStore: TrustStore
    /// Certificates in PEM form that are trusted in addition, such as a company's own root; none by default.
    public var additionalRootsPEM: [UInt8]
    /// The same from a file: certificates in PEM form that are trusted in addition; nil, none, by default.
    public var additionalRootsPEMFile: String?
    /// The client's own certificate; nil by default, as most servers do not ask for one.
    public var identity: Identity?
    /// The oldest version that is spoken, by default 1.2, which every maintained server has at least.
    public var minimumVersion: Version
    /// The name or IP address that the server's certificate must be for, and that is sent to the server (SNI).
    ///
    /// Nil, the default, means the host of the address that is dialled; another one is for tunnels and tests.
    public var serverName: String?
    /// Accepts any certificate of anybody, so that everybody on the way can read and change everything.
    ///
    /// False by default. For a private or self-signed certificate use ``additionalRootsPEM``
    /// or ``additionalRootsPEMFile``.
    public var unsafelySkipsVerification: Bool
    /// Which libraries are opened; tests name missing ones.
    package var libraryNames = OpenSSLLibrary.Names.system
    /// Where `SSL_CERT_FILE` and `SSL_CERT_DIR` are looked up.
    package var environment: @Sendable (String) -> String? = { EnvironmentVariable.value($0) }

    /// Options that suit a public server; change what differs.
    public init(
        trustStore: TrustStore = .system,
        additionalRootsPEM: [UInt8] = [],
        additionalRootsPEMFile: String? = nil,
        identity: Identity? = nil,
        minimumVersion: Version = .v1_2,
        serverName: String? = nil,
        unsafelySkipsVerification: Bool = false
    ) {
        self.trustStore = trustStore
        self.additionalRootsPEM = additionalRootsPEM
        self.additionalRootsPEMFile = additionalRootsPEMFile
        self.identity = identity
        self.minimumVersion = minimumVersion
        self.serverName = serverName
        self.unsafelySkipsVerification = unsafelySkipsVerification
    }
}
