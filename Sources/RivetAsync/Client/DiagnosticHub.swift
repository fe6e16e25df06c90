// SPDX-License-Identifier: Apache-2.0
import Synchronization

/// Hands each line to every reader; without a reader a line is not even made.
package final class DiagnosticHub: Sendable {
    private let readers = Mutex<[UInt64: Feed<Diagnostic>]>([:])
    private let count = Atomic<Int>(0)
    private let lastID = Atomic<UInt64>(0)

    private let gauge: ResourceGauge

    package init(gauge: ResourceGauge) { self.gauge = gauge }

    package func emit(_ line: @autoclosure () -> Diagnostic) {
        guard count.load(ordering: .relaxed) > 0 else { return }
        let line = line()
        for feed in readers.withLock({ Array($0.values) }) { feed.push(line) }
    }

    func addReader() -> (UInt64, Feed<Diagnostic>) {
        let id = lastID.add(1, ordering: .relaxed).newValue
        let feed = Feed<Diagnostic>(capacity: 1_024, gauge: gauge)
        readers.withLock { $0[id] = feed }
        count.add(1, ordering: .relaxed)
        return (id, feed)
    }

    func removeReader(_ id: UInt64) {
        guard readers.withLock({ $0.removeValue(forKey: id) }) != nil else { return }
        count.subtract(1, ordering: .relaxed)
    }

    package func finish() {
        for feed in readers.withLock({ Array($0.values) }) { feed.finish() }
    }
}
