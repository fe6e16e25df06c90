// SPDX-License-Identifier: Apache-2.0
import Synchronization

/// Every call of one kill test, as it begins and ends.
final class KillJournal: Sendable {
    private struct State {
        var calls: [KillCall] = []
        var underWay = 0
        var ok = 0
    }

    private let state = Mutex(State())
    private let run: String
    private let start = ContinuousClock.now

    /// `run` makes the tags those of this run.
    init(run: String) {
        self.run = run
    }

    /// Since the journal was made.
    var now: Duration { ContinuousClock.now - start }
    var calls: [KillCall] { state.withLock { $0.calls } }
    var counts: (begun: Int, underWay: Int, ok: Int) { state.withLock { ($0.calls.count, $0.underWay, $0.ok) } }

    /// Makes a call with a fresh tag, and keeps what came of it.
    ///
    /// - Returns: whether it was answered.
    @discardableResult
    func record(_ way: KillCall.Way, limit: Duration, _ body: (_ tag: String) async throws -> Void) async -> Bool {
        let (index, tag) = begin(way, limit)
        do {
            try await body(tag)
            end(index, .ok)
            return true
        } catch {
            end(index, KillCall.Word(error))
            return false
        }
    }

    private func begin(_ way: KillCall.Way, _ limit: Duration) -> (index: Int, tag: String) {
        state.withLock { state in
            let index = state.calls.count
            let tag = "\(run)-\(index)"
            state.calls.append(KillCall(tag: tag, way: way, began: now, limit: limit))
            state.underWay += 1
            return (index, tag)
        }
    }

    private func end(_ index: Int, _ word: KillCall.Word) {
        let now = now
        state.withLock { state in
            state.calls[index].ended = now
            state.calls[index].word = word
            state.underWay -= 1
            if case .ok = word { state.ok += 1 }
        }
    }
}
