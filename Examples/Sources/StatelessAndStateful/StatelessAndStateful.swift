// SPDX-License-Identifier: Apache-2.0
import ExampleSupport
import RivetAsync

/// The two ways to talk to an actor: requests that stand alone, and a connection that stays.
@main
struct StatelessAndStateful: Example {
    static let summary = "calls an actor without a connection, then over one that also brings its events"
    static let actors: [any ActorDefinition.Type] = [Counter.self]

    static func run(_ setup: Setup) async throws {
        try await withRivetClient(setup.configuration) { client in
            let counter = client.getOrCreate(Counter.self, setup.key("stateless-and-stateful"))

            // Stateless: each call is an HTTP request of its own.
            print("stateless:", try await counter.send(Increment(amount: 1)))
            print("stateless:", try await counter.send(Increment(amount: 1)))

            // Stateful: one WebSocket for actions and events, open until `disconnect`.
            let connection = counter.connect()
            let counts = connection.events(of: NewCount.self)  // Subscribed from here on.
            print("stateful:", try await connection.send(Increment(amount: 5)))
            for await event in counts {
                print("event: the count is", event.count)
                break
            }
            await connection.disconnect()
            print("disconnected")
        }
    }
}
