// SPDX-License-Identifier: Apache-2.0
#if os(Linux)
import CEpoll

#if canImport(Musl)
import Musl
#else
import Glibc
#endif

extension SystemCalls {
    static var currentThread: UInt { UInt(pthread_self()) }

    static let noSignal = Int32(MSG_NOSIGNAL)

    #if canImport(Musl)
    static let streamType = SOCK_STREAM
    private static let newFlags = SOCK_NONBLOCK | SOCK_CLOEXEC
    #else
    static let streamType = Int32(SOCK_STREAM.rawValue)
    private static let newFlags = Int32(SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)
    #endif

    /// A TCP socket that never blocks and is not passed on to child processes.
    static func makeSocket(for address: SocketAddress) throws(TransportError) -> Int32 {
        let descriptor = socket(address.family, streamType | newFlags, 0)
        guard descriptor >= 0 else { throw .system(.socket, .current) }
        return descriptor
    }

    static func accept(_ descriptor: Int32) -> Accepted {
        while true {
            let accepted = accept4(descriptor, nil, nil, newFlags)
            if accepted >= 0 { return .descriptor(accepted) }
            let error = Errno.current
            if error == .interrupted { continue }
            return error == .wouldBlock ? .wouldBlock : .failed(error)
        }
    }

    /// Acknowledges what was received, if that was not done yet.
    ///
    /// An even value sends the acknowledgement that is due and leaves the socket as it was; an odd one would make the
    /// kernel acknowledge what comes next before its answer could carry that, a packet more for each.
    static func acknowledge(_ descriptor: Int32) {
        setOption(descriptor, Int32(IPPROTO_TCP), TCP_QUICKACK, 2)
    }
}
#endif
