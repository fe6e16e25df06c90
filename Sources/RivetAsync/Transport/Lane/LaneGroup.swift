// SPDX-License-Identifier: Apache-2.0
import Synchronization

/// A client's or an engine's lanes, given out in turn.
package final class LaneGroup: Sendable {
    package let lanes: [Lane]
    private let given = Atomic<Int>(0)

    /// As many lanes as there are cores that the calling thread may use, unless `count` says otherwise.
    ///
    /// A lane that is not used costs nothing but its queue.
    package init(count: Int? = nil, label: String = "rivet.lane", gauge: ResourceGauge = ResourceGauge()) {
        lanes = (0..<max(1, count ?? SystemCalls.coreCount)).map { Lane(label: "\(label).\($0)", gauge: gauge) }
    }

    /// The lane that the caller runs on, so that what it opens wakes it without a change of thread.
    package var current: Lane? { lanes.first { $0.isCurrent } }

    package func next() -> Lane {
        let number = given.wrappingAdd(1, ordering: .relaxed).oldValue
        return lanes[Int(UInt(bitPattern: number) % UInt(lanes.count))]
    }

    package func shutDown() async {
        for lane in lanes { await lane.shutDown() }
    }
}
