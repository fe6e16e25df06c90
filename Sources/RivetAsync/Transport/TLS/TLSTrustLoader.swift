// SPDX-License-Identifier: Apache-2.0
#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Reads the trusted certificates into a context.
///
/// `@safe`: the `TLSContext` that makes one owns the context.
@safe struct TLSTrustLoader {
    /// Where the distributions keep their bundle: Debian and Alpine, Fedora, SUSE, newer Fedora, others.
    private static let systemFiles = [
        "/etc/ssl/certs/ca-certificates.crt",
        "/etc/pki/tls/certs/ca-bundle.crt",
        "/etc/ssl/ca-bundle.pem",
        "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
        "/etc/ssl/cert.pem",
    ]
    private static let systemDirectory = "/etc/ssl/certs"

    let library: OpenSSLLibrary
    let context: OpenSSLLibrary.Object

    func load(_ options: TLSOptions) throws(TLSError) {
        switch options.trustStore {
        case .system: try loadSystem(options)
        case .pemFile(let path): try load(.file(path), "the trust store \(path)")
        case .pem(let bytes): try load(.bytes(bytes), "the trust store")
        }
        if !options.additionalRootsPEM.isEmpty {
            try load(.bytes(options.additionalRootsPEM), "additionalRootsPEM")
        }
        if let path = options.additionalRootsPEMFile { try load(.file(path), "additionalRootsPEMFile (\(path))") }
    }

    /// `SSL_CERT_FILE` replaces the system's own file, as in OpenSSL; `SSL_CERT_DIR` is added to either.
    ///
    /// Unlike there, a file that cannot be read is an error, not a store without certificates.
    private func loadSystem(_ options: TLSOptions) throws(TLSError) {
        let file = options.environment("SSL_CERT_FILE")
        let directories = options.environment("SSL_CERT_DIR")
        if let directories {
            for directory in directories.split(separator: ":") { try add(directory: String(directory)) }
        }
        if let file {
            try load(.file(file), "SSL_CERT_FILE (\(file))")
        } else if let file = Self.systemFiles.first(where: { unsafe access($0, R_OK) == 0 }) {
            try load(.file(file), "the system's trust store \(file)")
        } else if directories == nil {
            guard options.additionalRootsPEM.isEmpty, options.additionalRootsPEMFile == nil else { return }
            guard unsafe access(Self.systemDirectory, R_OK) == 0 else {
                throw TLSError(
                    .configuration,
                    "this machine has no trusted certificates: install the package ca-certificates, or set "
                        + "SSL_CERT_FILE or a trust store of your own"
                )
            }
            try add(directory: Self.systemDirectory)
        }
    }

    /// The files of a directory are found by the hash in their names (`openssl rehash`), when they are needed.
    private func add(directory: String) throws(TLSError) {
        guard unsafe library.SSL_CTX_load_verify_dir(context, directory) == 1 else {
            throw .configuration("the certificate directory \(directory) cannot be used", library)
        }
    }

    private func load(_ source: PEMSource, _ name: String) throws(TLSError) {
        let store = unsafe library.SSL_CTX_get_cert_store(context)
        let reader = PEMReader(library: library, source: source, name: name)
        try unsafe reader.forEachCertificate { (certificate, number) throws(TLSError) in
            guard unsafe library.X509_STORE_add_cert(store, certificate) == 1 else {
                throw .configuration("certificate \(number) of \(name) cannot be used", library)
            }
        }
    }
}
