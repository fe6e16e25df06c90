// SPDX-License-Identifier: Apache-2.0
import Synchronization

/// The one task of a client under which everything in the background is a child.
package final class RootTask: Sendable {
    private struct Child: Sendable {
        let executor: (any TaskExecutor)?
        let work: @Sendable () async -> Void
    }

    private let additions: AsyncStream<Child>.Continuation
    private let task: Task<Void, Never>
    private let ended: Signal
    let gauge: ResourceGauge

    package init(gauge: ResourceGauge) {
        self.gauge = gauge
        let (stream, additions) = AsyncStream.makeStream(of: Child.self)
        self.additions = additions
        let ended = Signal(gauge: gauge)
        self.ended = ended
        task = Task {
            await withDiscardingTaskGroup { group in
                for await child in stream {
                    gauge.tasks.add(1, ordering: .relaxed)
                    group.addTask(executorPreference: child.executor) {
                        await child.work()
                        gauge.tasks.subtract(1, ordering: .relaxed)
                    }
                }
            }
            ended.set()
        }
    }

    /// Starts `work` as a child, which runs on `executor` with all below it, or on the pool.
    ///
    /// Returns false, and does nothing, after `finish` or `cancel`.
    @discardableResult
    package func add(on executor: (any TaskExecutor)? = nil, _ work: @escaping @Sendable () async -> Void) -> Bool {
        switch additions.yield(Child(executor: executor, work: work)) {
        case .enqueued: true
        default: false
        }
    }

    /// Accepts no more children; those that run go on.
    package func finish() {
        additions.finish()
    }

    /// Cancels all children and accepts no more.
    package func cancel() {
        additions.finish()
        task.cancel()
    }

    /// Returns when all children have ended, or the task that waits is cancelled.
    package func wait() async { await ended.wait() }

    /// The same, and not later than `deadline`.
    ///
    /// Returns whether all have ended.
    func wait(until deadline: TimePoint, _ time: TimeSource) async -> Bool {
        await withTaskGroup { group in
            group.addTask { await self.wait() }
            group.addTask { try? await time.sleep(until: deadline) }
            await group.next()
            group.cancelAll()
        }
        return ended.isSet
    }
}
