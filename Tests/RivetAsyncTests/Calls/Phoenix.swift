// SPDX-License-Identifier: Apache-2.0
import RivetAsyncLocal
import Testing

@testable import RivetAsync

/// An actor that says which one it is, on each way to it, and can be destroyed.
enum Phoenix: ActorDefinition {
    struct Who: ActorAction {
        typealias Target = Phoenix
        typealias Output = String
    }
    struct Destroy: ActorAction { typealias Target = Phoenix }
    struct Ask: ActorQueueMessage {
        typealias Target = Phoenix
        typealias Reply = String
    }

    /// A way to ask it.
    struct Way: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let who: @Sendable (ActorHandle<Phoenix>) async throws -> String
    }

    static let ways = [
        Way(testDescription: "action") { try await $0.send(Who()) },
        Way(testDescription: "queue") {
            guard case .completed(let reply?) = try await $0.enqueueAndWait(Ask(), timeout: .seconds(30)) else {
                return "no reply"
            }
            return reply
        },
        Way(testDescription: "raw request") {
            String(decoding: try await $0.fetch(ActorRequest("who")).body.collect(), as: UTF8.self)
        },
        Way(testDescription: "connection") { handle in
            try await handle.withConnection { try await $0.waitUntilConnected().actorID.rawValue }
        },
        Way(testDescription: "action of a connection") { handle in
            try await handle.withConnection { try await $0.send(Who()) }
        },
    ]

    static func run(
        settings: LocalEngine.Settings = .init(),
        _ body: (RivetClient, LocalEngine) async throws -> Void
    ) async throws {
        let engine = try await LocalEngine.start(settings: settings) { engine in
            engine.actor(Phoenix.self, state: 0) { phoenix in
                phoenix.on(Who.self) { _, actor in actor.id.rawValue }
                phoenix.on(Destroy.self) { _, actor in
                    actor.destroy()
                    return NoValue()
                }
                phoenix.onQueue(Ask.self) { _, actor in actor.id.rawValue }
                phoenix.onRequest { _, actor in LocalResponse(body: Array(actor.id.rawValue.utf8)) }
            }
        }
        var configuration = try RivetConfiguration(endpoint: engine.endpoint)
        configuration.reconnect = ReconnectPolicy(first: .milliseconds(1))
        let client = RivetClient(configuration)
        try await scoped {
            await client.close(within: .zero)
            await engine.stop()
        } _: {
            try await body(client, engine)
        }
        #expect(client.context.gauge.counts == .zero)
        #expect(engine.gauge.counts == .zero)
    }
}
