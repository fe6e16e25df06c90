// SPDX-License-Identifier: Apache-2.0
#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// The calls to the operating system, each with its flags and its repetition after a signal in one place.
enum SystemCalls {
    enum Received {
        case bytes(Int)
        case wouldBlock
        case end
        case failed(Errno)
    }

    enum Sent {
        case bytes(Int)
        case wouldBlock
        case failed(Errno)
    }

    enum Accepted {
        case descriptor(Int32)
        case wouldBlock
        case failed(Errno)
    }

    enum Connected {
        case now
        case inProgress
        case failed(Errno)
    }

    // MARK: Sockets

    static func bind(_ descriptor: Int32, to address: SocketAddress) throws(TransportError) {
        setOption(descriptor, SOL_SOCKET, SO_REUSEADDR, 1)
        let result = unsafe address.withSocketAddress { unsafe rawBind(descriptor, $0, $1) }
        guard result == 0 else { throw .system(.bind, .current) }
    }

    static func listen(_ descriptor: Int32, backlog: Int32) throws(TransportError) {
        guard rawListen(descriptor, backlog) == 0 else { throw .system(.listen, .current) }
    }

    static func connect(_ descriptor: Int32, to address: SocketAddress) -> Connected {
        if unsafe address.withSocketAddress({ unsafe rawConnect(descriptor, $0, $1) }) == 0 { return .now }
        let error = Errno.current
        // Interrupted by a signal, the connection goes on being made (connect(2)).
        return error == .inProgress || error == .interrupted ? .inProgress : .failed(error)
    }

    /// What became of a `connect` that was in progress; nil when it succeeded.
    static func pendingError(_ descriptor: Int32) -> Errno? {
        var value: Int32 = 0
        var size = socklen_t(MemoryLayout<Int32>.size)
        guard unsafe getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &value, &size) == 0 else { return .current }
        return value == 0 ? nil : Errno(rawValue: value)
    }

    static func localAddress(_ descriptor: Int32) throws(TransportError) -> SocketAddress {
        try unsafe address(of: descriptor) { unsafe getsockname($0, $1, $2) }
    }

    static func remoteAddress(_ descriptor: Int32) throws(TransportError) -> SocketAddress {
        try unsafe address(of: descriptor) { unsafe getpeername($0, $1, $2) }
    }

    private static func address(
        of descriptor: Int32,
        _ ask: (Int32, UnsafeMutablePointer<sockaddr>, UnsafeMutablePointer<socklen_t>) -> Int32
    ) throws(TransportError) -> SocketAddress {
        var storage = sockaddr_storage()
        var size = socklen_t(MemoryLayout<sockaddr_storage>.size)
        let result = unsafe withUnsafeMutablePointer(to: &storage) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { unsafe ask(descriptor, $0, &size) }
        }
        guard result == 0 else { throw .system(.getSocketName, .current) }
        guard let address = SocketAddress(storage) else {
            throw .system(.getSocketName, Errno(rawValue: EAFNOSUPPORT))
        }
        return address
    }

    // MARK: Bytes

    @inline(__always)
    static func receive(_ descriptor: Int32, _ room: UnsafeMutableRawBufferPointer) -> Received {
        while true {
            let count = unsafe recv(descriptor, room.baseAddress, room.count, 0)
            if count > 0 { return .bytes(count) }
            if count == 0 { return .end }
            let error = Errno.current
            if error == .interrupted { continue }
            return error == .wouldBlock ? .wouldBlock : .failed(error)
        }
    }

    /// Without SIGPIPE: a library leaves the process's signal handling alone.
    @inline(__always)
    static func send(_ descriptor: Int32, _ bytes: UnsafeRawBufferPointer) -> Sent {
        while true {
            let count = unsafe rawSend(descriptor, bytes.baseAddress, bytes.count, noSignal)
            if count >= 0 { return .bytes(count) }
            let error = Errno.current
            if error == .interrupted { continue }
            return error == .wouldBlock ? .wouldBlock : .failed(error)
        }
    }

    static func write(_ descriptor: Int32, _ bytes: UnsafeRawPointer, _ count: Int) {
        while unsafe rawWrite(descriptor, bytes, count) < 0, Errno.current == .interrupted {}
    }

    static func finishWriting(_ descriptor: Int32) {
        _ = shutdown(descriptor, Int32(SHUT_WR))
    }

    /// Not repeated after a signal: the descriptor is gone all the same (close(2)).
    static func close(_ descriptor: Int32) {
        _ = rawClose(descriptor)
    }

    // MARK: Options

    static func setNoDelay(_ descriptor: Int32) { setOption(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, 1) }

    /// Closing sends a reset and drops what is on its way.
    static func setResetOnClose(_ descriptor: Int32) {
        var value = linger(l_onoff: 1, l_linger: 0)
        _ = unsafe setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &value, socklen_t(MemoryLayout<linger>.size))
    }

    static func setOption(_ descriptor: Int32, _ level: Int32, _ name: Int32, _ value: Int32) {
        var value = value
        _ = unsafe setsockopt(descriptor, level, name, &value, socklen_t(MemoryLayout<Int32>.size))
    }
}

// Inside the enum these names mean its own functions, so the system's are reached from here.

@inline(__always)
private func rawSend(_ descriptor: Int32, _ bytes: UnsafeRawPointer?, _ count: Int, _ flags: Int32) -> Int {
    unsafe send(descriptor, bytes, count, flags)
}

private func rawWrite(_ descriptor: Int32, _ bytes: UnsafeRawPointer, _ count: Int) -> Int {
    unsafe write(descriptor, bytes, count)
}

private func rawClose(_ descriptor: Int32) -> Int32 { close(descriptor) }
private func rawListen(_ descriptor: Int32, _ backlog: Int32) -> Int32 { listen(descriptor, backlog) }

private func rawBind(_ descriptor: Int32, _ address: UnsafePointer<sockaddr>, _ size: socklen_t) -> Int32 {
    unsafe bind(descriptor, address, size)
}

private func rawConnect(_ descriptor: Int32, _ address: UnsafePointer<sockaddr>, _ size: socklen_t) -> Int32 {
    unsafe connect(descriptor, address, size)
}

/// The process's environment.
package enum EnvironmentVariable {
    /// The value of a variable; nil where it is not set.
    package static func value(_ name: String) -> String? {
        unsafe text(ofC: getenv(name))
    }
}
