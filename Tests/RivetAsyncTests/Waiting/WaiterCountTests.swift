// SPDX-License-Identifier: Apache-2.0
import Synchronization
import Testing

@testable import RivetAsync
@testable import RivetAsyncLocal

/// Whoever waits is in the gauge of who owns what it waits for, until it is woken.
@Suite(.leavesNothing, .timeLimit(.minutes(3)))
struct WaiterCountTests {
    /// One way to wait: `park` in a task of its own, and what wakes it.
    struct Waiting: Sendable {
        let park: @Sendable () async throws -> Void
        let wake: @Sendable () -> Void
    }

    struct Row: Sendable, CustomTestStringConvertible {
        let testDescription: String
        var heedsCancellation = true
        let make: @Sendable (ResourceGauge) -> Waiting
    }

    static func feed(_ wake: @escaping @Sendable (Feed<Int>) -> Void) -> @Sendable (ResourceGauge) -> Waiting {
        { gauge in
            let feed = Feed<Int>(capacity: 1, gauge: gauge)
            return Waiting {
                _ = await feed.next()
            } wake: {
                wake(feed)
            }
        }
    }

    static func signal(
        _ park: @escaping @Sendable (Signal) async -> Void
    ) -> @Sendable (ResourceGauge) -> Waiting {
        { gauge in
            let signal = Signal(gauge: gauge)
            return Waiting {
                await park(signal)
            } wake: {
                signal.set()
            }
        }
    }

    static func events(_ wake: @escaping @Sendable (EventFeed) -> Void) -> @Sendable (ResourceGauge) -> Waiting {
        { gauge in
            let feed = EventFeed(name: "x", buffering: .default, gauge: gauge) {}
            return Waiting {
                var batch = RingBuffer<EventFeed.Entry>()
                _ = await feed.take(into: &batch)
            } wake: {
                wake(feed)
            }
        }
    }

    static func inbox(_ wake: @escaping @Sendable (WebSocketInbox) -> Void) -> @Sendable (ResourceGauge) -> Waiting {
        { gauge in
            let inbox = WebSocketInbox(readAhead: 1_000, gauge: gauge)
            return Waiting {
                try await inbox.wait()
            } wake: {
                wake(inbox)
            }
        }
    }

    static func outbox(_ wake: @escaping @Sendable (WebSocketOutbox) -> Void) -> @Sendable (ResourceGauge) -> Waiting {
        { gauge in
            let outbox = WebSocketOutbox(maskingKeys: nil, gauge: gauge)
            let bytes = [UInt8](repeating: 0, count: OutputMarks.high + 1)
            _ = bytes.withUnsafeBytes { outbox.append(.binary, $0) }
            return Waiting {
                try await outbox.waitForRoom()
            } wake: {
                wake(outbox)
            }
        }
    }

    static func body(_ wake: @escaping @Sendable (HTTPBodyBuffer) -> Void) -> @Sendable (ResourceGauge) -> Waiting {
        { gauge in
            let buffer = HTTPBodyBuffer(gauge: gauge)
            return Waiting {
                _ = try await buffer.next()
            } wake: {
                wake(buffer)
            }
        }
    }

    static func promise(_ result: Result<Int, any Error>) -> @Sendable (ResourceGauge) -> Waiting {
        { gauge in
            let promise = Promise<Int>(gauge: gauge)
            return Waiting {
                _ = try await promise.value()
            } wake: {
                promise.finish(result)
            }
        }
    }

    /// The lookup itself waits for something that is not counted.
    @Sendable static func lookup(_ gauge: ResourceGauge) -> Waiting {
        let root = RootTask(gauge: gauge)
        let lookup = SharedLookup<Int>(root: root, ended: CancellationError())
        let found = Signal()
        return Waiting {
            _ = try await lookup.value {
                await found.wait()
                return 1
            }
        } wake: {
            found.set()
            root.finish()
        }
    }

    @Sendable static func resolver(_ gauge: ResourceGauge) -> Waiting {
        let found = Signal()
        let resolver = SystemResolver(width: 1) { _, port throws(TransportError) in
            while !found.isSet {}
            return [.loopback(port: port)]
        }
        return Waiting {
            defer { found.set() }
            _ = try await resolver.resolve(host: "a", port: 1, gauge: gauge)
        } wake: {
            found.set()
        }
    }

    static let rows = [
        Row(testDescription: "feed, an element", make: feed { $0.push(1) }),
        Row(testDescription: "feed, the end", make: feed { $0.finish() }),
        Row(testDescription: "signal", make: signal { await $0.wait() }),
        Row(
            testDescription: "signal, whatever happens",
            heedsCancellation: false,
            make: signal { await $0.waitUncancellably() }
        ),
        Row(
            testDescription: "events, one",
            make: events { _ = EventFeedTests.fill($0, 1...1) }
        ),
        Row(testDescription: "events, a gap", make: events { $0.appendGap(.overflowed(dropped: 1)) }),
        Row(testDescription: "events, the end", make: events { $0.end(nil) }),
        Row(
            testDescription: "WebSocket inbox, a message",
            make: inbox { inbox in
                var batch = RingBuffer<WebSocketReceivedMessages>()
                batch.append(WebSocketReceivedMessages())
                _ = inbox.push(&batch)
            }
        ),
        Row(testDescription: "WebSocket inbox, the end", make: inbox { $0.finish() }),
        Row(
            testDescription: "WebSocket outbox, room",
            make: outbox { outbox in
                var buffer = ByteBuffer()
                outbox.take(into: &buffer)
            }
        ),
        Row(testDescription: "WebSocket outbox, the end", make: outbox { $0.close() }),
        Row(
            testDescription: "HTTP body, a chunk",
            make: body {
                _ = $0.push(ByteChunk([1]))
                $0.wake()
            }
        ),
        Row(testDescription: "HTTP body, the end", make: body { $0.finish() }),
        Row(testDescription: "HTTP body, a failure", make: body { $0.finish(HTTPCallError(DeadlinePassedError())) }),
        Row(testDescription: "promise, won", make: promise(.success(1))),
        Row(testDescription: "promise, lost", make: promise(.failure(CancellationError()))),
        Row(testDescription: "shared lookup", make: lookup),
        Row(testDescription: "name", make: resolver),
    ]

    private static func count(_ gauge: ResourceGauge) -> Int { gauge.waiters.load(ordering: .sequentiallyConsistent) }

    private static func park(_ waiting: Waiting, _ gauge: ResourceGauge) async throws -> Task<Void, any Error> {
        #expect(count(gauge) == 0)
        let task = Task { try await waiting.park() }
        try await until(1, gauge)
        return task
    }

    /// Ends the wait of `task`.
    ///
    /// A task that was lost would never end, so nobody waits for one before its place is known to be empty.
    private static func end(
        _ task: Task<Void, any Error>,
        _ gauge: ResourceGauge,
        by ending: () -> Void
    ) async throws {
        ending()
        try await until(0, gauge)
        _ = await task.result
    }

    /// What looked something up for the task goes on without it, and ends behind its answer.
    private static func untilNothing(_ gauge: ResourceGauge) async throws {
        try await RivetAsyncTests.until { gauge.counts == .zero }
    }

    @Test("a task that waits is counted until it is answered", arguments: rows)
    func answered(_ row: Row) async throws {
        let gauge = ResourceGauge()
        let waiting = row.make(gauge)
        let task = try await Self.park(waiting, gauge)
        try await Self.end(task, gauge) { waiting.wake() }
        try await Self.untilNothing(gauge)
    }

    @Test("a task that waits is counted until it is cancelled", arguments: rows.filter(\.heedsCancellation))
    func cancelled(_ row: Row) async throws {
        let gauge = ResourceGauge()
        let waiting = row.make(gauge)
        let task = try await Self.park(waiting, gauge)
        try await Self.end(task, gauge) { task.cancel() }
        waiting.wake()
        try await Self.untilNothing(gauge)
    }

    @Test("B171: a waiter that is lost fails the test in which it waited")
    func lostWaiter() async throws {
        let waiting = Mutex<Task<Void, Never>?>(nil)
        try await withKnownIssue {
            try await LeavesNothing().provideScope(for: try #require(Test.current), testCase: Test.Case.current) {
                let gauge = ResourceGauge()
                let signal = Signal(gauge: gauge)
                waiting.withLock { $0 = Task { await signal.wait() } }
                try await Self.until(1, gauge)
            }
        } matching: { issue in
            "\(issue)".contains("descriptors 0, tasks 0, waiters 1")
        }
        let task = waiting.withLock { $0.take() }
        task?.cancel()
        await task?.value
    }

    @Test("a task that need not wait is not counted, nor one that was cancelled before", arguments: rows)
    func notParked(_ row: Row) async throws {
        let gauge = ResourceGauge()
        let waiting = row.make(gauge)
        let cancelled = Task {
            withUnsafeCurrentTask { $0?.cancel() }
            if row.heedsCancellation { try await waiting.park() }
        }
        _ = await cancelled.result
        #expect(Self.count(gauge) == 0)
        waiting.wake()
        try? await waiting.park()
        #expect(Self.count(gauge) == 0)
        try await Self.untilNothing(gauge)
    }

    @Test("a task that is resumed is counted off before it goes on; one that is lost stays counted")
    func parkedTask() async throws {
        let gauge = ResourceGauge()
        let parked = Mutex<ParkedTask<Int, any Error>?>(nil)
        let task = Task {
            let value = try await withCheckedThrowingContinuation { continuation in
                parked.withLock { $0 = ParkedTask(continuation, gauge) }
            }
            return [value, Self.count(gauge)]
        }
        // It is counted before it is here.
        try await RivetAsyncTests.until { parked.withLock { $0 != nil } }
        #expect(Self.count(gauge) == 1)
        parked.withLock { $0.take() }?.resume(returning: 7)
        #expect(await (try? task.value) == [7, 0])
    }

    // MARK: A client and an engine

    private enum Site: ActorDefinition {}

    /// Returns when so many tasks wait; throws when the test's time is over, since a lost task would never end.
    private static func until(_ count: Int, _ gauge: ResourceGauge) async throws {
        try await RivetAsyncTests.until { Self.count(gauge) == count }
    }

    @Test("everybody who waits for a client is counted, and nobody is left when it is closed")
    func clientLeavesNobodyWaiting() async throws {
        let engine = try await LocalEngine.withCounter()
        let client = RivetClient(try RivetConfiguration(endpoint: engine.endpoint))
        let gauge = client.context.gauge
        let counter = client.getOrCreate(Counter.self)
        let connection = counter.connect()
        try await connection.waitUntilConnected()
        _ = try await connection.send(Count())
        // The deadlines' task waits for an earlier one, the connection's for the end of its socket.
        try await Self.until(2, gauge)
        let (events, named) = (connection.events(of: NewCount.self), connection.events(named: "newCount", as: Int.self))
        let waiting: [Task<Void, any Error>] = [
            Task { for await _ in client.diagnostics {} },
            Task { for await _ in connection.status {} },
            Task { for await _ in events {} },
            Task { for try await _ in named.deliveries {} },
            Task { _ = try await connection.send(Hang()) },
            Task { _ = try await counter.send(Hang()) },
            Task { try await client.runConnections() },
        ]
        try await Self.until(2 + waiting.count, gauge)
        await client.close(within: .zero)
        try #require(gauge.counts == .zero)
        await engine.stop()
        #expect(engine.gauge.counts == .zero)
        for task in waiting { _ = await task.result }
    }

    @Test("a cancelled loop, action, call and wait are counted off, and the client goes on")
    func cancelledTasksAreCountedOff() async throws {
        let engine = try await LocalEngine.withCounter()
        let client = RivetClient(try RivetConfiguration(endpoint: engine.endpoint))
        let gauge = client.context.gauge
        let counter = client.getOrCreate(Counter.self)
        let connection = counter.connect()
        try await connection.waitUntilConnected()
        let events = connection.events(of: NewCount.self)
        let waiting: [Task<Void, any Error>] = [
            Task { for await _ in client.diagnostics {} },
            Task { for await _ in connection.status {} },
            Task { for await _ in events {} },
            Task { _ = try await connection.send(Hang()) },
            Task { _ = try await counter.send(Hang()) },
        ]
        try await Self.until(2 + waiting.count, gauge)
        for task in waiting { task.cancel() }
        for task in waiting { _ = await task.result }
        try await Self.until(2, gauge)
        #expect(try await connection.send(Increment(amount: 1)) == 1)
        await client.close(within: .zero)
        await engine.stop()
        try #require(gauge.counts == .zero)
    }

    @Test("held actions, and who waits for a connection that does not come, are counted")
    func heldActions() async throws {
        let refusing = try RefusingAddress()
        defer { refusing.close() }
        var configuration = try RivetConfiguration(endpoint: refusing.endpoint)
        configuration.looksUpMetadata = false
        configuration.reconnect = ReconnectPolicy(first: .seconds(3_600))
        let client = RivetClient(configuration)
        let gauge = client.context.gauge
        let connection = client.getForID(Counter.self, ActorID(rawValue: ClientTranscriptTests.id)).connect()
        for await status in connection.status where status.name == "waiting 2" { break }
        // The deadlines' task, and the connection's.
        try await Self.until(2, gauge)
        let waiting: [Task<Void, any Error>] = [
            Task { _ = try await connection.send(Count()) },
            Task { _ = try await connection.waitUntilConnected() },
        ]
        try await Self.until(2 + waiting.count, gauge)
        await client.close(within: .zero)
        try #require(gauge.counts == .zero)
        for task in waiting { _ = await task.result }
    }

    @Test("the reader and the senders of a raw WebSocket are counted at both ends")
    func rawWebSocket() async throws {
        let engine = try await LocalEngine.start { engine in
            engine.actor(Site.self, state: 0) { site in
                // It neither reads nor says anything; the engine cancels it.
                site.onWebSocket { _, _ in
                    while !Task.isCancelled { try await Task.sleep(for: .seconds(3_600)) }
                }
            }
        }
        let client = RivetClient(try RivetConfiguration(endpoint: engine.endpoint))
        let gauge = client.context.gauge
        let socket = try await client.getOrCreate(Site.self).webSocket("x")
        try await Self.until(1, gauge)
        let large = WebSocketMessage.binary(ByteChunk([UInt8](repeating: 0, count: 1 << 20)))
        let waiting: [Task<Void, any Error>] = [
            Task { for try await _ in socket.messages {} },
            Task { while true { try await socket.send(large) } },
            Task { while true { try await socket.send(large) } },
        ]
        try await Self.until(1 + waiting.count, gauge)
        await client.close(within: .zero)
        try #require(gauge.counts == .zero)
        await engine.stop()
        #expect(engine.gauge.counts == .zero)
        for task in waiting { _ = await task.result }
    }
}
