// SPDX-License-Identifier: Apache-2.0
import RivetAsyncLocal
import Testing

@testable import RivetAsync

/// Server-sent events as who reads them meets them, over sockets.
@Suite(.leavesNothing, .timeLimit(.minutes(3)))
struct ServerSentEventsTests {
    static let head =
        "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nx-rivet-actor: \(CauseTests.id)\r\n"
        + "transfer-encoding: chunked\r\n\r\n"

    static func chunk(_ text: String) -> String {
        "\(String(text.utf8.count, radix: 16))\r\n\(text)\r\n"
    }

    /// Asks for events, gives them and the other end to `body`.
    static func run(
        _ head: String = head,
        _ options: CallOptions = .init(),
        clock: any Clock<Duration> = ContinuousClock(),
        _ body: (ServerSentEvents, LiteralServer.Peer, RivetClient) async throws -> Void
    ) async throws {
        try await answered(head, options, clock: clock) { (response, peer, client) async throws in
            try await body(response.serverSentEvents, peer, client)
        }
    }

    private static func answered(
        _ head: String = head,
        _ options: CallOptions = .init(),
        clock: any Clock<Duration> = ContinuousClock(),
        _ body: (ActorResponse, LiteralServer.Peer, RivetClient) async throws -> Void
    ) async throws {
        let server = try await LiteralServer.start()
        var configuration = try RivetConfiguration(endpoint: server.endpoint)
        configuration.looksUpMetadata = false
        let client = RivetClient(configuration, clock: clock)
        async let answer = ConnectionLimitTests.handle(client).fetch(.serverSentEvents("x"), options)
        let peer = try await server.accept()
        _ = try await peer.readHead()
        peer.write(head)
        try await body(try await answer, peer, client)
        await client.close(within: .zero)
        await server.stop()
        #expect(client.context.gauge.counts == .zero)
    }

    struct Sent: Sendable, CustomTestStringConvertible {
        let testDescription: String
        var request = ActorRequest.serverSentEvents("x")
        var options = CallOptions()
        var accept = "text/event-stream"
        var cacheControl = "no-store"
        var lastEventID: String?
    }

    static let sent = [
        Sent(testDescription: "as it comes"),
        Sent(
            testDescription: "fields of the request",
            request: .serverSentEvents("x", fields: ["accept": "a/b", "x-own": "1"]),
            accept: "a/b"
        ),
        Sent(
            testDescription: "fields of the call",
            options: .init(fields: ["ACCEPT": "a/b", "cache-control": "no-cache"]),
            accept: "a/b",
            cacheControl: "no-cache"
        ),
        Sent(
            testDescription: "the last id",
            request: .serverSentEvents("x", method: "POST", body: .bytes([]), lastEventID: "7"),
            lastEventID: "7"
        ),
    ]

    @Test("B268: what a request for events leaves with", arguments: sent)
    func request(_ row: Sent) async throws {
        try await CauseTests.run({ $0.fields = ["Accept": "of/all", "Cache-Control": "of/all"] }) { client, server in
            let call = Task { try await ConnectionLimitTests.handle(client).fetch(row.request, row.options) }
            let peer = try await server.accept()
            let head = try await peer.readHead()
            func values(_ name: String) -> [String] {
                head.filter { $0.lowercased().hasPrefix(name + ":") }
                    .map { String($0.dropFirst(name.count + 2)) }
            }
            #expect(values("accept") == [row.accept])
            #expect(values("cache-control") == [row.cacheControl])
            #expect(values("last-event-id") == (row.lastEventID.map { [$0] } ?? []))
            call.cancel()
            _ = await call.result
        }
    }

    @Test("B270, B274: events arrive as they are sent, and the end is nil; then id and time can be read")
    func events() async throws {
        try await Self.run { (events, peer, _) async throws in
            var iterator = events.makeAsyncIterator()
            #expect(events.lastEventID == nil)
            peer.write(Self.chunk("\u{feff}id: 1\ndata: a\n\nid: 2\r\nda"))
            #expect(try await iterator.next() == ServerSentEvent(data: "a", id: "1"))
            #expect(events.lastEventID == "1")
            peer.write(Self.chunk("ta: b\r\n\r"))
            #expect(try await iterator.next() == ServerSentEvent(data: "b", id: "2"))
            peer.write(Self.chunk("\nevent: x\nretry: 20\ndata\n\ndata: never") + "0\r\n\r\n")
            let last = ServerSentEvent(event: "x", data: "", id: "2", retry: .milliseconds(20))
            #expect(try await iterator.next() == last)
            #expect(try await iterator.next() == nil)
            #expect(try await iterator.next() == nil)
            #expect(events.lastEventID == "2")
            #expect(events.retry == .milliseconds(20))
        }
    }

    @Test("B274: a cut is an error behind the events before it, and then the end")
    func cut() async throws {
        try await Self.run { (events, peer, _) async throws in
            peer.write(Self.chunk("id: 1\nretry: 5\ndata: a\n\nid: 2\ndata: b\n"))
            peer.finish()
            var iterator = events.makeAsyncIterator()
            #expect(try await iterator.next()?.data == "a")
            let error = await #expect(throws: RivetError.self) { try await iterator.next() }
            #expect(error?.code == .connectionLost)
            #expect(try await iterator.next() == nil)
            #expect(events.lastEventID == "1")
            #expect(events.retry == .milliseconds(5))
        }
    }

    @Test("B274, B279: leaving the loop closes the connection, though the answer is kept")
    func leaving() async throws {
        try await Self.run { (events, peer, _) async throws in
            peer.write(Self.chunk("data: a\n\ndata: b\n\n"))
            for try await event in events {
                #expect(event.data == "a")
                break
            }
            #expect(await peer.isEnded())
            #expect(events.lastEventID == nil)
        }
    }

    @Test("B274, B279: cancelling the reader closes the connection")
    func cancelling() async throws {
        try await Self.run { (events, peer, _) async throws in
            let began = Signal(gauge: ResourceGauge())
            let reading = Task {
                for try await _ in events { began.set() }
            }
            peer.write(Self.chunk("data: a\n\n"))
            await began.wait()
            reading.cancel()
            await #expect(throws: CancellationError.self) { try await reading.value }
            #expect(await peer.isEnded())
        }
    }

    @Test("B274: one reader: a second is told, and the first waits on")
    func readers() async throws {
        try await Self.run { (events, peer, client) async throws in
            let first = try await waiting(for: client) { try await events.first { _ in true } }
            do {
                var second = events.makeAsyncIterator()
                let error = await #expect(throws: RivetError.self) { try await second.next() }
                #expect(error?.code == .invalidArgument)
            }
            peer.write(Self.chunk("data: a\n\n"))
            #expect(try await first.value?.data == "a")
            // It has left its loop.
            #expect(try await events.first { _ in true } == nil)
        }
    }

    @Test("B274: who waits where another loop leaves hears the end; a body that was given up before is an error")
    func left() async throws {
        try await Self.run { (events, peer, client) async throws in
            var first: ServerSentEvents.AsyncIterator? = events.makeAsyncIterator()
            peer.write(Self.chunk("data: a\n\n"))
            #expect(try await first?.next()?.data == "a")
            let second = try await waiting(for: client) { try await events.first { _ in true } }
            first = nil
            #expect(try await second.value == nil)
        }
        try await Self.answered { (response, _, _) async throws in
            response.body.body.abandon()
            let error = await #expect(throws: RivetError.self) {
                try await response.serverSentEvents.first { _ in true }
            }
            #expect(error?.code == .invalidArgument)
        }
    }

    struct Other: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let head: String
        let body: String
        let message: String
        var piece: String
    }

    static let long = String(repeating: "x", count: 1_000)
    static let others = [
        Other(
            testDescription: "another status",
            head: "404 Not Found\r\ncontent-type: text/event-stream",
            body: "data: no\n\n",
            message: "HTTP 404, text/event-stream",
            piece: "data: no"
        ),
        Other(
            testDescription: "a status like it",
            head: "201 Created\r\ncontent-type: text/event-stream",
            body: "",
            message: "HTTP 201, text/event-stream",
            piece: ""
        ),
        Other(
            testDescription: "another type",
            head: "200 OK\r\ncontent-type: text/plain",
            body: long,
            message: "HTTP 200, text/plain",
            piece: String(long.prefix(200)) + "…"
        ),
        Other(
            testDescription: "a type like it",
            head: "200 OK\r\ncontent-type: text/event-streams",
            body: "a",
            message: "HTTP 200, text/event-streams",
            piece: "a"
        ),
        Other(testDescription: "no type", head: "200 OK\r\nx: y", body: "a", message: "HTTP 200", piece: "a"),
    ]

    @Test("B269: another status or type is unexpected, with a piece of the body", arguments: others)
    func unexpected(_ row: Other) async throws {
        let head =
            "HTTP/1.1 \(row.head)\r\nx-rivet-actor: \(CauseTests.id)\r\ncontent-length: \(row.body.utf8.count)\r\n"
        try await Self.run(head + "\r\n" + row.body) { (events, _, _) async throws in
            var iterator = events.makeAsyncIterator()
            let error = await #expect(throws: RivetError.self) { try await iterator.next() }
            #expect(error?.code == .unexpectedResponse)
            #expect(error?.message == "the answer has no server-sent events: " + row.message)
            #expect(error?.remote?.message == row.piece)
            #expect(error?.remote?.httpStatus == Int(row.head.prefix(3)))
            #expect(error?.execution == .ran)
            #expect(try await iterator.next() == nil)
        }
    }

    @Test(
        "B269: a type with parameters, in any case",
        arguments: ["text/event-stream;charset=utf-8", "Text/Event-Stream ; x", " text/event-stream"]
    )
    func types(_ type: String) async throws {
        let head = Self.head.replacing("text/event-stream", with: type)
        try await Self.run(head) { (events, peer, _) async throws in
            peer.write(Self.chunk("data: a\n\n"))
            #expect(try await events.first { _ in true }?.data == "a")
        }
    }

    @Test("B273: a limit that is passed has both numbers, and closes the connection")
    func limits() async throws {
        for isLine in [true, false] {
            try await Self.run { (events, peer, _) async throws in
                var events = events
                (events.maxLineSize, events.maxEventSize) = isLine ? (6, 99) : (99, 6)
                peer.write(Self.chunk("data:a\n\ndata:12345\ndata:1\n"))
                var iterator = events.makeAsyncIterator()
                #expect(try await iterator.next()?.data == "a")
                let error = await #expect(throws: RivetError.self) { try await iterator.next() }
                #expect(error?.code == .limitExceeded)
                #expect(error?.fault == .server)
                #expect(
                    error?.message.hasSuffix(isLine ? "has 10 bytes, more than 6" : "has 7 bytes, more than 6") == true
                )
                #expect(await peer.isEnded())
                #expect(try await iterator.next() == nil)
            }
        }
    }

    @Test(
        "B278: events may be silent for as long as they like, unless the call says how long",
        arguments: [true, false]
    )
    func silence(_ isSet: Bool) async throws {
        let clock = TestClock()
        let options = CallOptions(bodyIdleTimeout: isSet ? .seconds(20) : nil)
        try await Self.run(Self.head, options, clock: clock) { (events, peer, client) async throws in
            let reading = try await waiting(for: client) { try await events.first { _ in true } }
            if isSet {
                await clock.waitForSleepers(1)
                await clock.advance(by: .seconds(20))
                let error = await #expect(throws: RivetError.self) { try await reading.value }
                #expect(error?.code == .deadlineExceeded)
                #expect(await peer.isEnded())
            } else {
                await clock.advance(by: .seconds(86_400))
                peer.write(Self.chunk("data: a\n\n"))
                #expect(try await reading.value?.data == "a")
            }
        }
    }
}
