// SPDX-License-Identifier: Apache-2.0
import Synchronization

/// A bounded queue from anywhere to a reader, who waits when it is empty.
///
/// It is what is behind the slow sequences (status, diagnostics). When it is full the oldest element goes. Each element
/// goes to one reader: several that wait at the same time get the next ones in the order in which they came.
package final class Feed<Element: Sendable>: Sendable {
    private struct State {
        var queue = RingBuffer<Element>()
        var isFinished = false
        var waiters: [(id: UInt64, task: ParkedTask<Element?, Never>)] = []
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
            if !state.waiters.isEmpty { return state.waiters.removeFirst().task }
            if state.queue.count >= capacity { _ = state.queue.popFirst() }
            state.queue.append(element)
            return nil
        }
        waiter?.resume(returning: element)
    }

    /// What is queued can still be read; then every reader gets nil.
    package func finish() {
        let waiters = state.withLock { state in
            state.isFinished = true
            defer { state.waiters = [] }
            return state.waiters
        }
        for waiter in waiters { waiter.task.resume(returning: nil) }
    }

    /// The next element; nil when the feed is finished or the task is cancelled.
    package func next() async -> Element? {
        let id = state.withLock { state in
            state.lastID += 1
            return state.lastID
        }
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let outcome: Outcome = state.withLock { state in
                    if let element = state.queue.popFirst() { return .now(element) }
                    if state.isFinished || Task.isCancelled { return .now(nil) }
                    state.waiters.append((id, ParkedTask(continuation, gauge)))
                    return .wait
                }
                if case .now(let element) = outcome { continuation.resume(returning: element) }
            }
        } onCancel: {
            let waiter: ParkedTask<Element?, Never>? = state.withLock { state in
                guard let index = state.waiters.firstIndex(where: { $0.id == id }) else { return nil }
                return state.waiters.remove(at: index).task
            }
            waiter?.resume(returning: nil)
        }
    }
}
