// SPDX-License-Identifier: Apache-2.0

extension ConnectionLifetime: ResyncedConnection {
    var gauge: ResourceGauge { driver.context.gauge }
    var time: TimeSource { driver.context.time }
    var reconnect: ReconnectPolicy { driver.reconnect }

    func opened() async -> Int? { await driver.opened(statuses) }
    func phase() async -> ConnectionPhase { await driver.phase(statuses) }
    func randomFraction() -> Double { driver.context.random.fraction() }
}

extension ConnectionDriver {
    /// It begins on the lane, behind the subscription.
    fileprivate func opened(_ statuses: Broadcast<ConnectionStatus>) async -> Int? {
        let statuses = statuses.reader()
        while let status = await statuses.next() {
            if case .connected(let info) = status { return info.connectionNumber }
        }
        return nil
    }

    /// On the lane, where the machine and its status change: whoever was failed by a change finds it done.
    fileprivate func phase(_ statuses: Broadcast<ConnectionStatus>) -> ConnectionPhase {
        if machine.isOver { return .over }
        return switch statuses.latest {
        case .connected(let info): .open(number: info.connectionNumber)
        case .closed: .over
        default: .opening
        }
    }
}
