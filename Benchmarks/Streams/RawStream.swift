// SPDX-License-Identifier: Apache-2.0

/// What blocking calls can do: `read` and `write`, or OpenSSL's.
protocol RawConnection {
    /// Up to `buffer.count` bytes; 0 at the end.
    func receive(into buffer: UnsafeMutableRawBufferPointer) throws -> Int
    /// Returns when all is sent.
    func send(_ bytes: UnsafeRawBufferPointer) throws
}

extension RawSocket: RawConnection {}

/// A raw connection with the memory to receive into and to send from, 64 KiB with each call.
///
/// `@unchecked Sendable`: used by one thread at a time.
final class RawStream: @unchecked Sendable {
    private let connection: any RawConnection
    private let room = UnsafeMutableRawBufferPointer.allocate(byteCount: 65_536, alignment: 64)
    private let filler = UnsafeMutableRawBufferPointer.allocate(byteCount: 65_536, alignment: 64)

    init(_ connection: any RawConnection) {
        self.connection = connection
        filler.initializeMemory(as: UInt8.self, repeating: StreamPeer.filler)
    }

    deinit {
        room.deallocate()
        filler.deallocate()
    }

    /// Receives up to `most` bytes; none at the end.
    func receive(atMost most: Int) throws -> UnsafeRawBufferPointer {
        let part = UnsafeMutableRawBufferPointer(rebasing: room[..<min(most, room.count)])
        return UnsafeRawBufferPointer(rebasing: part[..<(try connection.receive(into: part))])
    }

    /// Receives and drops `count` bytes.
    func receive(_ count: Int) throws {
        var left = count
        while left > 0 {
            let received = try receive(atMost: left).count
            guard received > 0 else { throw BenchmarkError("the peer ended early") }
            left -= received
        }
    }

    func send(_ bytes: [UInt8]) throws {
        try bytes.withUnsafeBytes { try connection.send($0) }
    }

    func sendFiller(_ count: Int) throws {
        var left = count
        while left > 0 {
            try connection.send(UnsafeRawBufferPointer(rebasing: filler[..<min(left, filler.count)]))
            left -= min(left, filler.count)
        }
    }
}
