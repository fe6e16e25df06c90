// SPDX-License-Identifier: Apache-2.0

/// One client's end of a TLS session, without IO: ciphertext is fed to it and comes out of it.
///
/// Not `Sendable`: it is used on one lane. An error is final; what it left in the output (an alert) is still to be sent.
///
/// `@safe`: it owns the session and frees it at its end, and `output` is set only while its buffer is lent.
@safe package final class TLSEngine {
    package enum ReadResult: Equatable {
        /// This many bytes of plaintext were written into the room.
        case bytes(Int)
        case needsInput
        /// The peer's `close_notify` has come.
        case finished
    }

    private let context: TLSContext
    private let library: OpenSSLLibrary
    private let serverName: TLSServerName
    private let sessionKey: String
    private let session: OpenSSLLibrary.Object
    private var failure: TLSError?

    /// Ciphertext that OpenSSL has not taken yet; of the first chunk without what `inputOffset` says.
    private var input = RingBuffer<ByteChunk>()
    private var inputOffset = 0
    /// The first bytes of the peer, which show whether it speaks TLS.
    private var beginning: [UInt8] = []
    /// Where the ciphertext of the call under way goes.
    private var output: UnsafeMutablePointer<ByteBuffer>?

    private var verificationError: TLSError?
    private var isClientCertificateWanted = false
    package private(set) var isHandshakeComplete = false

    /// A session with `host`, as it is dialled; `port` only tells servers apart for the resumption of sessions.
    package init(context: TLSContext, host: String, port: Int) throws(TLSError) {
        typealias C = OpenSSLConstants
        self.context = context
        library = context.library
        serverName = try TLSServerName(context.options.serverName ?? host)
        sessionKey = "\(serverName.text) \(host):\(port)"
        guard let session = unsafe library.SSL_new(context.object) else {
            throw .configuration("OpenSSL could not make a session", library)
        }
        unsafe self.session = session
        guard let bio = unsafe library.BIO_new(context.bioMethod) else {
            throw .configuration("OpenSSL could not make a BIO", library)
        }
        unsafe library.BIO_set_data(bio, Unmanaged.passUnretained(self).toOpaque())
        unsafe library.BIO_set_init(bio, 1)
        unsafe library.SSL_set_bio(session, bio, bio)
        unsafe library.SSL_set_connect_state(session)
        _ = unsafe library.SSL_set_ex_data(session, 0, Unmanaged.passUnretained(self).toOpaque())
        try setUpServerName()
        if let earlier = unsafe context.sessions.take(for: sessionKey) {
            _ = unsafe library.SSL_set_session(session, earlier)
            unsafe library.SSL_SESSION_free(earlier)
        }
    }

    deinit {
        // OpenSSL would never resume the session of a connection that is freed without its close_notify.
        if failure == nil {
            unsafe library.SSL_set_shutdown(
                session,
                OpenSSLConstants.SSL_SENT_SHUTDOWN | OpenSSLConstants.SSL_RECEIVED_SHUTDOWN
            )
        }
        unsafe library.SSL_free(session)
    }

    private func setUpServerName() throws(TLSError) {
        typealias C = OpenSSLConstants
        let parameters = unsafe library.SSL_get0_param(session)
        if !serverName.isAddress {
            let accepted = unsafe serverName.text.withCString {
                unsafe library.SSL_ctrl(
                    session,
                    C.SSL_CTRL_SET_TLSEXT_HOSTNAME,
                    0,
                    UnsafeMutableRawPointer(mutating: $0)
                )
            }
            guard accepted == 1 else { throw .configuration("the server's name was not accepted", library) }
        }
        guard !context.options.unsafelySkipsVerification else { return }
        unsafe library.X509_VERIFY_PARAM_set_hostflags(
            parameters,
            C.X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | C.X509_CHECK_FLAG_NEVER_CHECK_SUBJECT
        )
        let accepted =
            unsafe serverName.isAddress
            ? library.X509_VERIFY_PARAM_set1_ip_asc(parameters, serverName.text)
            : library.X509_VERIFY_PARAM_set1_host(parameters, serverName.text, 0)
        guard accepted == 1 else { throw .configuration("the server's name was not accepted", library) }
    }

    /// Version, cipher, protocol and whether the session was resumed; nil before the handshake is complete.
    package var securityDescription: String? {
        guard isHandshakeComplete else { return nil }
        let version = unsafe text(ofC: library.SSL_get_version(session)) ?? "TLS"
        let cipher = unsafe text(ofC: library.SSL_CIPHER_get_name(library.SSL_get_current_cipher(session)))
        let parts = [version, cipher, selectedProtocol, isResumed ? "resumed" : nil]
        return parts.compactMap { $0 }.joined(separator: ", ")
    }

    package var isResumed: Bool { unsafe library.SSL_session_reused(session) == 1 }

    private var selectedProtocol: String? {
        var start: UnsafePointer<UInt8>?
        var count: UInt32 = 0
        unsafe library.SSL_get0_alpn_selected(session, &start, &count)
        guard let start = unsafe start, count > 0 else { return nil }
        return unsafe String(decoding: UnsafeBufferPointer(start: start, count: Int(count)), as: UTF8.self)
    }

    // MARK: What comes from the lane

    package func feed(_ ciphertext: ByteChunk) {
        guard !ciphertext.isEmpty else { return }
        if beginning.count < 5 { beginning += ciphertext.prefix(5 - beginning.count) }
        input.append(ciphertext)
    }

    /// Goes on with the handshake and returns whether it is complete.
    ///
    /// Until then it is to be called after each `feed`, and once at the start.
    package func handshake(into output: inout ByteBuffer) throws(TLSError) -> Bool {
        if let failure { throw failure }
        if isHandshakeComplete { return true }
        try perform(into: &output) { engine throws(TLSError) in
            try engine.checkBeginning()
            let result = unsafe engine.library.SSL_do_handshake(engine.session)
            if result == 1 {
                engine.isHandshakeComplete = true
                try engine.checkProtocol()
            } else if try engine.wasEnded(result) {
                throw engine.errorAtEnd()
            }
        }
        return isHandshakeComplete
    }

    /// Decrypts the next record, or what is left of it, into `room`.
    package func read(
        into room: UnsafeMutableRawBufferPointer,
        output: inout ByteBuffer
    ) throws(TLSError) -> ReadResult {
        if let failure { throw failure }
        var count = 0
        var isFinished = false
        try perform(into: &output) { engine throws(TLSError) in
            let result = unsafe engine.library.SSL_read_ex(engine.session, room.baseAddress, room.count, &count)
            if result != 1 { isFinished = try engine.wasEnded(result) }
        }
        return isFinished ? .finished : count > 0 ? .bytes(count) : .needsInput
    }

    /// Encrypts `plaintext` in records of up to 16 KiB.
    package func write(_ plaintext: UnsafeRawBufferPointer, into output: inout ByteBuffer) throws(TLSError) {
        if let failure { throw failure }
        guard plaintext.count > 0 else { return }
        // A record adds 22 bytes in TLS 1.3 and a few more in TLS 1.2.
        output.reserve(plaintext.count + (plaintext.count / 16_384 + 1) * 64)
        try perform(into: &output) { engine throws(TLSError) in
            var count = 0
            let result = unsafe engine.library.SSL_write_ex(
                engine.session,
                plaintext.baseAddress,
                plaintext.count,
                &count
            )
            // The output takes everything, and without renegotiation writing never has to read.
            guard result != 1 else { return }
            throw try engine.wasEnded(result) ? engine.errorAtEnd() : engine.failureInQueue()
        }
    }

    /// Ends our side with `close_notify`; the peer's side stays open.
    package func finishWriting(into output: inout ByteBuffer) {
        guard failure == nil, isHandshakeComplete else { return }
        // The result only says whether the peer's `close_notify` has come too.
        try? perform(into: &output) { engine throws(TLSError) in
            _ = unsafe engine.library.SSL_shutdown(engine.session)
        }
    }

    /// What it means that the connection below ended, without `close_notify`.
    package func errorAtEnd() -> TLSError {
        if let failure { return failure }
        if isHandshakeComplete { return .truncated }
        return TLSError(
            .closedDuringHandshake,
            beginning.isEmpty
                ? "the server closed the connection without an answer to the TLS handshake: it may not speak TLS here"
                : "the server closed the connection during the TLS handshake"
        )
    }

    // MARK: Calling OpenSSL

    private func perform(into output: inout ByteBuffer, _ body: (TLSEngine) throws(TLSError) -> Void) throws(TLSError) {
        // An old entry in the thread's queue would be taken for the reason of a new failure.
        library.ERR_clear_error()
        do throws(TLSError) {
            try unsafe withUnsafeMutablePointer(to: &output) { pointer throws(TLSError) in
                unsafe self.output = pointer
                defer { unsafe self.output = nil }
                try body(self)
            }
        } catch {
            failure = error
            input.removeAll()
            throw error
        }
    }

    /// Why a call did not succeed: false when it needs more input, true when the peer ended its side.
    private func wasEnded(_ result: Int32) throws(TLSError) -> Bool {
        switch unsafe library.SSL_get_error(session, result) {
        case OpenSSLConstants.SSL_ERROR_WANT_READ: return false
        case OpenSSLConstants.SSL_ERROR_ZERO_RETURN: return true
        default: throw failureInQueue()
        }
    }

    private func failureInQueue() -> TLSError {
        let code = library.ERR_get_error()
        let reason = unsafe text(ofC: library.ERR_reason_error_string(code))
        library.ERR_clear_error()
        if let verificationError { return verificationError }
        let error = TLSProtocolReport(
            code: code,
            reason: reason ?? "no reason given",
            isClientCertificateWanted: isClientCertificateWanted,
            hasIdentity: context.options.identity != nil,
            host: serverName.text
        ).error
        // After the handshake it is no matter of what the server can do.
        return error.kind == .protocolFailure && isHandshakeComplete ? TLSError(.damaged, error.message) : error
    }

    private func checkBeginning() throws(TLSError) {
        // The first record of a server is its ServerHello (22) or an alert (21); RFC 8446 §5.1.
        guard let first = beginning.first, first != 22, first != 21 else { return }
        let isHTTP = "HTTP/".utf8.starts(with: beginning)
        throw TLSError(
            .notTLS,
            isHTTP
                ? "the server speaks plain HTTP at this port: the address must begin with http, or the port is wrong"
                : "the server does not speak TLS at this port (its first byte is \(first))"
        )
    }

    private func checkProtocol() throws(TLSError) {
        // Without an answer to ALPN a server speaks what its port is for.
        guard let selected = selectedProtocol, selected != "http/1.1" else { return }
        throw TLSError(.applicationProtocol, "the server chose a protocol that was not offered; only http/1.1 was")
    }

    // MARK: Called by OpenSSL, within `perform`

    private static func engine(of pointer: UnsafeMutableRawPointer?) -> TLSEngine? {
        unsafe pointer.map { unsafe Unmanaged<TLSEngine>.fromOpaque($0).takeUnretainedValue() }
    }

    /// Gives OpenSSL up to `count` bytes of the input.
    func takeInput(_ target: UnsafeMutableRawPointer, _ count: Int) -> Int {
        guard let chunk = input.first else { return 0 }
        let taken = min(count, chunk.count &- inputOffset)
        chunk.withUnsafeBytes { bytes in
            guard let start = bytes.baseAddress else { return }
            unsafe target.copyMemory(from: start + inputOffset, byteCount: taken)
        }
        inputOffset &+= taken
        if inputOffset == chunk.count {
            _ = input.popFirst()
            inputOffset = 0
        }
        return taken
    }

    /// Takes ciphertext from OpenSSL; false outside of a call that has an output.
    func putOutput(_ bytes: UnsafeRawBufferPointer) -> Bool {
        guard let output = unsafe output else { return false }
        unsafe output.pointee.append(bytes)
        return true
    }

    static let newSession: OpenSSLLibrary.NewSessionCallback = { session, resumable in
        guard let library = OpenSSLLibrary.loaded, let resumable = unsafe resumable else { return 0 }
        guard let engine = unsafe engine(of: library.SSL_get_ex_data(session, 0)) else { return 0 }
        guard unsafe library.SSL_SESSION_is_resumable(resumable) == 1 else { return 0 }
        unsafe engine.context.sessions.add(resumable, for: engine.sessionKey)
        return 1
    }

    static let clientCertificateWanted: OpenSSLLibrary.ClientCertificateCallback = { session, _, _ in
        guard let library = OpenSSLLibrary.loaded else { return 0 }
        unsafe engine(of: library.SSL_get_ex_data(session, 0))?.isClientCertificateWanted = true
        return 0
    }

    /// Keeps the reason of a failure while the certificate is at hand, and never changes the verdict.
    static let verified: OpenSSLLibrary.VerifyCallback = { isAccepted, store in
        guard isAccepted != 1, let library = OpenSSLLibrary.loaded else { return isAccepted }
        let session = unsafe library.X509_STORE_CTX_get_ex_data(store, library.SSL_get_ex_data_X509_STORE_CTX_idx())
        guard
            let session = unsafe session,
            let engine = unsafe engine(of: library.SSL_get_ex_data(OpaquePointer(session), 0)),
            let certificate = unsafe library.X509_STORE_CTX_get_current_cert(store)
        else { return isAccepted }
        let code = unsafe library.X509_STORE_CTX_get_error(store)
        let report = unsafe TLSVerificationReport(
            code: code,
            depth: Int(library.X509_STORE_CTX_get_error_depth(store)),
            certificate: TLSCertificate(certificate, library),
            sentCount: Int(library.OPENSSL_sk_num(library.X509_STORE_CTX_get0_untrusted(store))),
            reason: text(ofC: library.X509_verify_cert_error_string(Int(code))) ?? "no reason given"
        )
        engine.verificationError = report.error(host: engine.serverName.text)
        return isAccepted
    }
}
