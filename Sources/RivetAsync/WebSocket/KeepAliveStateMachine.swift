// SPDX-License-Identifier: Apache-2.0

/// Decides when to ping and when to give up on a silent peer (RFC 6455 §5.5.2, §5.5.3).
struct KeepAliveStateMachine: Sendable {
    private enum State {
        case idle(nextPing: TimePoint)
        case awaitingPong(id: UInt32, deadline: TimePoint)
        /// The socket is not read, so no pong can be seen.
        case paused
        case ended
    }

    private var state: State
    private var lastID: UInt32 = 0
    private let interval: Duration
    let timeout: Duration

    init(interval: Duration, timeout: Duration, now: TimePoint) {
        self.interval = interval
        self.timeout = timeout
        state = .idle(nextPing: now.advanced(by: interval))
    }

    enum Action: Equatable, Sendable {
        case sendPing(id: UInt32)
        case failConnection
    }

    /// When to call `timePassed`; nil while there is nothing to wait for.
    var nextDeadline: TimePoint? {
        switch state {
        case .idle(let deadline), .awaitingPong(_, let deadline): deadline
        case .paused, .ended: nil
        }
    }

    /// Nothing is to be done before an interval after `lastReceived`, when the peer's last byte came; that is no answer to a
    /// ping.
    mutating func timePassed(lastReceived: TimePoint, now: TimePoint) -> Action? {
        if case .idle(let nextPing) = state {
            state = .idle(nextPing: max(nextPing, lastReceived.advanced(by: interval)))
        }
        switch state {
        case .idle(let nextPing) where now >= nextPing:
            lastID &+= 1
            state = .awaitingPong(id: lastID, deadline: now.advanced(by: timeout))
            return .sendPing(id: lastID)
        case .awaitingPong(_, let deadline) where now >= deadline:
            state = .ended
            return .failConnection
        case .idle, .awaitingPong, .paused, .ended:
            return nil
        }
    }

    /// How long the ping took there and back; nil for a pong that was not asked for, which is legal (§5.5.3).
    mutating func receivedPong(id: UInt32, now: TimePoint) -> Duration? {
        guard case .awaitingPong(id, let deadline) = state else { return nil }
        state = .idle(nextPing: now.advanced(by: interval))
        return timeout - now.duration(to: deadline)
    }

    mutating func readingSuspended() {
        if case .ended = state { return }
        state = .paused
    }

    mutating func readingResumed(now: TimePoint) {
        guard case .paused = state else { return }
        state = .idle(nextPing: now.advanced(by: interval))
    }
}
