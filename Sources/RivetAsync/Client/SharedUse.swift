// SPDX-License-Identifier: Apache-2.0

/// How many use a shared connection, and until when it stays where nobody does.
struct SharedUse: Sendable {
    private var users = 0
    /// When it is over, unless somebody comes before.
    private(set) var nextDeadline: TimePoint?

    mutating func joined() {
        users += 1
        nextDeadline = nil
    }

    mutating func left(idle: Duration, now: TimePoint) {
        users -= 1
        if users == 0 { nextDeadline = now.advanced(by: max(idle, .zero)) }
    }

    func isOver(now: TimePoint) -> Bool { nextDeadline.map { $0 <= now } ?? false }
}
