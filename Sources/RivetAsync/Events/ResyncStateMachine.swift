// SPDX-License-Identifier: Apache-2.0

/// Decides when a snapshot is loaded, and what its reader gets: without the connection, the feed and the clock
/// (B280–B284).
///
/// Take an action from `nextAction`, carry it out, tell what came of it, and take the next one.
struct ResyncStateMachine<Snapshot: Sendable>: Sendable {
    enum Action: Sendable {
        /// Wait until the connection is open: `opened` follows.
        case awaitOpening
        /// Run the user's code: `loadBegan`, then `loaded` or `loadFailed` follows, or the end.
        case load
        /// Tell why a load is tried again, and wait for so long, or until the connection is back: `pauseEnded` follows, or
        /// the end.
        ///
        /// Nil where it is told already.
        case pause(Duration, because: EventLosses.Kind?)
        /// Wait for the end, which says why the connection is over.
        case awaitEnd
        /// The reader gets it.
        case deliver(Snapshot)
        /// Take what comes next from the feed: `receivedEvent`, `receivedUndecodable`, `receivedGap` or the end follows.
        case read
        /// The reader gets the error, or nil; the subscription ends.
        case end((any Error)?)
    }

    private enum State {
        /// A snapshot is to be loaded once the connection is open.
        case due
        /// The connection with this number was open a moment ago.
        case open(number: Int)
        case loading(number: Int)
        case pausing(Duration, because: EventLosses.Kind?)
        case loaded(Snapshot)
        case reading
        /// The connection is over, and the feed has not said why.
        case ending
        case ended((any Error)?)
    }

    private var state = State.due
    private let policy: ReconnectPolicy
    /// How many loads in a row have come to nothing.
    private var failures = 0
    /// How many in a row were followed by an event that does not decode.
    private var undecodables = 0
    /// How many of the events that come next were here before the last load began, so that the snapshot is of later.
    private var coveredCount = 0

    init(policy: ReconnectPolicy) { self.policy = policy }

    mutating func nextAction() -> Action {
        switch state {
        case .due: return .awaitOpening
        case .open(let number):
            state = .loading(number: number)
            return .load
        case .pausing(let wait, let reason): return .pause(wait, because: reason)
        case .loaded(let snapshot):
            failures = 0
            state = .reading
            return .deliver(snapshot)
        case .reading: return .read
        case .loading, .ending: return .awaitEnd
        case .ended(let error):
            state = .ended(nil)
            return .end(error)
        }
    }

    // MARK: The connection

    /// `number` is that of the open connection; nil when it is closed.
    mutating func opened(_ number: Int?) {
        guard case .due = state else { return }
        state = number.map { .open(number: $0) } ?? .ending
    }

    /// The feed has ended, with what its connection or its policy ended it.
    mutating func receivedEnd(_ error: RivetError?) { end(error) }

    /// The reader's task is cancelled.
    mutating func left() { state = .ended(nil) }

    private mutating func end(_ error: (any Error)?) {
        if case .ended = state { return }
        state = .ended(error)
    }

    // MARK: The load

    /// `count` events are here already: what does not decode among them is no reason to load again.
    mutating func loadBegan(behind count: Int) { coveredCount = count }

    /// `hasOverflowed`: the buffer was too small for what came meanwhile, so the events behind this snapshot are not all
    /// here (B283).
    mutating func loaded(_ snapshot: Snapshot, hasOverflowed: Bool, random: Double) {
        guard case .loading = state else { return }
        if hasOverflowed {
            pause(because: .outran, nil, random)
        } else {
            state = .loaded(snapshot)
        }
    }

    /// `phase` is where the connection was afterwards (B282).
    mutating func loadFailed(_ error: any Error, phase: ConnectionPhase, random: Double) {
        guard case .loading(let number) = state else { return }
        // The user's own.
        guard let error = error as? RivetError else { return end(error) }
        switch phase {
        case .over:
            state = .ending
        case .opening where !error.connectionSurvives:
            state = .due
        case .open(let current) where !error.connectionSurvives && current != number:
            state = .due
        case .opening, .open:
            guard error.mayLoadAgain else { return end(error) }
            pause(because: .loadFailed, error.retryAfter, random)
        }
    }

    mutating func pauseEnded() {
        guard case .pausing = state else { return }
        state = .due
    }

    private mutating func pause(because reason: EventLosses.Kind, _ retryAfter: Duration?, _ random: Double) {
        let wait = policy.wait(afterRetries: failures, random: random)
        failures += 1
        state = .pausing(max(wait, retryAfter ?? .zero), because: reason)
    }

    // MARK: What was read

    mutating func receivedEvent() {
        if coveredCount == 0 { undecodables = 0 }
        countRead()
    }

    /// From the second time on with a pause: the load itself may bring such an event.
    mutating func receivedUndecodable(random: Double) {
        defer { countRead() }
        guard coveredCount == 0, case .reading = state else { return }
        let wait = undecodables > 0 ? policy.wait(afterRetries: undecodables - 1, random: random) : .zero
        undecodables += 1
        state = wait > .zero ? .pausing(wait, because: nil) : .due
    }

    private mutating func countRead() { coveredCount = max(coveredCount - 1, 0) }

    mutating func receivedGap() {
        if case .reading = state { state = .due }
    }
}

extension RivetError {
    /// Whether the same load may succeed later: not where the calling program made the mistake, which it would make again.
    fileprivate var mayLoadAgain: Bool { isTransient || connectionSurvives && fault != .caller }
}
