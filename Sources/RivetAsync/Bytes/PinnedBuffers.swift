// SPDX-License-Identifier: Apache-2.0

/// How much of receive buffers a queue of slices keeps alive; a buffer counts once for a run of its slices.
///
/// A slow reader must not keep whole buffers for a few bytes of each.
struct PinnedBuffers: Sendable {
    /// A queue may keep this much alive beyond four times its own bytes.
    private static let allowance = 1 << 20

    private(set) var bytes = 0
    private var last: ObjectIdentifier?

    /// Notes a slice that is queued now, with which the queue has `size` bytes.
    ///
    /// Returns true where the queue keeps too much, and each slice is to be copied out; this counts as done then.
    mutating func note(_ slice: ByteChunk, queueSize size: Int) -> Bool {
        if slice.bufferID != last {
            last = slice.bufferID
            bytes += slice.retainedSize
        }
        guard bytes > 4 * size + Self.allowance else { return false }
        (bytes, last) = (size, nil)
        return true
    }
}

extension ByteChunk {
    /// Lets go of a buffer that is larger than the bytes.
    mutating func copyOut() {
        if retainedSize > count { self = ByteChunk(copyOf: self) }
    }
}
