// SPDX-License-Identifier: Apache-2.0

/// What a connection's changes look like to who listens (B213–B218): no token, parameter or payload is in them.
extension ClientContext {
    func report(_ status: ConnectionStatus, connection: UInt64) {
        diagnostics.emit(Self.line(status, connection: connection))
    }

    private static func line(_ status: ConnectionStatus, connection: UInt64) -> Diagnostic {
        let id = "\(connection)"
        switch status {
        case .idle:
            return Diagnostic(.trace, "connection made", ["connection": id])
        case .connecting(let attempt):
            return Diagnostic(.debug, "connecting", ["connection": id, "attempt": "\(attempt)"])
        case .connected(let info):
            return Diagnostic(
                .debug,
                "connected",
                ["connection": id, "actorID": info.actorID.rawValue, "connectionID": info.connectionID],
                measurement: .init(name: "rivet.connections.opened", value: 1, unit: "1")
            )
        case .waiting(let state):
            return Diagnostic(
                .warning,
                "waiting to connect again",
                [
                    "connection": id, "attempt": "\(state.attempt)", "delay": "\(state.delay)",
                    "cause": state.cause.description,
                ],
                measurement: .init(name: "rivet.connections.lost", value: 1, unit: "1")
            )
        case .closed(.requested):
            return Diagnostic(.debug, "closed", ["connection": id])
        case .closed(.failed(let error)):
            return Diagnostic(.warning, "closed for good", ["connection": id, "cause": error.description])
        }
    }
}
