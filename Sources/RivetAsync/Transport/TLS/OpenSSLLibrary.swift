// SPDX-License-Identifier: Apache-2.0
#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// OpenSSL 3 of the system, opened at run time, as a table of typed functions.
///
/// There are no headers and no link-time dependency: a program without TLS runs where OpenSSL is not installed.
/// The functions keep their C names, so that the manual pages apply. It is loaded once and stays for the life of the
/// process; a table of constant function pointers is safe to share.
///
/// `@safe`: to hold the table touches no memory; each call through it is `unsafe`, as each call to C.
@safe package final class OpenSSLLibrary: @unchecked Sendable {
    package struct Names: Sendable, Equatable {
        package var ssl: String
        package var crypto: String

        package init(ssl: String, crypto: String) {
            self.ssl = ssl
            self.crypto = crypto
        }

        package static let system = Names(ssl: "libssl.so.3", crypto: "libcrypto.so.3")
    }

    /// An object of the library, such as `SSL *`.
    typealias Object = OpaquePointer
    typealias VerifyCallback = @Sendable @convention(c) (Int32, Object?) -> Int32
    typealias PasswordCallback =
        @Sendable @convention(c) (UnsafeMutablePointer<CChar>?, Int32, Int32, UnsafeMutableRawPointer?) -> Int32
    typealias NewSessionCallback = @Sendable @convention(c) (Object?, Object?) -> Int32
    typealias ClientCertificateCallback =
        @Sendable @convention(c) (Object?, UnsafeMutablePointer<Object?>?, UnsafeMutablePointer<Object?>?) -> Int32
    typealias WriteCallback =
        @Sendable @convention(c) (Object?, UnsafePointer<CChar>?, Int, UnsafeMutablePointer<Int>?) -> Int32
    typealias ReadCallback =
        @Sendable @convention(c) (Object?, UnsafeMutablePointer<CChar>?, Int, UnsafeMutablePointer<Int>?) -> Int32
    typealias ControlCallback = @Sendable @convention(c) (Object?, Int32, Int, UnsafeMutableRawPointer?) -> Int

    // MARK: libssl

    let OPENSSL_init_ssl: @convention(c) (UInt64, Object?) -> Int32
    let TLS_client_method: @convention(c) () -> Object?
    let SSL_CTX_new: @convention(c) (Object?) -> Object?
    let SSL_CTX_free: @convention(c) (Object?) -> Void
    let SSL_CTX_ctrl: @convention(c) (Object?, Int32, Int, UnsafeMutableRawPointer?) -> Int
    let SSL_CTX_set_options: @convention(c) (Object?, UInt64) -> UInt64
    let SSL_CTX_set_security_level: @convention(c) (Object?, Int32) -> Void
    let SSL_CTX_set_verify: @convention(c) (Object?, Int32, VerifyCallback?) -> Void
    let SSL_CTX_set_alpn_protos: @convention(c) (Object?, UnsafePointer<UInt8>?, UInt32) -> Int32
    let SSL_CTX_sess_set_new_cb: @convention(c) (Object?, NewSessionCallback?) -> Void
    let SSL_CTX_set_client_cert_cb: @convention(c) (Object?, ClientCertificateCallback?) -> Void
    let SSL_CTX_use_certificate: @convention(c) (Object?, Object?) -> Int32
    let SSL_CTX_use_PrivateKey: @convention(c) (Object?, Object?) -> Int32
    let SSL_CTX_get0_certificate: @convention(c) (Object?) -> Object?
    let SSL_CTX_get_cert_store: @convention(c) (Object?) -> Object?
    let SSL_CTX_get0_param: @convention(c) (Object?) -> Object?
    let SSL_CTX_load_verify_dir: @convention(c) (Object?, UnsafePointer<CChar>?) -> Int32
    let SSL_new: @convention(c) (Object?) -> Object?
    let SSL_free: @convention(c) (Object?) -> Void
    let SSL_set_bio: @convention(c) (Object?, Object?, Object?) -> Void
    let SSL_set_connect_state: @convention(c) (Object?) -> Void
    let SSL_ctrl: @convention(c) (Object?, Int32, Int, UnsafeMutableRawPointer?) -> Int
    let SSL_get0_param: @convention(c) (Object?) -> Object?
    let SSL_do_handshake: @convention(c) (Object?) -> Int32
    let SSL_read_ex: @convention(c) (Object?, UnsafeMutableRawPointer?, Int, UnsafeMutablePointer<Int>?) -> Int32
    let SSL_write_ex: @convention(c) (Object?, UnsafeRawPointer?, Int, UnsafeMutablePointer<Int>?) -> Int32
    let SSL_shutdown: @convention(c) (Object?) -> Int32
    let SSL_set_shutdown: @convention(c) (Object?, Int32) -> Void
    let SSL_get_error: @convention(c) (Object?, Int32) -> Int32
    let SSL_get_version: @convention(c) (Object?) -> UnsafePointer<CChar>?
    let SSL_get_current_cipher: @convention(c) (Object?) -> Object?
    let SSL_CIPHER_get_name: @convention(c) (Object?) -> UnsafePointer<CChar>?
    let SSL_get0_alpn_selected:
        @convention(c) (Object?, UnsafeMutablePointer<UnsafePointer<UInt8>?>?, UnsafeMutablePointer<UInt32>?) -> Void
    let SSL_session_reused: @convention(c) (Object?) -> Int32
    let SSL_set_ex_data: @convention(c) (Object?, Int32, UnsafeMutableRawPointer?) -> Int32
    let SSL_get_ex_data: @convention(c) (Object?, Int32) -> UnsafeMutableRawPointer?
    let SSL_get_ex_data_X509_STORE_CTX_idx: @convention(c) () -> Int32
    let SSL_set_session: @convention(c) (Object?, Object?) -> Int32
    let SSL_SESSION_up_ref: @convention(c) (Object?) -> Int32
    let SSL_SESSION_free: @convention(c) (Object?) -> Void
    let SSL_SESSION_is_resumable: @convention(c) (Object?) -> Int32
    let SSL_SESSION_get_protocol_version: @convention(c) (Object?) -> Int32

    // MARK: libcrypto

    let BIO_get_new_index: @convention(c) () -> Int32
    let BIO_meth_new: @convention(c) (Int32, UnsafePointer<CChar>?) -> Object?
    let BIO_meth_set_write_ex: @convention(c) (Object?, WriteCallback?) -> Int32
    let BIO_meth_set_read_ex: @convention(c) (Object?, ReadCallback?) -> Int32
    let BIO_meth_set_ctrl: @convention(c) (Object?, ControlCallback?) -> Int32
    let BIO_new: @convention(c) (Object?) -> Object?
    let BIO_new_file: @convention(c) (UnsafePointer<CChar>?, UnsafePointer<CChar>?) -> Object?
    let BIO_new_mem_buf: @convention(c) (UnsafeRawPointer?, Int32) -> Object?
    let BIO_s_mem: @convention(c) () -> Object?
    let BIO_free: @convention(c) (Object?) -> Int32
    let BIO_read: @convention(c) (Object?, UnsafeMutableRawPointer?, Int32) -> Int32
    let BIO_set_init: @convention(c) (Object?, Int32) -> Void
    let BIO_set_data: @convention(c) (Object?, UnsafeMutableRawPointer?) -> Void
    let BIO_get_data: @convention(c) (Object?) -> UnsafeMutableRawPointer?
    let BIO_set_flags: @convention(c) (Object?, Int32) -> Void
    let BIO_clear_flags: @convention(c) (Object?, Int32) -> Void
    let ERR_clear_error: @convention(c) () -> Void
    let ERR_get_error: @convention(c) () -> UInt
    let ERR_peek_last_error: @convention(c) () -> UInt
    let ERR_reason_error_string: @convention(c) (UInt) -> UnsafePointer<CChar>?
    let PEM_read_bio_X509_AUX:
        @convention(c) (Object?, UnsafeMutablePointer<Object?>?, PasswordCallback?, UnsafeMutableRawPointer?) -> Object?
    let PEM_read_bio_PrivateKey:
        @convention(c) (Object?, UnsafeMutablePointer<Object?>?, PasswordCallback?, UnsafeMutableRawPointer?) -> Object?
    let X509_free: @convention(c) (Object?) -> Void
    let X509_check_private_key: @convention(c) (Object?, Object?) -> Int32
    let X509_STORE_add_cert: @convention(c) (Object?, Object?) -> Int32
    let X509_STORE_CTX_get_current_cert: @convention(c) (Object?) -> Object?
    let X509_STORE_CTX_get_error: @convention(c) (Object?) -> Int32
    let X509_STORE_CTX_get_error_depth: @convention(c) (Object?) -> Int32
    let X509_STORE_CTX_get_ex_data: @convention(c) (Object?, Int32) -> UnsafeMutableRawPointer?
    let X509_STORE_CTX_get0_untrusted: @convention(c) (Object?) -> Object?
    let X509_verify_cert_error_string: @convention(c) (Int) -> UnsafePointer<CChar>?
    let X509_VERIFY_PARAM_set_hostflags: @convention(c) (Object?, UInt32) -> Void
    let X509_VERIFY_PARAM_set_flags: @convention(c) (Object?, UInt) -> Int32
    let X509_VERIFY_PARAM_set1_host: @convention(c) (Object?, UnsafePointer<CChar>?, Int) -> Int32
    let X509_VERIFY_PARAM_set1_ip_asc: @convention(c) (Object?, UnsafePointer<CChar>?) -> Int32
    let X509_get_subject_name: @convention(c) (Object?) -> Object?
    let X509_get_issuer_name: @convention(c) (Object?) -> Object?
    let X509_NAME_print_ex: @convention(c) (Object?, Object?, Int32, UInt) -> Int32
    let X509_get_ext_d2i:
        @convention(c) (Object?, Int32, UnsafeMutablePointer<Int32>?, UnsafeMutablePointer<Int32>?) -> Object?
    let X509_get0_notBefore: @convention(c) (Object?) -> Object?
    let X509_get0_notAfter: @convention(c) (Object?) -> Object?
    let X509_get0_pubkey: @convention(c) (Object?) -> Object?
    let EVP_PKEY_get_bits: @convention(c) (Object?) -> Int32
    let EVP_PKEY_free: @convention(c) (Object?) -> Void
    let ASN1_TIME_print: @convention(c) (Object?, Object?) -> Int32
    let ASN1_STRING_get0_data: @convention(c) (Object?) -> UnsafePointer<UInt8>?
    let ASN1_STRING_length: @convention(c) (Object?) -> Int32
    let GENERAL_NAME_get0_value: @convention(c) (Object?, UnsafeMutablePointer<Int32>?) -> Object?
    let GENERAL_NAMES_free: @convention(c) (Object?) -> Void
    let OPENSSL_sk_num: @convention(c) (Object?) -> Int32
    let OPENSSL_sk_value: @convention(c) (Object?, Int32) -> Object?

    private static let system = Result { () throws(TLSError) in try OpenSSLLibrary(.system) }

    /// The library of the system, for callbacks, which only a loaded one can call.
    static let loaded: OpenSSLLibrary? = try? system.get()

    /// The table, resolved on the first call.
    ///
    /// Names other than the system's are only tried: they show what happens where OpenSSL is missing. A second copy of
    /// OpenSSL in one process is not used.
    package static func load(_ names: Names = .system) throws(TLSError) -> OpenSSLLibrary {
        if names != .system { _ = try OpenSSLLibrary(names) }
        return try system.get()
    }

    private init(_ names: Names) throws(TLSError) {
        // `unsafe`: each property declares its function's C signature, as the manual page has it; nobody checks that.
        let crypto = try SharedObject(names.crypto)
        let ssl = try SharedObject(names.ssl)
        unsafe OPENSSL_init_ssl = try ssl.function("OPENSSL_init_ssl")
        unsafe TLS_client_method = try ssl.function("TLS_client_method")
        unsafe SSL_CTX_new = try ssl.function("SSL_CTX_new")
        unsafe SSL_CTX_free = try ssl.function("SSL_CTX_free")
        unsafe SSL_CTX_ctrl = try ssl.function("SSL_CTX_ctrl")
        unsafe SSL_CTX_set_options = try ssl.function("SSL_CTX_set_options")
        unsafe SSL_CTX_set_security_level = try ssl.function("SSL_CTX_set_security_level")
        unsafe SSL_CTX_set_verify = try ssl.function("SSL_CTX_set_verify")
        unsafe SSL_CTX_set_alpn_protos = try ssl.function("SSL_CTX_set_alpn_protos")
        unsafe SSL_CTX_sess_set_new_cb = try ssl.function("SSL_CTX_sess_set_new_cb")
        unsafe SSL_CTX_set_client_cert_cb = try ssl.function("SSL_CTX_set_client_cert_cb")
        unsafe SSL_CTX_use_certificate = try ssl.function("SSL_CTX_use_certificate")
        unsafe SSL_CTX_use_PrivateKey = try ssl.function("SSL_CTX_use_PrivateKey")
        unsafe SSL_CTX_get0_certificate = try ssl.function("SSL_CTX_get0_certificate")
        unsafe SSL_CTX_get_cert_store = try ssl.function("SSL_CTX_get_cert_store")
        unsafe SSL_CTX_get0_param = try ssl.function("SSL_CTX_get0_param")
        unsafe SSL_CTX_load_verify_dir = try ssl.function("SSL_CTX_load_verify_dir")
        unsafe SSL_new = try ssl.function("SSL_new")
        unsafe SSL_free = try ssl.function("SSL_free")
        unsafe SSL_set_bio = try ssl.function("SSL_set_bio")
        unsafe SSL_set_connect_state = try ssl.function("SSL_set_connect_state")
        unsafe SSL_ctrl = try ssl.function("SSL_ctrl")
        unsafe SSL_get0_param = try ssl.function("SSL_get0_param")
        unsafe SSL_do_handshake = try ssl.function("SSL_do_handshake")
        unsafe SSL_read_ex = try ssl.function("SSL_read_ex")
        unsafe SSL_write_ex = try ssl.function("SSL_write_ex")
        unsafe SSL_shutdown = try ssl.function("SSL_shutdown")
        unsafe SSL_set_shutdown = try ssl.function("SSL_set_shutdown")
        unsafe SSL_get_error = try ssl.function("SSL_get_error")
        unsafe SSL_get_version = try ssl.function("SSL_get_version")
        unsafe SSL_get_current_cipher = try ssl.function("SSL_get_current_cipher")
        unsafe SSL_CIPHER_get_name = try ssl.function("SSL_CIPHER_get_name")
        unsafe SSL_get0_alpn_selected = try ssl.function("SSL_get0_alpn_selected")
        unsafe SSL_session_reused = try ssl.function("SSL_session_reused")
        unsafe SSL_set_ex_data = try ssl.function("SSL_set_ex_data")
        unsafe SSL_get_ex_data = try ssl.function("SSL_get_ex_data")
        SSL_get_ex_data_X509_STORE_CTX_idx = try unsafe ssl.function("SSL_get_ex_data_X509_STORE_CTX_idx")
        unsafe SSL_set_session = try ssl.function("SSL_set_session")
        unsafe SSL_SESSION_up_ref = try ssl.function("SSL_SESSION_up_ref")
        unsafe SSL_SESSION_free = try ssl.function("SSL_SESSION_free")
        unsafe SSL_SESSION_is_resumable = try ssl.function("SSL_SESSION_is_resumable")
        unsafe SSL_SESSION_get_protocol_version = try ssl.function("SSL_SESSION_get_protocol_version")
        BIO_get_new_index = try unsafe crypto.function("BIO_get_new_index")
        unsafe BIO_meth_new = try crypto.function("BIO_meth_new")
        unsafe BIO_meth_set_write_ex = try crypto.function("BIO_meth_set_write_ex")
        unsafe BIO_meth_set_read_ex = try crypto.function("BIO_meth_set_read_ex")
        unsafe BIO_meth_set_ctrl = try crypto.function("BIO_meth_set_ctrl")
        unsafe BIO_new = try crypto.function("BIO_new")
        unsafe BIO_new_file = try crypto.function("BIO_new_file")
        unsafe BIO_new_mem_buf = try crypto.function("BIO_new_mem_buf")
        unsafe BIO_s_mem = try crypto.function("BIO_s_mem")
        unsafe BIO_free = try crypto.function("BIO_free")
        unsafe BIO_read = try crypto.function("BIO_read")
        unsafe BIO_set_init = try crypto.function("BIO_set_init")
        unsafe BIO_set_data = try crypto.function("BIO_set_data")
        unsafe BIO_get_data = try crypto.function("BIO_get_data")
        unsafe BIO_set_flags = try crypto.function("BIO_set_flags")
        unsafe BIO_clear_flags = try crypto.function("BIO_clear_flags")
        ERR_clear_error = try unsafe crypto.function("ERR_clear_error")
        ERR_get_error = try unsafe crypto.function("ERR_get_error")
        ERR_peek_last_error = try unsafe crypto.function("ERR_peek_last_error")
        unsafe ERR_reason_error_string = try crypto.function("ERR_reason_error_string")
        unsafe PEM_read_bio_X509_AUX = try crypto.function("PEM_read_bio_X509_AUX")
        unsafe PEM_read_bio_PrivateKey = try crypto.function("PEM_read_bio_PrivateKey")
        unsafe X509_free = try crypto.function("X509_free")
        unsafe X509_check_private_key = try crypto.function("X509_check_private_key")
        unsafe X509_STORE_add_cert = try crypto.function("X509_STORE_add_cert")
        unsafe X509_STORE_CTX_get_current_cert = try crypto.function("X509_STORE_CTX_get_current_cert")
        unsafe X509_STORE_CTX_get_error = try crypto.function("X509_STORE_CTX_get_error")
        unsafe X509_STORE_CTX_get_error_depth = try crypto.function("X509_STORE_CTX_get_error_depth")
        unsafe X509_STORE_CTX_get_ex_data = try crypto.function("X509_STORE_CTX_get_ex_data")
        unsafe X509_STORE_CTX_get0_untrusted = try crypto.function("X509_STORE_CTX_get0_untrusted")
        unsafe X509_verify_cert_error_string = try crypto.function("X509_verify_cert_error_string")
        unsafe X509_VERIFY_PARAM_set_hostflags = try crypto.function("X509_VERIFY_PARAM_set_hostflags")
        unsafe X509_VERIFY_PARAM_set_flags = try crypto.function("X509_VERIFY_PARAM_set_flags")
        unsafe X509_VERIFY_PARAM_set1_host = try crypto.function("X509_VERIFY_PARAM_set1_host")
        unsafe X509_VERIFY_PARAM_set1_ip_asc = try crypto.function("X509_VERIFY_PARAM_set1_ip_asc")
        unsafe X509_get_subject_name = try crypto.function("X509_get_subject_name")
        unsafe X509_get_issuer_name = try crypto.function("X509_get_issuer_name")
        unsafe X509_NAME_print_ex = try crypto.function("X509_NAME_print_ex")
        unsafe X509_get_ext_d2i = try crypto.function("X509_get_ext_d2i")
        unsafe X509_get0_notBefore = try crypto.function("X509_get0_notBefore")
        unsafe X509_get0_notAfter = try crypto.function("X509_get0_notAfter")
        unsafe X509_get0_pubkey = try crypto.function("X509_get0_pubkey")
        unsafe EVP_PKEY_get_bits = try crypto.function("EVP_PKEY_get_bits")
        unsafe EVP_PKEY_free = try crypto.function("EVP_PKEY_free")
        unsafe ASN1_TIME_print = try crypto.function("ASN1_TIME_print")
        unsafe ASN1_STRING_get0_data = try crypto.function("ASN1_STRING_get0_data")
        unsafe ASN1_STRING_length = try crypto.function("ASN1_STRING_length")
        unsafe GENERAL_NAME_get0_value = try crypto.function("GENERAL_NAME_get0_value")
        unsafe GENERAL_NAMES_free = try crypto.function("GENERAL_NAMES_free")
        unsafe OPENSSL_sk_num = try crypto.function("OPENSSL_sk_num")
        unsafe OPENSSL_sk_value = try crypto.function("OPENSSL_sk_value")
        // Lanes may still run while the process exits, so OpenSSL must not clean up then.
        _ = unsafe OPENSSL_init_ssl(0x0008_0000 /* OPENSSL_INIT_NO_ATEXIT */, nil)
    }
}

/// A library opened by the dynamic linker, never closed.
///
/// `@safe`: the handle is never closed.
@safe private struct SharedObject {
    private let name: String
    private let handle: UnsafeMutableRawPointer

    init(_ name: String) throws(TLSError) {
        guard let handle = unsafe dlopen(name, RTLD_NOW | RTLD_LOCAL) else {
            let reason = unsafe text(ofC: dlerror()) ?? "no reason given"
            throw TLSError(
                .libraryMissing,
                "https and wss need OpenSSL 3, but \(name) could not be loaded: install the package libssl3 (Debian, "
                    + "Ubuntu) or openssl-libs (Fedora, RHEL); the dynamic linker said: \(reason)"
            )
        }
        self.name = name
        unsafe self.handle = handle
    }

    /// Unsafe: the caller vouches for the function's type, which nobody checks.
    @unsafe func function<Function>(_ symbol: String) throws(TLSError) -> Function {
        guard let address = unsafe dlsym(handle, symbol) else {
            throw TLSError(
                .libraryMissing,
                "\(name) has no function \(symbol): https and wss need OpenSSL 3.0 or newer, from the package libssl3 "
                    + "(Debian, Ubuntu) or openssl-libs (Fedora, RHEL)"
            )
        }
        // `Function` is a `@convention(c)` type, which is one pointer wide, as every property of the table declares.
        return unsafe unsafeBitCast(address, to: Function.self)
    }
}
