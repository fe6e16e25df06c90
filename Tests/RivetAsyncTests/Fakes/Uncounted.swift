// SPDX-License-Identifier: Apache-2.0
import RivetAsync

// The tests' own waiting is nobody's to count.

extension Signal {
    convenience init() { self.init(gauge: ResourceGauge()) }
}

extension Feed {
    convenience init(capacity: Int) { self.init(capacity: capacity, gauge: ResourceGauge()) }
}

extension DeadlineScheduler {
    convenience init(time: TimeSource) { self.init(time: time, gauge: ResourceGauge()) }
}
