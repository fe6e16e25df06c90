// SPDX-License-Identifier: Apache-2.0

/// How many events a sequence keeps for a reader that is slower than the actor, and what happens to the next one.
///
/// The default keeps 256 events and at most 4 MiB, and drops the oldest with a gap in
/// ``EventSequence/deliveries``.
public struct EventBuffering: Sendable {
    /// What happens when the buffer is full.
    public enum Overflow: Sendable {
        /// The oldest event goes; a gap tells how many went.
        case dropOldest
        /// The new event goes; a gap tells how many went.
        case dropNewest
        /// The sequence ends; its `deliveries` throw ``RivetError/Code/eventBufferOverflowed``.
        case finish
        /// The socket is not read until there is room. This also holds up answers to actions and every other sequence of
        /// the connection, and pauses its keep-alive: a choice for one reader that must see everything.
        case suspendReading
    }

    let capacity: Int
    let maxBytes: Int
    let overflow: Overflow

    /// At most `capacity` events (at least 1) and `maxBytes` bytes of them (4 MiB by default), then `overflow`.
    public static func bounded(_ capacity: Int, maxBytes: Int = 4 << 20, _ overflow: Overflow) -> Self {
        Self(capacity: max(capacity, 1), maxBytes: max(maxBytes, 1), overflow: overflow)
    }

    /// 256 events, 4 MiB, drop the oldest.
    public static var `default`: Self { .bounded(256, .dropOldest) }
}
