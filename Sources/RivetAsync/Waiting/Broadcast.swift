// SPDX-License-Identifier: Apache-2.0
import Synchronization

/// Elements for any number of readers, each of whom has a bounded feed of its own.
///
/// A reader that is slow loses the oldest, and holds nobody up.
package final class Broadcast<Element: Sendable>: Sendable {
    private struct State: Sendable {
        /// What a new reader gets first; nil where it gets only what follows.
        var latest: Element?
        var readers: [UInt64: Feed<Element>] = [:]
        var lastID: UInt64 = 0
        var isFinished = false
    }

    private let state: Mutex<State>
    private let isReplaying: Bool
    private let capacity: Int
    private let gauge: ResourceGauge
    /// So that nothing is made that nobody would read.
    private let readerCount = Atomic<Int>(0)

    /// - Parameters:
    ///   - capacity: how many elements a reader's feed holds.
    ///   - first: the first element; with one, each reader begins with the newest.
    ///   - gauge: counts the readers that wait.
    package init(capacity: Int, replaying first: Element? = nil, gauge: ResourceGauge) {
        self.capacity = capacity
        self.gauge = gauge
        isReplaying = first != nil
        state = Mutex(State(latest: first))
    }

    /// The newest element, where it is kept for new readers.
    package var latest: Element? { state.withLock { $0.latest } }

    /// Whether anybody would read what is sent.
    package var isRead: Bool { readerCount.load(ordering: .relaxed) > 0 }

    /// Hands `element` to every reader; it is not made where nobody would read it.
    ///
    /// Calls that must keep an order come one after another.
    package func send(_ element: @autoclosure () -> Element) {
        guard isReplaying || isRead else { return }
        let element = element()
        let readers = state.withLock { state in
            if isReplaying { state.latest = element }
            return Array(state.readers.values)
        }
        for reader in readers { reader.push(element) }
    }

    /// Readers get what they have not read yet, then the end; new ones too.
    package func finish() {
        let readers = state.withLock { state in
            state.isFinished = true
            return Array(state.readers.values)
        }
        for reader in readers { reader.finish() }
    }

    /// A new reader, until it is released.
    package func reader() -> Reader {
        let feed = Feed<Element>(capacity: capacity, gauge: gauge)
        let id = state.withLock { state in
            state.lastID += 1
            if let latest = state.latest { feed.push(latest) }
            if state.isFinished { feed.finish() }
            state.readers[state.lastID] = feed
            return state.lastID
        }
        readerCount.add(1, ordering: .relaxed)
        return Reader(self, id, feed)
    }

    private func remove(_ id: UInt64) {
        state.withLock { $0.readers[id] = nil }
        readerCount.subtract(1, ordering: .relaxed)
    }

    /// One who reads.
    package final class Reader: Sendable {
        private let broadcast: Broadcast
        private let id: UInt64
        private let feed: Feed<Element>

        fileprivate init(_ broadcast: Broadcast, _ id: UInt64, _ feed: Feed<Element>) {
            self.broadcast = broadcast
            self.id = id
            self.feed = feed
        }

        deinit { broadcast.remove(id) }

        /// How many elements this reader was too slow for since it asked the last time: they came before the next one.
        package func takeDropped() -> Int { feed.takeDropped() }

        /// The next element; nil at the end or when the task is cancelled.
        package func next() async -> Element? { await feed.next() }
    }
}
