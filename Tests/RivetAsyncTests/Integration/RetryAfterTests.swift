// SPDX-License-Identifier: Apache-2.0
import RivetAsyncLocal
import Testing

@testable import RivetAsync

/// `Retry-After` in each spelling, and on everything that is repeated.
@Suite(.leavesNothing, .timeLimit(.minutes(3)))
struct RetryAfterTests {
    struct Field: Sendable, CustomTestStringConvertible {
        var testDescription: String { "\(value), \(date ?? "no date")" }
        let value: String
        let wait: Duration?
        /// The answer's own; without one our clock says 08:49:27.
        var date: String?

        init(_ value: String, _ wait: Duration?, date: String? = nil) {
            (self.value, self.wait, self.date) = (value, wait, date)
        }
    }

    @Test(
        "B150: the field in all its spellings",
        arguments: [
            Field("0", .zero), Field("7", .seconds(7)), Field("86399", .seconds(86_399)),
            Field("86401", .seconds(86_400)),
            Field("99999999999999999999", .seconds(86_400)), Field("007", .seconds(7)), Field("-1", nil),
            Field("+1", nil),
            Field("1.5", nil), Field("1 s", nil), Field("", nil), Field("soon", nil),
            Field("Sun, 06 Nov 1994 08:49:37 GMT", .seconds(10)), Field("Sunday, 06-Nov-94 08:49:37 GMT", .seconds(10)),
            Field("Sun Nov  6 08:49:37 1994", .seconds(10)), Field("Mon Nov 14 08:49:37 1994", .seconds(86_400)),
            Field("Sun, 06 Nov 1994 08:49:17 GMT", .zero), Field("Thu, 01 Jan 1970 00:00:00 GMT", .zero),
            Field("Fri, 31 Dec 9999 23:59:59 GMT", .seconds(86_400)),
            // A year of two digits that would be more than 50 years away is one of the last century.
            Field("Friday, 06-Nov-45 08:49:37 GMT", .zero), Field("Sunday, 06-Nov-44 08:49:37 GMT", .seconds(86_400)),
            Field("Sun, 06 Nov 1994 08:49:37 GMT", .seconds(7), date: "Sun, 06 Nov 1994 08:49:30 GMT"),
            Field("Sun, 06 Nov 1994 08:49:37 GMT", .seconds(10), date: "unreadable"),
            Field("7", .seconds(7), date: "Sun, 06 Nov 1994 08:49:30 GMT"),
            Field("Sun, 06 Nov 1994 08:49:60 GMT", .seconds(33)),
            Field("Sun, 31 Feb 1994 08:49:37 GMT", nil), Field("Sun, 06 Nov 1994 24:00:00 GMT", nil),
            Field("Sun, 06 Nov 1994 08:49:37", nil), Field("Sun, 06 Nov 1994 08:49:37 CET", nil),
            Field("Sun, 6 Nov 1994 08:49:37 GMT", nil), Field("Sun, 06 Nov 94 08:49:37 GMT", nil),
            Field("Xxx, 06 Nov 1994 08:49:37 GMT", nil), Field("Sun, 06 Foo 1994 08:49:37 GMT", nil),
            Field("Sun, 06 Nov 1994 8:49:37 GMT", nil),
        ]
    )
    func spellings(_ field: Field) {
        var fields: HTTPFields = ["Retry-After": field.value]
        fields["Date"] = field.date
        let answer = HTTPAnswer(head: HTTPResponseHead(status: 503, fields: fields), body: ByteChunk())
        #expect(answer.retryAfter(now: 784_111_767_000) == field.wait)
    }

    @Test(
        "B150: the statuses that a wait may change",
        arguments: [
            (408, Duration.seconds(7) as Duration?), (425, .seconds(7)), (429, .seconds(7)), (500, .seconds(7)),
            (503, .seconds(7)), (599, .seconds(7)), (301, nil), (400, nil), (404, nil), (409, nil),
        ]
    )
    func statuses(_ status: Int, _ wait: Duration?) {
        for fields: HTTPFields in [["Retry-After": "7"], ["Retry-After": "7", "x-rivet-error": "guard.x"]] {
            let answer = HTTPAnswer(head: HTTPResponseHead(status: status, fields: fields), body: ByteChunk())
            #expect(RivetError(answer: answer, encoding: .json, of: .raw).retryAfter == wait)
        }
    }

    @Test("dates are written as they are read, on every day of 400 years")
    func dates() {
        for day in stride(from: Int64(-135_000), to: 11_100, by: 1) where day % 7 == 0 || abs(day) < 800 {
            let time = day * 86_400_000 + 45_296_000
            let text = HTTPDate.text(milliseconds: time)
            #expect(HTTPDate.milliseconds(text, now: 0) == time, "\(text)")
        }
    }

    struct Use: Sendable, CustomTestStringConvertible {
        let testDescription: String
        var looksUpMetadata = false
        let use: @Sendable (RivetClient) async throws -> Void

        init(_ name: String, metadata: Bool = false, _ use: @escaping @Sendable (RivetClient) async throws -> Void) {
            (testDescription, looksUpMetadata, self.use) = (name, metadata, use)
        }
    }

    static let uses = [
        Use("action") { _ = try await $0.getForID("a", "x").action("b") as NoValue },
        Use("queue") { try await $0.getForID("a", "x").enqueue("b", 1) },
        Use("raw request") { _ = try await $0.getForID("a", "x").fetch(ActorRequest("b")) },
        Use("lookup") { _ = try await $0.get("a", ["k"]).action("b") as NoValue },
        Use("creation") { _ = try await $0.getOrCreate("a", ["k"]).action("b") as NoValue },
        Use("metadata", metadata: true) { _ = try await $0.getForID("a", "x").action("b") as NoValue },
        Use("handshake") { try await $0.getForID("a", "x").connect().waitUntilConnected() },
        Use("lookup of a connection") { try await $0.get("a", ["k"]).connect().waitUntilConnected() },
        Use("metadata of a connection", metadata: true) {
            try await $0.getForID("a", "x").connect().waitUntilConnected()
        },
        Use("raw WebSocket") { _ = try await $0.getForID("a", "x").webSocket("b") },
    ]

    /// An answer of the gateway's that proves that nothing ran.
    static func refusal(_ fields: String) -> String {
        let body = #"{"group":"guard","code":"service_unavailable","message":"later","metadata":null}"#
        return "HTTP/1.1 503 Service Unavailable\r\nx-rivet-error: guard.service_unavailable\r\n"
            + "content-type: application/json\r\n\(fields)content-length: \(body.utf8.count)\r\n\r\n\(body)"
    }

    // In real time, as all of it together keeps it: that is only a bound from below, which a slow machine keeps too.
    @Test("B150, B52: no repeat before the time that the server named", arguments: uses)
    func waits(_ use: Use) async throws {
        try await CauseTests.run({ configuration in
            configuration.looksUpMetadata = use.looksUpMetadata
            configuration.reconnect = ReconnectPolicy(first: .milliseconds(1))
        }) { client, server in
            let using = Task { try await use.use(client) }
            var peer = try await server.accept()
            _ = try await peer.readHead()
            // Before the answer leaves, or what this task itself waits for its turn would be missing from the time.
            let refused = ContinuousClock.now
            peer.write(
                Self.refusal(
                    "date: Sun, 06 Nov 1994 08:49:36 GMT\r\nretry-after: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
                        + "connection: close\r\n"
                )
            )
            peer.finish()
            peer = try await server.accept()
            #expect(ContinuousClock.now - refused >= .milliseconds(990))
            using.cancel()
            _ = await using.result
        }
    }

    @Test(
        "B150: a call whose deadline is nearer than that fails at once, with that answer",
        arguments: uses.filter { !$0.testDescription.contains("connection") && $0.testDescription != "handshake" }
    )
    func deadline(_ use: Use) async throws {
        // No time passes at all.
        try await CauseTests.run(clock: TestClock(), { $0.looksUpMetadata = use.looksUpMetadata }) { client, server in
            let using = Task { try await use.use(client) }
            let peer = try await server.accept()
            _ = try await peer.readHead()
            peer.write(Self.refusal("retry-after: 99999999999999999999\r\n"))
            let error = await #expect(throws: RivetError.self) { try await using.value }
            #expect(error?.remote?.httpStatus == 503)
            #expect(error?.execution == .notSent)
        }
    }
}
