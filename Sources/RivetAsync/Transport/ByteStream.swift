// SPDX-License-Identifier: Apache-2.0

/// What a stream calls, always on its lane, never after `close()`.
package protocol ByteHandler: AnyObject {
    /// Bytes in order. The handler takes all of them; a slice may be kept.
    func received(_ bytes: ByteChunk)
    /// Memory for the next bytes, where the handler has a place for them; nil where any will do.
    ///
    /// A stream may ask for it, and calls `received(inRoom:)` after it has filled it.
    func receiveRoom() -> UnsafeMutableRawBufferPointer?
    /// The first `count` bytes of the room that was asked for just now are filled.
    func received(inRoom count: Int)
    /// Everything that had arrived in this turn has been handed over: wake who waits, send what was gathered.
    func receivedAll()
    /// The output fell from above to below its low-water mark.
    func writable()
    /// The last call. `finished`: the peer ended its side properly; bytes can still be written.
    func ended(_ end: StreamEnding)
}

extension ByteHandler {
    package func receiveRoom() -> UnsafeMutableRawBufferPointer? { nil }
    package func received(inRoom count: Int) {}
}

package enum StreamEnding: Sendable, Equatable {
    case finished
    case failed(TransportError)
}

/// A reliable two-way stream of bytes that lives on one lane: TCP, TLS over it, or memory.
///
/// Every method is called on `lane`, and none blocks. What is written is gathered and leaves at the end of the
/// lane's turn.
package protocol ByteStream: AnyObject, Sendable {
    var lane: Lane { get }
    /// Sets or replaces the handler; reading starts with the first one. It is held strongly until `ended` or `close`.
    func setHandler(_ handler: any ByteHandler)
    /// Bytes accepted and not yet with the kernel. Above `OutputMarks.high` a sender must wait for `writable`.
    var pendingOutput: Int { get }
    /// How many bytes were written so far.
    var writtenCount: UInt64 { get }
    /// How many of them may have left, the end included: none behind these was given to the kernel.
    var sentCount: UInt64 { get }
    /// Appends to the output; `body` writes straight into the buffer that will be sent.
    func write(_ body: (inout ByteBuffer) -> Void)
    /// Sends what was gathered at once and not at the end of the turn, as far as there is room for it.
    func flush()
    /// Ends our side after everything written so far (FIN; over TLS `close_notify` before it).
    func finishWriting()
    /// No `received` until `resumeReading`; the kernel's buffer fills and the peer has to wait.
    func suspendReading()
    func resumeReading()
    /// Acknowledge at once what was received, where that is known (TCP).
    ///
    /// A delayed acknowledgement costs a peer that gathers its small segments (Nagle) up to 40 ms.
    var wantsQuickAcknowledgements: Bool { get set }
    /// Ends both sides now, drops what is pending and frees the descriptor. No call to the handler follows.
    func close()
    /// TLS version, protocol and the like, for diagnostics; nil for plain streams.
    var securityDescription: String? { get }
}

/// How many bytes may be pending.
package enum OutputMarks {
    /// Above it a sender waits (64 KiB, as the kernel's own buffers are of that order).
    package static let high = 65_536
    /// Below it a waiting sender goes on.
    package static let low = 16_384
}

extension ByteBuffer {
    /// It has grown beyond what senders fill before they wait, for a large message, and is not to be kept.
    var isOversized: Bool { capacity > 2 * OutputMarks.high }
}
