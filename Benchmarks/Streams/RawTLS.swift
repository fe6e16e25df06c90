// SPDX-License-Identifier: Apache-2.0
import Glibc

/// OpenSSL with its own sockets and blocking calls: what the TLS cases are held against, and their peer.
struct RawTLS: @unchecked Sendable {
    typealias Object = OpaquePointer

    let newContext: @convention(c) (Object?) -> Object?
    let method: @convention(c) () -> Object?
    let useCertificate: @convention(c) (Object?, UnsafePointer<CChar>?) -> Int32
    let useKey: @convention(c) (Object?, UnsafePointer<CChar>?, Int32) -> Int32
    let newSession: @convention(c) (Object?) -> Object?
    let freeSession: @convention(c) (Object?) -> Void
    let setDescriptor: @convention(c) (Object?, Int32) -> Int32
    let connect: @convention(c) (Object?) -> Int32
    let accept: @convention(c) (Object?) -> Int32
    let read: @convention(c) (Object?, UnsafeMutableRawPointer?, Int32) -> Int32
    let write: @convention(c) (Object?, UnsafeRawPointer?, Int32) -> Int32

    init() throws {
        guard let library = dlopen("libssl.so.3", RTLD_NOW) else { throw BenchmarkError("no libssl.so.3") }
        func function<F>(_ name: String) throws -> F {
            guard let address = dlsym(library, name) else { throw BenchmarkError("libssl has no \(name)") }
            return unsafeBitCast(address, to: F.self)
        }
        newContext = try function("SSL_CTX_new")
        method = try function("TLS_method")
        useCertificate = try function("SSL_CTX_use_certificate_chain_file")
        useKey = try function("SSL_CTX_use_PrivateKey_file")
        newSession = try function("SSL_new")
        freeSession = try function("SSL_free")
        setDescriptor = try function("SSL_set_fd")
        connect = try function("SSL_connect")
        accept = try function("SSL_accept")
        read = try function("SSL_read")
        write = try function("SSL_write")
    }

    func context() throws -> RawTLSContext {
        guard let object = newContext(method()) else { throw BenchmarkError("no TLS context") }
        return RawTLSContext(tls: self, object: object)
    }
}

struct RawTLSContext: @unchecked Sendable {
    let tls: RawTLS
    let object: RawTLS.Object

    func use(certificate: String, key: String) throws {
        guard tls.useCertificate(object, certificate) == 1, tls.useKey(object, key, 1) == 1 else {
            throw BenchmarkError("the certificate cannot be used")
        }
    }
}

/// One connection; used by one thread at a time.
final class RawTLSConnection: RawConnection {
    private let tls: RawTLS
    private let socket: RawSocket
    private let session: RawTLS.Object

    init(_ context: RawTLSContext, _ socket: RawSocket, isServer: Bool) throws {
        tls = context.tls
        self.socket = socket
        guard let session = tls.newSession(context.object) else { throw BenchmarkError("no TLS session") }
        self.session = session
        let done =
            tls.setDescriptor(session, socket.descriptor) == 1
            && (isServer ? tls.accept(session) : tls.connect(session)) == 1
        guard done else { throw BenchmarkError("no TLS handshake") }
    }

    deinit { tls.freeSession(session) }

    /// As a rule one record of 16 KiB; none at the end.
    func receive(into buffer: UnsafeMutableRawBufferPointer) -> Int {
        max(0, Int(tls.read(session, buffer.baseAddress, Int32(buffer.count))))
    }

    func send(_ bytes: UnsafeRawBufferPointer) throws {
        guard tls.write(session, bytes.baseAddress, Int32(bytes.count)) == Int32(bytes.count) else {
            throw BenchmarkError("the TLS connection ended")
        }
    }
}
