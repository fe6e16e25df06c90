// SPDX-License-Identifier: Apache-2.0
import RivetAsyncLocal
import Testing

@testable import RivetAsync

/// The limit of requests under way, as who calls meets it.
@Suite(.leavesNothing, .timeLimit(.minutes(3)))
struct ConnectionLimitTests {
    enum Echo: ActorDefinition {}
    struct Note: ActorQueueMessage { typealias Target = Echo }

    static let answer = "HTTP/1.1 200 OK\r\ncontent-length: 12\r\n\r\n{\"output\":7}"
    static let begun = "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nbegin"

    static func handle(_ client: RivetClient) -> ActorHandle<Echo> {
        client.getForID(Echo.self, ActorID(rawValue: CauseTests.id))
    }

    struct Holder: Sendable, CustomTestStringConvertible {
        let testDescription: String
        var limit: Int?
        /// How many of them have a connection.
        let held: Int
        let path: String
        let answer: String
        let call: @Sendable (ActorHandle<Echo>) async throws -> any Sendable
    }

    static let fetch: @Sendable (ActorHandle<Echo>) async throws -> any Sendable = {
        try await $0.fetch(ActorRequest("x"))
    }
    static let wait: @Sendable (ActorHandle<Echo>) async throws -> any Sendable = {
        try await $0.enqueueAndWait(Note(), timeout: .seconds(60))
    }

    static let holders = [
        Holder(testDescription: "64 answers", held: 48, path: "/request/x", answer: begun, call: fetch),
        Holder(testDescription: "64 waits", held: 48, path: "/queue/note", answer: "", call: wait),
        Holder(testDescription: "answers, 2", limit: 2, held: 1, path: "/request/x", answer: begun, call: fetch),
        Holder(testDescription: "waits, 2", limit: 2, held: 1, path: "/queue/note", answer: "", call: wait),
        Holder(testDescription: "answers, 5", limit: 5, held: 4, path: "/request/x", answer: begun, call: fetch),
    ]

    @Test("B51: answers that nobody reads, and waits, leave places to an action and a send", arguments: holders)
    func reserve(_ holder: Holder) async throws {
        try await CauseTests.run { configuration in
            configuration.encoding = .json
            if let limit = holder.limit { configuration.maxConnectionsPerOrigin = limit }
        } _: { client, server in
            let handle = Self.handle(client)
            let holding = (0..<(holder.limit ?? 64)).map { _ in
                // What comes is held by its task until the end.
                Task { try await holder.call(handle) }
            }
            for _ in 0..<holder.held {
                let peer = try await server.accept()
                #expect(try await peer.readHead().first?.contains(holder.path) == true)
                peer.write(holder.answer)
            }
            // Nobody has read a byte, and the rest of them waits in line.
            async let action: Int = handle.action("add")
            let peer = try await server.accept()
            #expect(try await peer.readHead().first?.contains("/action/add") == true)
            peer.write(Self.answer)
            #expect(try await action == 7)
            async let sending: Void = handle.enqueue(Note())
            _ = try await peer.read(#"{"args":[]}"#.utf8.count)
            #expect(try await peer.readHead().first?.contains("/queue/note") == true)
            peer.write("HTTP/1.1 200 OK\r\ncontent-length: 22\r\n\r\n{\"status\":\"completed\"}")
            try await sending
            #expect(server.connectionCount == holder.held + 1)
            for task in holding { task.cancel() }
            for task in holding { _ = await task.result }
        }
    }

    /// A client whose one place is taken, on a clock that the test moves.
    private static func full(_ body: (RivetClient, LiteralServer, TestClock) async throws -> Void) async throws {
        let server = try await LiteralServer.start()
        let clock = TestClock()
        var configuration = try RivetConfiguration(endpoint: server.endpoint)
        configuration.looksUpMetadata = false
        configuration.maxConnectionsPerOrigin = 1
        configuration.encoding = .json
        let client = RivetClient(configuration, clock: clock)
        async let answering = Self.handle(client).fetch(ActorRequest("x"))
        let peer = try await server.accept()
        _ = try await peer.readHead()
        peer.write(Self.begun)
        let answer = try await answering
        try await body(client, server, clock)
        withExtendedLifetime(answer) {}
        await client.close(within: .zero)
        await server.stop()
        #expect(client.context.gauge.counts == .zero)
    }

    struct Use: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let text: String
        let call: @Sendable (RivetClient) async throws -> Void
    }

    static let uses = [
        Use(testDescription: "action", text: "the action \"add\" had no answer before its deadline: it was ") {
            _ = try await handle($0).action("add", options: .init(timeout: .seconds(5))) as Int
        },
        Use(testDescription: "fetch", text: "the request had no answer before its deadline: it was ") {
            _ = try await handle($0).fetch(ActorRequest("x"), .init(timeout: .seconds(5)))
        },
        Use(
            testDescription: "queue",
            text: "the send to the queue \"note\" had no answer before its deadline: it was "
        ) { try await handle($0).enqueue(Note(), .init(timeout: .seconds(5))) },
        Use(
            testDescription: "lookup",
            text: "the action \"add\" had no answer before its deadline: it was looking the actor up, "
        ) {
            let handle = $0.getOrCreate("counter", ["k"])
            _ = try await handle.action("add", options: .init(timeout: .seconds(5))) as Int
        },
    ]

    @Test("B51: the deadline of a call that waits for a place says so", arguments: uses)
    func deadline(_ use: Use) async throws {
        try await Self.full { client, server, clock in
            let call = Task { try await use.call(client) }
            let origin = HTTPOrigin(host: "127.0.0.1", port: server.port, isSecure: false)
            try await until { client.context.pool.counts(of: origin).waiting == 1 }
            await clock.waitForSleepers(1)
            await clock.advance(by: .seconds(5))
            let error = await #expect(throws: RivetError.self) { try await call.value }
            #expect(error?.code == .deadlineExceeded)
            #expect(error?.execution == .notSent)
            #expect(error?.fault == .network)
            #expect(error?.message == use.text + "waiting for one of 1 connections to 127.0.0.1:\(server.port)")
            let cause = error?.underlying as? HTTPError
            #expect(cause == .connectionsInUse(limit: 1, host: "127.0.0.1:\(server.port)"))
            #expect(client.context.pool.counts(of: origin).waiting == 0)
            #expect(server.connectionCount == 1)
        }
    }

    @Test("B51: a call that is cancelled in line, or whose client closes, is not sent")
    func ends() async throws {
        try await Self.full { client, server, _ in
            let origin = HTTPOrigin(host: "127.0.0.1", port: server.port, isSecure: false)
            func call() async throws -> Task<Int, any Error> {
                let before = client.context.pool.counts(of: origin).waiting
                let task = Task { try await Self.handle(client).action("add") as Int }
                try await until { client.context.pool.counts(of: origin).waiting == before + 1 }
                return task
            }
            let (cancelled, cut) = (try await call(), try await call())
            cancelled.cancel()
            await #expect(throws: CancellationError.self) { try await cancelled.value }
            await client.close(within: .zero)
            let error = await #expect(throws: RivetError.self) { try await cut.value }
            #expect(error?.code == .clientClosed)
            #expect(error?.execution == .notSent)
        }
    }

    @Test("B51, B267: a limit below one is invalid", arguments: [0, -1, Int.min])
    func limits(_ limit: Int) async throws {
        let outcome = try await CallersMistakeTests.outcome {
            $0.maxConnectionsPerOrigin = limit
        } _: { _, handle in
            _ = try await handle.fetch(ActorRequest("x"))
        }
        #expect(outcome == CallersMistakeTests.invalidConfiguration)
        var configuration = try RivetConfiguration(endpoint: "http://engine.test")
        #expect(configuration.maxConnectionsPerOrigin == 64)
        configuration.maxConnectionsPerOrigin = limit
        let error = #expect(throws: RivetError.self) { try configuration.validate() }
        #expect(error?.message == "maxConnectionsPerOrigin is \(limit) and must be at least 1")
        configuration.maxConnectionsPerOrigin = .max
        try configuration.validate()
    }
}
