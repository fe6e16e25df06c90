// SPDX-License-Identifier: Apache-2.0
import RivetAsync
import RivetAsyncLocal

/// Calls an actor, listens to it, loses its connection and gets it back.
@main
struct CounterDemo {
    static func main() async throws {
        let engine = Options.endpoint == nil ? try await startLocalEngine() : nil
        let configuration =
            if let engine { try RivetConfiguration(endpoint: engine.endpoint) } else {
                try RivetConfiguration.fromEnvironment()
            }
        let demo = Task {
            print("engine    \(engine.map { "in this process, at \($0.endpoint)" } ?? configuration.description)")
            try await withRivetClient(configuration) { client in
                try await run(client, engine)
            }
        }
        let interruption = Interruption { demo.cancel() }
        let outcome = await demo.result
        interruption.stop()
        await engine?.stop()
        switch outcome {
        case .success: print("done")
        case .failure(is CancellationError): print("interrupted: everything is closed")
        case .failure(let error): throw error
        }
    }

    private static func run(_ client: RivetClient, _ engine: LocalEngine?) async throws {
        let counter = client.getOrCreate(Counter.self, ["my-counter"])

        // Stateless: one HTTP request, no connection is kept.
        print("send      increment by 1 → \(try await counter.send(Increment(amount: 1)))")

        // Stateful: one WebSocket, which reconnects by itself until told otherwise.
        let connection = counter.connect()
        let statuses = Task {
            for await status in connection.status { print("status    \(describe(status))") }
        }
        do {
            try await listen(connection, engine)
        } catch {
            await connection.disconnect()
            await statuses.value
            throw error
        }
        await connection.disconnect()
        await statuses.value
    }

    private static func listen(_ connection: ActorConnection<Counter>, _ engine: LocalEngine?) async throws {
        let counts = connection.events(of: NewCount.self).deliveries  // Subscribed from here on.
        try await connection.waitUntilConnected()
        for amount in 2...3 {
            print("send      increment by \(amount) → \(try await connection.send(Increment(amount: amount)))")
        }
        var expected = engine == nil ? 2 : 3
        for try await delivery in counts {
            switch delivery {
            case .event(let event):
                print("event     newCount \(event.count)")
                expected -= 1
                if expected == 1, let engine {
                    print("engine    cuts the connection")
                    await engine.faults.cutAllConnections()
                }
            case .gap(.reconnected(let info)):
                print("gap       events sent before connection number \(info.connectionNumber) are lost")
                print("send      increment by 4 → \(try await connection.send(Increment(amount: 4)))")
            case .gap(let gap):
                print("gap       \(gap)")
            }
            if expected == 0 { break }
        }
        try Task.checkCancellation()
    }

    private static func describe(_ status: ConnectionStatus) -> String {
        switch status {
        case .idle: "idle"
        case .connecting(let attempt): "connecting, attempt \(attempt)"
        case .connected(let info): "connected, connection number \(info.connectionNumber)"
        case .waiting(let retry):
            "waiting \(Int(retry.delay / .milliseconds(1))) ms before attempt \(retry.attempt): \(retry.cause.code.name)"
        case .closed(.requested): "closed, as requested"
        case .closed(let reason): "closed: \(reason)"
        @unknown default: "\(status)"
        }
    }
}
