// SPDX-License-Identifier: Apache-2.0
import RivetAsyncLocal
import Synchronization
import Testing

@testable import RivetAsync

/// Endpoints that are wrong, dead, or somebody else: each a clear error within its deadline, and the client lives on.
@Suite(.leavesNothing, .timeLimit(.minutes(3)))
struct UnfriendlyPeerTests {
    enum Counter: ActorDefinition {}
    struct Increment: ActorAction {
        typealias Target = Counter
        typealias Output = Int
        var amount = 1
    }

    /// What the other end does with each connection.
    enum Behaviour: Sendable, Equatable {
        /// Nobody listens.
        case refuse
        /// Answers every request with these bytes.
        case answer(String)
        /// Answers with these bytes and ends the stream.
        case answerAndEnd(String)
        /// Takes the request and resets.
        case reset
        /// Takes the request and says nothing.
        case silent
    }

    struct Row: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let behaviour: Behaviour
        var looksUpMetadata = false
        let code: RivetError.Code
        let execution: RivetError.Execution
        /// It is tried again until the deadline, which ends it with this as the cause.
        var cause: RivetError.Code?
        /// The one try lasts until the deadline.
        var isSilent = false

        var lasts: Bool { isSilent || cause != nil }
        /// What a person must find in the text.
        let says: String
    }

    static let notRivet = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 14\r\n\r\n<html>\n</html>"

    static let rows = [
        Row(
            testDescription: "refused",
            behaviour: .refuse,
            code: .deadlineExceeded,
            execution: .notSent,
            cause: .connectFailed,
            says: "127.0.0.1"
        ),
        Row(
            testDescription: "refused, metadata",
            behaviour: .refuse,
            looksUpMetadata: true,
            code: .deadlineExceeded,
            execution: .notSent,
            cause: .connectFailed,
            says: "GET /metadata"
        ),
        Row(
            testDescription: "not Rivet",
            behaviour: .answer(notRivet),
            code: .unexpectedResponse,
            execution: .notSent,
            says: "HTTP 200"
        ),
        Row(
            testDescription: "not Rivet, metadata",
            behaviour: .answer(notRivet),
            looksUpMetadata: true,
            code: .metadataUnavailable,
            execution: .notSent,
            says: "not Rivet"
        ),
        Row(
            testDescription: "404 of another server",
            behaviour: .answer("HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\nnope"),
            code: .unexpectedResponse,
            execution: .notSent,
            says: "HTTP 404"
        ),
        Row(
            testDescription: "redirection",
            behaviour: .answer(
                "HTTP/1.1 302 Found\r\nLocation: https://u:secret@elsewhere/x?t=secret\r\nContent-Length: 0\r\n\r\n"
            ),
            code: .unexpectedResponse,
            execution: .notSent,
            says: "https://elsewhere/x"
        ),
        Row(
            testDescription: "not HTTP",
            behaviour: .answer("SSH-2.0-OpenSSH_9.2\r\n\r\n\r\n"),
            code: .protocolViolation,
            execution: .notSent,
            says: "status line"
        ),
        Row(
            testDescription: "ends in the head",
            behaviour: .answerAndEnd("HTTP/1.1 200 OK\r\nContent-"),
            code: .deadlineExceeded,
            execution: .notSent,
            cause: .connectionLost,
            says: "head"
        ),
        Row(
            testDescription: "ends in the body",
            behaviour: .answerAndEnd("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"actor\":"),
            code: .deadlineExceeded,
            execution: .notSent,
            cause: .connectionLost,
            says: "body"
        ),
        Row(
            testDescription: "resets",
            behaviour: .reset,
            code: .deadlineExceeded,
            execution: .notSent,
            cause: .connectionLost,
            says: "127.0.0.1"
        ),
        Row(
            testDescription: "silent",
            behaviour: .silent,
            code: .deadlineExceeded,
            execution: .notSent,
            isSilent: true,
            says: "deadline"
        ),
        Row(
            testDescription: "silent, metadata",
            behaviour: .silent,
            looksUpMetadata: true,
            code: .deadlineExceeded,
            execution: .notSent,
            isSilent: true,
            says: "GET /metadata"
        ),
    ]

    /// Serves until the test is over; `heard` is set when a request is here.
    static func serve(_ server: LiteralServer, _ behaviour: Behaviour, _ heard: Signal) async {
        await withDiscardingTaskGroup { group in
            while let peer = try? await server.accept() {
                group.addTask {
                    while (try? await peer.readHead()) != nil {
                        heard.set()
                        switch behaviour {
                        case .refuse, .silent: break
                        case .answer(let text): peer.write(text)
                        case .answerAndEnd(let text):
                            peer.write(text)
                            peer.finish()
                        case .reset: peer.reset()
                        }
                    }
                }
            }
        }
    }

    @Test("a wrong, dead or foreign endpoint is a clear error within the deadline", arguments: rows)
    func calls(_ row: Row) async throws {
        let server = try await LiteralServer.start()
        let refusing = try RefusingAddress()
        defer { refusing.close() }
        var configuration = try RivetConfiguration(
            endpoint: row.behaviour == .refuse ? refusing.endpoint : server.endpoint
        )
        configuration.looksUpMetadata = row.looksUpMetadata
        // Shorter than all else that has a limit.
        if row.isSilent { configuration.callTimeout = .seconds(1) }
        // The first pause is none, the second one longer than the deadline allows: no time passes, but where the peer is
        // silent.
        let clock = TestClock()
        let pauses = Atomic<Int>(0)
        let context = ClientContext(
            configuration: configuration,
            time: TimeSource(clock),
            transport: .sockets,
            random: RandomSource(fraction: { pauses.add(1, ordering: .relaxed).oldValue == 0 ? 0 : 1_000_000 })
        )
        let heard = Signal(gauge: ResourceGauge())
        let serving = Task { await Self.serve(server, row.behaviour, heard) }
        let counter = ActorHandle<Counter>(context, .get(name: Counter.actorName, key: ["k"]), .init())
        for _ in 0..<(row.lasts ? 1 : 2) {
            let calling = Task { try await counter.send(Increment()) }
            if row.isSilent {
                await heard.wait()
                await clock.waitForSleepers(1)
                await clock.advance(by: configuration.callTimeout)
            }
            let error = await #expect(throws: RivetError.self) { try await calling.value }
            #expect(error?.code == row.code)
            #expect(error?.execution == row.execution)
            if let cause = row.cause { #expect((error?.underlying as? RivetError)?.code == cause) }
            #expect(error?.description.contains(row.says) == true, "\(error?.description ?? "")")
            #expect(error?.description.contains("secret") == false)
        }
        #expect(pauses.load(ordering: .relaxed) == (row.cause == nil ? 0 : 2))
        serving.cancel()
        await serving.value
        context.beginClose(within: .zero)
        await context.closed.waitUncancellably()
        await server.stop()
        #expect(context.gauge.counts == .zero)
    }

    @Test("B148, B159: a connection shows each failed attempt in its status, and ends when told")
    func connections() async throws {
        let refusing = try RefusingAddress()
        defer { refusing.close() }
        var configuration = try RivetConfiguration(endpoint: refusing.endpoint)
        configuration.looksUpMetadata = false
        configuration.reconnect = ReconnectPolicy(first: .milliseconds(1), maxAttempts: 3)
        let client = RivetClient(configuration)
        // The first attempt waits until somebody looks.
        let isObserved = Signal()
        let parameters = ConnectionParameters.provided {
            await isObserved.wait()
            return true
        }
        let actor = client.getForID(Counter.self, "5jxlv5boumuljx2d2nvyat0o2edl00")
        let conn = actor.connect(.init(parameters: parameters))
        var statuses = conn.status.makeAsyncIterator()
        isObserved.set()
        var seen: [String] = []
        while let status = await statuses.next() {
            switch status {
            case .waiting(let state): seen.append("waiting \(state.attempt) \(state.cause.code.name)")
            case .closed(.failed(let error)): seen.append("closed \(error.code.name)")
            default: seen.append(status.name)
            }
        }
        #expect(
            seen == [
                "connecting 1", "waiting 2 connectFailed", "connecting 2", "waiting 3 connectFailed", "connecting 3",
                "closed connectFailed",
            ]
        )
        let error = await #expect(throws: RivetError.self) { try await conn.waitUntilConnected() }
        #expect(error?.code == .connectFailed)
        await client.close(within: .zero)
        #expect(client.context.gauge.counts == .zero)
    }
}
