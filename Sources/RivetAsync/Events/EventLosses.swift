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
        /// A snapshot took longer to load than the buffer was large.
        case outran
        /// A snapshot could not be loaded, and is loaded again.
        case loadFailed
        /// The code that loads a snapshot had not ended when its reader went.
        case loadAbandoned
    }

    private struct Tally {
        var count = 0
        /// When the last line was sent.
        var last: TimePoint?
        /// Set while something waits to be told.
        var timer: DeadlineScheduler.ID?
    }

    private let tallies = Mutex<[Kind: Tally]>([:])
    private let time: TimeSource
    private let deadlines: DeadlineScheduler
    let tally: EventTally
    private let tell: @Sendable (Kind, Int) -> Void

    init(
        time: TimeSource,
        deadlines: DeadlineScheduler,
        tally: EventTally,
        tell: @escaping @Sendable (Kind, Int) -> Void
    ) {
        (self.time, self.deadlines, self.tally, self.tell) = (time, deadlines, tally, tell)
    }

    /// `isCounted`: false for events that count as delivered already.
    func note(_ kind: Kind, _ count: Int = 1, isCounted: Bool = true) {
        switch kind {
        case .dropped, .finished: if isCounted { tally.note(dropped: count) }
        case .undecodable: tally.note(undecodable: count)
        case .reconnected, .outran, .loadFailed, .loadAbandoned: break
        }
        let now = time.now
        change(kind) { tally in
            tally.count += count
            guard let last = tally.last, case let due = last.advanced(by: .seconds(1)), now < due else {
                tally.last = now
                return true
            }
            if tally.timer == nil {
                tally.timer = deadlines.schedule(at: due) { [weak self] in self?.secondPassed(kind) }
            }
            return false
        }
    }

    private func secondPassed(_ kind: Kind) {
        change(kind) { tally in
            tally.last = time.now
            return true
        }
    }

    /// The listener is gone: what waits is told now.
    func flush() {
        for kind in Kind.allCases { change(kind) { _ in true } }
    }

    /// Tells what was counted, without the timer that was set for it, where `change` says that it is due.
    private func change(_ kind: Kind, _ change: (inout Tally) -> Bool) {
        let told = tallies.withLock { tallies in
            var tally = tallies[kind] ?? Tally()
            defer { tallies[kind] = tally }
            guard change(&tally) else { return 0 }
            if let timer = tally.timer.take() { deadlines.cancel(timer) }
            defer { tally.count = 0 }
            return tally.count
        }
        if told > 0 { tell(kind, told) }
    }
}
