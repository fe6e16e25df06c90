// SPDX-License-Identifier: Apache-2.0
import ExampleSupport
import RivetAsync

/// Calls an actor, listens to it, loses its connection and gets it back.
@main
struct CounterDemo: Example {
    static let summary = "calls an actor, listens to it, loses its connection and gets it back"
    static let actors: [any ActorDefinition.Type] = [Counter.self]

    static func run(_ setup: Setup) async throws {
        try await withRivetClient(setup.configuration) { client in
            let counter = client.getOrCreate(Counter.self, setup.key("my-counter"))

            // Stateless: one HTTP request, no connection is kept.
            print("send      increment by 1 → \(try await counter.send(Increment(amount: 1)))")

            // Stateful: one WebSocket, which reconnects by itself until told otherwise.
            let connection = counter.connect()
            var statuses = connection.status.makeAsyncIterator()
            let counts = connection.events(of: NewCount.self).deliveries  // Subscribed from here on.
            await showUntilConnected(&statuses)
            for amount in 2...3 {
                print("send      increment by \(amount) → \(try await connection.send(Increment(amount: amount)))")
            }
            var expected = 3
            for try await delivery in counts {
                switch delivery {
                case .event(let event):
                    print("event     newCount \(event.count)")
                    expected -= 1
                    if expected == 1 {
                        print("network   all connections are cut")
                        cutAllConnections()
                        await showUntilConnected(&statuses)
                    }
                case .gap(.reconnected(let info)):
                    print("gap       events sent before connection number \(info.connectionNumber) are lost")
                    print("send      increment by 4 → \(try await connection.send(Increment(amount: 4)))")
                case .gap(let gap):
                    print("gap       \(gap)")
                }
                if expected == 0 { break }
            }
            try Task.checkCancellation()  // The loop also ends when somebody interrupts the program.
            await connection.disconnect()
            await showUntilConnected(&statuses)
            print("done")
        }
    }

    /// Prints what happens to the connection until it is open, or closed for good.
    private static func showUntilConnected(_ statuses: inout ConnectionStatusSequence.AsyncIterator) async {
        while let status = await statuses.next() {
            switch status {
            case .connecting(let attempt): print("status    connecting, attempt \(attempt)")
            case .connected(let info):
                print("status    connected, connection number \(info.connectionNumber)")
                return
            case .waiting(let retry):
                print("status    waiting before attempt \(retry.attempt): \(retry.cause.code.name)")
            case .paused: print("status    paused")
            case .closed(.requested): print("status    closed, as requested")
            case .closed(let reason): print("status    closed: \(reason)")
            @unknown default: print("status    \(status)")
            }
        }
    }
}
