// SPDX-License-Identifier: Apache-2.0
import RivetAsyncLocal

@testable import RivetAsync

/// An engine that asks for tokens, with a counter that has handlers of its own too.
enum TokenEngine {
    static let admin: Secret = "admin-hunter2"

    static func run(
        _ authentication: LocalEngine.Authentication = .required(admin: admin, clockSkew: .zero),
        closesRefusedUpgrades: Bool = false,
        _ body: (LocalEngine) async throws -> Void
    ) async throws {
        var settings = LocalEngine.Settings()
        settings.closesRefusedUpgrades = closesRefusedUpgrades
        let engine = try await LocalEngine.start(authentication: authentication, settings: settings) { engine in
            engine.actor(Counter.self, state: 0) { counter in
                counter.on(Increment.self) { increment, actor in
                    actor.state += increment.amount
                    actor.broadcast(NewCount(count: actor.state))
                    return actor.state
                }
                counter.on(Count.self) { _, actor in actor.state }
                counter.on(Hang.self) { _, _ in
                    while !Task.isCancelled { try await Task.sleep(for: .seconds(3_600)) }
                    return NoValue()
                }
                counter.onRequest { request, actor in
                    actor.state += 1
                    return LocalResponse(body: Array("\(request.method) \(actor.state)".utf8))
                }
                counter.onWebSocket { socket, _ in
                    for try await message in socket.messages { try await socket.send(message) }
                }
            }
        }
        do {
            try await body(engine)
        } catch {
            await engine.stop()
            throw error
        }
        await engine.stop()
    }

    static func withClient(
        _ engine: LocalEngine,
        _ token: AccessToken,
        _ change: (inout RivetConfiguration) -> Void = { _ in },
        _ body: (RivetClient) async throws -> Void
    ) async throws {
        var configuration = try RivetConfiguration(endpoint: engine.endpoint, token: token)
        change(&configuration)
        try await withRivetClient(configuration, body)
    }
}
