// SPDX-License-Identifier: Apache-2.0

/// A bounded queue from anywhere to a reader, who waits when it is empty.
///
/// Statuses and diagnostics use it; events have a faster one. When it is full, the oldest element is dropped. Each
/// element goes to one reader: readers that wait at the same time get the next ones in the order in which they came.
package final class Feed<Element: Sendable>: Sendable {
    private struct State: Sendable {
        var queue = RingBuffer<Element>()
        var dropped = 0
        var isFinished = false
    }

    private enum Next: Sendable {
        case element(Element)
        case end
    }

    private let state: Monitor<State>
    private let capacity: Int

    /// `gauge` counts the reader while it waits.
    package init(capacity: Int, gauge: ResourceGauge) {
        self.capacity = max(capacity, 1)
        state = Monitor(State(), gauge: gauge)
    }

    package func push(_ element: Element) {
        state.update { state in
            guard !state.isFinished else { return }
            if state.queue.count >= capacity {
                _ = state.queue.popFirst()
                state.dropped += 1
            }
            state.queue.append(element)
        }
    }

    /// How many were dropped since this was asked the last time: they came before all that is queued.
    package func takeDropped() -> Int {
        state.access { state in
            defer { state.dropped = 0 }
            return state.dropped
        }
    }

    /// What is queued can still be read; then every reader gets nil.
    package func finish() { state.update { $0.isFinished = true } }

    /// The next element; nil when the feed is finished or the task is cancelled.
    package func next() async -> Element? {
        let next: Next? = await state.first { state in
            if let element = state.queue.popFirst() { return .element(element) }
            return state.isFinished ? .end : nil
        }
        guard case .element(let element) = next else { return nil }
        return element
    }
}
