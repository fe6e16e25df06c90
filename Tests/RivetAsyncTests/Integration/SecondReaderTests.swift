// SPDX-License-Identifier: Apache-2.0
import RivetAsyncLocal
import Synchronization
import Testing

@testable import RivetAsync

/// Two tasks that read at the same time what is for one: the first is never lost.
///
/// The second is served too where the
/// sequence cannot throw, and told so where it can.
@Suite(.leavesNothing, .timeLimit(.minutes(3)))
struct SecondReaderTests {
    private enum Site: ActorDefinition {}

    /// Returns when so many tasks wait; throws when the test's time is over, since a lost task would never end.
    private static func until(_ count: Int, _ gauge: ResourceGauge) async throws {
        try await RivetAsyncTests.until { gauge.counts.waiters == count }
    }

    private static func expectReadTwice(_ body: () async throws -> Void) async {
        let error = await #expect(throws: RivetError.self) { try await body() }
        #expect(error?.code == .invalidArgument)
        #expect(error?.fault == .caller)
        #expect(error?.message.contains("another task") == true)
    }

    @Test("statuses and diagnostics: readers are served in the order in which they came, and all see the end")
    func feed() async throws {
        let gauge = ResourceGauge()
        let feed = Feed<Int>(capacity: 4, gauge: gauge)
        func reader(_ number: Int) async throws -> Task<Int?, Never> {
            let task = Task { await feed.next() }
            try await Self.until(number, gauge)
            return task
        }
        let (first, second, third) = (try await reader(1), try await reader(2), try await reader(3))
        second.cancel()
        try await Self.until(2, gauge)
        #expect(await second.value == nil)
        feed.push(1)
        feed.push(2)
        try await Self.until(0, gauge)
        #expect(await first.value == 1)
        #expect(await third.value == 2)
        let (fourth, fifth) = (try await reader(1), try await reader(2))
        feed.finish()
        try await Self.until(0, gauge)
        #expect(await fourth.value == nil)
        #expect(await fifth.value == nil)
    }

    @Test("B316: events: a batch goes to the reader that came first, the next one to the next, the end to all")
    func events() async throws {
        let gauge = ResourceGauge()
        let feed = EventFeed(name: "x", buffering: .default, gauge: gauge) {}
        func reader(_ number: Int) async throws -> Task<[String], Never> {
            let task = Task { await EventFeedTests.read(feed) }
            try await Self.until(number, gauge)
            return task
        }
        let (first, second, third) = (try await reader(1), try await reader(2), try await reader(3))
        second.cancel()
        try await Self.until(2, gauge)
        #expect(await second.value == ["end"])
        _ = EventFeedTests.fill(feed, 1...2)
        try await Self.until(1, gauge)
        #expect(await first.value == ["1", "2"])
        _ = EventFeedTests.fill(feed, 3...3)
        try await Self.until(0, gauge)
        #expect(await third.value == ["3"])
        let (fourth, fifth) = (try await reader(1), try await reader(2))
        feed.end(nil)
        try await Self.until(0, gauge)
        #expect(await fourth.value == ["end"])
        #expect(await fifth.value == ["end"])
    }

    @Test("copies of an events iterator share them, and one that is cancelled leaves the others their subscription")
    func copiedEvents() async throws {
        try await CounterTests.run { client, _ in
            let conn = client.getOrCreate(Counter.self).connect()
            let gauge = client.context.gauge
            // Smuggled into other tasks, as the compiler does not let through otherwise.
            nonisolated(unsafe) let iterator = conn.events(of: NewCount.self).makeAsyncIterator()
            func next() -> Task<Int?, Never> {
                Task {
                    var copy = iterator
                    return await copy.next()?.count
                }
            }
            try await conn.waitUntilConnected()
            _ = try await conn.send(Count())
            let base = 2
            try await Self.until(base, gauge)
            let cancelled = next()
            try await Self.until(base + 1, gauge)
            let first = next()
            try await Self.until(base + 2, gauge)
            let second = next()
            try await Self.until(base + 3, gauge)
            cancelled.cancel()
            try await Self.until(base + 2, gauge)
            #expect(await cancelled.value == nil)
            try await conn.send(Increment(amount: 1))
            #expect(await first.value == 1)
            try await conn.send(Increment(amount: 1))
            #expect(await second.value == 2)
            await conn.disconnect()
        }
    }

    @Test("B316: deliveries: the second is told, the first waits on")
    func deliveries() async throws {
        try await CounterTests.run { client, _ in
            let conn = client.getOrCreate(Counter.self).connect()
            let gauge = client.context.gauge
            nonisolated(unsafe) let iterator = conn.events(of: NewCount.self).deliveries.makeAsyncIterator()
            try await conn.waitUntilConnected()
            _ = try await conn.send(Count())
            try await Self.until(2, gauge)
            let first = Task {
                var copy = iterator
                return try await copy.next()
            }
            try await Self.until(3, gauge)
            var second = iterator
            await Self.expectReadTwice { _ = try await second.next() }
            try await conn.send(Increment(amount: 1))
            guard case .event(let event)? = try await first.value else {
                Issue.record("no event")
                return
            }
            #expect(event.count == 1)
            async let later = conn.send(Increment(amount: 1))
            guard case .event(let next)? = try await second.next() else {
                Issue.record("no event once it is alone")
                return
            }
            #expect(next.count == 2)
            _ = try await later
            await conn.disconnect()
        }
    }

    @Test("B316: messages of a raw WebSocket, at both ends: the second is told, the first waits on")
    func rawWebSocket() async throws {
        let engine = try await LocalEngine.start { engine in
            engine.actor(Site.self, state: 0) { site in
                site.onWebSocket { socket, _ in
                    try await withThrowingTaskGroup(of: WebSocketMessage?.self) { group in
                        for _ in 0..<2 { group.addTask { try await socket.messages.first { _ in true } } }
                        var answer = "nobody is told"
                        do {
                            _ = try await group.next()
                        } catch let error as RivetError {
                            answer = error.code.name
                        }
                        try await socket.send(.text(answer))
                        if let message = try await group.next() ?? nil { try await socket.send(message) }
                    }
                }
            }
        }
        let client = RivetClient(try RivetConfiguration(endpoint: engine.endpoint))
        let gauge = client.context.gauge
        let socket = try await client.getOrCreate(Site.self).webSocket("x")
        var messages = socket.messages.makeAsyncIterator()
        #expect(try await messages.next() == .text("invalidArgument"))
        try await Self.until(1, gauge)
        let first = Task { try await socket.messages.first { _ in true } }
        try await Self.until(2, gauge)
        await Self.expectReadTwice { _ = try await socket.messages.first { _ in true } }
        try await socket.send(.text("for the first"))
        #expect(try await first.value == .text("for the first"))
        await client.close(within: .zero)
        await engine.stop()
    }

    @Test("B316: a response's body: the second is told, the first waits on")
    func body() async throws {
        let gauge = ResourceGauge()
        let buffer = HTTPBodyBuffer(gauge: gauge)
        let body = ResponseBody(body: HTTPBody(buffer), endpoint: try Endpoint.parse("http://h").endpoint)
        let first = Task { try await body.collect() }
        try await Self.until(1, gauge)
        await Self.expectReadTwice { _ = try await body.collect() }
        await Self.expectReadTwice { for try await _ in body {} }
        _ = buffer.push(ByteChunk([1, 2]))
        buffer.finish()
        #expect(try await first.value == [1, 2])
    }
}
