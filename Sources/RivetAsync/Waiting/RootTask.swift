// SPDX-License-Identifier: Apache-2.0
import Synchronization

/// The one task of a client under which everything in the background is a child.
package final class RootTask: Sendable {
    private typealias Child = @Sendable () async -> Void

    /// One group for the pool, and one for each place, whose own task runs there: who is added at a place starts without
    /// a detour.
    private let additions: [ObjectIdentifier?: AsyncStream<Child>.Continuation]
    private let task: Task<Void, Never>
    private let ended: Signal
    let gauge: ResourceGauge

    /// `places`: the objects that stand for the executors which children may have instead of the pool.
    package init(gauge: ResourceGauge, places: [ObjectIdentifier: any TaskExecutor] = [:]) {
        self.gauge = gauge
        var additions: [ObjectIdentifier?: AsyncStream<Child>.Continuation] = [:]
        var groups: [(executor: (any TaskExecutor)?, children: AsyncStream<Child>)] = []
        for place in [nil] + Array(places.keys) {
            let (children, continuation) = AsyncStream.makeStream(of: Child.self)
            additions[place] = continuation
            groups.append((place.flatMap { places[$0] }, children))
        }
        self.additions = additions
        let ended = Signal(gauge: gauge)
        self.ended = ended
        task = Task { [groups] in
            await withDiscardingTaskGroup { group in
                for (executor, children) in groups {
                    group.addTask(executorPreference: executor) { await Self.run(children, gauge) }
                }
            }
            ended.set()
        }
    }

    private static func run(_ children: AsyncStream<Child>, _ gauge: ResourceGauge) async {
        await withDiscardingTaskGroup { group in
            for await work in children {
                gauge.tasks.add(1, ordering: .relaxed)
                group.addTask {
                    await work()
                    gauge.tasks.subtract(1, ordering: .relaxed)
                }
            }
        }
    }

    /// Starts `work` as a child, which runs on the executor of `place` with all below it, or on the pool.
    ///
    /// Returns false, and does nothing, after `finish` or `cancel`.
    @discardableResult
    package func add(at place: AnyObject? = nil, _ work: @escaping @Sendable () async -> Void) -> Bool {
        let additions = additions[place.map { ObjectIdentifier($0) }]
        assert(additions != nil, "no such place")
        if case .enqueued? = additions?.yield(work) { return true }
        return false
    }

    /// Accepts no more children; those that run go on.
    package func finish() {
        for group in additions.values { group.finish() }
    }

    /// Cancels all children and accepts no more.
    package func cancel() {
        finish()
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
