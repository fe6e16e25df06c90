// SPDX-License-Identifier: Apache-2.0

/// The messages that a WebSocket receives, in order.
///
/// Messages are read ahead up to a bound in bytes; then the peer has to wait until some were taken. The sequence ends
/// with nil after an ordinary close and throws when the WebSocket ended in another way, in both cases after the messages
/// that came before. A message goes to one reader: iterate once, or one after another, but not at the same time; whoever
/// reads while another task waits gets ``RivetError/Code/invalidArgument``, and that task waits on. Cancelling the reading
/// task throws `CancellationError` and leaves the WebSocket open. The sequence and its iterators keep the WebSocket.
public struct WebSocketMessages: AsyncSequence, Sendable {
    private let channel: WebSocketChannel
    private let owner: (any AnyObject & Sendable)?

    init(channel: WebSocketChannel, owner: (any AnyObject & Sendable)?) {
        self.channel = channel
        self.owner = owner
    }

    /// Takes messages out of the WebSocket.
    public struct AsyncIterator: AsyncIteratorProtocol {
        @usableFromInline let batch: WebSocketMessageBatch

        fileprivate init(_ messages: WebSocketMessages) {
            batch = WebSocketMessageBatch(messages.channel, owner: messages.owner)
        }

        /// The next message; nil after an ordinary close.
        @inlinable @inline(__always)
        public nonisolated(nonsending) mutating func next(isolation: (any Actor)? = #isolation) async throws
            -> WebSocketMessage?
        {
            repeat {
                if let message = batch.next() { return message }
            } while try await batch.fill()
            return nil
        }
    }

    /// Starts reading where the last reader stopped.
    public func makeAsyncIterator() -> AsyncIterator { AsyncIterator(self) }
}

/// What a reader has taken over in one go; what is left of it when the reader goes is put back.
///
/// `@unchecked Sendable`: it belongs to one iterator, which is not used by two tasks at the same time.
@usableFromInline final class WebSocketMessageBatch: @unchecked Sendable {
    private struct Contents {
        var current = WebSocketReceivedMessages()
        var rest = RingBuffer<WebSocketReceivedMessages>()
    }

    private let channel: WebSocketChannel
    private let owner: (any AnyObject & Sendable)?
    private let contents = Unchecked(Contents())

    init(_ channel: WebSocketChannel, owner: (any AnyObject & Sendable)?) {
        self.channel = channel
        self.owner = owner
    }

    deinit {
        // Also where nothing is left: it was what held up the reading.
        channel.putBack(contents.value.current, contents.value.rest)
        contents.deallocate()
    }

    /// The next message that is here.
    @usableFromInline func next() -> WebSocketMessage? {
        while true {
            if let message = contents.value.current.next() { return message.message }
            guard let following = contents.value.rest.popFirst() else { return nil }
            contents.value.current = following
        }
    }

    /// Waits for more; false at the end.
    @usableFromInline func fill() async throws -> Bool {
        // Not in place: the wait would be one long access, and a copy of the iterator may come meanwhile.
        var taken = RingBuffer<WebSocketReceivedMessages>()
        swap(&taken, &contents.value.rest)
        let hasMore = try await channel.receive(into: &taken)
        contents.value.rest = taken
        return hasMore
    }
}

extension WebSocketReceivedMessage {
    fileprivate var message: WebSocketMessage {
        guard isText else { return .binary(payload) }
        return payload.withUnsafeBytes { bytes in
            // It was checked when it came, which `String` would do again.
            let span = unsafe UTF8Span(unchecked: bytes.assumingMemoryBound(to: UInt8.self).span)
            return .text(String(copying: span))
        }
    }
}
