// SPDX-License-Identifier: Apache-2.0
import Synchronization

/// Tells of events that a listener did not get, at most once a second for each kind, and of each of them in the end
/// (B295).
final class EventLosses: Sendable {
    enum Kind: String, CaseIterable, Sendable {
        /// The buffer was full.
        case dropped
        /// They did not decode, in a loop that passes over them.
        case undecodable
        /// The buffer was full, and the sequence ended by its policy.
        case finished
        /// The connection was lost and is back.
        case reconnected
    }

    fileprivate struct Tally {
        var count = 0
        /// When the last line was sent.
        var last: TimePoint?
        /// Set while something waits to be told.
        var timer: DeadlineScheduler.ID?
    }

    private let tallies = Mutex<[Kind: Tally]>([:])
    private let time: TimeSource
    private let deadlines: DeadlineScheduler
    private let tell: @Sendable (Kind, Int) -> Void

    init(time: TimeSource, deadlines: DeadlineScheduler, tell: @escaping @Sendable (Kind, Int) -> Void) {
        (self.time, self.deadlines, self.tell) = (time, deadlines, tell)
    }

    func note(_ kind: Kind, _ count: Int = 1) {
        let now = time.now
        let told: Int = tallies.withLock { tallies in
            var tally = tallies[kind] ?? Tally()
            defer { tallies[kind] = tally }
            tally.count += count
            guard let last = tally.last, case let due = last.advanced(by: .seconds(1)), now < due else {
                if let timer = tally.timer.take() { deadlines.cancel(timer) }
                tally.last = now
                return tally.takeCount()
            }
            if tally.timer == nil {
                tally.timer = deadlines.schedule(at: due) { [weak self] in self?.secondPassed(kind) }
            }
            return 0
        }
        if told > 0 { tell(kind, told) }
    }

    private func secondPassed(_ kind: Kind) {
        let told = tallies.withLock { tallies in
            tallies[kind]?.timer = nil
            tallies[kind]?.last = time.now
            return tallies[kind]?.takeCount() ?? 0
        }
        if told > 0 { tell(kind, told) }
    }

    /// The listener is gone: what waits is told now.
    func flush() {
        for kind in Kind.allCases {
            let told = tallies.withLock { tallies in
                if let timer = tallies[kind]?.timer.take() { deadlines.cancel(timer) }
                return tallies[kind]?.takeCount() ?? 0
            }
            if told > 0 { tell(kind, told) }
        }
    }
}

extension EventLosses.Tally {
    fileprivate mutating func takeCount() -> Int {
        defer { count = 0 }
        return count
    }
}
