// SPDX-License-Identifier: Apache-2.0
import Synchronization
import Testing

@testable import RivetAsync

/// What became of all calls.
final class ChaosCalls: Sendable {
    private struct Actor {
        /// The counts that were acknowledged.
        var answers: [Int] = []
        var mayHaveRun = 0
    }

    private struct State {
        var actors: [Actor]
        /// How often each piece of work may have begun.
        var work: [String: ClosedRange<Int>] = [:]
        var answered = 0
        var mayHaveRun = 0
        var notSent = 0
    }

    private let state: Mutex<State>

    init(_ actors: Int) { state = Mutex(State(actors: Array(repeating: Actor(), count: actors))) }

    func answered(_ actor: Int, _ count: Int) {
        state.withLock { state in
            state.actors[actor].answers.append(count)
            state.answered += 1
        }
    }

    func failed(_ actor: Int, _ error: RivetError) {
        if failed(error) { state.withLock { $0.actors[actor].mayHaveRun += 1 } }
    }

    func answered(_ tag: String) {
        state.withLock { state in
            state.work[tag] = 1...1
            state.answered += 1
        }
    }

    func failed(_ tag: String, _ error: RivetError) {
        let mayHaveRun = failed(error)
        state.withLock { $0.work[tag] = 0...(mayHaveRun ? 1 : 0) }
    }

    /// Whether it may have run.
    private func failed(_ error: RivetError) -> Bool {
        switch error.execution {
        case .notSent:
            state.withLock { $0.notSent += 1 }
            return false
        case .mayHaveRun: break
        default: Issue.record("\(error)")
        }
        state.withLock { $0.mayHaveRun += 1 }
        return true
    }

    /// Each acknowledged call of a counter counted once, and nothing that nobody called.
    func check(_ actor: Int, _ count: Int) {
        let calls = state.withLock { $0.actors[actor] }
        #expect(Set(calls.answers).count == calls.answers.count, "two calls of actor \(actor) have one answer")
        #expect(calls.answers.count <= count, "actor \(actor) has lost some of \(calls.answers.count) calls")
        #expect(
            count <= calls.answers.count + calls.mayHaveRun,
            "actor \(actor) has run more than the \(calls.answers.count) answered and \(calls.mayHaveRun) in doubt"
        )
    }

    /// Each acknowledged piece of work began once, one in doubt once at the most, and one that was not sent never.
    func check(_ log: [String]) {
        let begun = log.reduce(into: [:]) { $0[$1, default: 0] += 1 }
        let wrong = state.withLock(\.work).filter { !$1.contains(begun[$0, default: 0]) }
        #expect(wrong.isEmpty, "\(wrong.map { "\($0) began \(begun[$0, default: 0]) times, not \($1)" })")
    }

    var answerCount: Int { state.withLock(\.answered) }

    var summary: String {
        state.withLock { "\($0.answered) calls answered, \($0.mayHaveRun) in doubt, \($0.notSent) not sent" }
    }
}
