// SPDX-License-Identifier: Apache-2.0
import Synchronization

/// What all TLS connections of one client share: the trusted certificates, read once, the client's own certificate,
/// and sessions to resume.
///
/// `@unchecked Sendable`: OpenSSL's context is not changed after `init` and may be used from any thread (SSL_new
/// counts references atomically); the sessions are behind a lock. `@safe`: it owns the context and frees it at its end.
@safe package final class TLSContext: @unchecked Sendable {
    let library: OpenSSLLibrary
    let options: TLSOptions
    let sessions: TLSSessionCache
    let object: OpenSSLLibrary.Object
    /// The kind of BIO that reads from and writes to a ``TLSEngine``.
    let bioMethod: OpenSSLLibrary.Object

    /// Opens OpenSSL, when it is the first, and reads the files that `options` names.
    ///
    /// It blocks for some tens of milliseconds, so it is not for a lane.
    package init(_ options: TLSOptions) throws(TLSError) {
        library = try OpenSSLLibrary.load(options.libraryNames)
        self.options = options
        guard
            let object = unsafe library.SSL_CTX_new(library.TLS_client_method()),
            let bioMethod = unsafe TLSEngineBIO.method(library)
        else { throw .configuration("OpenSSL could not make a context", library) }
        unsafe self.object = object
        unsafe self.bioMethod = bioMethod
        sessions = TLSSessionCache(library)
        try setUp()
    }

    deinit { unsafe library.SSL_CTX_free(object) }

    private func setUp() throws(TLSError) {
        typealias C = OpenSSLConstants
        if let name = options.serverName { _ = try TLSServerName(name) }
        let version = options.minimumVersion == .v1_3 ? C.TLS1_3_VERSION : C.TLS1_2_VERSION
        guard unsafe library.SSL_CTX_ctrl(object, C.SSL_CTRL_SET_MIN_PROTO_VERSION, version, nil) == 1 else {
            throw .configuration("OpenSSL does not support the minimum TLS version", library)
        }
        // An idle connection gives its record buffers back, and a buffer may have moved when a write is repeated.
        let mode = C.SSL_MODE_RELEASE_BUFFERS | C.SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER
        _ = unsafe library.SSL_CTX_ctrl(object, C.SSL_CTRL_MODE, mode, nil)
        _ = unsafe library.SSL_CTX_set_options(object, C.SSL_OP_NO_COMPRESSION | C.SSL_OP_NO_RENEGOTIATION)
        // Level 2 asks for 112 bits of security: no RSA below 2048 bits, no SHA-1 signatures.
        unsafe library.SSL_CTX_set_security_level(object, 2)
        let protocols: [UInt8] = [8] + Array("http/1.1".utf8)
        _ = unsafe library.SSL_CTX_set_alpn_protos(object, protocols, UInt32(protocols.count))
        // Sessions are kept by the client under its own keys, as OpenSSL does not look them up for clients.
        let cacheMode = C.SSL_SESS_CACHE_CLIENT | C.SSL_SESS_CACHE_NO_INTERNAL
        _ = unsafe library.SSL_CTX_ctrl(object, C.SSL_CTRL_SET_SESS_CACHE_MODE, cacheMode, nil)
        unsafe library.SSL_CTX_sess_set_new_cb(object, TLSEngine.newSession)
        unsafe library.SSL_CTX_set_client_cert_cb(object, TLSEngine.clientCertificateWanted)
        try setUpVerification()
        if let identity = options.identity { try use(identity) }
    }

    private func setUpVerification() throws(TLSError) {
        typealias C = OpenSSLConstants
        guard !options.unsafelySkipsVerification else {
            unsafe library.SSL_CTX_set_verify(object, C.SSL_VERIFY_NONE, nil)
            return
        }
        unsafe library.SSL_CTX_set_verify(object, C.SSL_VERIFY_PEER, TLSEngine.verified)
        // A certificate in the trust store is trusted, be it a root or not.
        _ = unsafe library.X509_VERIFY_PARAM_set_flags(library.SSL_CTX_get0_param(object), C.X509_V_FLAG_PARTIAL_CHAIN)
        try unsafe TLSTrustLoader(library: library, context: object).load(options)
    }

    private func use(_ identity: TLSOptions.Identity) throws(TLSError) {
        typealias C = OpenSSLConstants
        let name = identity.certificate.name("the client certificate", option: "certificatePEM")
        let certificates = PEMReader(library: library, source: identity.certificate, name: name)
        try unsafe certificates.forEachCertificate { (certificate, number) throws(TLSError) in
            // The first is the client's own; those behind it are sent with it. OpenSSL counts its own references.
            let isUsed =
                unsafe number == 1
                ? library.SSL_CTX_use_certificate(object, certificate) == 1
                : library.SSL_CTX_ctrl(object, C.SSL_CTRL_CHAIN_CERT, 1, UnsafeMutableRawPointer(certificate)) == 1
            guard isUsed else { throw .configuration("certificate \(number) of \(name) cannot be used", library) }
        }
        let keyName = identity.key.name("the client's private key", option: "keyPEM")
        try unsafe PEMReader(library: library, source: identity.key, name: keyName).withPrivateKey {
            (key) throws(TLSError) in
            guard unsafe library.X509_check_private_key(library.SSL_CTX_get0_certificate(object), key) == 1 else {
                throw .configuration("\(keyName) does not belong to \(name)", library)
            }
            guard unsafe library.SSL_CTX_use_PrivateKey(object, key) == 1 else {
                throw .configuration("\(keyName) cannot be used", library)
            }
        }
    }
}

extension TLSError {
    /// An error of kind `configuration` with the reason that OpenSSL queued last.
    static func configuration(_ what: String, _ library: OpenSSLLibrary) -> TLSError {
        let reason = unsafe text(ofC: library.ERR_reason_error_string(library.ERR_peek_last_error()))
        library.ERR_clear_error()
        return TLSError(.configuration, reason.map { "\(what): \($0)" } ?? what)
    }
}
