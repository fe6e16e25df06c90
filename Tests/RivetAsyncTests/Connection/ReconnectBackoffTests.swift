// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import RivetAsync

@Suite(.leavesNothing, .timeLimit(.minutes(3)))
struct ReconnectBackoffTests {
    static let ending = AttemptEnding(
        error: RivetError(.connectionLost, "reset", fault: .network, isTransient: true)
    )
    static func at(_ seconds: Int) -> TimePoint { TimePoint(.seconds(seconds)) }

    /// The bounds of the waits of one outage, with the largest jitter.
    static func waits(_ backoff: inout ReconnectBackoff, count: Int, now: Int = 0) -> [Duration?] {
        (0..<count).map { _ in
            backoff.attemptStarted()
            guard case .wait(let delay) = backoff.next(after: ending, now: at(now), random: 1) else { return nil }
            return delay
        }
    }

    @Test("B148: waits double from 250 ms to the cap of 30 s")
    func doubling() {
        var backoff = ReconnectBackoff(policy: .init(), now: Self.at(0))
        #expect(
            Self.waits(&backoff, count: 9) == [
                .milliseconds(250), .milliseconds(500), .seconds(1), .seconds(2), .seconds(4), .seconds(8),
                .seconds(16),
                .seconds(30), .seconds(30),
            ]
        )
    }

    @Test("B154: full jitter, also on the first wait")
    func jitter() {
        var backoff = ReconnectBackoff(policy: .init(), now: Self.at(0))
        backoff.attemptStarted()
        guard case .wait(let delay) = backoff.next(after: Self.ending, now: Self.at(0), random: 0.5) else {
            Issue.record("gave up")
            return
        }
        #expect(delay == .milliseconds(125))
    }

    @Test("B153: a connection that opens and closes again and again keeps growing; one that was stable starts over")
    func stability() {
        var backoff = ReconnectBackoff(policy: .init(), now: Self.at(0))
        _ = Self.waits(&backoff, count: 3)
        backoff.lost(openedAt: Self.at(10), now: Self.at(19))
        #expect(Self.waits(&backoff, count: 1) == [.seconds(2)])
        backoff.lost(openedAt: Self.at(20), now: Self.at(30))
        #expect(Self.waits(&backoff, count: 1) == [.milliseconds(250)])
    }

    @Test("B158: maxAttempts and maxElapsed end an outage")
    func limits() {
        var byCount = ReconnectBackoff(policy: .init(maxAttempts: 3), now: Self.at(0))
        #expect(Self.waits(&byCount, count: 3) == [.milliseconds(250), .milliseconds(500), nil])
        var byTime = ReconnectBackoff(policy: .init(first: .seconds(4), maxElapsed: .seconds(5)), now: Self.at(0))
        #expect(Self.waits(&byTime, count: 2) == [.seconds(4), nil])
    }

    struct Decision: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let decision: RetryDecision
        let isPermanent: Bool
        /// Nil where it gives up.
        let wait: Duration?
    }

    @Test(
        "B152: permanent causes end it unless the hook says otherwise; stop always wins",
        arguments: [
            Decision(
                testDescription: "automatic, passing",
                decision: .automatic,
                isPermanent: false,
                wait: .milliseconds(250)
            ),
            Decision(testDescription: "automatic, permanent", decision: .automatic, isPermanent: true, wait: nil),
            Decision(
                testDescription: "retry, permanent",
                decision: .retry(after: .seconds(7)),
                isPermanent: true,
                wait: .seconds(7)
            ),
            Decision(testDescription: "stop, passing", decision: .stop, isPermanent: false, wait: nil),
        ]
    )
    func decisions(_ row: Decision) {
        var backoff = ReconnectBackoff(policy: .init(decide: { _, _ in row.decision }), now: Self.at(0))
        backoff.attemptStarted()
        let ending = AttemptEnding(error: Self.ending.error, isPermanent: row.isPermanent)
        let wait: Duration? =
            if case .wait(let delay) = backoff.next(after: ending, now: Self.at(0), random: 1) { delay } else { nil }
        #expect(wait == row.wait)
    }

    @Test("B150: not before the time that the server asked for")
    func retryAfter() {
        var backoff = ReconnectBackoff(policy: .init(), now: Self.at(0))
        backoff.attemptStarted()
        let ending = AttemptEnding(error: Self.ending.error, retryAfter: .seconds(20))
        guard case .wait(let delay) = backoff.next(after: ending, now: Self.at(0), random: 1) else {
            Issue.record("gave up")
            return
        }
        #expect(delay == .seconds(20))
    }

    @Test("B291: the policies that have a name, without a limit of attempts; the first is the default")
    func presets() {
        let rows: [(ReconnectPolicy, Duration, Duration, Duration)] = [
            (.server, .milliseconds(250), .seconds(30), .seconds(10)),
            (.interactive, .milliseconds(100), .seconds(5), .seconds(5)),
            (.local, .milliseconds(50), .seconds(1), .seconds(1)),
            (RivetConfiguration.standard, .milliseconds(250), .seconds(30), .seconds(10)),
        ]
        for (policy, first, cap, stableAfter) in rows {
            #expect(policy.first == first)
            #expect(policy.cap == cap)
            #expect(policy.stableAfter == stableAfter)
            #expect(policy.maxAttempts == nil && policy.maxElapsed == nil)
            // Full jitter: a random part of the bound, from nothing.
            for (random, wait) in [(0.0, Duration.zero), (1, first)] {
                var backoff = ReconnectBackoff(policy: policy, now: Self.at(0))
                backoff.attemptStarted()
                guard case .wait(wait) = backoff.next(after: Self.ending, now: Self.at(0), random: random) else {
                    Issue.record("\(policy)")
                    continue
                }
            }
        }
    }
}

extension RivetConfiguration {
    fileprivate static var standard: ReconnectPolicy {
        (try? RivetConfiguration(endpoint: "http://engine.test").reconnect) ?? .local
    }
}
