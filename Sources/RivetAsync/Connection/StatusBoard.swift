// SPDX-License-Identifier: Apache-2.0
import Synchronization

/// The status of one connection and those who watch it.
///
/// A watcher gets the current status first and then every change in order; one that is slow may miss steps in the
/// middle, never the last (B129).
final class StatusBoard: Sendable {
    private struct State {
        var current: ConnectionStatus
        var watchers: [UInt64: Feed<ConnectionStatus>] = [:]
        var lastID: UInt64 = 0
        var isOver = false
    }

    private let state: Mutex<State>
    private let gauge: ResourceGauge

    init(_ first: ConnectionStatus, gauge: ResourceGauge) {
        self.gauge = gauge
        state = Mutex(State(current: first))
    }

    var current: ConnectionStatus { state.withLock { $0.current } }

    /// Called on the lane only, so that the order of changes is one for all.
    func report(_ status: ConnectionStatus) {
        let isLast = if case .closed = status { true } else { false }
        let watchers = state.withLock { state in
            state.current = status
            state.isOver = isLast
            return Array(state.watchers.values)
        }
        for watcher in watchers {
            watcher.push(status)
            if isLast { watcher.finish() }
        }
    }

    func watch() -> (id: UInt64, feed: Feed<ConnectionStatus>) {
        let feed = Feed<ConnectionStatus>(capacity: 64, gauge: gauge)
        let id = state.withLock { state in
            state.lastID += 1
            feed.push(state.current)
            if state.isOver { feed.finish() } else { state.watchers[state.lastID] = feed }
            return state.lastID
        }
        return (id, feed)
    }

    func unwatch(_ id: UInt64) {
        state.withLock { $0.watchers[id] = nil }
    }
}
