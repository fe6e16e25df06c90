// SPDX-License-Identifier: Apache-2.0
import InMemoryLogging
import InMemoryTracing
import Logging
import Metrics
import MetricsTestKit
import RivetAsync
import RivetAsyncLocal
import RivetObservability
import RivetServiceLifecycle
import ServiceLifecycle
import Testing
import Tracing

/// With the real packages; what each adapter promises, once.
@Suite(.timeLimit(.minutes(1)))
struct ExtrasTests {
    enum Counter: ActorDefinition {}
    struct Increment: ActorAction { typealias Target = Counter; typealias Output = Int; var amount: Int }

    static func withCounter(
        _ change: (inout RivetConfiguration) -> Void = { _ in },
        _ body: (RivetClient, ActorHandle<Counter>) async throws -> Void
    ) async throws {
        let engine = try await LocalEngine.start(transport: .memory) { engine in
            engine.actor(Counter.self, state: 0) { counter in
                counter.on(Increment.self) { increment, actor in
                    guard increment.amount > 0 else { throw UserError("only upwards", code: "declined") }
                    actor.state += increment.amount
                    return actor.state
                }
            }
        }
        var configuration = try RivetConfiguration(endpoint: engine.endpoint)
        change(&configuration)
        let client = RivetClient(configuration, transport: engine.transport)
        try await body(client, client.getOrCreate(Counter.self, ["extras"]))
        await client.close()
        await engine.stop()
    }

    /// Its end is the group's.
    struct Done: Service {
        func run() async throws {}
    }

    @Test func serviceEndsInOrderWithItsGroup() async throws {
        try await Self.withCounter { client, counter in
            #expect(try await counter.send(Increment(amount: 1)) == 1)
            let group = ServiceGroup(
                configuration: .init(
                    services: [
                        .init(service: RivetService(client)),
                        .init(service: Done(), successTerminationBehavior: .gracefullyShutdownGroup),
                    ],
                    logger: Logger(label: "group")
                )
            )
            try await group.run()
            await #expect { try await counter.send(Increment(amount: 1)) } throws: { error in
                (error as? RivetError)?.code == .clientClosed
            }
        }
    }

    @Test func linesOfTheClientAreLogged() async throws {
        let handler = InMemoryLogHandler()
        var logger = Logger(label: "test") { _ in handler }
        logger.logLevel = .debug
        try await Self.withCounter { [logger] client, counter in
            let logging = Task { await client.log(to: logger) }
            while handler.entries.isEmpty {
                try await counter.send(Increment(amount: 1))
                await Task.yield()
            }
            await client.close()
            await logging.value
        }
        let call = handler.entries.first { $0.message == "a call ended" }
        #expect(call?.level == .debug)
        #expect(call?.metadata["rivet.actor"] == "counter")
        #expect(call?.metadata["rivet.outcome"] == "ok")
    }

    @Test func callsAreLoggedWithTheCallersLogger() async throws {
        let handler = InMemoryLogHandler()
        var logger = Logger(label: "test") { _ in handler }
        logger.logLevel = .debug
        logger[metadataKey: "request"] = "7"
        try await Self.withCounter {
            $0.logCalls()
        } _: { [logger] _, counter in
            try await withLogger(logger) { _ in
                let count = try await counter.send(Increment(amount: 1))
                #expect(count == 1)
                await #expect(throws: RivetError.self) { try await counter.send(Increment(amount: 0)) }
            }
        }
        #expect(handler.entries.map { "\($0.level) \($0.message)" } == ["debug call", "warning call failed"])
        #expect(
            handler.entries.allSatisfy { $0.metadata["request"] == "7" && $0.metadata["rivet.name"] == "increment" }
        )
    }

    @Test func measurementsBecomeMetrics() async throws {
        let metrics = TestMetrics()
        try await Self.withCounter { client, counter in
            let recording = Task { await client.record(with: metrics) }
            while metrics.timers.isEmpty {
                try await counter.send(Increment(amount: 1))
                await Task.yield()
            }
            let conn = counter.connect()
            try await conn.waitUntilConnected()
            await conn.disconnect()
            await client.close()
            await recording.value
        }
        let timer = metrics.timers.first { $0.label == "rivet.client.call.duration" }
        #expect(timer?.dimensions.contains { $0 == ("outcome", "ok") } == true)
        #expect(metrics.counters.first { $0.label == "rivet.connections.opened" }?.totalValue == 1)
    }

    @Test func callsAreSpansWhoseContextGoesAlong() async throws {
        let tracer = InMemoryTracer()
        try await Self.withCounter {
            $0.trace(with: tracer)
        } _: { _, counter in
            try await tracer.withSpan("request") { _ in
                let count = try await counter.send(Increment(amount: 1))
                #expect(count == 1)
                await #expect(throws: RivetError.self) { try await counter.send(Increment(amount: 0)) }
            }
        }
        let spans = tracer.finishedSpans
        #expect(spans.map(\.operationName) == ["action counter.increment", "action counter.increment", "request"])
        #expect(Set(spans.map(\.traceID)).count == 1)
        #expect(spans.map(\.errors.count) == [0, 1, 0])
        #expect(tracer.performedContextInjections.count >= 2)
    }
}
