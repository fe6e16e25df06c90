// SPDX-License-Identifier: Apache-2.0

/// Where text in PEM form comes from.
package enum PEMSource: Sendable {
    case file(String)
    case bytes([UInt8])

    /// Names it in an error: by the path, or by the option that holds the bytes, never by what they are.
    func name(_ what: String, option: String) -> String {
        switch self {
        case .file(let path): "\(what) \(path)"
        case .bytes: "\(what) in \(option)"
        }
    }
}

/// Reads what OpenSSL is to use from one source; `name` is what errors call it.
struct PEMReader {
    let library: OpenSSLLibrary
    let source: PEMSource
    let name: String

    /// Refuses to ask for a password on the terminal.
    private static let noPassword: OpenSSLLibrary.PasswordCallback = { _, _, _, _ in -1 }

    /// Calls `body` with each certificate, of which there is at least one, and its place, from 1.
    func forEachCertificate(_ body: (OpenSSLLibrary.Object, Int) throws(TLSError) -> Void) throws(TLSError) {
        typealias C = OpenSSLConstants
        try unsafe open { (text) throws(TLSError) in
            var count = 0
            while let certificate = unsafe library.PEM_read_bio_X509_AUX(text, nil, Self.noPassword, nil) {
                defer { unsafe library.X509_free(certificate) }
                count += 1
                try unsafe body(certificate, count)
            }
            let code = library.ERR_peek_last_error()
            guard code.errorLibrary == C.ERR_LIB_PEM, code.errorReason == C.PEM_R_NO_START_LINE else {
                throw .configuration("certificate \(count + 1) of \(name) is damaged", library)
            }
            library.ERR_clear_error()
            guard count > 0 else { throw TLSError(.configuration, "\(name) holds no certificate in PEM form") }
        }
    }

    /// Calls `body` with the private key.
    func withPrivateKey(_ body: (OpenSSLLibrary.Object) throws(TLSError) -> Void) throws(TLSError) {
        try unsafe open { (text) throws(TLSError) in
            guard let key = unsafe library.PEM_read_bio_PrivateKey(text, nil, Self.noPassword, nil) else {
                throw .configuration("\(name) cannot be used (it must be PEM, without a password)", library)
            }
            defer { unsafe library.EVP_PKEY_free(key) }
            try unsafe body(key)
        }
    }

    private func open(_ body: (OpenSSLLibrary.Object) throws(TLSError) -> Void) throws(TLSError) {
        library.ERR_clear_error()
        switch source {
        case .file(let path):
            guard let file = unsafe library.BIO_new_file(path, "r") else {
                throw .configuration("\(name) cannot be read", library)
            }
            defer { _ = unsafe library.BIO_free(file) }
            try unsafe body(file)
        case .bytes(let bytes):
            guard !bytes.isEmpty, let count = Int32(exactly: bytes.count) else {
                throw TLSError(.configuration, "\(name) is \(bytes.isEmpty ? "empty" : "too large")")
            }
            try unsafe bytes.span.withUnsafeBytes { (bytes) throws(TLSError) in
                guard let memory = unsafe library.BIO_new_mem_buf(bytes.baseAddress, count) else {
                    throw .configuration("\(name) cannot be read", library)
                }
                defer { _ = unsafe library.BIO_free(memory) }
                try unsafe body(memory)
            }
        }
    }
}

extension UInt {
    /// The parts of a code from OpenSSL's error queue (`ERR_GET_LIB`, `ERR_GET_REASON`); system errors have no reason.
    var errorLibrary: UInt { self & 0x8000_0000 != 0 ? 2 : (self >> 23) & 0xFF }
    var errorReason: UInt { self & 0x8000_0000 != 0 ? 0 : self & 0x7F_FFFF }
}
