// SPDX-License-Identifier: Apache-2.0
import ExampleSupport
import RivetAsync

/// What a client can be told.
@main
struct Configuration: Example {
    static let summary = "configures clients: endpoint, encoding, times, reconnects, fields and TLS"
    static let actors: [any ActorDefinition.Type] = [Counter.self]

    static func run(_ setup: Setup) async throws {
        // A text says where and who; what is wrong with it is said at once. A token is never printed.
        print(try RivetConfiguration(endpoint: "https://games:secret@rivet.example.com", poolName: "eu"))
        do {
            _ = try RivetConfiguration(endpoint: "rivet.example.com")
        } catch let error as RivetError {
            print("refused:", error.message)
        }

        // From the variables of the process, or from others.
        print(
            try RivetConfiguration.fromEnvironment([
                "RIVET_ENDPOINT": "http://localhost:6420", "RIVET_NAMESPACE": "games", "RIVET_POOL": "eu",
            ])
        )

        // All else has a default that suits a service.
        var configuration = setup.configuration
        configuration.connectTimeout = .seconds(5)  // For name, TCP and TLS.
        configuration.openTimeout = .seconds(15)  // Until the actor is there; a cold one takes its time.
        configuration.callTimeout = .seconds(15)  // For one call, repeats included.
        configuration.reconnect = ReconnectPolicy(first: .milliseconds(100), cap: .seconds(5), maxElapsed: .seconds(60))
        configuration.keepAlive = KeepAlive(interval: .seconds(20), timeout: .seconds(5))
        configuration.fields = ["x-app-version": "1.2.3"]  // With every request.
        configuration.maxMessageSize = 1 << 20
        // Other certificates than the system's: `trustStore: .pemFile("/etc/ssl/internal-ca.pem")`.
        configuration.tls = TLSOptions(minimumVersion: .v1_3)

        // BARE is Rivet's own encoding; JSON can be read in a capture.
        for encoding in [RivetConfiguration.Encoding.bare, .cbor, .json] {
            configuration.encoding = encoding
            try await withRivetClient(configuration) { client in
                let counter = client.getOrCreate(Counter.self, setup.key("configuration"))
                // One call can have a time of its own, and say that a repeat does no harm.
                let options = CallOptions(timeout: .seconds(10), isIdempotent: true)
                print(encoding, try await counter.send(Increment(amount: 0), options))
            }
        }
    }
}
