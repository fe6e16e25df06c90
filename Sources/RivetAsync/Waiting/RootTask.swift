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
    let gauge: ResourceGauge

    package init(gauge: ResourceGauge) {
        self.gauge = gauge
        let (stream, additions) = AsyncStream.makeStream(of: Child.self)
        self.additions = additions
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

    /// Returns when all children have ended.
    package func wait() async {
        await task.value
    }
}
