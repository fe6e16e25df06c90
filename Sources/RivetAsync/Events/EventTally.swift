// SPDX-License-Identifier: Apache-2.0
import Synchronization

/// How many events of a connection came, and what became of them; counted and read from anywhere.
///
/// What is part of something else is counted after it, and read before it, so that no sum is ever too large.
final class EventTally: Sendable {
    private let received = Atomic<Int>(0)
    private let delivered = Atomic<Int>(0)
    private let dropped = Atomic<Int>(0)
    private let undecodable = Atomic<Int>(0)

    /// All that came so far.
    func note(received count: Int) { received.store(count, ordering: .relaxed) }
    func note(delivered count: Int) { delivered.add(count, ordering: .releasing) }
    func note(dropped count: Int) { dropped.add(count, ordering: .releasing) }
    func note(undecodable count: Int) { undecodable.add(count, ordering: .releasing) }

    var counts: (received: Int, delivered: Int, dropped: Int, undecodable: Int) {
        let undecodable = undecodable.load(ordering: .acquiring)
        let delivered = delivered.load(ordering: .acquiring)
        let dropped = dropped.load(ordering: .acquiring)
        return (received.load(ordering: .relaxed), delivered, dropped, undecodable)
    }
}
