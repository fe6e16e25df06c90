// SPDX-License-Identifier: Apache-2.0
import Synchronization

@testable import RivetAsync

/// A server on loopback whose every byte the test says: takes connections one by one, reads exact counts, writes literals.
final class LiteralServer: Sendable {
    private let listener: TCPListener
    private let lanes: LaneGroup
    private let accepted: Feed<Peer>
    private let connections: Connections

    private final class Connections: Sendable {
        let count = Atomic<Int>(0)
    }

    private init(_ listener: TCPListener, _ lanes: LaneGroup, _ accepted: Feed<Peer>, _ connections: Connections) {
        (self.listener, self.lanes, self.accepted, self.connections) = (listener, lanes, accepted, connections)
    }

    static func start() async throws -> LiteralServer {
        let lanes = LaneGroup(count: 1)
        let accepted = Feed<Peer>(capacity: 64)
        let connections = Connections()
        let listener = try await TCPListener.listen(lanes: lanes) { socket in
            let peer = Peer(socket)
            socket.setHandler(peer)
            connections.count.add(1, ordering: .sequentiallyConsistent)
            accepted.push(peer)
        }
        return LiteralServer(listener, lanes, accepted, connections)
    }

    var port: Int { listener.localPort }
    var endpoint: String { "http://127.0.0.1:\(port)" }

    func accept() async throws -> Peer {
        guard let peer = await accepted.next() else { throw Ended() }
        return peer
    }

    /// How many connections were made, accepted or not.
    var connectionCount: Int { connections.count.load(ordering: .sequentiallyConsistent) }

    /// The client has ended the stream, or the test is over.
    struct Ended: Error {}

    func stop() async {
        await listener.close()
        await lanes.shutDown()
    }

    /// One accepted connection.
    ///
    /// `@unchecked Sendable`: read by the test's one task; its socket is used on its lane.
    final class Peer: ByteHandler, @unchecked Sendable {
        private let socket: any ByteStream
        private let arrived = Feed<ByteChunk>(capacity: 4_096)
        private let ending = Mutex<StreamEnding?>(nil)
        private var unread: [UInt8] = []

        init(_ socket: any ByteStream) { self.socket = socket }

        func received(_ bytes: ByteChunk) { arrived.push(bytes) }
        func receivedAll() {}
        func writable() {}
        func ended(_ end: StreamEnding) {
            ending.withLock { $0 = end }
            arrived.finish()
        }

        /// The next `count` bytes.
        func read(_ count: Int) async throws -> [UInt8] {
            while unread.count < count {
                guard let bytes = await arrived.next() else { throw Ended() }
                unread += bytes
            }
            defer { unread.removeFirst(count) }
            return Array(unread.prefix(count))
        }

        /// A request's head up to its empty line: the lines without their ends.
        func readHead() async throws -> [String] {
            var head: [UInt8] = []
            while !head.suffix(4).elementsEqual("\r\n\r\n".utf8) { head += try await read(1) }
            return String(decoding: head, as: UTF8.self).split(separator: "\r\n").map(String.init)
        }

        /// Reads a WebSocket's handshake and accepts it, with this ray where there is one; the lines of its head.
        @discardableResult
        func upgrade(rayID: String? = nil) async throws -> [String] {
            let head = try await readHead()
            write(Self.switching(toKey: try CauseTests.key(of: head), rayID: rayID))
            return head
        }

        /// The answer that accepts a handshake with this key.
        static func switching(toKey key: String, rayID: String? = nil) -> String {
            "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n"
                + "sec-websocket-accept: \(WebSocketHandshake.acceptKey(for: key))\r\n"
                + "sec-websocket-protocol: rivet\r\n" + (rayID.map { "x-rivet-ray-id: \($0)\r\n" } ?? "") + "\r\n"
        }

        /// True when the client ends the stream without another byte.
        func isEnded() async -> Bool {
            guard unread.isEmpty else { return false }
            return await arrived.next() == nil
        }

        /// How the client ended the stream, without another byte; nil where one came.
        func end() async -> StreamEnding? { await isEnded() ? ending.withLock { $0 } : nil }

        func write(_ bytes: [UInt8]) {
            socket.lane.run { [socket] in socket.write { $0.append(bytes) } }
        }

        func write(_ text: String) { write(Array(text.utf8)) }
        func close() { socket.lane.run { [socket] in socket.close() } }
        func finish() { socket.lane.run { [socket] in socket.finishWriting() } }
        func suspendReading() { socket.lane.run { [socket] in socket.suspendReading() } }
        func resumeReading() { socket.lane.run { [socket] in socket.resumeReading() } }
        func reset() { socket.lane.run { [socket] in (socket as? TCPSocket)?.closeWithReset() } }
    }
}
