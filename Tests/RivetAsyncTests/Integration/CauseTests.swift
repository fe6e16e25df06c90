// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import RivetAsync

/// What went wrong below is in the error that a user sees: the error itself, with its number, and the host it was.
@Suite(.leavesNothing, .timeLimit(.minutes(3)))
struct CauseTests {
    static let id = ClientTranscriptTests.id
    static let reset = WebSocketError.ended(.failed(.system(.receive, .connectionReset)))

    enum Echo: ActorDefinition {}
    struct Ask: ActorAction {
        typealias Target = Echo
        typealias Output = Int
    }

    /// A client of a server whose every byte the test says; nothing is left when it is closed.
    static func run(
        clock: any Clock<Duration> = ContinuousClock(),
        _ change: (inout RivetConfiguration) -> Void = { _ in },
        _ body: (RivetClient, LiteralServer) async throws -> Void
    ) async throws {
        let server = try await LiteralServer.start()
        var configuration = try RivetConfiguration(endpoint: server.endpoint, token: "secret")
        configuration.looksUpMetadata = false
        configuration.replyNudge = .off
        // Where all tests begin at once, the wait for one's turn is a long one.
        configuration.connectTimeout = .seconds(60)
        change(&configuration)
        let client = RivetClient(configuration, clock: clock)
        try await body(client, server)
        await client.close(within: .zero)
        await server.stop()
        #expect(client.context.gauge.counts == .zero)
    }

    static func key(of head: [String]) throws -> String {
        let name = "sec-websocket-key: "
        return String(try #require(head.first { $0.lowercased().hasPrefix(name) }).dropFirst(name.count))
    }

    @Test("a reset is the cause of the lost connection and of the actions that fail with it")
    func resetOfAConnection() async throws {
        try await Self.run { client, server in
            let connection = client.getForID(Echo.self, ActorID(rawValue: Self.id)).connect()
            let peer = try await server.accept()
            ClientTranscriptTests.open(peer, key: try Self.key(of: try await peer.readHead()))
            var statuses = connection.status.makeAsyncIterator()
            while let status = await statuses.next(), status.name != "connected 1" {}
            let asking = Task { try await connection.send(Ask()) }
            _ = try await ClientTranscriptTests.clientFrame(peer)
            peer.reset()
            let error = await #expect(throws: RivetError.self) { try await asking.value }
            guard case .waiting(let retry)? = await statuses.next() else {
                Issue.record("the status is \(connection.status.current)")
                return
            }
            for error in [try #require(error), retry.cause] {
                #expect(error.code == .connectionLost)
                #expect(error.underlying as? WebSocketError == Self.reset)
                #expect(error.message.hasPrefix("\(server.endpoint): "))
                #expect(error.message.contains("(errno \(Errno.connectionReset.rawValue))"))
            }
        }
    }

    @Test("a reset is the cause of the end of a raw WebSocket, for its reader and for who sends afterwards")
    func resetOfARawSocket() async throws {
        try await Self.run { client, server in
            let handle = client.getForID(Echo.self, ActorID(rawValue: Self.id))
            async let opening = handle.webSocket("x")
            let peer = try await server.accept()
            try await peer.upgrade()
            let socket = try await opening
            peer.reset()
            let read = await #expect(throws: RivetError.self) { for try await _ in socket.messages {} }
            let sent = await #expect(throws: RivetError.self) { try await socket.send(.text("late")) }
            #expect(read?.code == .connectionLost)
            #expect(read?.message.hasPrefix("\(server.endpoint): ") == true)
            #expect(sent?.code == .connectionClosed)
            for error in [read, sent] { #expect(error?.underlying as? WebSocketError == Self.reset) }
        }
    }

    @Test("the host that was tried is the one that metadata named")
    func hostThatMetadataNamed() async throws {
        let refusing = try RefusingAddress()
        defer { refusing.close() }
        try await Self.run {
            $0.looksUpMetadata = true
            $0.reconnect = ReconnectPolicy(first: .milliseconds(1), maxAttempts: 1)
        } _: { client, server in
            let handle = client.getForID(Echo.self, ActorID(rawValue: Self.id))
            let connection = handle.connect()
            let peer = try await server.accept()
            #expect(try await peer.readHead().first == "GET /metadata?namespace=default HTTP/1.1")
            let metadata = #"{"clientEndpoint":"\#(refusing.endpoint)","clientToken":"secret too"}"#
            peer.write("HTTP/1.1 200 OK\r\ncontent-length: \(metadata.utf8.count)\r\n\r\n\(metadata)")
            let error = await #expect(throws: RivetError.self) { try await connection.waitUntilConnected() }
            let raw = await #expect(throws: RivetError.self) {
                try await handle.webSocket("x", CallOptions(timeout: .seconds(5)))
            }
            // A call is ended by its deadline, which names why it was repeated.
            #expect(raw?.code == .deadlineExceeded)
            #expect(raw?.message.contains(", since \(refusing.endpoint): ") == true)
            for error in [error, raw?.underlying as? RivetError] {
                #expect(error?.code == .connectFailed)
                #expect(error?.message.hasPrefix("\(refusing.endpoint): ") == true)
                #expect(error?.message.contains(server.endpoint) == false)
                #expect(error?.description.contains("secret") == false)
                guard case .noAddressReached(_, let attempts)? = error?.underlying as? TransportError else {
                    Issue.record("\(String(describing: error?.underlying))")
                    return
                }
                #expect(attempts.map(\.error) == [.system(.connect, .connectionRefused)])
            }
        }
    }

    @Test("metadata that cannot be read says why, and holds nothing of it")
    func unreadableMetadata() async throws {
        try await Self.run {
            $0.looksUpMetadata = true
        } _: { client, server in
            let handle = client.get(Echo.self)
            for (metadata, cause) in [
                (#"{"clientToken":"secret","clientEndpoint":7}"#, "CodingError"),
                (#"{"clientToken":"secret","clientEndpoint":"ftp://secret@h"}"#, "EndpointError"),
            ] {
                let resolving = Task { try await handle.resolve() }
                let peer = try await server.accept()
                _ = try await peer.readHead()
                peer.write(
                    "HTTP/1.1 200 OK\r\nconnection: close\r\n"
                        + "content-length: \(metadata.utf8.count)\r\n\r\n\(metadata)"
                )
                let error = await #expect(throws: RivetError.self) { _ = try await resolving.value }
                var lowest: any Error = try #require(error)
                while let next = (lowest as? RivetError)?.underlying { lowest = next }
                #expect("\(type(of: lowest))" == cause)
                #expect("\(error as Any) \(lowest)".contains("secret") == false)
            }
        }
    }

    private struct Unknown: Error, Equatable {}

    @Test("no cause is dropped, whatever it is")
    func causesAreKept() throws {
        let endpoint = try Endpoint.parse("http://h").endpoint
        let violation = WebSocketError.violation(.closePayloadOfOneByte)
        #expect(AttemptEnding(webSocket: violation, endpoint).error.underlying as? WebSocketError == violation)
        #expect(AttemptEnding(opening: Unknown(), endpoint).error.underlying as? Unknown == Unknown())
        let attempt = AttemptEnding(attemptError: Unknown(), openTimeout: .seconds(1))
        #expect(attempt.error.underlying as? Unknown == Unknown())
        let notOpened = AttemptEnding(attemptError: DeadlinePassedError(), openTimeout: .seconds(1))
        #expect(notOpened.error.code == .deadlineExceeded && notOpened.error.underlying is DeadlinePassedError)
        let unread = HTTPAnswer(head: HTTPResponseHead(status: 502), body: ByteChunk("<html>".utf8))
        let foreign = RivetError(answer: unread, encoding: .json, of: .lookup)
        #expect(foreign.code == .unexpectedResponse && foreign.underlying is CodingError)
        let alert = TransportError.tls(TLSError(.clientCertificateRefused, ""))
        for (opens, execution) in [(true, RivetError.Execution.notSent), (false, .mayHaveRun)] {
            // Ahead of the first request the server reads nothing; later it may have (B209).
            let failure = HTTPCallError(alert, requestLeft: true, openedConnection: opens)
            #expect(RivetError(failure, endpoint: endpoint, kind: "GET").execution == execution)
        }
        let late = RivetError(HTTPCallError(DeadlinePassedError()), endpoint: endpoint, kind: "GET")
        #expect(late.underlying is DeadlinePassedError)
        let actors = RivetError(
            .remote,
            "x",
            fault: .actor,
            execution: .ran,
            remote: RemoteError(group: "a", code: "b", message: "")
        )
        for (requestLeft, execution) in [(true, RivetError.Execution.mayHaveRun), (false, .notSent)] {
            // The actor that the body's stream called has run; this call's may have.
            let failure = HTTPCallError(RequestBodyError(underlying: actors), requestLeft: requestLeft)
            let body = RivetError(failure, endpoint: endpoint, kind: "PUT")
            #expect(body.code == .invalidArgument && body.execution == execution && body.remote == nil)
            #expect(body.message == "PUT: the stream of its body threw RivetError")
            #expect((body.underlying as? RivetError)?.execution == .ran)
        }
        let shutDown = RivetError.transport(.laneShutDown, endpoint, .mayHaveRun)
        #expect(shutDown.underlying as? TransportError == .laneShutDown)
        #expect(shutDown.code == .clientClosed && shutDown.execution == .mayHaveRun)
    }
}
