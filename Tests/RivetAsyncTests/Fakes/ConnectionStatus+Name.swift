// SPDX-License-Identifier: Apache-2.0
import RivetAsync

extension ConnectionStatus {
    var name: String {
        switch self {
        case .connecting(let attempt): "connecting \(attempt)"
        case .connected(let info): "connected \(info.connectionNumber)"
        case .waiting(let state): "waiting \(state.attempt)"
        case .paused: "paused"
        case .closed: "closed"
        }
    }
}
