// SPDX-License-Identifier: Apache-2.0
import Synchronization

/// The tokens that the user's provider gives: one question at a time for the whole client, kept until shortly before
/// the expiry or until the server refuses it (B237–B252).
final class TokenSource: Sendable {
    private struct Kept {
        let token: Secret
        /// When it is asked for anew, in milliseconds since 1970; nil for one that says nothing of its end.
        let until: Int64?
    }

    /// The answer that is waited for.
    private typealias Question = Promise<Secret>

    private struct State {
        var kept: Kept?
        /// What the server refused, until the provider has answered that.
        var refused: Secret?
        var question: Question?
        var task: Task<Void, Never>?
        var waiting = 0
        /// It is asked for its own sake, whoever waits: the server refused a token.
        var isRenewal = false
        var isClosed = false
    }

    /// A token within this time of its end is not used for another call.
    private static let margin: Int64 = 5_000

    /// The questions that the task is to answer: one that needs its own client's token would wait for itself (B318).
    ///
    /// A task that a provider leaves running keeps them when they are answered, and then waits for nobody.
    @TaskLocal private static var asking: [Question] = []

    private let provider: AccessToken.Provider
    private let limit: Duration
    private let time: TimeSource
    private let deadlines: DeadlineScheduler
    private let gauge: ResourceGauge
    private let leftRunning: @Sendable () -> Void
    private let state = Mutex(State())

    /// `leftRunning` is called when a question is given up whose provider had not ended.
    init(
        _ provider: @escaping AccessToken.Provider,
        limit: Duration,
        time: TimeSource,
        deadlines: DeadlineScheduler,
        gauge: ResourceGauge,
        leftRunning: @escaping @Sendable () -> Void
    ) {
        self.provider = provider
        self.limit = limit
        self.time = time
        self.deadlines = deadlines
        self.gauge = gauge
        self.leftRunning = leftRunning
    }

    /// The current token, or the provider's answer.
    ///
    /// - Throws: ``RivetError``: `tokenUnavailable`, `deadlineExceeded`, `clientClosed`; `CancellationError`, which
    ///   leaves the question to the others. Nothing was sent.
    func token(deadline: TimePoint) async throws -> Secret {
        if let error = waitsForItself { throw error }
        let question: Question
        switch try state.withLock({ try join(&$0) }) {
        case .kept(let token): return token
        case .asked(let asked): question = asked
        }
        defer { leave(question) }
        do {
            return try await withDeadline(deadline, time: time) { try await question.value() }
        } catch let error as DeadlinePassedError {
            throw RivetError.late("the token's provider had not answered", fault: .caller, error)
        }
    }

    /// What a call hears that the provider itself makes; nil in any other task.
    var waitsForItself: RivetError? {
        guard !Self.asking.isEmpty, let question = state.withLock(\.question),
            Self.asking.contains(where: { $0 === question })
        else { return nil }
        return .tokenUnavailable("the provider itself uses the client that waits for its token")
    }

    /// The server did not take `token`: where that is the current one, the provider is asked for another, at once.
    func refused(_ token: Secret) {
        state.withLock { state in
            if state.question != nil {
                // Whatever it was asked for, its answer takes the place of this token (B241).
                state.isRenewal = true
            } else if let kept = state.kept, kept.token.reveal().hasSameBytes(as: token.reveal()) {
                state.kept = nil
                state.refused = token
                ask(&state)
                state.isRenewal = true
            }
        }
    }

    /// No question is answered from here on; one that runs is left to itself.
    func close() {
        let question = state.withLock { state in
            state.isClosed = true
            return drop(&state)
        }
        guard let question else { return }
        leftRunning()
        question.finish(.failure(RivetError.clientClosed))
    }

    // MARK: One question

    private enum Joined {
        case kept(Secret)
        case asked(Question)
    }

    private func join(_ state: inout State) throws -> Joined {
        if let kept = state.kept, kept.until.map({ time.calendarMilliseconds < $0 }) ?? true {
            return .kept(kept.token)
        }
        if state.isClosed { throw RivetError.clientClosed }
        state.waiting += 1
        return .asked(state.question ?? ask(&state))
    }

    @discardableResult
    private func ask(_ state: inout State) -> Question {
        let question = Question(gauge: gauge)
        state.question = question
        state.isRenewal = false
        let asking = Self.asking.filter { !$0.isFinished } + [question]
        state.task = gauge.task { [self, provider, refused = state.refused] in
            let overdue = deadlines.schedule(at: time.now.advanced(by: limit)) { [weak self] in self?.giveUp(question) }
            defer { deadlines.cancel(overdue) }
            return try await Self.$asking.withValue(asking) { try await provider(refused) }
        } ended: { [self] result in
            answered(question, result)
        }
        return question
    }

    private func answered(_ question: Question, _ result: Result<Secret, any Error>) {
        let answer = result.mapError { RivetError.tokenUnavailable("its provider threw", $0) }
            .flatMap { token -> Result<Secret, RivetError> in
                TokenText(token).canBeSent
                    ? .success(token)
                    : .failure(
                        .tokenUnavailable("its provider gave one that is empty or has characters that cannot be sent")
                    )
            }
        let isCurrent = state.withLock { state in
            guard state.question === question else { return false }  // Given up: a late answer is dropped (B251).
            drop(&state)
            if case .success(let token) = answer {
                let end = TokenText(token).expiry?.multipliedReportingOverflow(by: 1_000)
                let until = end.flatMap { $0.overflow ? nil : $0.partialValue }
                state.kept = Kept(
                    token: token,
                    until: until.map { $0.subtractingReportingOverflow(Self.margin).partialValue }
                )
                state.refused = nil
            }
            return true
        }
        if isCurrent { question.finish(answer.mapError { $0 }) }
    }

    private func giveUp(_ question: Question) {
        let isCurrent = state.withLock { state in state.question === question && drop(&state) != nil }
        guard isCurrent else { return }
        leftRunning()
        question.finish(
            .failure(RivetError.tokenUnavailable("its provider did not answer within callTimeout, \(limit)"))
        )
    }

    private func leave(_ question: Question) {
        let dropped = state.withLock { state -> Question? in
            guard state.question === question else { return nil }
            state.waiting -= 1
            return state.waiting == 0 && !state.isRenewal ? drop(&state) : nil
        }
        dropped?.finish(.failure(CancellationError()))
    }

    /// Forgets the question; where the provider has not answered, its task is cancelled and left to itself.
    @discardableResult
    private func drop(_ state: inout State) -> Question? {
        defer { (state.question, state.task, state.waiting) = (nil, nil, 0) }
        state.task?.cancel()
        return state.question
    }
}

extension RivetError {
    /// Why there is no token; nothing of what the provider threw is in the text.
    static func tokenUnavailable(_ why: String, _ cause: (any Error)? = nil) -> RivetError {
        RivetError(
            .tokenUnavailable,
            "no token could be had: \(why)" + (cause.map { ": \(type(of: $0))" } ?? ""),
            fault: .caller,
            isTransient: true,
            underlying: cause
        )
    }
}
