// SPDX-License-Identifier: Apache-2.0
import RivetAsync
import Synchronization

/// Writes `total` bytes (whole pieces) as a well-behaved sender does: it stops above the high-water mark and goes on at `writable`.
final class PumpingHandler: ByteHandler, Sendable {
    private static let piece = 16_384

    private let stream: any ByteStream
    private let total: Int
    private let sent = Mutex(0)
    let hasWaited = Signal()
    let largestPending = Mutex(0)

    init(stream: any ByteStream, total: Int) {
        self.stream = stream
        self.total = total
    }

    /// Whether `bytes` are the pieces in order: each begins with its position and is filled with the last byte of that.
    static func matchesPattern(_ bytes: [UInt8]) -> Bool {
        bytes.withUnsafeBytes { bytes in
            for start in stride(from: 0, to: bytes.count, by: piece) {
                guard bytes.loadUnaligned(fromByteOffset: start, as: Int.self) == start,
                    bytes[start + piece - 1] == UInt8(truncatingIfNeeded: start >> 14)
                else { return false }
            }
            return bytes.count % piece == 0
        }
    }

    func writable() {
        sent.withLock { sent in
            while sent < total {
                if stream.pendingOutput > OutputMarks.high {
                    hasWaited.set()
                    return
                }
                let start = sent
                stream.write { buffer in
                    buffer.appendDirectly(Self.piece) { room in
                        let fill = UInt8(truncatingIfNeeded: start >> 14)
                        room.initializeMemory(as: UInt8.self, repeating: fill)
                        room.storeBytes(of: start, as: Int.self)
                        return Self.piece
                    }
                }
                sent += Self.piece
                largestPending.withLock { $0 = max($0, stream.pendingOutput) }
            }
            stream.finishWriting()
        }
    }

    func received(_ bytes: ByteChunk) {}
    func receivedAll() {}
    func ended(_ end: StreamEnding) {}
}
