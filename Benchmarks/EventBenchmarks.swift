// SPDX-License-Identifier: Apache-2.0
import RivetAsync
import RivetAsyncLocal

/// What a user sees: an actor's broadcasts into `for await`, decoded, and an action's round trip on a connection.
///
/// The local engine is the other end, in this process, so the processor's time is that of both.
enum EventBenchmarks {
    static var all: [Benchmark] { [flood, action] }

    private enum Ticker: ActorDefinition {}

    private struct Flood: ActorAction {
        typealias Target = Ticker
        typealias Output = Int
        var count: Int
    }

    private struct Tick: ActorEvent {
        typealias Source = Ticker
        var count: Int
    }

    private static let flood = Benchmark(
        name: "event flood into `for await`, both ends",
        group: .events,
        operation: "event"
    ) { context in
        let count = 50_000
        var measurement = Measurement(samples: [], checksum: 0)
        var processor: [Double] = []
        try await withConnection { conn in
            let ticks = conn.events(of: Tick.self, buffering: .bounded(4_096, .suspendReading))
            var iterator = ticks.makeAsyncIterator()
            try await conn.waitUntilConnected()
            for _ in 0..<(context.isFull ? 11 : 5) {
                let (start, startOfProcessor) = (Clocks.now, Clocks.processor)
                async let answer = conn.send(Flood(count: count))
                var sum = 0
                for _ in 0..<count { sum += await iterator.next()?.count ?? 0 }
                measurement.samples.append(Double(Clocks.now - start) / Double(count))
                processor.append(Double(Clocks.processor - startOfProcessor) / Double(count))
                guard try await answer == count, sum == count * (count + 1) / 2 else {
                    throw BenchmarkFailure("the events' sum is \(sum), not \(count * (count + 1) / 2)")
                }
                measurement.checksum = UInt64(sum)
            }
        }
        measurement.cpu = processor
        return measurement
    }

    private static let action = Benchmark(
        name: "action on a connection, both ends",
        group: .events,
        operation: "round trip"
    ) { context in
        let count = 1_000
        var measurement = Measurement(samples: [], checksum: 0)
        try await withConnection { conn in
            try await conn.waitUntilConnected()
            for _ in 0..<(context.isFull ? 11 : 5) {
                let start = Clocks.now
                var sum = 0
                for number in 0..<count { sum += try await conn.send(Flood(count: number & 1)) }
                measurement.samples.append(Double(Clocks.now - start) / Double(count))
                guard sum == count / 2 else { throw BenchmarkFailure("the answers' sum is \(sum), not \(count / 2)") }
                measurement.checksum = UInt64(sum)
            }
        }
        return measurement
    }

    private static func withConnection(
        _ body: (ActorConnection<Ticker>) async throws -> Void
    ) async throws {
        let engine = try await LocalEngine.start { engine in
            engine.actor(Ticker.self, state: 0) { ticker in
                ticker.on(Flood.self) { flood, actor in
                    for number in 0..<flood.count { actor.broadcast(Tick(count: number + 1)) }
                    return flood.count
                }
            }
        }
        var configuration = try RivetConfiguration(endpoint: engine.endpoint)
        configuration.replyNudge = .off
        try await withRivetClient(configuration) { client in
            try await client.getOrCreate(Ticker.self).withConnection { try await body($0) }
        }
        await engine.stop()
    }
}
