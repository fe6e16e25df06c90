// SPDX-License-Identifier: Apache-2.0

/// A WebSocket after its handshake as bare blocking calls: the baseline of the loopback cases.
final class RawWebSocket {
    let socket: RawSocket
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 64 << 10, alignment: 64)

    init(port: UInt16, target: String) throws {
        socket = try RawSocket(connectingTo: port)
        let request = """
            GET \(target) HTTP/1.1\r
            Host: localhost\r
            Upgrade: websocket\r
            Connection: Upgrade\r
            Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r
            Sec-WebSocket-Version: 13\r
            \r\n
            """
        try socket.send(Array(request.utf8))
        guard try socket.receiveHead().hasPrefix("HTTP/1.1 101 ") else { throw BenchmarkError("no 101") }
    }

    deinit { buffer.deallocate() }

    /// Sends `frame` and receives `count` bytes, `times` over.
    func exchange(_ frame: [UInt8], receiving count: Int, times: Int) throws {
        for _ in 0..<times {
            try socket.send(frame)
            try socket.drain(count, through: buffer)
        }
    }
}
