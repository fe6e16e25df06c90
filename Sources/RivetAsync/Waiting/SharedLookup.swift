// SPDX-License-Identifier: Apache-2.0
import Synchronization

/// A value that is looked up once for all who ask at the same time, and kept.
///
/// A failure is not kept (B16, B28, B29).
package final class SharedLookup<Value: Sendable>: Sendable {
    private struct State {
        var value: Value?
        var running: Promise<Value>?
    }

    private enum Answer {
        case kept(Value)
        case started(Promise<Value>)
        case joined(Promise<Value>)
    }

    private let state = Mutex(State())
    private let root: RootTask
    private let ended: any Error

    /// `ended` is what callers hear who are not cancelled themselves, where the root task is (B210).
    package init(root: RootTask, value: Value? = nil, ended: any Error) {
        self.root = root
        self.ended = ended
        state.withLock { $0.value = value }
    }

    package var current: Value? { state.withLock { $0.value } }

    /// Drops the kept value if it satisfies `condition`, so that the next caller looks it up anew.
    package func forget(where condition: (Value) -> Bool) {
        state.withLock { state in
            if let value = state.value, condition(value) { state.value = nil }
        }
    }

    /// The kept value, or that of the lookup under way, or of `lookUp` started now as a child of the root task.
    ///
    /// Cancelling one caller leaves the lookup to the others.
    package func value(_ lookUp: @escaping @Sendable () async throws -> Value) async throws -> Value {
        switch ask(lookUp) {
        case .kept(let value): value
        case .started(let running), .joined(let running): try await result(of: running)
        }
    }

    /// The same where a lookup keeps to the deadline of who starts it, and each caller is bound by its own only (B28).
    ///
    /// Who joined one whose starter had less time, as `isLate` says of its error, goes on with another.
    ///
    /// - Throws: ``DeadlinePassedError`` where the lookup of another was not done; who starts one hears from that.
    package func value(
        before deadline: TimePoint,
        time: TimeSource,
        isLate: (any Error) -> Bool,
        _ lookUp: @escaping @Sendable () async throws -> Value
    ) async throws -> Value {
        while true {
            switch ask(lookUp) {
            case .kept(let value):
                return value
            case .started(let running):
                return try await result(of: running)
            case .joined(let running):
                do {
                    return try await withDeadline(deadline, time: time) { try await self.result(of: running) }
                } catch  where isLate(error) && time.now < deadline {
                    continue
                }
            }
        }
    }

    private func ask(_ lookUp: @escaping @Sendable () async throws -> Value) -> Answer {
        let answer: Answer = state.withLock { state in
            if let value = state.value { return .kept(value) }
            if let running = state.running { return .joined(running) }
            let running = Promise<Value>(gauge: root.gauge)
            state.running = running
            return .started(running)
        }
        if case .started(let running) = answer {
            let started = root.add { [self] in await run(running, lookUp) }
            if !started { finish(running, .failure(CancellationError())) }
        }
        return answer
    }

    private func result(of running: Promise<Value>) async throws -> Value {
        do {
            return try await running.value()
        } catch is CancellationError where !Task.isCancelled {
            throw ended
        }
    }

    private func run(_ running: Promise<Value>, _ lookUp: @Sendable () async throws -> Value) async {
        do {
            finish(running, .success(try await lookUp()))
        } catch {
            finish(running, .failure(error))
        }
    }

    private func finish(_ running: Promise<Value>, _ result: Result<Value, any Error>) {
        state.withLock { state in
            if case .success(let value) = result { state.value = value }
            if state.running === running { state.running = nil }
        }
        running.finish(result)
    }
}
