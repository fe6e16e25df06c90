// SPDX-License-Identifier: Apache-2.0
import Synchronization

/// The one task of a client under which everything in the background is a child.
package final class RootTask: Sendable {
    private let additions: AsyncStream<@Sendable () async -> Void>.Continuation
    private let task: Task<Void, Never>
    let gauge: ResourceGauge

    package init(gauge: ResourceGauge) {
        self.gauge = gauge
        let (stream, additions) = AsyncStream.makeStream(of: (@Sendable () async -> Void).self)
        self.additions = additions
        task = Task {
            await withDiscardingTaskGroup { group in
                for await work in stream {
                    gauge.tasks.add(1, ordering: .relaxed)
                    group.addTask {
                        await work()
                        gauge.tasks.subtract(1, ordering: .relaxed)
                    }
                }
            }
        }
    }

    /// Starts `work` as a child.
    ///
    /// Returns false, and does nothing, after `finish` or `cancel`.
    @discardableResult
    package func add(_ work: @escaping @Sendable () async -> Void) -> Bool {
        switch additions.yield(work) {
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
