// SPDX-License-Identifier: Apache-2.0
import Glibc
import RivetAsync

/// What a user of an actor waits for: calls over HTTP, opening, actions and events on a connection.
///
/// The lines have the names of Rivet's own rate program in Rust, so that both can be pointed at one engine in turns; where
/// the task that waits may prefer the connection's lane there is a second one. The other end is the local engine in a
/// process of its own, or the one that `--endpoint` names. Ours is on the first core, and this process on another.
/// Nothing is shared between the lines: each has a client of its own.
enum CallBenchmarks {
    static var all: [Benchmark] {
        [
            line("http_sequential_key", of: "call", maxAllocations: 30, maxSystemCalls: 8) { client in
                let counter = client.getOrCreate(RateActor.self, key)
                return Line { try await counter.send(RateActor.Increment(amount: 1)) > 0 ? 1 : 0 }
            },
            line("http_sequential_id", of: "call", maxAllocations: 30, maxSystemCalls: 8) { client in
                let id = try await client.getOrCreate(RateActor.self, key).resolve()
                let counter = client.getForID(RateActor.self, id)
                return Line { try await counter.send(RateActor.Increment(amount: 1)) > 0 ? 1 : 0 }
            },
            line("http_32_at_once", of: "call", maxAllocations: 30, maxSystemCalls: 8) { client in
                let counter = client.getOrCreate(RateActor.self, key)
                return Line(workers: 32) { try await counter.send(RateActor.Get()) >= 0 ? 1 : 0 }
            },
            line("connect_first_action", of: "connection", maxAllocations: 165, maxSystemCalls: 30) { client in
                let counter = client.getOrCreate(RateActor.self, key)
                return Line {
                    let connection = counter.connect()
                    let count = try await connection.send(RateActor.Get())
                    await connection.disconnect()
                    return count >= 0 ? 1 : 0
                }
            },
            connectToInit,
            action(prefersLane: false),
            action(prefersLane: true),
            line("conn_1000_at_once", of: "action", maxAllocations: 10, maxSystemCalls: 2) { client in
                let connection = try await connected(client)
                return Line(workers: 1_000) {
                    try await connection.send(RateActor.Get()) >= 0 ? 1 : 0
                } end: {
                    await connection.disconnect()
                }
            },
            actionWithEvent(prefersLane: false),
            actionWithEvent(prefersLane: true),
            events(prefersLane: false),
            events(prefersLane: true),
        ]
    }

    /// Beside what it is made of: TCP and the upgrade, by the same library.
    private static var connectToInit: Benchmark {
        line("connect_to_init", of: "connection", goal: .timeAtMost(1.5), maxAllocations: 165, maxSystemCalls: 30) {
            client in
            let counter = client.getOrCreate(RateActor.self, key)
            let opened = Opened<ActorConnection<RateActor>>()
            return Line {
                let connection = counter.connect()
                try await connection.waitUntilConnected()
                opened.value = connection
                return 1
            } afterwards: {
                await opened.value?.disconnect()
                opened.value = nil
            }
        } baseline: { port in
            let lanes = LaneGroup(count: 1)
            let opened = Opened<WebSocketChannel>()
            let line = Line {
                opened.value = try await BenchmarkWebSocket(port: port, target: "/echo", lanes: lanes).channel
                return 1
            } afterwards: {
                await opened.value?.close()
                opened.value = nil
            } end: {
                await lanes.shutDown()
            }
            return ("connect and upgrade", line)
        }
    }

    private static func action(prefersLane: Bool) -> Benchmark {
        line(
            "conn_sequential",
            prefersLane: prefersLane,
            of: "action",
            maxAllocations: prefersLane ? 4 : 6,
            maxSystemCalls: prefersLane ? 5 : 8
        ) { client in
            let connection = try await connected(client)
            return Line(executor: prefersLane ? connection.executor : nil) {
                try await connection.send(RateActor.Get()) >= 0 ? 1 : 0
            } end: {
                await connection.disconnect()
            }
        }
    }

    private static func actionWithEvent(prefersLane: Bool) -> Benchmark {
        line("conn_action_with_event", prefersLane: prefersLane, of: "action", maxAllocations: 8, maxSystemCalls: 12) {
            client in
            let connection = try await connected(client)
            let events = Reader(connection.events(of: RateActor.NewCount.self))
            // Subscribed once an answer has come behind the subscription.
            _ = try await connection.send(RateActor.Get())
            return Line(executor: prefersLane ? connection.executor : nil) {
                let count = try await connection.send(RateActor.Increment(amount: 1))
                return await events.next(1)?.count == count ? 1 : 0
            } end: {
                await connection.disconnect()
            }
        }
    }

    private static func events(prefersLane: Bool) -> Benchmark {
        line("conn_events", prefersLane: prefersLane, of: "event", maxAllocations: 0.2, maxSystemCalls: 0.5) { client in
            let connection = try await connected(client)
            let events = Reader(
                connection.events(of: RateActor.Tick.self, buffering: .bounded(8_192, .suspendReading))
            )
            _ = try await connection.send(RateActor.Get())
            return Line(executor: prefersLane ? connection.executor : nil) {
                async let answer = connection.send(RateActor.Burst(count: 1_000))
                let last = await events.next(1_000)
                return try await last?.number == 999 ? answer : 0
            } end: {
                await connection.disconnect()
            }
        }
    }

    private static let key: ActorKey = ["rate"]

    private static func connected(_ client: RivetClient) async throws -> ActorConnection<RateActor> {
        let connection = client.getOrCreate(RateActor.self, key).connect()
        try await connection.waitUntilConnected()
        return connection
    }

    /// `@unchecked Sendable`: one worker at a time uses it.
    private final class Opened<Value>: @unchecked Sendable {
        var value: Value?
    }

    /// One iterator for all rounds: a loop of its own for each would subscribe anew.
    ///
    /// `@unchecked Sendable`: one worker at a time uses it.
    private final class Reader<Event: ActorEvent>: @unchecked Sendable {
        private var iterator: EventSequence<Event>.AsyncIterator

        init(_ events: EventSequence<Event>) { iterator = events.makeAsyncIterator() }

        /// The last of the next `count` events.
        func next(_ count: Int) async -> Event? {
            var iterator = iterator
            defer { self.iterator = iterator }
            var last: Event?
            for _ in 0..<count {
                guard let event = await iterator.next(isolation: nil) else { return nil }
                last = event
            }
            return last
        }
    }

    // MARK: Measuring

    /// What is done again and again until the time is over.
    private struct Line: Sendable {
        /// How many tasks do it at the same time.
        var workers = 1
        /// Where they prefer to be; nil for Swift's own pool.
        var executor: (any TaskExecutor)?
        /// Does it, and returns how many operations were as they should be; 0 is a failure.
        var once: @Sendable () async throws -> Int
        /// Done behind each one, and not part of its time.
        var afterwards: (@Sendable () async -> Void)?
        var end: @Sendable () async -> Void = {}

        /// Until `deadline`, or so many times.
        func repeated(until deadline: UInt64 = .max, times: Int = .max) async throws -> (count: Int, took: [UInt64]) {
            try await withThrowingTaskGroup { group in
                for _ in 0..<workers {
                    group.addTask(executorPreference: executor) {
                        var (count, took) = (0, [UInt64]())
                        while took.count < times {
                            let start = Clocks.now
                            if start >= deadline { break }
                            let done = try await once()
                            guard done > 0 else { throw BenchmarkError("an answer was wrong") }
                            count += done
                            took.append(Clocks.now - start)
                            await afterwards?()
                        }
                        return (count, took)
                    }
                }
                var (count, took) = (0, [UInt64]())
                for try await (more, times) in group {
                    count += more
                    took += times
                }
                return (count, took)
            }
        }
    }

    private static func note(_ latencies: [UInt64], _ engine: [Double]) -> String {
        func percentile(_ percent: Int) -> String {
            BenchmarkTable.time(Double(latencies[(latencies.count - 1) * percent / 100]))
        }
        var note = "p50 \(percentile(50)), p99 \(percentile(99))"
        if !engine.isEmpty { note += "; CPU of the engine \(BenchmarkTable.time(BenchmarkResult.median(engine)))" }
        return note
    }

    /// The most frequent first.
    private static func text(_ calls: [String: Int], _ count: Int) -> String {
        let sorted = calls.sorted { ($1.value, $0.key) < ($0.value, $1.key) }
        return sorted.map { (name: $0.key, each: Double($0.value) / Double(count)) }.filter { $0.each >= 0.05 }
            .map { "\($0.name) \(BenchmarkTable.number($0.each, 1))" }.joined(separator: ", ")
    }

    private static func line(
        _ name: String,
        prefersLane: Bool = false,
        of operation: String,
        goal: Benchmark.Goal? = nil,
        maxAllocations: Double,
        maxSystemCalls: Double,
        _ prepare: @escaping @Sendable (RivetClient) async throws -> Line,
        baseline prepareBaseline: (@Sendable (_ port: UInt16) -> (name: String, line: Line))? = nil
    ) -> Benchmark {
        Benchmark(
            name: prefersLane ? "\(name), on the lane" : name,
            group: .calls,
            operation: operation,
            goal: goal,
            maxAllocations: maxAllocations,
            maxSystemCalls: maxSystemCalls
        ) { context in
            let peer = try context.callPeer()
            // Another engine may be anywhere, and is held against nothing.
            let prepareBaseline = peer.process == nil ? nil : prepareBaseline
            let reference = try prepareBaseline.map { ($0, try context.server.start()) }
            let cores = try peer.process.map { try Cores.apart(from: [$0] + (reference.map { [$0.1.process] } ?? [])) }
            defer { cores?.end() }
            return try await withRivetClient(RivetConfiguration(endpoint: peer.endpoint)) { client in
                let line = try await prepare(client)
                let baseline = reference.map { $0($1.port) }
                var measurement = Measurement(samples: [], checksum: 0)
                measurement.baselineName = baseline?.name ?? ""
                var (engine, latencies) = ([Double](), [UInt64]())
                // The first round warms both ends up and is not counted.
                for round in 0...context.sampleCount {
                    let (start, processor) = (Clocks.now, Clocks.processor)
                    let engineStart = peer.process.map { Clocks.processor(of: $0) }
                    let (count, took) = try await line.repeated(until: start + context.callTime)
                    let (end, processorEnd) = (Clocks.now, Clocks.processor)
                    let engineEnd = peer.process.map { Clocks.processor(of: $0) }
                    let raw = try await baseline?.line.repeated(until: Clocks.now + context.callTime)
                    guard round > 0 else { continue }
                    if let raw { measurement.baseline.append(Double(raw.took.reduce(0, +)) / Double(raw.count)) }
                    let time = line.afterwards == nil ? end - start : took.reduce(0, +)
                    measurement.samples.append(Double(time) / Double(count))
                    measurement.cpu.append(Double(processorEnd - processor) / Double(count))
                    if let engineStart, let engineEnd { engine.append(Double(engineEnd - engineStart) / Double(count)) }
                    latencies += took
                }
                let counted = line.workers == 1 ? 1_000 : max(1, 2_000 / line.workers)
                let (count, allocations) = try await context.countingAllocations {
                    try await line.repeated(times: counted).count
                }
                measurement.allocations = allocations.map { Double($0) / Double(count) }
                measurement.note = note(latencies.sorted(), engine.sorted())
                if line.afterwards != nil { measurement.note? += "; but for the time, with what comes afterwards" }
                if context.countsSystemCalls {
                    let (count, calls) = try await SystemCallCount.during {
                        try await line.repeated(times: counted).count
                    }
                    measurement.systemCalls = Double(calls.values.reduce(0, +)) / Double(count)
                    measurement.note? += "; system calls: " + Self.text(calls, count)
                }
                await line.end()
                await baseline?.line.end()
                return measurement
            }
        }
    }
}
