// SPDX-License-Identifier: Apache-2.0
#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Reads the trusted certificates into a context.
struct TLSTrustLoader {
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

    /// Refuses to ask for a password on the terminal.
    static let noPassword: OpenSSLLibrary.PasswordCallback = { _, _, _, _ in -1 }

    func load(_ options: TLSOptions) throws(TLSError) {
        switch options.trustStore {
        case .system: try loadSystem(options)
        case .pemFile(let path): try load(file: path, "the trust store \(path)")
        case .pem(let bytes): try load(pem: bytes, "the trust store")
        }
        if !options.additionalRootsPEM.isEmpty {
            try load(pem: options.additionalRootsPEM, "additionalRootsPEM")
        }
    }

    /// `SSL_CERT_FILE` and `SSL_CERT_DIR` replace the system's own places, as in OpenSSL.
    ///
    /// Unlike there, a file that cannot be read is an error, not a store without certificates.
    private func loadSystem(_ options: TLSOptions) throws(TLSError) {
        let file = options.environment("SSL_CERT_FILE")
        let directories = options.environment("SSL_CERT_DIR")
        if let directories {
            for directory in directories.split(separator: ":") { try add(directory: String(directory)) }
        }
        if let file {
            try load(file: file, "SSL_CERT_FILE (\(file))")
        } else if let file = Self.systemFiles.first(where: { access($0, R_OK) == 0 }) {
            try load(file: file, "the system's trust store \(file)")
        } else if directories == nil {
            guard options.additionalRootsPEM.isEmpty else { return }
            guard access(Self.systemDirectory, R_OK) == 0 else {
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
        guard library.SSL_CTX_load_verify_dir(context, directory) == 1 else {
            throw .configuration("the certificate directory \(directory) cannot be used", library)
        }
    }

    private func load(file path: String, _ what: String) throws(TLSError) {
        library.ERR_clear_error()
        guard let file = library.BIO_new_file(path, "r") else {
            throw .configuration("\(what) cannot be read", library)
        }
        defer { _ = library.BIO_free(file) }
        try addAll(from: file, what)
    }

    private func load(pem bytes: [UInt8], _ what: String) throws(TLSError) {
        guard let count = Int32(exactly: bytes.count) else { throw TLSError(.configuration, "\(what) is too large") }
        try bytes.span.withUnsafeBytes { (bytes) throws(TLSError) in
            guard let memory = library.BIO_new_mem_buf(bytes.baseAddress, count) else {
                throw .configuration("\(what) cannot be read", library)
            }
            defer { _ = library.BIO_free(memory) }
            try addAll(from: memory, what)
        }
    }

    private func addAll(from source: OpenSSLLibrary.Object, _ what: String) throws(TLSError) {
        typealias C = OpenSSLConstants
        let store = library.SSL_CTX_get_cert_store(context)
        var count = 0
        library.ERR_clear_error()
        while let certificate = library.PEM_read_bio_X509_AUX(source, nil, Self.noPassword, nil) {
            defer { library.X509_free(certificate) }
            guard library.X509_STORE_add_cert(store, certificate) == 1 else {
                throw .configuration("certificate \(count + 1) of \(what) cannot be used", library)
            }
            count += 1
        }
        let code = library.ERR_peek_last_error()
        guard code.errorLibrary == C.ERR_LIB_PEM, code.errorReason == C.PEM_R_NO_START_LINE else {
            throw .configuration("certificate \(count + 1) of \(what) is damaged", library)
        }
        library.ERR_clear_error()
        guard count > 0 else { throw TLSError(.configuration, "\(what) holds no certificate in PEM form") }
    }
}

extension UInt {
    /// The parts of a code from OpenSSL's error queue (`ERR_GET_LIB`, `ERR_GET_REASON`); system errors have no reason.
    var errorLibrary: UInt { self & 0x8000_0000 != 0 ? 2 : (self >> 23) & 0xFF }
    var errorReason: UInt { self & 0x8000_0000 != 0 ? 0 : self & 0x7F_FFFF }
}
