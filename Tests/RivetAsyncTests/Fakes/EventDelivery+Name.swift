// SPDX-License-Identifier: Apache-2.0
@testable import RivetAsync

extension EventDelivery {
    var name: String {
        switch self {
        case .event(let event): "\(event)"
        case .gap(.reconnected(let info)): "gap \(info.connectionNumber)"
        case .gap(let gap): "\(gap)"
        }
    }
}
