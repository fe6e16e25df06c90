// SPDX-License-Identifier: Apache-2.0
import Foundation

/// A blocking TCP socket of this machine's own, with as much as an example needs.
struct Socket: Sendable {
    private let descriptor: Int32

    /// Listens on a port of 127.0.0.1, any free one with 0.
    static func listening(port: UInt16) throws(SocketError) -> Socket {
        let socket = try make()
        // Connections of a program that listened there before are no reason to wait.
        var yes: Int32 = 1
        let size = socklen_t(MemoryLayout<Int32>.size)
        _ = setsockopt(socket.descriptor, SOL_SOCKET, SO_REUSEADDR, &yes, size)
        do {
            try check(withAddress(port: port) { bind(socket.descriptor, $0, $1) }, "port \(port)")
            try check(listen(socket.descriptor, 16), "listen")
        } catch {
            socket.close()
            throw error
        }
        return socket
    }

    static func connected(to port: UInt16) throws(SocketError) -> Socket {
        let socket = try make()
        try check(withAddress(port: port) { connect(socket.descriptor, $0, $1) }, "connect")
        return socket
    }

    /// Waits for the next client.
    func accepted() throws(SocketError) -> Socket {
        Socket(descriptor: try Self.check(accept(descriptor, nil, nil), "accept"))
    }

    /// The port that it listens on.
    var port: UInt16 {
        var address = sockaddr_in()
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { _ = getsockname(descriptor, $0, &size) }
        }
        return UInt16(bigEndian: address.sin_port)
    }

    func write(_ text: String) throws(SocketError) {
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            let sent = rest.withUnsafeBytes { send(descriptor, $0.baseAddress, $0.count, Self.noSignal) }
            try Self.check(Int32(sent), "send")
            rest = rest.dropFirst(sent)
        }
    }

    /// Reads until `end` has come, or until the other side closes.
    func read(until end: String? = nil) throws(SocketError) -> String {
        var text = ""
        var buffer = [UInt8](repeating: 0, count: 4_096)
        repeat {
            let count = buffer.withUnsafeMutableBytes { recv(descriptor, $0.baseAddress, $0.count, 0) }
            try Self.check(Int32(count), "recv")
            if count == 0 { break }
            text += String(decoding: buffer[..<count], as: UTF8.self)
        } while end.map { !text.hasSuffix($0) } ?? true
        return text
    }

    /// Wakes whoever waits in ``accepted()`` or ``read(until:)``.
    func shutDown() { _ = shutdown(descriptor, Int32(SHUT_RDWR)) }

    func close() { _ = Foundation.close(descriptor) }

    private static func make() throws(SocketError) -> Socket {
        Socket(descriptor: try check(socket(AF_INET, streamType, 0), "socket"))
    }

    @discardableResult
    private static func check(_ result: Int32, _ call: String) throws(SocketError) -> Int32 {
        guard result >= 0 else { throw SocketError(call: call, number: errno) }
        return result
    }

    private static func withAddress(
        port: UInt16,
        _ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32
    ) -> Int32 {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        return withUnsafePointer(to: address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                body($0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
    }

    #if os(Linux)
    private static let streamType = Int32(SOCK_STREAM.rawValue)
    private static let noSignal = Int32(MSG_NOSIGNAL)
    #else
    private static let streamType = SOCK_STREAM
    private static let noSignal: Int32 = 0
    #endif
}

/// A system call that failed.
struct SocketError: Error, CustomStringConvertible {
    let call: String
    let number: Int32

    var description: String { "\(call): \(String(cString: strerror(number)))" }
}
