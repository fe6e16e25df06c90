// SPDX-License-Identifier: Apache-2.0
package import Synchronization

/// Counts what one client or engine holds open, so that a test can check that nothing is left behind.
package final class ResourceGauge: Sendable {
    package let descriptors = Atomic<Int>(0)
    package let tasks = Atomic<Int>(0)
    /// Tasks that wait for something of ours (``ParkedTask``); not those that the language or the clock keeps waiting, in
    /// a task group or asleep.
    package let waiters = Atomic<Int>(0)

    package init() {}

    /// `[descriptors, tasks, waiters]`, each zero when everything is closed.
    package var snapshot: [Int] {
        [
            descriptors.load(ordering: .sequentiallyConsistent),
            tasks.load(ordering: .sequentiallyConsistent),
            waiters.load(ordering: .sequentiallyConsistent),
        ]
    }
}
