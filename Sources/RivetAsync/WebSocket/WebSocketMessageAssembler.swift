// SPDX-License-Identifier: Apache-2.0

/// Joins the fragments of messages (RFC 6455 §5.4) and checks text as its bytes arrive (§8.1).
///
/// A message of one frame stays the slice it came as.
package struct WebSocketMessageAssembler: Sendable {
    private struct Fragments {
        let isText: Bool
        private var storage: ByteStorage?
        private(set) var count = 0

        init(isText: Bool) { self.isText = isText }

        var capacity: Int { storage?.capacity ?? 0 }

        var payload: ByteChunk {
            guard let storage else { return ByteChunk() }
            return ByteChunk(storage: storage, offset: 0, count: count)
        }

        mutating func append(_ payload: ByteChunk, limit: Int) {
            guard payload.count > 0 else { return }
            let needed = count &+ payload.count
            if needed > capacity {
                let larger = ByteStorage.allocate(capacity: min(limit, max(needed, capacity &* 2)))
                if let storage { unsafe larger.base.copyMemory(from: storage.base, byteCount: count) }
                storage = larger
            }
            payload.withUnsafeBytes { bytes in
                guard let source = bytes.baseAddress, let storage else { return }
                unsafe (storage.base + count).copyMemory(from: source, byteCount: bytes.count)
            }
            count = needed
        }
    }

    private let maxMessageSize: Int
    /// The message whose final frame has not come.
    private var fragments: Fragments?
    private var validator = UTF8Validator()
    /// How much of the frame that is arriving was checked already.
    private var checkedOfFrame = 0

    package init(maxMessageSize: Int) {
        self.maxMessageSize = maxMessageSize
    }

    /// Whether the next frame begins a message.
    package var isBetweenMessages: Bool { fragments == nil && checkedOfFrame == 0 }

    /// The memory that is kept between calls, for tests of its bound.
    package var retainedSize: Int { fragments?.capacity ?? 0 }

    /// Checks what can be known of a data frame before it is complete, so that a bad message fails at its first bad
    /// byte and one that is too large at its head.
    package mutating func receivedPart(
        of head: WebSocketFrameDecoder.Head,
        _ payload: ByteChunk
    ) throws(WebSocketProtocolError) {
        let isText = try accept(head.opcode, size: head.payloadSize)
        if isText { try checkText(payload, isEnd: false) }
    }

    /// A complete data frame; returns the message that ends with it.
    package mutating func received(_ frame: WebSocketFrame) throws(WebSocketProtocolError) -> WebSocketReceivedMessage?
    {
        let isText = try accept(frame.opcode, size: frame.payload.count)
        if isText {
            try checkText(frame.payload, isEnd: frame.isFinal)
            checkedOfFrame = 0
        }
        if frame.isFinal, fragments == nil { return WebSocketReceivedMessage(isText: isText, payload: frame.payload) }

        var joined = fragments ?? Fragments(isText: isText)
        fragments = nil
        joined.append(frame.payload, limit: maxMessageSize)
        guard frame.isFinal else {
            fragments = joined
            return nil
        }
        return WebSocketReceivedMessage(isText: isText, payload: joined.payload)
    }

    /// Checks the order of fragments and the message's size; returns whether the message is text.
    private func accept(_ opcode: WebSocketOpcode, size: Int) throws(WebSocketProtocolError) -> Bool {
        guard let fragments else {
            guard opcode != .continuation else { throw .continuationWithoutMessage }
            guard size <= maxMessageSize else { throw .messageTooLarge(size: UInt64(size), limit: maxMessageSize) }
            return opcode == .text
        }
        guard opcode == .continuation else { throw .messageInsideMessage(opcode) }
        guard size <= maxMessageSize &- fragments.count else {
            throw .messageTooLarge(size: UInt64(fragments.count) &+ UInt64(size), limit: maxMessageSize)
        }
        return fragments.isText
    }

    private mutating func checkText(_ payload: ByteChunk, isEnd: Bool) throws(WebSocketProtocolError) {
        let fresh = payload.slice(checkedOfFrame..<payload.count)
        checkedOfFrame = payload.count
        let isValid = fresh.withUnsafeBytes { unsafe validator.accepts($0) }
        guard isValid, !isEnd || validator.isComplete else { throw .textNotUTF8 }
    }
}
