// SPDX-License-Identifier: Apache-2.0

/// Deadlines, the first one at hand; of equal ones that with the lower id.
///
/// One that is later than all others, as it is where all time-outs are equal, is added in one step.
package struct DeadlineHeap<ID: Comparable & Sendable>: Sendable {
    package struct Entry: Sendable {
        package let deadline: TimePoint
        package let id: ID

        static func < (a: Self, b: Self) -> Bool { (a.deadline, a.id) < (b.deadline, b.id) }
    }

    private var entries: [Entry] = []

    package init() {}

    package var count: Int { entries.count }
    package var first: Entry? { entries.first }

    package mutating func add(_ id: ID, _ deadline: TimePoint) {
        entries.append(Entry(deadline: deadline, id: id))
        var child = entries.count - 1
        while child > 0, case let parent = (child - 1) / 2, entries[child] < entries[parent] {
            entries.swapAt(child, parent)
            child = parent
        }
    }

    /// The first, removed, where it is due.
    package mutating func removeFirst(dueAt now: TimePoint) -> ID? {
        guard let first = entries.first, first.deadline <= now else { return nil }
        removeFirst()
        return first.id
    }

    /// Call where there is one.
    package mutating func removeFirst() {
        entries.swapAt(0, entries.count - 1)
        entries.removeLast()
        sink(0)
    }

    /// Removes those whose `id` does not count any more.
    package mutating func keep(_ isKept: (ID) -> Bool) {
        entries.removeAll { !isKept($0.id) }
        for parent in stride(from: entries.count / 2, through: 0, by: -1) { sink(parent) }
    }

    package mutating func removeAll() { entries.removeAll(keepingCapacity: entries.count <= 64) }

    private mutating func sink(_ start: Int) {
        var parent = start
        while true {
            var first = parent
            for child in 2 * parent + 1...2 * parent + 2
            where child < entries.count && entries[child] < entries[first] {
                first = child
            }
            if first == parent { return }
            entries.swapAt(parent, first)
            parent = first
        }
    }
}
