// SPDX-License-Identifier: Apache-2.0
import Glibc

/// A blocking TCP socket and nothing around it: what the loopback cases are held against, and what the reference
/// server is made of.
final class RawSocket {
    let descriptor: Int32

    init(descriptor: Int32) {
        self.descriptor = descriptor
        var on: Int32 = 1
        setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &on, socklen_t(MemoryLayout<Int32>.size))
    }

    convenience init(connectingTo port: UInt16) throws {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        guard descriptor >= 0 else { throw BenchmarkError("no socket: errno \(errno)") }
        self.init(descriptor: descriptor)
        let status = Self.withLoopback(port) { connect(descriptor, $0, $1) }
        guard status == 0 else { throw BenchmarkError("not connected: errno \(errno)") }
    }

    deinit { close(descriptor) }

    static func listening() throws -> (descriptor: Int32, port: UInt16) {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        let status = withLoopback(0) { bind(descriptor, $0, $1) }
        var address = sockaddr_in()
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let named = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(descriptor, $0, &size) }
        }
        guard status == 0, listen(descriptor, 1_024) == 0, named == 0 else {
            throw BenchmarkError("not listening: errno \(errno)")
        }
        return (descriptor, UInt16(bigEndian: address.sin_port))
    }

    private static func withLoopback(_ port: UInt16, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32) -> Int32 {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        return withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                body($0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
    }

    /// Up to `buffer.count` bytes; 0 at the end.
    func receive(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
        while true {
            let count = recv(descriptor, buffer.baseAddress, buffer.count, 0)
            if count >= 0 { return count }
            guard errno == EINTR else { throw BenchmarkError("recv: errno \(errno)") }
        }
    }

    func send(_ bytes: UnsafeRawBufferPointer) throws {
        var offset = 0
        while offset < bytes.count {
            let count = Glibc.send(
                descriptor,
                bytes.baseAddress.map { $0 + offset },
                bytes.count - offset,
                Int32(MSG_NOSIGNAL)
            )
            if count >= 0 {
                offset += count
            } else if errno != EINTR {
                throw BenchmarkError("send: errno \(errno)")
            }
        }
    }

    func send(_ bytes: [UInt8]) throws {
        try bytes.withUnsafeBytes { try send($0) }
    }

    /// Sends the last bytes and ends this side.
    func finish(_ bytes: [UInt8]) {
        try? send(bytes)
        shutdown(descriptor, Int32(SHUT_WR))
    }

    /// Receives and drops exactly `count` bytes.
    func drain(_ count: Int, through buffer: UnsafeMutableRawBufferPointer) throws {
        var left = count
        while left > 0 {
            let part = UnsafeMutableRawBufferPointer(rebasing: buffer[..<min(left, buffer.count)])
            let received = try receive(into: part)
            guard received > 0 else { throw BenchmarkError("the peer ended early") }
            left -= received
        }
    }

    /// Receives an HTTP request that comes in one piece; empty at the end.
    func receiveRequest(ofAtMost size: Int = 4_096) throws -> [UInt8] {
        try [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
            count = try receive(into: UnsafeMutableRawBufferPointer(buffer))
        }
    }

    /// Receives up to the end of an HTTP head; nothing may follow it.
    func receiveHead() throws -> String {
        var head: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 4_096)
        while !head.suffix(4).elementsEqual([13, 10, 13, 10]) {
            let count = try buffer.withUnsafeMutableBytes { try receive(into: $0) }
            guard count > 0 else { throw BenchmarkError("the peer ended in a head") }
            head += buffer[..<count]
        }
        return String(decoding: head, as: UTF8.self)
    }
}
