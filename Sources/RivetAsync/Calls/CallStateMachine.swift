// SPDX-License-Identifier: Apache-2.0

/// Decides about one call over HTTP, without IO: when the actor is looked up, what is repeated and after which pause,
/// which id is forgotten, and what the caller hears (B30–B33, B52, B53, B55, B60, B61, B150, B178).
///
/// Carry out what `nextAction` says, then tell the machine what came of it: `resolved`, `failed`, `paused`,
/// `deadlinePassed` or `explained`. A call that succeeds, or whose task is cancelled, just ends.
struct CallStateMachine {
    enum Action {
        /// Look up where the actor is.
        case resolve
        case send(ActorID)
        /// The id that was kept is stale.
        case forget(ActorID)
        /// Wait a random part of the one time, but not less than the other.
        case pause(upTo: Duration, atLeast: Duration)
        /// Ask the engine for its own account of why this actor does not start, as the error says.
        case explain(ActorID, RivetError)
        case fail(RivetError)
    }

    private enum Phase: String {
        case lookingUp = "looking the actor up"
        case sending = "waiting for the answer"
        case pausing = "pausing before a repeat"
    }

    private static let firstPause = Duration.milliseconds(100)
    private static let longestPause = Duration.seconds(5)

    let kind: RequestKind
    /// A handle by id has nothing to resolve anew.
    let isPinned: Bool
    /// The caller allows a repeat of what may have run.
    let isIdempotent: Bool
    /// False for a body that can be read only once.
    let canRepeat: Bool
    /// Nothing changes at the actor's by it (RFC 9110 §9.2.1), so that a refused token is no reason to give up.
    let isSafe: Bool

    private var actions: [Action] = [.resolve]
    private var phase = Phase.lookingUp
    private var pause = firstPause
    private var id: ActorID?
    /// The id that the actor was not found under.
    private var staleID: ActorID?
    /// The worst of all tries: what the caller hears is never better (B53).
    private var execution = RivetError.Execution.notSent
    /// Why there was a repeat.
    private(set) var cause: RivetError?
    private var hasRenewedToken = false

    init(
        _ kind: RequestKind,
        isPinned: Bool,
        isIdempotent: Bool = false,
        canRepeat: Bool = true,
        isSafe: Bool = false
    ) {
        self.kind = kind
        self.isPinned = isPinned
        self.isIdempotent = isIdempotent
        self.canRepeat = canRepeat
        self.isSafe = isSafe
    }

    /// The next thing to do: there is one at the beginning, and after whatever was told; `fail` is the last.
    mutating func nextAction() -> Action { actions.removeFirst() }

    mutating func resolved(_ id: ActorID) {
        self.id = id
        phase = .sending
        actions.append(.send(id))
    }

    /// The lookup or the try failed.
    mutating func failed(_ error: RivetError) {
        execution = execution.orWorse(error.execution)
        if error.code == .deadlineExceeded { return fail(beyondDeadline(error)) }
        let meaning = error.answerClass
        if error.asksForAnotherToken { return tokenRefused(error) }
        if let id, meaning?.forgetsID == true { actions.append(.forget(id)) }
        guard canRepeat, shouldRepeat(error, meaning) else { return end(with: error) }
        cause = error
        // The id was stale: the first repeat need not wait (B31).
        let isAtOnce = meaning?.resolvesAgain == true && staleID == nil && error.retryAfter == nil
        if meaning?.resolvesAgain == true { staleID = id }
        id = nil
        phase = .pausing
        if isAtOnce { return paused() }
        actions.append(.pause(upTo: pause, atLeast: error.retryAfter ?? .zero))
        pause = min(pause * 2, Self.longestPause)
    }

    /// The provider has been asked for another token: once more with that, where a repeat does no harm (B243, B244).
    private mutating func tokenRefused(_ error: RivetError) {
        guard let id, canRepeat, isSafe || isIdempotent, !hasRenewedToken else { return fail(error) }
        hasRenewedToken = true
        cause = error
        actions.append(.send(id))
    }

    mutating func paused() {
        phase = .lookingUp
        actions.append(.resolve)
    }

    /// The call's deadline came, or would come within the pause.
    mutating func deadlinePassed() {
        // The server said how long, and that is too long (B150).
        if let cause, cause.retryAfter != nil { return fail(cause) }
        fail(beyondDeadline(nil))
    }

    /// The engine's account of why the actor does not start; nil where it has none.
    mutating func explained(_ error: RivetError, _ failure: ActorStartFailure?) {
        fail(failure.map { .actorUnavailable($0, error) } ?? error)
    }

    private func shouldRepeat(_ error: RivetError, _ meaning: ErrorClass?) -> Bool {
        if meaning?.resolvesAgain == true {
            // On a key it is looked up anew, but not for ever under one id (B33). An instance that is away comes back.
            return id != nil && !isPinned && (staleID != id || error.isTransient)
        }
        switch error.execution {
        case .notSent:
            return error.isTransient && error.code != .metadataUnavailable && error.code != .tokenUnavailable
                && !error.matches("queue", "full") && !error.matches("client", "get_params_failed")
        case .mayHaveRun: return error.isTransient && isIdempotent
        case .ran: return false
        }
    }

    private mutating func end(with error: RivetError) {
        if let id, error.hasStartFailure { return actions.append(.explain(id, error)) }
        fail(isPinned ? error.forPinnedHandle : error)
    }

    private mutating func fail(_ error: RivetError) {
        actions.append(.fail(error.with(execution: execution.orWorse(error.execution))))
    }

    /// One code, whatever the call was doing; the phase and the last cause are in the text (B55).
    private func beyondDeadline(_ error: RivetError?) -> RivetError {
        var doing = phase.rawValue
        var more = error?.message
        if let place = error?.underlying as? HTTPError, case .connectionsInUse = place {
            doing = phase == .sending ? "\(place)" : "\(doing), \(place)"
            more = nil
        }
        var text = "\(kind.name) had no answer before its deadline: it was \(doing)"
        if let cause { text += ", since \(cause.message)" } else if let more { text += "; \(more)" }
        return RivetError(
            .deadlineExceeded,
            text,
            fault: .network,
            execution: execution,
            isTransient: true,
            remote: cause?.remote,
            underlying: cause ?? error?.underlying ?? error
        )
    }
}

extension RivetError.Execution {
    /// Of two tries, what is the worse to hear: that it ran, then that nobody knows.
    fileprivate func orWorse(_ other: Self) -> Self {
        switch (self, other) {
        case (.ran, _), (_, .ran): .ran
        case (.mayHaveRun, _), (_, .mayHaveRun): .mayHaveRun
        case (.notSent, .notSent): .notSent
        }
    }
}
