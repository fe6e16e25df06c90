// SPDX-License-Identifier: Apache-2.0
import ExampleSupport
import RivetAsync

/// One actor, one call.
@main
struct MinimalClient: Example {
    static let summary = "calls an action of one actor and prints the answer"
    static let actors: [any ActorDefinition.Type] = [Counter.self]

    static func run(_ setup: Setup) async throws {
        try await withRivetClient(setup.configuration) { client in
            let counter = client.getOrCreate(Counter.self, setup.key("minimal-client"))
            let count = try await counter.send(Increment(amount: 1))
            print("new count:", count)
        }
    }
}
