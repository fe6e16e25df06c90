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
    private let timeout: Duration

    init(interval: Duration, timeout: Duration, now: TimePoint) {
        self.interval = interval
        self.timeout = timeout
        state = .idle(nextPing: now.advanced(by: interval))
    }

    enum Action: Equatable, Sendable {
        case wait(until: TimePoint)
        case sendPing(id: UInt32)
        case failConnection
        case nothing
    }

    /// Call at the start, after each action carried out, and when a wait is over.
    mutating func timePassed(now: TimePoint) -> Action {
        switch state {
        case .idle(let nextPing) where now < nextPing:
            return .wait(until: nextPing)
        case .idle:
            lastID &+= 1
            state = .awaitingPong(id: lastID, deadline: now.advanced(by: timeout))
            return .sendPing(id: lastID)
        case .awaitingPong(_, let deadline) where now < deadline:
            return .wait(until: deadline)
        case .awaitingPong:
            state = .ended
            return .failConnection
        case .paused, .ended:
            return .nothing
        }
    }

    /// Something came at `time`, so that no ping is needed until an interval later; it is no answer to a ping.
    mutating func received(at time: TimePoint) {
        guard case .idle(let nextPing) = state else { return }
        state = .idle(nextPing: max(nextPing, time.advanced(by: interval)))
    }

    /// How long the ping took there and back; nil for a pong that was not asked for, which is legal (§5.5.3).
    @discardableResult
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
