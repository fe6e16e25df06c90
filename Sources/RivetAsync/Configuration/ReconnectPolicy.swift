// SPDX-License-Identifier: Apache-2.0

/// How a connection comes back after it was lost.
///
/// The wait before attempt *n* of an outage is random between zero and `min(first × 2ⁿ⁻¹, cap)` (full jitter, also for
/// the first one, so that many clients that lose one gateway spread out). The growth and the count of attempts start over
/// only after a connection has stayed open for `stableAfter`: one that opens and is soon lost again is still in the same
/// outage.
public struct ReconnectPolicy: Sendable {
    /// The bound of the first wait.
    ///
    /// 250 ms by default; zero or more.
    public var first: Duration
    /// The bound of every wait.
    ///
    /// 30 s by default; zero or more.
    public var cap: Duration
    /// How long a connection must have been open for the waits to start small again, and for attempts to count from 1.
    ///
    /// 10 s by default; zero or more.
    public var stableAfter: Duration
    /// How many attempts in one outage, at least 1; nil, the default, for no limit.
    public var maxAttempts: Int?
    /// How long after a loss, or after `connect()`, no attempt begins any more, zero or more; nil, the default, for ever.
    ///
    /// One that has begun has its ``RivetConfiguration/openTimeout``. Where the next wait would end later, the connection
    /// gives up at once.
    public var maxElapsed: Duration?
    /// Asked after the library has classified the cause; it runs on the connection's lane and must not block.
    ///
    /// ``RetryDecision/stop`` always wins. Only an explicit ``RetryDecision/retry(after:)`` overrules a cause that the
    /// library takes for permanent (a refusal, a missing actor).
    public var decide: @Sendable (_ cause: RivetError, _ attempt: Int) -> RetryDecision

    /// Makes a policy; each part has the default named with it.
    ///
    /// Out of its range a part ends each connection at once: with ``RivetError/Code/invalidConfiguration`` in
    /// ``RivetConfiguration/reconnect``, with ``RivetError/Code/invalidArgument`` in ``ConnectOptions/reconnect``.
    public init(
        first: Duration = .milliseconds(250),
        cap: Duration = .seconds(30),
        stableAfter: Duration = .seconds(10),
        maxAttempts: Int? = nil,
        maxElapsed: Duration? = nil,
        decide: @escaping @Sendable (_ cause: RivetError, _ attempt: Int) -> RetryDecision = { _, _ in .automatic }
    ) {
        self.first = first
        self.cap = cap
        self.stableAfter = stableAfter
        self.maxAttempts = maxAttempts
        self.maxElapsed = maxElapsed
        self.decide = decide
    }

    /// For a service that outlives what it talks to: waits up to 250 ms at first and 30 s at last.
    ///
    /// The default.
    public static var server: Self { Self() }

    /// For a program in front of which a person sits: waits up to 100 ms at first and 5 s at last, and start small again
    /// after 5 s.
    public static var interactive: Self {
        Self(first: .milliseconds(100), cap: .seconds(5), stableAfter: .seconds(5))
    }

    /// For an engine on the same machine: waits up to 50 ms at first and 1 s at last, and start small again after 1 s.
    public static var local: Self {
        Self(first: .milliseconds(50), cap: .seconds(1), stableAfter: .seconds(1))
    }

    /// A random part of `min(first × 2^retries, cap)`, without overflow, in whole milliseconds, which read better and
    /// jitter as well.
    ///
    /// - Parameters:
    ///   - retries: how many waits there were before this one.
    ///   - random: uniform in 0 ..< 1.
    /// - Returns: how long to wait.
    func wait(afterRetries retries: Int, random: Double) -> Duration {
        let cap = cap.withinReach
        var bound = first.withinReach
        for _ in 0..<retries where bound < cap { bound = bound * 2 }
        bound = min(bound, cap)
        return .milliseconds(Int((bound / .milliseconds(1) * min(max(random, 0), 1)).rounded()))
    }

    /// What is out of its range, in words.
    var problems: [String] {
        var problems: [String] = []
        for (name, value) in [
            ("first", first), ("cap", cap), ("stableAfter", stableAfter), ("maxElapsed", maxElapsed ?? .zero),
        ] where value < .zero {
            problems.append("reconnect.\(name) is \(value) and must not be negative")
        }
        if let maxAttempts, maxAttempts < 1 {
            problems.append("reconnect.maxAttempts is \(maxAttempts) and must be at least 1")
        }
        return problems
    }
}

/// What ``ReconnectPolicy/decide`` answers.
public enum RetryDecision: Sendable {
    /// As the library would do by itself.
    case automatic
    /// Try again after this time, even after a permanent cause; at once where it is zero or negative.
    ///
    /// Not before a `Retry-After` of the server, up to 24 h, which only ``ActorConnection/reconnectNow()`` overrules, and
    /// within ``ReconnectPolicy/maxAttempts`` and ``ReconnectPolicy/maxElapsed``.
    case retry(after: Duration)
    /// Give up.
    case stop
}
