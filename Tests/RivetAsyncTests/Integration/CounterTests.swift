// SPDX-License-Identifier: Apache-2.0
import RivetAsyncLocal
import Testing

@testable import RivetAsync

/// The README's program against the local engine: in memory, over TCP and over TLS.
@Suite(.leavesNothing, .timeLimit(.minutes(3)))
struct CounterTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let encoding: RivetConfiguration.Encoding
        let kind: StreamPair.Kind
        var testDescription: String { "\(encoding), \(kind)" }
    }

    static let cases = [RivetConfiguration.Encoding.bare, .cbor, .json].flatMap { encoding in
        StreamPair.Kind.all.map { Case(encoding: encoding, kind: $0) }
    }

    static func run(
        _ row: Case = Case(encoding: .bare, kind: .tcp),
        _ body: (RivetClient, LocalEngine) async throws -> Void
    ) async throws {
        let engine = try await LocalEngine.withCounter(transport: row.kind.transport)
        var configuration = try await row.kind.configuration(for: engine)
        configuration.encoding = row.encoding
        configuration.reconnect = ReconnectPolicy(first: .milliseconds(5))
        let client = RivetClient(configuration, transport: engine.transport)
        try await RivetAsync.scoped {
            await client.close(within: .zero)
            await engine.stop()
        } _: {
            try await body(client, engine)
        }
        #expect(client.context.gauge.counts == .zero)
        #expect(engine.gauge.counts == .zero)
    }

    @Test("the program of the README", arguments: cases)
    func program(_ row: Case) async throws {
        try await Self.run(row) { client, _ in
            let counter = client.getOrCreate(Counter.self, ["my-counter"])
            let first = try await counter.send(Increment(amount: 1))
            #expect(first == 1)
            let conn = counter.connect()
            let counts = conn.events(of: NewCount.self)
            let second = try await conn.send(Increment(amount: 2))
            #expect(second == 3)
            var seen: [Int] = []
            for await event in counts {
                seen.append(event.count)
                if event.count >= 3 { break }
            }
            #expect(seen == [3])
            await conn.disconnect()
            guard case .closed(.requested) = conn.status.current else {
                Issue.record("the status is \(conn.status.current)")
                return
            }
        }
    }

    @Test("B201, B202: an actor's error has the same fields over HTTP and over a connection", arguments: cases)
    func actorsError(_ row: Case) async throws {
        try await Self.run(row) { client, _ in
            let counter = client.getOrCreate(Counter.self, ["declines"])
            let conn = counter.connect()
            let overHTTP = await #expect(throws: RivetError.self) { _ = try await counter.send(Decline(reason: "r")) }
            let overSocket = await #expect(throws: RivetError.self) { _ = try await conn.send(Decline(reason: "r")) }
            for error in [overHTTP, overSocket] {
                let error = try #require(error)
                #expect(error.matches("user", "declined"))
                #expect(error.message == "no")
                #expect(error.fault == .actor)
                #expect(error.execution == .ran)
                let metadata = try error.remote?.metadata(as: [String: String].self)
                #expect(metadata == ["reason": "r"])
            }
            await conn.disconnect()
        }
    }

    @Test("a connection keeps no memory that has grown for one large message")
    func largeActionLeavesNoLargeBuffer() async throws {
        var limits = LocalEngine.Limits()
        limits.maxIncomingMessage = 4 << 20
        try await withEngine(limits: limits) { engine in
            engine.actor(LocalCounter.self, state: 0) { LocalCounter.define(&$0) }
        } _: { engine in
            let client = RivetClient(try RivetConfiguration(endpoint: engine.endpoint), transport: engine.transport)
            let conn = client.getOrCreate(LocalCounter.self).connect()
            _ = try? await conn.action("getCount", String(repeating: "x", count: 1_000_000))
            try await conn.send(LocalCounter.Increment(amount: 1))
            let driver = conn.driver
            let retained = await driver.lane.perform { driver.assumeIsolated { $0.socket?.retainedSize } }
            #expect(try #require(retained) <= 2 * OutputMarks.high)
            #expect(conn.status.current.name == "connected 1", "it is the same socket")
            await client.close(within: .zero)
        }
    }

    @Test("B92, B104, B105: a cut connection comes back, subscribes again, and shows the gap", arguments: cases)
    func reconnects(_ row: Case) async throws {
        try await Self.run(row) { client, engine in
            let conn = client.getOrCreate(Counter.self, ["cut"]).connect()
            var deliveries = conn.events(of: NewCount.self).deliveries.makeAsyncIterator()
            var statuses = conn.status.makeAsyncIterator()
            try await conn.send(Increment(amount: 1))
            guard case .event(let first)? = try await deliveries.next() else {
                Issue.record("no event")
                return
            }
            #expect(first.count == 1)
            await engine.faults.cutAllConnections()
            guard case .gap(.reconnected(let info))? = try await deliveries.next() else {
                Issue.record("no gap")
                return
            }
            #expect(info.connectionNumber == 2)
            try await conn.send(Increment(amount: 1))
            guard case .event(let second)? = try await deliveries.next() else {
                Issue.record("no event")
                return
            }
            #expect(second.count == 2)
            await conn.disconnect()
            #expect(try await deliveries.next() == nil)
            var names: [String] = []
            while let status = await statuses.next() { names.append(status.name) }
            #expect(
                names == ["connecting 1", "connected 1", "waiting 2", "connecting 2", "connected 2", "closed"]
            )
        }
    }

    @Test("B56, B76: a cancelled caller returns at once, over HTTP and over a connection")
    func cancellation() async throws {
        try await Self.run { client, _ in
            let counter = client.getOrCreate(Counter.self, ["hangs"])
            let conn = counter.connect()
            try await conn.waitUntilConnected()
            let calls = [
                Task { _ = try await counter.send(Hang()) },
                Task { _ = try await conn.send(Hang()) },
            ]
            try await conn.send(Increment(amount: 1))
            for call in calls {
                call.cancel()
                await #expect(throws: CancellationError.self) { try await call.value }
            }
            #expect(try await conn.send(Count()) == 1)
            await conn.disconnect()
        }
    }

    @Test("B98, B99: every listener of every connection gets each event once, in order")
    func manyListeners() async throws {
        try await Self.run { client, _ in
            let counter = client.getOrCreate(Counter.self, ["many"])
            let first = counter.connect()
            let second = counter.connect()
            let streams = [
                first.events(of: NewCount.self), first.events(of: NewCount.self), second.events(of: NewCount.self),
            ]
            try await first.waitUntilConnected()
            try await second.waitUntilConnected()
            // An answer on each connection proves that its subscription was handled before (PROTOCOL h3).
            _ = try await first.send(Count())
            _ = try await second.send(Count())
            for _ in 1...100 { try await counter.send(Increment(amount: 1)) }
            for stream in streams {
                var seen: [Int] = []
                for await event in stream {
                    seen.append(event.count)
                    if event.count == 100 { break }
                }
                #expect(seen == Array(1...100))
            }
            await first.disconnect()
            await second.disconnect()
        }
    }

    @Test("B102: a cancelled loop ends at once, also with events left in its batch")
    func cancelledLoop() async throws {
        try await Self.run { client, _ in
            let conn = client.getOrCreate(Counter.self, ["cancelled"]).connect()
            let counts = conn.events(of: NewCount.self)
            for _ in 1...20 { try await conn.send(Increment(amount: 1)) }
            let seen = await Task {
                var seen = 0
                for await _ in counts {
                    seen += 1
                    if seen == 3 { withUnsafeCurrentTask { $0?.cancel() } }
                }
                return seen
            }.value
            #expect(seen == 3)
            await conn.disconnect()
        }
    }

    @Test("B166: a closed client refuses calls and connections")
    func closedClient() async throws {
        try await Self.run { client, _ in
            let counter = client.getOrCreate(Counter.self, ["closed"])
            try await counter.send(Increment(amount: 1))
            await client.close()
            let error = await #expect(throws: RivetError.self) { try await counter.send(Increment(amount: 1)) }
            #expect(error?.code == .clientClosed)
            let conn = counter.connect()
            let refused = await #expect(throws: RivetError.self) { try await conn.send(Increment(amount: 1)) }
            #expect(refused?.code == .clientClosed)
        }
    }

    @Test("B168: withConnection closes its connection, whether the body returns or throws")
    func scoped() async throws {
        struct Expected: Error {}
        try await Self.run { client, _ in
            let counter = client.getOrCreate(Counter.self, ["scoped"])
            let sum = try await counter.withConnection { try await $0.send(Increment(amount: 4)) }
            #expect(sum == 4)
            await #expect(throws: Expected.self) {
                try await counter.withConnection { conn in
                    try await conn.waitUntilConnected()
                    throw Expected()
                }
            }
        }
    }
}
