// SPDX-License-Identifier: Apache-2.0

/// A whole message as it was received; the bytes of text are valid UTF-8.
package struct WebSocketReceivedMessage: Sendable, Equatable {
    package let isText: Bool
    package let payload: ByteChunk

    package init(isText: Bool, payload: ByteChunk) {
        self.isText = isText
        self.payload = payload
    }
}

/// One or more whole messages that came one behind another.
///
/// Messages of one frame each stay the bytes they came as, checked once and held by one reference, and their reader
/// cuts them. So a flood of small messages costs the lane next to nothing for each of them, and no reference count
/// goes back and forth between its thread and the reader's.
package struct WebSocketReceivedMessages: Sequence, IteratorProtocol, Sendable, Equatable {
    /// What it keeps alive, messages that were read included.
    private(set) var bytes: ByteChunk
    private var position = 0
    /// Where `bytes` are the payload of one message and not frames: whether it is text.
    private var onlyIsText: Bool?

    /// No messages.
    package init() { bytes = ByteChunk() }

    package init(_ message: WebSocketReceivedMessage) {
        bytes = message.payload
        onlyIsText = message.isText
    }

    /// Frames for which `WebSocketMessageFrame` was made before, in a row.
    init(frames bytes: ByteChunk) { self.bytes = bytes }

    /// The size of what is not read yet, heads of frames included.
    package var size: Int { bytes.count &- position }

    package var isEmpty: Bool { size == 0 && onlyIsText == nil }

    /// Lets go of a receive buffer that is larger than the messages.
    mutating func copyOut() { bytes.copyOut() }

    @inline(__always)
    package mutating func next() -> WebSocketReceivedMessage? {
        if let isText = onlyIsText {
            onlyIsText = nil
            position = bytes.count
            return WebSocketReceivedMessage(isText: isText, payload: bytes)
        }
        guard let frame = unsafe WebSocketMessageFrame(bytes.unsafeBytes, at: position) else { return nil }
        position = frame.end
        return WebSocketReceivedMessage(isText: frame.isText, payload: bytes.slice(frame.start..<frame.end))
    }

    /// Compares the messages, whether they are in frames or not.
    package static func == (a: Self, b: Self) -> Bool { a.elementsEqual(b) }
}

/// A frame of the simplest kind, a whole unmasked message: where its payload lies.
struct WebSocketMessageFrame {
    let isText: Bool
    let start: Int
    let end: Int

    /// Nil unless `bytes` have a whole frame of that kind at `position`, its length in the shortest form.
    @inline(__always)
    init?(_ bytes: UnsafeRawBufferPointer, at position: Int) {
        let left = bytes.count &- position
        guard left >= 2 else { return nil }
        let first = unsafe bytes[position]
        guard first == 0x81 || first == 0x82 else { return nil }
        var size = unsafe UInt64(bytes[position &+ 1])
        var headSize = 2
        if size >= 126 {
            switch size {
            case 126 where left >= 4:
                headSize = 4
                size = unsafe UInt64(
                    UInt16(bigEndian: bytes.loadUnaligned(fromByteOffset: position &+ 2, as: UInt16.self))
                )
                guard size > 125 else { return nil }
            case 127 where left >= 10:
                headSize = 10
                size = unsafe UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: position &+ 2, as: UInt64.self))
                guard size > 0xFFFF else { return nil }
            default: return nil
            }
        }
        guard size <= UInt64(left &- headSize) else { return nil }
        isText = first == 0x81
        start = position &+ headSize
        end = start &+ Int(truncatingIfNeeded: size)
    }
}
