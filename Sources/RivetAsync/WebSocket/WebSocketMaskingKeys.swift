// SPDX-License-Identifier: Apache-2.0

/// Masking keys (RFC 6455 §5.3) from a source that is asked for 64 at a time.
package struct WebSocketMaskingKeys: Sendable {
    private let fill: @Sendable (UnsafeMutableRawBufferPointer) -> Void
    private var batch: InlineArray<64, UInt32> = .init(repeating: 0)
    private var used = 64

    /// - Parameter fill: must fill the buffer with bytes that the peer cannot predict (§10.3).
    package init(fill: @escaping @Sendable (UnsafeMutableRawBufferPointer) -> Void) {
        self.fill = fill
    }

    @inline(__always)
    package mutating func next() -> UInt32 {
        if used == 64 { refill() }
        defer { used &+= 1 }
        return batch[used]
    }

    @inline(never)
    private mutating func refill() {
        withUnsafeMutableBytes(of: &batch) { fill($0) }
        used = 0
    }
}
