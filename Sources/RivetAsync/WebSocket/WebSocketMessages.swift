// SPDX-License-Identifier: Apache-2.0

/// The messages that a WebSocket receives, in order.
///
/// Messages are read ahead up to a bound in bytes; then the peer has to wait until some were taken. The sequence ends
/// with nil after the closing handshake and throws when the connection ended in another way, in both cases after the
/// messages that came before. A message goes to one reader: iterate once, or one after another, but not at the same
/// time. Cancelling the reading task throws `CancellationError` and leaves the WebSocket open.
public struct WebSocketMessages: AsyncSequence, Sendable {
    private let channel: WebSocketChannel

    init(channel: WebSocketChannel) { self.channel = channel }

    /// Takes messages out of the WebSocket.
    public struct AsyncIterator: AsyncIteratorProtocol {
        /// What was taken over in one go; what is left when the iterator goes is put back.
        private final class Batch {
            let channel: WebSocketChannel
            var elements = RingBuffer<WebSocketInbox.Element>()

            init(channel: WebSocketChannel) { self.channel = channel }
            deinit { if !elements.isEmpty { channel.putBack(elements) } }
        }

        private let batch: Batch

        fileprivate init(channel: WebSocketChannel) { batch = Batch(channel: channel) }

        /// The next message; nil after the closing handshake.
        public mutating func next(isolation: isolated (any Actor)? = #isolation) async throws -> WebSocketMessage? {
            while true {
                if let element = batch.elements.popFirst() { return element.message }
                guard try await batch.channel.receive(into: &batch.elements, isolation: isolation) else { return nil }
            }
        }
    }

    /// Starts reading where the last reader stopped.
    public func makeAsyncIterator() -> AsyncIterator { AsyncIterator(channel: channel) }
}

extension WebSocketInbox.Element {
    fileprivate var message: WebSocketMessage {
        guard isText else { return .binary(payload) }
        return payload.withUnsafeBytes { bytes in
            // It was checked when it came, which `String` would do again.
            let span = unsafe UTF8Span(unchecked: bytes.assumingMemoryBound(to: UInt8.self).span)
            return .text(String(copying: span))
        }
    }
}
