// SPDX-License-Identifier: Apache-2.0
import RivetAsyncLocal

@testable import RivetAsync

/// An engine that asks for tokens, with a counter that has handlers of its own too.
enum TokenEngine {
    static let admin: Secret = "admin-hunter2"

    static func run(
        _ authentication: LocalEngine.Authentication = .required(admin: admin, clockSkew: .zero),
        closesRefusedUpgrades: Bool = false,
        clock: any Clock<Duration> = ContinuousClock(),
        _ body: (LocalEngine) async throws -> Void
    ) async throws {
        var settings = LocalEngine.Settings()
        settings.closesRefusedUpgrades = closesRefusedUpgrades
        try await withEngine(
            clock: clock,
            transport: .loopback(port: 0),
            authentication: authentication,
            settings: settings
        ) { engine in
            engine.actor(Counter.self, state: 0) { counter in
                Counter.define(&counter)
                counter.onRequest { request, actor in
                    actor.state += 1
                    return LocalResponse(body: Array("\(request.method) \(actor.state)".utf8))
                }
                counter.onWebSocket { socket, _ in
                    for try await message in socket.messages { try await socket.send(message) }
                }
            }
        } _: { engine in
            try await body(engine)
        }
    }

    static func withClient(
        _ engine: LocalEngine,
        _ token: AccessToken,
        clock: any Clock<Duration> = ContinuousClock(),
        _ change: (inout RivetConfiguration) -> Void = { _ in },
        _ body: (RivetClient) async throws -> Void
    ) async throws {
        var configuration = try RivetConfiguration(endpoint: engine.endpoint, token: token)
        change(&configuration)
        let client = RivetClient(configuration, clock: clock)
        try await scoped(closing: { await client.close() }) { try await body(client) }
    }
}
