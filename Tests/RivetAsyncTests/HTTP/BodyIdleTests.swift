// SPDX-License-Identifier: Apache-2.0
import RivetAsyncLocal
import Testing

@testable import RivetAsync

/// How long a body may be silent, and what becomes of one that nobody reads on, over sockets.
@Suite(.leavesNothing, .timeLimit(.minutes(3)))
struct BodyIdleTests {
    /// A fetch whose answer has begun: `head` is written when the request is here.
    static func run(
        _ head: String,
        _ options: CallOptions = .init(),
        clock: any Clock<Duration> = ContinuousClock(),
        _ body: (ActorResponse, LiteralServer.Peer, RivetClient, LiteralServer) async throws -> Void
    ) async throws {
        let server = try await LiteralServer.start()
        var configuration = try RivetConfiguration(endpoint: server.endpoint)
        configuration.looksUpMetadata = false
        let client = RivetClient(configuration, clock: clock)
        async let answer = ConnectionLimitTests.handle(client).fetch(ActorRequest("x"), options)
        let peer = try await server.accept()
        _ = try await peer.readHead()
        peer.write(head)
        try await body(try await answer, peer, client, server)
        await client.close(within: .zero)
        await server.stop()
        #expect(client.context.gauge.counts == .zero)
    }

    static let head = "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n"

    enum Way: CaseIterable { case loop, collect, json }

    @Test("B278: a body that is silent while somebody reads", arguments: Way.allCases, [nil, 20])
    func silence(_ way: Way, _ seconds: Int?) async throws {
        let clock = TestClock()
        let options = CallOptions(bodyIdleTimeout: seconds.map { .seconds($0) })
        let limit = Duration.seconds(seconds ?? 75)
        try await Self.run(Self.head + "1", options, clock: clock) { (answer, peer, client, _) async throws in
            // The call's own deadline ended with the head, and while nobody reads nothing else counts.
            await clock.advance(by: .seconds(600))
            let reading = try await waiting(for: client) {
                switch way {
                case .loop: for try await _ in answer.body {}
                case .collect: _ = try await answer.body.collect()
                case .json: _ = try await answer.decodeJSON(Int.self)
                }
            }
            for _ in 0..<3 {
                await clock.waitForSleepers(1)
                await clock.advance(by: limit - .milliseconds(1))
                // Each piece begins the time anew: its reader waits again, under another timer.
                let before = answer.body.body.taken
                peer.write("1")
                try await until { answer.body.body.taken > before }
                // It is counted off in the turn that brings the piece: who is counted then waits for the next one.
                await client.untilTurnsEnd()
                try await until { client.context.gauge.counts.waiters == 2 }
            }
            await clock.waitForSleepers(1)
            await clock.advance(by: limit)
            let error = await #expect(throws: RivetError.self) { try await reading.value }
            #expect(error?.code == .deadlineExceeded)
            #expect(error?.message == "the answer's body: nothing of it arrived for \(limit)")
            #expect(error?.fault == .network)
            #expect(error?.execution == .mayHaveRun)
            #expect(await peer.isEnded())
        }
    }

    @Test("B278: a time that is not positive is the caller's error, on every call")
    func invalid() async throws {
        for time in [Duration.zero] + DurationTests.negative {
            let options = CallOptions(bodyIdleTimeout: time)
            for call in [
                { _ = try await $0.fetch(ActorRequest("x"), options) }, { try await $0.enqueue("x", 1, options) },
            ] as [(ActorHandle<CallersMistakeTests.Echo>) async throws -> Void] {
                let outcome = try await CallersMistakeTests.outcome { _, handle in try await call(handle) }
                #expect(outcome == CallersMistakeTests.invalidArgument)
            }
        }
    }

    @Test("B278: a huge time is none")
    func huge() async throws {
        let clock = TestClock()
        try await Self.run(
            Self.head,
            CallOptions(bodyIdleTimeout: .seconds(Int64.max)),
            clock: clock
        ) { (answer, peer, client, _) async throws in
            let reading = try await waiting(for: client) { try await answer.body.collect() }
            await clock.advance(by: .seconds(1_000_000_000))
            peer.write("123456789")
            #expect(try await reading.value == Array("123456789".utf8))
        }
    }

    @Test("B279: an answer that is dropped closes its connection at once", arguments: [true, false])
    func dropped(_ isRead: Bool) async throws {
        let head = "HTTP/1.1 200 OK\r\ncontent-length: 100000000\r\n\r\nbegin"
        let server = try await LiteralServer.start()
        var configuration = try RivetConfiguration(endpoint: server.endpoint)
        configuration.looksUpMetadata = false
        let client = RivetClient(configuration)
        let serving = Task {
            let peer = try await server.accept()
            _ = try await peer.readHead()
            peer.write(head)
            return await peer.isEnded()
        }
        do {
            let answer = try await ConnectionLimitTests.handle(client).fetch(ActorRequest("x"))
            if isRead { for try await _ in answer.body { break } }
        }
        #expect(try await serving.value)
        await client.close(within: .zero)
        await server.stop()
    }

    @Test("B279: a reader that is cancelled closes the connection at once")
    func cancelled() async throws {
        try await Self.run(Self.head + "1") { (answer, peer, client, _) async throws in
            let reading = try await waiting(for: client) { try await answer.body.collect() }
            reading.cancel()
            await #expect(throws: CancellationError.self) { try await reading.value }
            #expect(await peer.isEnded())
        }
    }

    @Test(
        "B191: what is already here when an answer is dropped is read, and the connection kept",
        arguments: [0, 1, 65_536]
    )
    func kept(_ size: Int) async throws {
        let head = "HTTP/1.1 200 OK\r\ncontent-length: \(size)\r\n\r\n" + String(repeating: "x", count: size)
        try await CauseTests.run { client, server in
            let serving = Task {
                let peer = try await server.accept()
                for _ in 0..<2 {
                    _ = try await peer.readHead()
                    peer.write(head)
                }
            }
            let origin = HTTPOrigin(host: "127.0.0.1", port: server.port, isSecure: false)
            for _ in 0..<2 {
                do {
                    let answer = try await ConnectionLimitTests.handle(client).fetch(ActorRequest("x"))
                    // It may come in several receives.
                    try await until { client.context.pool.counts(of: origin).idle == 1 }
                    _ = answer
                }
                #expect(client.context.pool.counts(of: origin) == (1, 1, 0))
            }
            try await serving.value
            #expect(server.connectionCount == 1)
        }
    }
}
