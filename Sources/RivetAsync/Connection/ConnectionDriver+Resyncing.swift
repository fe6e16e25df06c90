// SPDX-License-Identifier: Apache-2.0

extension ConnectionDriver: ResyncedConnection {
    nonisolated var gauge: ResourceGauge { context.gauge }
    nonisolated var time: TimeSource { context.time }

    /// It begins on the lane, behind the subscription.
    func opened() async -> Int? {
        let statuses = statuses.reader()
        while let status = await statuses.next() {
            if case .connected(let info) = status { return info.connectionNumber }
        }
        return nil
    }

    /// On the lane, where the machine and its status change: whoever was failed by a change finds it done.
    func phase() -> ConnectionPhase {
        if machine.isOver { return .over }
        if case .connected(let info) = statuses.latest { return .open(number: info.connectionNumber) }
        return .opening
    }

    nonisolated func randomFraction() -> Double { context.random.fraction() }
}
