// SPDX-License-Identifier: Apache-2.0
import RivetAsyncLocal
import Testing

@testable import RivetAsync

/// Every `await` that a user can reach, cancelled before, at some moment during, and after it.
///
/// The clock stands and the peer says nothing, so that nothing but the cancellation ends a wait.
@Suite(.leavesNothing, .timeLimit(.minutes(5)))
struct CancellationTests {
    struct Row: Sendable, CustomTestStringConvertible {
        let testDescription: String
        /// How it ends where it is cancelled.
        let ending: String
        let wait: @Sendable (LiteralConnection) async throws -> String

        init(_ name: String, _ ending: String, _ wait: @escaping @Sendable (LiteralConnection) async throws -> String) {
            (testDescription, self.ending, self.wait) = (name, ending, wait)
        }
    }

    /// The peer accepts connections and says nothing at all.
    static let ofSilence = [
        Row("an action over HTTP", "cancelled") { try await "\($0.handle.action("a") as Int)" },
        Row("resolve", "cancelled") { try await "\($0.byName.resolve())" },
        Row("resolveIfExists", "cancelled") { try await "\($0.byName.resolveIfExists() as Any)" },
        Row("issueToken", "cancelled") { try await "\($0.handle.issueToken())" },
        Row("enqueue", "cancelled") {
            try await $0.handle.enqueue("q", 1)
            return "returned"
        },
        Row("enqueueAndWait", "cancelled") {
            try await "\($0.handle.enqueueAndWait("q", 1, as: Int.self, timeout: .seconds(9)) as Any)"
        },
        Row("fetch", "cancelled") { try await "\($0.handle.fetch(ActorRequest("x")).status)" },
        Row("webSocket", "cancelled") { try await "\($0.handle.webSocket("x"))" },
        Row("withWebSocket", "cancelled") { try await $0.handle.withWebSocket("x") { _ in "returned" } },
        Row("an action that is held", "cancelled") { try await "\($0.connection.action("a") as Int)" },
        Row("waitUntilConnected", "cancelled") { try await "\($0.connection.waitUntilConnected())" },
        Row("withConnection", "cancelled") {
            try await $0.handle.withConnection { try await "\($0.waitUntilConnected())" }
        },
    ]
    /// The connection is open.
    static let ofOpenConnection = [
        Row("an action in flight", "cancelled") { try await "\($0.connection.action("a") as Int)" },
        Row("a status", "nil") {
            var statuses = $0.connection.status.makeAsyncIterator()
            _ = await statuses.next()
            return await statuses.next().map { $0.name } ?? "nil"
        },
        Row("an event", "nil") {
            var events = $0.connection.events(named: "e", as: Int.self).makeAsyncIterator()
            return await events.next().map { "\($0)" } ?? "nil"
        },
        Row("a delivery", "nil") {
            var deliveries = $0.connection.events(named: "e", as: Int.self).deliveries.makeAsyncIterator()
            return try await deliveries.next().map { "\($0)" } ?? "nil"
        },
        Row("a snapshot that is loaded", "nil") { fixture in
            var changes = fixture.resynced().makeAsyncIterator()
            return try await changes.next().map { "\($0)" } ?? "nil"
        },
        Row("a diagnostic", "nil") {
            for await _ in $0.client.diagnostics {}
            return "nil"
        },
        Row("pause", "returned") {
            await $0.connection.pause()
            $0.connection.resume()
            return "returned"
        },
        Row("pause behind an action", "returned") { fixture in
            let calling = Task { try await fixture.connection.action("a") as Int }
            await fixture.connection.pause()
            fixture.connection.resume()
            calling.cancel()
            _ = await calling.result
            return "returned"
        },
    ]

    @Test("B56, B76, B102, B139: an answer that does not come ends with the cancellation", arguments: ofSilence)
    func unanswered(_ row: Row) async throws { try await Self.expect(row) { _ in } }

    @Test(
        "B56, B76, B102, B288: on an open connection nothing but the cancelled wait ends",
        arguments: ofOpenConnection
    )
    func open(_ row: Row) async throws {
        try await Self.expect(row) { fixture in
            let socket = try await fixture.open()
            try await fixture.connection.waitUntilConnected()
            #expect(try await socket.isSilent())
        }
    }

    private static func expect(_ row: Row, _ prepare: (LiteralConnection) async throws -> Void) async throws {
        try await LiteralConnection.run { fixture in
            try await prepare(fixture)
            // Before, and then ever later on its way to the wait.
            for turns in -1..<TestScale.count(full: 400, byDefault: 25) {
                try await expect(row.ending, cancelledAfter: turns) { try await row.wait(fixture) }
            }
        }
    }

    /// Before it begins where `turns` is negative.
    private static func expect(
        _ ending: String,
        cancelledAfter turns: Int,
        _ wait: @escaping @Sendable () async throws -> String
    ) async throws {
        let waiting = Task {
            if turns < 0 { withUnsafeCurrentTask { $0?.cancel() } }
            do {
                return try await wait()
            } catch is CancellationError {
                return "cancelled"
            }
        }
        for _ in 0..<max(turns, 0) { await Task.yield() }
        waiting.cancel()
        #expect(try await waiting.value == ending, "cancelled after \(turns) turns")
    }

    @Test("B56, B76: what is cancelled when it has ended has its value, and the connection goes on")
    func after() async throws {
        try await CounterTests.run { client, _ in
            let counter = client.getOrCreate(Counter.self, ["after"])
            let connection = counter.connect()
            for overHTTP in [true, false] {
                let calling = Task {
                    overHTTP
                        ? try await counter.send(Increment(amount: 1)) : try await connection.send(Increment(amount: 1))
                }
                let count = try await calling.value
                calling.cancel()
                #expect(try await calling.value == count)
            }
            #expect(try await connection.send(Count()) == 2)
            await connection.disconnect()
        }
    }

    enum Reading: CaseIterable { case chunk, collect, json, event }

    @Test("B279: a body whose rest does not come ends with the cancellation", arguments: Reading.allCases)
    func body(_ reading: Reading) async throws {
        let kind = reading == .event ? "text/event-stream" : "application/json"
        let head = "HTTP/1.1 200 OK\r\ncontent-type: \(kind)\r\ncontent-length: 9\r\n\r\n"
        for turns in -1..<TestScale.count(full: 400, byDefault: 10) {
            try await BodyIdleTests.run(head, clock: TestClock()) { (answer, _, _, _) async throws in
                try await Self.expect("cancelled", cancelledAfter: turns) {
                    switch reading {
                    case .chunk: for try await _ in answer.body {}
                    case .collect: _ = try await answer.body.collect()
                    case .json: _ = try await answer.decodeJSON(Int.self)
                    case .event: for try await _ in answer.serverSentEvents {}
                    }
                    return "ended"
                }
            }
        }
    }

    @Test("B56: of a raw WebSocket that is silent, and does not read, nothing but the cancelled wait ends")
    func rawWebSocket() async throws {
        try await RawPeer.run { fixture in
            let (socket, peer) = try await fixture.open()
            for turns in -1..<TestScale.count(full: 400, byDefault: 25) {
                try await Self.expect("cancelled", cancelledAfter: turns) {
                    for try await _ in socket.messages {}
                    return "nil"
                }
                try await Self.expect("cancelled", cancelledAfter: turns) { "\(try await socket.ping())" }
            }
            peer.suspendReading()
            for turns in -1..<TestScale.count(full: 400, byDefault: 25) {
                try await Self.expect("cancelled", cancelledAfter: turns) {
                    // What the kernel takes is not known.
                    while true { try await socket.send(.binary(ByteChunk([UInt8](repeating: 0, count: 100_000)))) }
                }
            }
            #expect(socket.end.name == "open")
            peer.close()
        }
    }

    @Test("B317: parameters that never come keep nobody who is cancelled, and no disconnect")
    func neverReturns() async throws {
        let isReleased = Signal(gauge: ResourceGauge())
        try await LiteralConnection.run { fixture in
            let parameters = ConnectionParameters.provided {
                await isReleased.waitUncancellably()
                return 1
            }
            let connection = fixture.handle.connect(ConnectOptions(parameters: parameters))
            for turns in 0..<20 {
                let calling = Task { try await connection.action("a") as Int }
                for _ in 0..<turns { await Task.yield() }
                calling.cancel()
                await #expect(throws: CancellationError.self) { try await calling.value }
            }
            await connection.disconnect()
            isReleased.set()
        }
    }
}

extension LiteralConnection {
    /// An actor that has to be looked up.
    fileprivate var byName: ActorHandle<Untyped> { client.get("a", ["k"]) }
}
