// SPDX-License-Identifier: Apache-2.0
import ExampleSupport
import RivetAsync

/// The life of a connection: opened, lost, back, closed; and one that is refused.
@main
struct Lifecycle: Example {
    static let summary = "follows the status of connections, with the causes why one waits or is closed"
    static let actors: [any ActorDefinition.Type] = [Doomed.self, Hooks.self]

    static func run(_ setup: Setup) async throws {
        try await withRivetClient(setup.configuration) { client in
            // The actor closes the connection, which comes back by itself until we say that it is over.
            let doomed = client.getOrCreate(Doomed.self, setup.key("lifecycle")).connect()
            for await status in doomed.status {
                show(status)
                guard case .connected(let info) = status else { continue }
                if info.connectionNumber == 1 {
                    // The answer may be lost together with the connection.
                    _ = try? await doomed.send(Kick(reason: "time for a break"))
                } else {
                    await doomed.disconnect()
                }
            }
            // The current status, without waiting; the last one stays.
            switch doomed.status.current {
            case .closed(.failed(let error)): throw error
            case .closed: print("it is closed")
            default: break
            }

            // A refusal is final: there is no use in asking again.
            let options = HandleOptions(parameters: .fixed(HookParameters(refuse: "userCode")))
            let refused = client.getOrCreate(Hooks.self, setup.key("lifecycle"), options).connect()
            for await status in refused.status { show(status) }
        }
    }

    private static func show(_ status: ConnectionStatus) {
        switch status {
        case .connecting(let attempt): print("connecting, attempt", attempt)
        case .connected(let info): print("connected, connection number", info.connectionNumber)
        case .waiting(let retry): print("waiting before attempt \(retry.attempt):", describe(retry.cause))
        case .paused: print("paused")
        case .closed(.requested): print("closed, as requested")
        case .closed(.failed(let error)): print("closed for good:", describe(error))
        @unknown default: print(status)
        }
    }

    /// A close with a reason of the actor's own, an error with the name that Rivet or the actor gave it, or ours.
    private static func describe(_ error: RivetError) -> String {
        guard let remote = error.remote else { return "\(error)" }
        if !remote.group.isEmpty { return "\(remote.group).\(remote.code), \(error.message)" }
        return "\(error.message): \(remote.message)"
    }
}
