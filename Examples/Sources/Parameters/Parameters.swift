// SPDX-License-Identifier: Apache-2.0
import ExampleSupport
import RivetAsync

/// What an actor gets to know about its caller, such as a session's token.
@main
struct Parameters: Example {
    static let summary = "gives connection parameters, which an actor's hooks see: fixed, provided anew, and refused"
    static let actors: [any ActorDefinition.Type] = [Hooks.self]

    static func run(_ setup: Setup) async throws {
        try await withRivetClient(setup.configuration) { client in
            // The handle's parameters go with all that it does, with single calls too.
            let alice = HandleOptions(parameters: .fixed(HookParameters(label: "alice")))
            let hooks = client.getOrCreate(Hooks.self, setup.key("parameters"), alice)
            print("a call by", try await hooks.send(Me()).state.label ?? "nobody")
            try await hooks.withConnection { connection in
                print("a connection of", try await connection.send(Me()).state.label ?? "nobody")
            }

            // A connection can have its own. A provider is asked at each attempt, so a token is always fresh.
            let options = ConnectOptions(parameters: .provided { HookParameters(label: try await freshLabel()) })
            try await hooks.withConnection(options) { connection in
                print("a connection of", try await connection.send(Me()).state.label ?? "nobody")
            }

            // An actor may refuse: the connection is then closed for good, and what waits for it fails.
            let refused = ConnectOptions(parameters: .fixed(HookParameters(refuse: "userCode")))
            do {
                _ = try await hooks.withConnection(refused) { try await $0.waitUntilConnected() }
            } catch let error as RivetError where error.matches("user", "declined") {
                print("refused:", error.message)
            }
        }
    }

    /// Stands for a request to whoever issues tokens.
    private static func freshLabel() async throws -> String { "bob" }
}
