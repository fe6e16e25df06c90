// SPDX-License-Identifier: Apache-2.0
#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// What a ``TLSContext`` is made from.
package struct TLSConfiguration: Sendable {
    package enum TrustStore: Sendable {
        case system
        case pemFile(String)
        case pem([UInt8])
    }

    package enum Version: Sendable {
        case v1_2
        case v1_3
    }

    package struct Identity: Sendable {
        package var certificatePEMFile: String
        package var keyPEMFile: String

        package init(certificatePEMFile: String, keyPEMFile: String) {
            self.certificatePEMFile = certificatePEMFile
            self.keyPEMFile = keyPEMFile
        }
    }

    package var trustStore = TrustStore.system
    package var additionalRootsPEM: [UInt8] = []
    package var identity: Identity?
    package var minimumVersion = Version.v1_2
    /// Verified and sent as SNI in place of the host that is dialled.
    package var serverName: String?
    package var unsafelySkipsVerification = false
    /// Which libraries are opened; other names are for the test of a machine without OpenSSL.
    package var libraryNames = OpenSSLLibrary.Names.system
    /// Where `SSL_CERT_FILE` and `SSL_CERT_DIR` are looked up.
    package var environment: @Sendable (String) -> String? = { name in getenv(name).map { String(cString: $0) } }

    package init() {}
}
