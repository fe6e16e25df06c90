// SPDX-License-Identifier: Apache-2.0
import RivetAsyncLocal
import Testing

@testable import RivetAsync

/// One code for a call whose time is over, whatever it was doing.
@Suite(.leavesNothing, .timeLimit(.minutes(3)))
struct DeadlineTests {
    typealias Server = AnsweringServer

    struct Row: Sendable, CustomTestStringConvertible {
        let testDescription: String
        /// What the error says of the phase.
        let says: String
        var execution = RivetError.Execution.notSent
        var change: @Sendable (inout RivetConfiguration, Signal) -> Void = { _, _ in }
        var dialer: (@Sendable (Signal) -> any Dialer)?
        var answer: @Sendable (Server.Request, Int) -> Server.Answer = { _, _ in .silence }
        /// The request that the server has when the call is in its phase; nil where `arrived` says so.
        var reached: String?
        /// Nothing is looked up.
        var isByID = false
        var call: @Sendable (ActorHandle<Untyped>) async throws -> Void = { _ = try await $0.action("b") as NoValue }
        var parameters: (@Sendable (Signal) -> ConnectionParameters)?
    }

    /// Never connects.
    struct HangingDialer: Dialer {
        let arrived: Signal
        func dial(_ request: DialRequest) async throws -> any ByteStream {
            arrived.set()
            let never = Signal(gauge: ResourceGauge())
            return try await withDeadline(request.deadline?.time, time: request.time) {
                await never.wait()
                throw CancellationError()
            }
        }
    }

    /// A name that no answer comes for.
    static func hangingName(_ arrived: Signal) -> any Dialer {
        SocketDialer(
            resolver: FakeResolver { _ in
                arrived.set()
                await Signal(gauge: ResourceGauge()).wait()
                throw CancellationError()
            }
        )
    }

    private static func hang(_ arrived: Signal) async {
        arrived.set()
        await Signal(gauge: ResourceGauge()).wait()
    }

    static let rows = [
        Row(
            testDescription: "asking the provider of parameters",
            says: "the provider of the connection parameters had not answered",
            isByID: true,
            parameters: { arrived in
                .provided {
                    await hang(arrived)
                    return 1
                }
            }
        ),
        Row(
            testDescription: "asking the provider of the token",
            says: "the token's provider had not answered",
            change: { configuration, arrived in
                let provider = AccessToken.provided { _ in
                    await hang(arrived)
                    throw CancellationError()
                }
                guard let changed = try? RivetConfiguration(endpoint: configuration.endpoint.text, token: provider)
                else { return }
                // The question itself is given up later than the call.
                (configuration, configuration.callTimeout) = (changed, .seconds(60))
                configuration.looksUpMetadata = false
            },
            isByID: true,
            call: { _ = try await $0.action("b", options: CallOptions(timeout: .seconds(5))) as NoValue }
        ),
        Row(
            testDescription: "metadata",
            says: "GET /metadata",
            change: { configuration, _ in configuration.looksUpMetadata = true },
            reached: "GET /metadata?namespace=default"
        ),
        Row(
            testDescription: "the lookup",
            says: "it was looking the actor up",
            reached: "GET /actors?name=counter&key=k&namespace=default"
        ),
        Row(
            testDescription: "a name",
            says: "the deadline passed while the name engine.test was being resolved",
            dialer: hangingName
        ),
        Row(
            testDescription: "TCP",
            says: "looking the actor up",
            dialer: { HangingDialer(arrived: $0) }
        ),
        Row(
            testDescription: "the answer's head",
            says: "it was waiting for the answer",
            execution: .mayHaveRun,
            answer: { request, _ in request.method == "GET" ? .listed(Server.actor()) : .silence },
            reached: "POST /gateway/\(Server.id)/action/b"
        ),
        Row(
            testDescription: "the head of a raw answer",
            says: "it was waiting for the answer",
            execution: .mayHaveRun,
            answer: { request, _ in request.line.contains("/actors") ? .listed(Server.actor()) : .silence },
            reached: "GET /gateway/\(Server.id)/request/b",
            call: { _ = try await $0.fetch(ActorRequest("b")) }
        ),
        Row(
            testDescription: "a send to a queue",
            says: "it was waiting for the answer",
            execution: .mayHaveRun,
            answer: { request, _ in request.method == "GET" ? .listed(Server.actor()) : .silence },
            reached: "POST /gateway/\(Server.id)/queue/b",
            call: { try await $0.enqueue("b", 1) }
        ),
        Row(
            testDescription: "the answer's body",
            says: "it was waiting for the answer",
            execution: .mayHaveRun,
            answer: { request, _ in
                request.method == "GET" ? .listed(Server.actor()) : .beginning("content-length: 9", "begin")
            },
            reached: "POST /gateway/\(Server.id)/action/b"
        ),
    ]

    @Test("B55: a call whose time is over says so with one code, and names its phase", arguments: rows)
    func phases(_ row: Row) async throws {
        let arrived = Signal(gauge: ResourceGauge())
        let clock = TestClock()
        try await Server.serving { request, number in
            row.answer(request, number)
        } _: { server in
            var configuration = try RivetConfiguration(endpoint: server.endpoint, token: .none)
            if row.dialer != nil {
                configuration = try RivetConfiguration(endpoint: "http://engine.test", token: .none)
            }
            configuration.looksUpMetadata = false
            configuration.callTimeout = .seconds(5)
            row.change(&configuration, arrived)
            let transport = row.dialer.map { RivetTransport(dialer: $0(arrived)) } ?? .sockets
            let client = RivetClient(configuration, clock: clock, transport: transport)
            try await scoped(closing: { await client.close(within: .zero) }) {
                let options = HandleOptions(parameters: row.parameters.map { $0(arrived) } ?? .none)
                let handle =
                    row.isByID ? client.getForID("a", "x", options) : client.get("counter", ["k"], options)
                let calling = Task { try await row.call(handle) }
                if let line = row.reached {
                    try await until { server.lines.contains(line) }
                } else {
                    await arrived.wait()
                }
                await clock.advance(by: .seconds(5))
                let error = await #expect(throws: RivetError.self) { try await calling.value }
                #expect(error?.code == .deadlineExceeded)
                #expect(error?.execution == row.execution)
                #expect(error?.isTransient == true)
                #expect(error?.message.contains(row.says) == true, "\(error as Any)")
            }
        }
    }

    @Test("B55: the pause before a repeat: the last cause is in the text and is the error below")
    func pausing() async throws {
        let overloaded = Server.Answer.error(503, "actor.overloaded", isGateways: false)
        let clock = TestClock()
        try await Server.run([], then: overloaded, clock: clock) {
            $0.callTimeout = .seconds(5)
        } _: { client, server in
            var lines = client.diagnostics.makeAsyncIterator()
            let calling = Task { try await client.getForID("a", "x").action("b") as NoValue }
            // The clock stands but in the pauses, so that the requests have all the time that they need.
            for time in [Duration.milliseconds(100), .seconds(5)] {
                while let line = await lines.next(), line.message != "a call is repeated after a pause" {}
                // The deadline sleeps, and the pause beside it.
                await clock.waitForSleepers(2)
                await clock.advance(by: time)
            }
            let error = await #expect(throws: RivetError.self) { try await calling.value }
            #expect(error?.code == .deadlineExceeded)
            #expect(error?.message.contains(", since m") == true, "\(error as Any)")
            #expect((error?.underlying as? RivetError)?.matches("actor", "overloaded") == true)
            #expect(server.requests.count > 1)
        }
    }

    @Test("B55: a place in the pool, TLS, and a request that the peer does not read")
    func connections() async throws {
        for phase in ["place", "TLS", "sending"] {
            let server = try await LiteralServer.start()
            let clock = TestClock()
            let endpoint = phase == "TLS" ? "https" + server.endpoint.dropFirst(4) : server.endpoint
            var configuration = try RivetConfiguration(endpoint: endpoint, token: .none)
            configuration.looksUpMetadata = false
            configuration.callTimeout = .seconds(5)
            configuration.maxConnectionsPerOrigin = 1
            let client = RivetClient(configuration, clock: clock)
            let handle = client.getForID("a", "x")
            try await scoped {
                await client.close(within: .zero)
                await server.stop()
            } _: {
                let first = Task { try await handle.fetch(ActorRequest("b"), CallOptions(timeout: .seconds(9))) }
                let peer = try await server.accept()
                var calling = Task { _ = try await first.value }
                if phase == "TLS" {
                    first.cancel()
                    _ = await first.result
                    calling = Task { _ = try await handle.action("b") as NoValue }
                    _ = try await server.accept()
                } else {
                    _ = try await peer.readHead()
                    if phase == "sending" {
                        peer.suspendReading()
                        first.cancel()
                        _ = await first.result
                        let large = String(repeating: "x", count: 20 << 20)
                        calling = Task { _ = try await handle.action("b", large) as NoValue }
                        let next = try await server.accept()
                        // A part of it has left.
                        _ = try await next.readHead()
                        next.suspendReading()
                    } else {
                        calling = Task { _ = try await handle.action("b") as NoValue }
                        let origin = HTTPOrigin(host: "127.0.0.1", port: server.port, isSecure: false)
                        try await until { client.context.pool.counts(of: origin).waiting == 1 }
                    }
                }
                await clock.advance(by: .seconds(5))
                let error = await #expect(throws: RivetError.self) { try await calling.value }
                #expect(error?.code == .deadlineExceeded, "\(phase)")
                #expect(error?.execution == (phase == "sending" ? .mayHaveRun : .notSent), "\(phase)")
                if phase == "place" { #expect(error?.message.contains("connections") == true, "\(error as Any)") }
                first.cancel()
                _ = await first.result
            }
        }
    }
}
