// SPDX-License-Identifier: Apache-2.0
import Synchronization

/// Turns for calls, so many a second for all callers together.
///
/// Rivet refuses more than 10,000 requests a minute. Turns that nobody took during an outage are lost, so no burst
/// follows it.
final class KillPace: Sendable {
    private let next = Mutex(ContinuousClock.now)
    private let interval: Duration

    init(perSecond: Int) {
        interval = .seconds(1) / perSecond
    }

    /// Waits for a turn; throws only when the task is cancelled.
    func turn() async throws {
        let turn = next.withLock { next in
            let turn = max(next, .now)
            next = turn + interval
            return turn
        }
        try await Task.sleep(until: turn, clock: .continuous)
    }
}
