// SPDX-License-Identifier: Apache-2.0

/// A client's frames, as simply as they can be read: whole masked frames, no check.
struct ReferenceFrames {
    private let socket: RawSocket
    private var bytes = [UInt8](repeating: 0, count: 256 << 10)
    private var count = 0

    init(_ socket: RawSocket) { self.socket = socket }

    /// Waits for more bytes; false at the peer's end.
    mutating func receive() throws -> Bool {
        if count == bytes.count { bytes += [UInt8](repeating: 0, count: bytes.count) }
        let filled = count
        let received = try bytes.withUnsafeMutableBytes {
            try socket.receive(into: UnsafeMutableRawBufferPointer(rebasing: $0[filled...]))
        }
        count += received
        return received > 0
    }

    /// The unmasked payloads of the whole frames that are there.
    mutating func forEach(_ body: (ArraySlice<UInt8>) throws -> Void) rethrows {
        var start = 0
        while count - start >= 6 {
            var size = Int(bytes[start + 1] & 0x7F)
            var head = 6
            if size == 126 {
                size = Int(bytes[start + 2]) << 8 | Int(bytes[start + 3])
                head = 8
            } else if size == 127 {
                guard count - start >= 14 else { break }
                size = bytes[(start + 2)..<(start + 10)].reduce(0) { $0 << 8 | Int($1) }
                head = 14
            }
            guard count - start >= head + size else { break }
            let payload = (start + head)..<(start + head + size)
            for index in payload { bytes[index] ^= bytes[start + head - 4 + (index - payload.lowerBound) & 3] }
            switch bytes[start] & 0xF {
            case 8: socket.finish([0x88, 2, 3, 0xE8])
            case 9...: break
            default: try body(bytes[payload])
            }
            start += head + size
        }
        // In place: a slice on the right-hand side would make every call copy the whole buffer.
        bytes.withUnsafeMutableBytes { $0.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[start..<count])) }
        count -= start
    }

    /// The head of a whole, unmasked, binary frame.
    static func head(size: Int) -> [UInt8] {
        if size < 126 { return [0x82, UInt8(size)] }
        if size <= 0xFFFF { return [0x82, 126, UInt8(size >> 8), UInt8(size & 0xFF)] }
        return [0x82, 127] + stride(from: 56, through: 0, by: -8).map { UInt8(truncatingIfNeeded: size >> $0) }
    }

    /// A whole binary frame masked with zeros, which leaves the payload as it is.
    static func masked(_ payload: [UInt8]) -> [UInt8] {
        var frame = head(size: payload.count)
        frame[1] |= 0x80
        return frame + [0, 0, 0, 0] + payload
    }
}
