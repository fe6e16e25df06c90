// SPDX-License-Identifier: Apache-2.0

/// Those who wait, in the order in which they came, to be kept under the lock of what they wait for.
///
/// The first has a slot of its own: where one waits, nothing is allocated.
struct WaitingLine<Waiter> {
    private typealias Slot = (id: UInt64, waiter: Waiter)
    private var first: Slot?
    private var others: [Slot] = []
    private var lastID: UInt64 = 0

    var isEmpty: Bool { first == nil }

    /// A number by which one who waits can be removed.
    mutating func nextID() -> UInt64 {
        lastID &+= 1
        return lastID
    }

    mutating func append(_ waiter: Waiter, id: UInt64) {
        if first == nil { first = (id, waiter) } else { others.append((id, waiter)) }
    }

    mutating func popFirst() -> Waiter? {
        guard let slot = first.take() else { return nil }
        if !others.isEmpty { first = others.removeFirst() }
        return slot.waiter
    }

    mutating func remove(_ id: UInt64) -> Waiter? {
        if first?.id == id { return popFirst() }
        return others.firstIndex { $0.id == id }.map { others.remove(at: $0).waiter }
    }

    /// Removes whom `condition` names, asking in order.
    mutating func removeAll(where condition: (Waiter) -> Bool) {
        guard let slot = first else { return }
        let goes = condition(slot.waiter)
        others.removeAll { condition($0.waiter) }
        if goes { first = others.isEmpty ? nil : others.removeFirst() }
    }
}
