// SPDX-License-Identifier: Apache-2.0
package import Synchronization

/// Counts what one client or engine holds open, so that a test can check that nothing is left behind.
package final class ResourceGauge: Sendable {
    /// What is held open; all zero when everything is closed.
    package struct Counts: Equatable, Sendable, CustomStringConvertible {
        package var descriptors = 0
        package var tasks = 0
        package var waiters = 0

        package static let zero = Counts()

        package init(descriptors: Int = 0, tasks: Int = 0, waiters: Int = 0) {
            self.descriptors = descriptors
            self.tasks = tasks
            self.waiters = waiters
        }

        package var description: String { "descriptors \(descriptors), tasks \(tasks), waiters \(waiters)" }
    }

    package let descriptors = Atomic<Int>(0)
    package let tasks = Atomic<Int>(0)
    /// Tasks that wait for something of ours (``ParkedTask``); not those that the language or the clock keeps waiting, in
    /// a task group or asleep.
    package let waiters = Atomic<Int>(0)

    /// The gauges that were made in its task, for a test that looks at all of them at its end.
    package final class Made: Sendable {
        private let gauges = Mutex<[ResourceGauge]>([])

        package init() {}

        fileprivate func add(_ gauge: ResourceGauge) { gauges.withLock { $0.append(gauge) } }

        package var all: [ResourceGauge] { gauges.withLock { $0 } }
    }

    @TaskLocal package static var made: Made?

    package init() { Self.made?.add(self) }

    package var counts: Counts {
        Counts(
            descriptors: descriptors.load(ordering: .sequentiallyConsistent),
            tasks: tasks.load(ordering: .sequentiallyConsistent),
            waiters: waiters.load(ordering: .sequentiallyConsistent)
        )
    }
}
