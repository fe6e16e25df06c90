// SPDX-License-Identifier: Apache-2.0

/// Counts the attempts of an outage and says how long to wait before the next one (BEHAVIOURS: B148–B154, B158).
struct ReconnectBackoff: Sendable {
    /// The number of the attempt under way or just over, within its outage.
    private(set) var attempt = 0
    /// How many waits there were since the connection was last stable.
    private var retries = 0
    /// Whether the server has refused a token since then.
    private var hasRenewedToken = false
    private var outageBegan: TimePoint
    private let policy: ReconnectPolicy

    init(policy: ReconnectPolicy, now: TimePoint) {
        self.policy = policy
        outageBegan = now
    }

    mutating func attemptStarted() {
        attempt += 1
    }

    /// Call when a connection that had opened is lost.
    mutating func lost(openedAt: TimePoint, now: TimePoint) {
        outageBegan = now
        if openedAt.duration(to: now) >= policy.stableAfter {
            (attempt, retries, hasRenewedToken) = (0, 0, false)
        }
    }

    /// What failed before a pause does not count after it.
    mutating func resumed(now: TimePoint) {
        (attempt, retries, hasRenewedToken, outageBegan) = (0, 0, false, now)
    }

    enum Next: Sendable {
        case wait(Duration)
        case giveUp
    }

    /// - Parameters:
    ///   - ending: the end of the attempt or connection.
    ///   - now: the time of the end.
    ///   - random: uniform in 0 ..< 1.
    /// - Returns: the wait before the next attempt, or that there is none.
    mutating func next(after ending: AttemptEnding, now: TimePoint, random: Double) -> Next {
        let decision = policy.decide(ending.error, attempt)
        if case .stop = decision { return .giveUp }
        if let maxAttempts = policy.maxAttempts, attempt >= maxAttempts { return .giveUp }
        var delay: Duration
        switch decision {
        case .retry(let after):
            delay = max(after, .zero).withinReach
        case .automatic, .stop:
            if ending.isPermanent { return .giveUp }
            delay = policy.wait(afterRetries: retries, random: random)
            // The attempt itself waits for the new token; refused again, the pauses grow (B245).
            if ending.asksForAnotherToken, !hasRenewedToken { (delay, hasRenewedToken) = (.zero, true) }
        }
        if let retryAfter = ending.retryAfter { delay = max(delay, retryAfter) }
        if let maxElapsed = policy.maxElapsed, outageBegan.duration(to: now) + delay > maxElapsed { return .giveUp }
        retries += 1
        return .wait(delay)
    }
}
