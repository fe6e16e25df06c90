// SPDX-License-Identifier: Apache-2.0

/// The memory BIO of a ``TLSEngine``: OpenSSL reads the received slices and writes into the stream's output directly,
/// where its own memory BIO would copy once more in each direction.
enum TLSEngineBIO {
    /// Made once; a kind of BIO is a table of functions that never changes.
    private nonisolated(unsafe) static let shared: OpenSSLLibrary.Object? =
        unsafe OpenSSLLibrary.loaded.flatMap(makeMethod)

    static func method(_ library: OpenSSLLibrary) -> OpenSSLLibrary.Object? { unsafe shared }

    private static func makeMethod(_ library: OpenSSLLibrary) -> OpenSSLLibrary.Object? {
        let type = library.BIO_get_new_index() | OpenSSLConstants.BIO_TYPE_SOURCE_SINK
        guard let method = unsafe library.BIO_meth_new(type, "RivetAsync") else { return nil }
        _ = unsafe library.BIO_meth_set_write_ex(method, write)
        _ = unsafe library.BIO_meth_set_read_ex(method, read)
        _ = unsafe library.BIO_meth_set_ctrl(method, control)
        return unsafe method
    }

    private static func engine(of bio: OpenSSLLibrary.Object?, _ library: OpenSSLLibrary) -> TLSEngine? {
        unsafe library.BIO_get_data(bio).map { unsafe Unmanaged<TLSEngine>.fromOpaque($0).takeUnretainedValue() }
    }

    private static let write: OpenSSLLibrary.WriteCallback = { bio, bytes, count, written in
        typealias C = OpenSSLConstants
        guard let library = OpenSSLLibrary.loaded, let bytes = unsafe bytes else { return 0 }
        unsafe library.BIO_clear_flags(bio, C.BIO_FLAGS_RWS | C.BIO_FLAGS_SHOULD_RETRY)
        guard unsafe engine(of: bio, library)?.putOutput(UnsafeRawBufferPointer(start: bytes, count: count)) == true
        else {
            unsafe library.BIO_set_flags(bio, C.BIO_FLAGS_WRITE | C.BIO_FLAGS_SHOULD_RETRY)
            return 0
        }
        unsafe written?.pointee = count
        return 1
    }

    private static let read: OpenSSLLibrary.ReadCallback = { bio, target, count, filled in
        typealias C = OpenSSLConstants
        guard let library = OpenSSLLibrary.loaded, let target = unsafe target else { return 0 }
        unsafe library.BIO_clear_flags(bio, C.BIO_FLAGS_RWS | C.BIO_FLAGS_SHOULD_RETRY)
        let taken = unsafe engine(of: bio, library)?.takeInput(target, count) ?? 0
        guard taken > 0 else {
            unsafe library.BIO_set_flags(bio, C.BIO_FLAGS_READ | C.BIO_FLAGS_SHOULD_RETRY)
            return 0
        }
        unsafe filled?.pointee = taken
        return 1
    }

    private static let control: OpenSSLLibrary.ControlCallback = { _, command, _, _ in
        command == OpenSSLConstants.BIO_CTRL_FLUSH ? 1 : 0
    }
}
