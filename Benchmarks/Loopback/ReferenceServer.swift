// SPDX-License-Identifier: Apache-2.0
import Foundation
import Glibc
import RivetAsync

/// The other end of the loopback cases, in a process of its own, so that its time is not ours.
///
/// Blocking calls, a thread for each connection, no check of what comes: as little as a server can do. What it does
/// is the last component of the target:
///
/// - `echo`: each message comes back as a binary one.
/// - `flood?size=S&count=N`: each message is answered by N binary messages of S bytes.
/// - Without an upgrade: an action, whose answer is always the same.
/// - `connect`: an actor, see `ReferenceActor`.
/// - `sink?bytes=B`: after each B bytes, frame heads included, one binary message of one byte.
enum ReferenceServer {
    static func serve() throws {
        let (listener, port) = try RawSocket.listening()
        Thread.detachNewThread {
            while true {
                let descriptor = accept(listener, nil, nil)
                guard descriptor >= 0 else { continue }
                let socket = UncheckedSocket(RawSocket(descriptor: descriptor))
                Thread.detachNewThread { try? converse(over: socket.value) }
            }
        }
        print(port)
        serveUntilInputEnds()
    }

    /// Whoever started the process holds the other end of its input.
    static func serveUntilInputEnds() {
        fflush(nil)
        while readLine() != nil {}
    }

    /// Handed to the thread that alone uses it.
    private struct UncheckedSocket: @unchecked Sendable {
        let value: RawSocket
        init(_ value: RawSocket) { self.value = value }
    }

    private static func converse(over socket: RawSocket) throws {
        let request = try socket.receiveRequest()
        let head = String(decoding: request, as: UTF8.self)
        let lines = head.split(separator: "\r\n")
        guard let target = lines.first?.split(separator: " ").dropFirst().first else { return }
        let key = field("sec-websocket-key", in: lines)
        guard !key.isEmpty else { return try ReferenceActor.answer(request, over: socket) }
        var answer = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        let accept = Base64.encode(SHA1.digest(Array((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").utf8)))
        answer += "Sec-WebSocket-Accept: \(accept)\r\n"
        // Rivet's engine always selects its own.
        if field("sec-websocket-protocol", in: lines).contains("rivet") {
            answer += "Sec-WebSocket-Protocol: rivet\r\n"
        }
        try socket.send(Array((answer + "\r\n").utf8))

        let parts = target.split(separator: "?")
        var numbers: [Substring: Int] = [:]
        for pair in parts.dropFirst().joined(separator: "&").split(separator: "&") {
            let sides = pair.split(separator: "=")
            if sides.count == 2 { numbers[Substring(String(sides[0]))] = Int(sides[1]) }
        }
        switch parts.first?.split(separator: "/").last {
        case "echo": try echo(over: socket)
        case "flood": try flood(over: socket, size: numbers["size"] ?? 32, count: numbers["count"] ?? 1)
        case "connect": try ReferenceActor.serve(over: socket)
        case "sink": try sink(over: socket, bytes: numbers["bytes"] ?? 1)
        default: break
        }
    }

    private static func field(_ name: String, in lines: [Substring]) -> String {
        let line = lines.first { $0.lowercased().hasPrefix(name + ":") }
        return line.map { $0.dropFirst(name.count + 1).trimmingCharacters(in: .whitespaces) } ?? ""
    }

    private static func echo(over socket: RawSocket) throws {
        var messages = ReferenceFrames(socket)
        var output: [UInt8] = []
        while try messages.receive() {
            output.removeAll(keepingCapacity: true)
            messages.forEach { payload in
                output += ReferenceFrames.head(size: payload.count)
                output += payload
            }
            try socket.send(output)
        }
    }

    private static func flood(over socket: RawSocket, size: Int, count: Int) throws {
        var messages = ReferenceFrames(socket)
        let frame = ReferenceFrames.head(size: size) + (0..<size).map { UInt8(truncatingIfNeeded: $0) }
        let most = max(1, (256 << 10) / frame.count)
        let block = [UInt8]((0..<most).map { _ in frame }.joined())
        while try messages.receive() {
            try messages.forEach { _ in
                var left = count
                while left > 0 {
                    let now = min(left, most)
                    try block.withUnsafeBytes {
                        try socket.send(UnsafeRawBufferPointer(rebasing: $0[..<(now * frame.count)]))
                    }
                    left -= now
                }
            }
        }
    }

    private static func sink(over socket: RawSocket, bytes: Int) throws {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 256 << 10, alignment: 16)
        defer { buffer.deallocate() }
        while true {
            try socket.drain(bytes, through: buffer)
            try socket.send(ReferenceFrames.head(size: 1) + [1])
        }
    }
}
