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

    /// How many cores this thread may run on: fewer than there are where a cpuset or `taskset` allows it some only.
    static var coreCount: Int {
        // A bit for each core; the kernel refuses a mask that is too small for its machine.
        let allowed = unsafe withUnsafeTemporaryAllocation(byteCount: 8_192, alignment: 8) { mask in
            let bytes = unsafe mask.bindMemory(to: UInt8.self)
            unsafe bytes.initialize(repeating: 0)
            guard unsafe core_affinity(0, UInt(bytes.count), bytes.baseAddress) == 0 else { return 0 }
            return unsafe bytes.reduce(0) { $0 + $1.nonzeroBitCount }
        }
        return allowed > 0 ? allowed : max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN)))
    }

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
