// SPDX-License-Identifier: Apache-2.0
import RivetAsync
import Synchronization

/// The library's end of a stream case: counts what comes, and keeps the output full while there is something to send.
final class StreamClient: ByteHandler, @unchecked Sendable {
    let stream: any ByteStream
    /// On the lane only, as everything below.
    private var awaited = 0
    private var sum: UInt64 = 0
    private var waiter: CheckedContinuation<UInt64, any Error>?
    private var unsent = 0
    private static let piece = [UInt8](repeating: StreamPeer.filler, count: 65_536)

    init(_ stream: any ByteStream) {
        self.stream = stream
        stream.lane.run { stream.setHandler(self) }
    }

    static func connect(to peer: StreamPeerProcess, lane: Lane) async throws -> StreamClient {
        StreamClient(
            try await peer.dialer.dial(
                .init(host: "127.0.0.1", port: Int(peer.port), lane: lane, time: TimeSource(ContinuousClock()))
            )
        )
    }

    /// Asks for `count` bytes and returns the sum of the first byte of each piece and their number.
    func receive(_ count: Int) async throws -> UInt64 {
        try await exchange(StreamPeer.request(.send, count), awaiting: count, sending: 0)
    }

    /// Sends `count` bytes and waits until the peer has them all.
    func send(_ count: Int) async throws -> UInt64 {
        try await exchange(StreamPeer.request(.take, count), awaiting: 1, sending: count)
    }

    private func exchange(_ request: [UInt8], awaiting: Int, sending: Int) async throws -> UInt64 {
        try await withCheckedThrowingContinuation { continuation in
            stream.lane.run { [self] in
                (awaited, unsent, sum, waiter) = (awaiting, sending, 0, continuation)
                stream.write { $0.append(request) }
                writable()
            }
        }
    }

    func received(_ bytes: ByteChunk) {
        awaited -= bytes.count
        sum &+= UInt64(bytes.count)
        if bytes[0] != StreamPeer.filler || bytes[bytes.count - 1] != StreamPeer.filler { sum = 0 }
        if awaited <= 0 { waiter.take()?.resume(returning: sum) }
    }

    func receivedAll() {}

    func writable() {
        while unsent > 0, stream.pendingOutput <= OutputMarks.high {
            let count = min(unsent, Self.piece.count)
            unsent -= count
            stream.write { buffer in
                Self.piece.withUnsafeBytes { buffer.append(UnsafeRawBufferPointer(rebasing: $0[..<count])) }
            }
        }
    }

    func ended(_ end: StreamEnding) {
        waiter.take()?.resume(throwing: BenchmarkError("the connection ended: \(end)"))
    }

    func close() async {
        await withCheckedContinuation { continuation in
            stream.lane.run {
                self.stream.close()
                continuation.resume()
            }
        }
    }
}
