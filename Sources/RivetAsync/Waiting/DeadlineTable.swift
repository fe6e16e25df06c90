// SPDX-License-Identifier: Apache-2.0

/// Values that wait for their deadlines; those that are due come in the order of the deadlines, equal ones as they were
/// added.
///
/// Most are removed long before: that takes one step, and their entries in the heap are thrown out together.
struct DeadlineTable<Value: Sendable>: Sendable {
    private var values: [UInt64: Value] = [:]
    /// With an entry for each value, and some whose value was removed.
    private var heap = DeadlineHeap<UInt64>()
    private var lastNumber: UInt64 = 0

    var count: Int { values.count }

    /// The number is for `remove`, and never 0.
    mutating func add(_ value: Value, _ deadline: TimePoint) -> UInt64 {
        lastNumber += 1
        values[lastNumber] = value
        heap.add(lastNumber, deadline)
        return lastNumber
    }

    /// Nil where it is no longer there.
    mutating func remove(_ number: UInt64) -> Value? {
        guard let value = values.removeValue(forKey: number) else { return nil }
        let values = values
        if heap.count > 2 * values.count + 16 { heap.keep { values[$0] != nil } }
        return value
    }

    mutating func removeAll(dueAt now: TimePoint) -> [Value] {
        var due: [Value] = []
        while let number = heap.removeFirst(dueAt: now) {
            if let value = values.removeValue(forKey: number) { due.append(value) }
        }
        return due
    }

    /// Nil where nothing waits.
    mutating func nextDeadline() -> TimePoint? {
        while let first = heap.first, values[first.id] == nil { heap.removeFirst() }
        return heap.first?.deadline
    }

    mutating func removeAll() -> [Value] {
        defer { (values, heap) = ([:], DeadlineHeap()) }
        return Array(values.values)
    }
}
