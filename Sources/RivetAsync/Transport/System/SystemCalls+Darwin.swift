// SPDX-License-Identifier: Apache-2.0
#if canImport(Darwin)
import Darwin

extension SystemCalls {
    static var currentThread: UInt { UInt(bitPattern: pthread_self()) }

    static var coreCount: Int { max(1, sysconf(_SC_NPROCESSORS_ONLN)) }

    /// There is no such flag here; sockets are made with SO_NOSIGPIPE.
    static let noSignal: Int32 = 0
    static let streamType = SOCK_STREAM

    /// A TCP socket that never blocks and is not passed on to child processes.
    static func makeSocket(for address: SocketAddress) throws(TransportError) -> Int32 {
        let descriptor = socket(address.family, streamType, 0)
        guard descriptor >= 0 else { throw .system(.socket, .current) }
        prepare(descriptor)
        return descriptor
    }

    static func accept(_ descriptor: Int32) -> Accepted {
        while true {
            let accepted = Darwin.accept(descriptor, nil, nil)
            if accepted >= 0 {
                prepare(accepted)
                return .descriptor(accepted)
            }
            let error = Errno.current
            if error == .interrupted { continue }
            return error == .wouldBlock ? .wouldBlock : .failed(error)
        }
    }

    /// A second descriptor of the same socket.
    static func duplicate(_ descriptor: Int32) throws(TransportError) -> Int32 {
        let copy = fcntl(descriptor, F_DUPFD_CLOEXEC, 0)
        guard copy >= 0 else { throw .system(.duplicate, .current) }
        return copy
    }

    private static func prepare(_ descriptor: Int32) {
        _ = fcntl(descriptor, F_SETFL, O_NONBLOCK)
        _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
        setOption(descriptor, SOL_SOCKET, SO_NOSIGPIPE, 1)
    }

    /// Acknowledgements cannot be asked for here.
    static func acknowledge(_ descriptor: Int32) {}
}
#endif
