// SPDX-License-Identifier: Apache-2.0
import ExampleSupport
import RivetAsync

/// Listening to what an actor tells its connections.
@main
struct Events: Example {
    static let summary = "subscribes to events: in a loop, once, beside other work, and with a small buffer"
    static let actors: [any ActorDefinition.Type] = [Counter.self]

    static func run(_ setup: Setup) async throws {
        try await withRivetClient(setup.configuration) { client in
            let counter = client.getOrCreate(Counter.self, setup.key("events"))
            try await counter.withConnection { connection in
                // A sequence is subscribed when it is made, so nothing is missed before its loop begins.
                let counts = connection.events(of: NewCount.self)
                for amount in 1...3 { try await connection.send(Increment(amount: amount)) }
                for await event in counts {
                    print("count:", event.count)
                    if event.count == 6 { break }  // Ends the loop and the subscription.
                }

                // Once.
                let next = connection.events(of: NewCount.self)
                try await connection.send(Increment(amount: 4))
                if let event = await next.first(where: { _ in true }) { print("once:", event.count) }

                // Beside other work.
                let ticks = connection.events(of: Tick.self)
                async let third = ticks.first { $0.n == 2 }
                try await connection.send(Burst(n: 3))
                if let tick = await third { print("beside other work: tick", tick.n) }

                // Buffers are bounded. `deliveries` shows what a slow reader has missed.
                let latest = connection.events(of: Tick.self, buffering: .bounded(2, .dropOldest))
                try await connection.send(Burst(n: 5))
                for try await delivery in latest.deliveries {
                    switch delivery {
                    case .event(let tick): print("tick:", tick.n)
                    case .gap(.overflowed(let dropped)): print("dropped:", dropped)
                    case .gap(let gap): print("missed something:", gap)
                    }
                    if case .event(let tick) = delivery, tick.n == 4 { break }
                }
            }
        }
    }
}
