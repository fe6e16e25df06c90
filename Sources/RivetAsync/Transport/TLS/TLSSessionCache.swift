// SPDX-License-Identifier: Apache-2.0
import Synchronization

/// Sessions to resume, by server.
///
/// A TLS 1.3 ticket is used once, so that nobody on the way can link two connections (RFC 8446 §C.4).
///
/// `@unchecked Sendable`: the sessions are counted references, and each is in one place at a time.
final class TLSSessionCache: @unchecked Sendable {
    /// A server gives two tickets for a connection, usually; more than this many would not be used before they expire.
    private static let mostPerServer = 4
    private static let mostServers = 64

    private let library: OpenSSLLibrary
    private let sessions = Mutex<[String: [Session]]>([:])

    // `@safe`: a counted reference, which is freed once, when it leaves the cache.
    @safe private struct Session: @unchecked Sendable {
        let object: OpenSSLLibrary.Object
    }

    init(_ library: OpenSSLLibrary) { self.library = library }

    deinit {
        for session in sessions.withLock({ $0.values.flatMap { $0 } }) {
            unsafe library.SSL_SESSION_free(session.object)
        }
    }

    /// Takes over the caller's reference.
    func add(_ object: OpenSSLLibrary.Object, for key: String) {
        let session = unsafe Session(object: object)
        let dropped: [Session] = sessions.withLock { sessions in
            var dropped: [Session] = []
            if sessions[key] == nil, sessions.count >= Self.mostServers, let other = sessions.keys.first {
                dropped = sessions.removeValue(forKey: other) ?? []
            }
            var list = sessions.removeValue(forKey: key) ?? []
            list.append(session)
            if list.count > Self.mostPerServer { dropped.append(list.removeFirst()) }
            sessions[key] = list
            return dropped
        }
        for session in dropped { unsafe library.SSL_SESSION_free(session.object) }
    }

    /// The newest session for `key`, which the caller frees.
    ///
    /// One of TLS 1.2 stays for others, one of TLS 1.3 does not.
    func take(for key: String) -> OpenSSLLibrary.Object? {
        let session: Session? = sessions.withLock { sessions in
            guard let newest = sessions[key]?.last else { return nil }
            if unsafe library.SSL_SESSION_get_protocol_version(newest.object) < OpenSSLConstants.TLS1_3_VERSION {
                _ = unsafe library.SSL_SESSION_up_ref(newest.object)
            } else {
                sessions[key]?.removeLast()
                if sessions[key]?.isEmpty == true { sessions[key] = nil }
            }
            return newest
        }
        return unsafe session?.object
    }
}
