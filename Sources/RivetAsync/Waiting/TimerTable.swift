// SPDX-License-Identifier: Apache-2.0

/// When each of a machine's timers fires; there are few of them.
struct TimerTable<Timer: Hashable & CaseIterable & Sendable>: Sendable {
    private var deadlines: [(timer: Timer, deadline: TimePoint)] = []

    /// Nil for one that is not set.
    subscript(timer: Timer) -> TimePoint? {
        get { deadlines.first { $0.timer == timer }?.deadline }
        set {
            deadlines.removeAll { $0.timer == timer }
            if let newValue { deadlines.append((timer, newValue)) }
        }
    }

    var next: TimePoint? { deadlines.lazy.map(\.deadline).min() }

    /// The timer that is due first, which is set no more.
    mutating func removeFirst(dueAt now: TimePoint) -> Timer? {
        guard let first = deadlines.min(by: { $0.deadline < $1.deadline }), first.deadline <= now else { return nil }
        self[first.timer] = nil
        return first.timer
    }
}
