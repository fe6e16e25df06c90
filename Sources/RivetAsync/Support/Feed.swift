// SPDX-License-Identifier: Apache-2.0
import Synchronization

/// A bounded queue from anywhere to one reader, who waits when it is empty.
///
/// It is what is behind the slow sequences (status, diagnostics). When it is full the oldest element goes.
package final class Feed<Element: Sendable>: Sendable {
    private struct State {
        var queue = RingBuffer<Element>()
        var isFinished = false
        var waiter: (id: UInt64, task: ParkedTask<Element?, Never>)?
        var lastID: UInt64 = 0
    }

    private enum Outcome {
        case wait
        case now(Element?)
    }

    private let state = Mutex(State())
    private let capacity: Int
    private let gauge: ResourceGauge

    /// `gauge` counts the reader while it waits.
    package init(capacity: Int, gauge: ResourceGauge) {
        self.capacity = max(capacity, 1)
        self.gauge = gauge
    }

    package func push(_ element: Element) {
        let waiter: ParkedTask<Element?, Never>? = state.withLock { state in
            guard !state.isFinished else { return nil }
            if let waiter = state.waiter {
                state.waiter = nil
                return waiter.task
            }
            if state.queue.count >= capacity { _ = state.queue.popFirst() }
            state.queue.append(element)
            return nil
        }
        waiter?.resume(returning: element)
    }

    /// What is queued can still be read; then the reader gets nil.
    package func finish() {
        let waiter = state.withLock { state in
            state.isFinished = true
            return state.waiter.take()
        }
        waiter?.task.resume(returning: nil)
    }

    /// The next element; nil when the feed is finished, the task is cancelled, or somebody else waits already.
    package func next() async -> Element? {
        let id = state.withLock { state in
            state.lastID += 1
            return state.lastID
        }
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let outcome: Outcome = state.withLock { state in
                    if let element = state.queue.popFirst() { return .now(element) }
                    if state.isFinished || state.waiter != nil || Task.isCancelled { return .now(nil) }
                    state.waiter = (id, ParkedTask(continuation, gauge))
                    return .wait
                }
                if case .now(let element) = outcome { continuation.resume(returning: element) }
            }
        } onCancel: {
            let waiter: ParkedTask<Element?, Never>? = state.withLock { state in
                guard state.waiter?.id == id else { return nil }
                return state.waiter.take()?.task
            }
            waiter?.resume(returning: nil)
        }
    }
}
