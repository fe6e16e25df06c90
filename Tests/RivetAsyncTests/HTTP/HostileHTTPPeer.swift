// SPDX-License-Identifier: Apache-2.0
import RivetAsync
import Testing

/// What a peer can do to a client; no two rows take one branch.
struct HostileHTTPPeer: Sendable, CustomTestStringConvertible {
    enum Ending: Sendable {
        case staysOpen, closes, resets
    }

    var testDescription: String
    var bytes: String
    var ending = Ending.staysOpen
    var method = "GET"
    var limits = HTTPLimits()
    var error: HTTPError

    init(
        _ testDescription: String,
        _ bytes: String,
        _ error: HTTPError,
        then ending: Ending = .staysOpen,
        method: String = "GET",
        limits: HTTPLimits = HTTPLimits()
    ) {
        self.testDescription = testDescription
        self.bytes = bytes
        self.ending = ending
        self.method = method
        self.limits = limits
        self.error = error
    }

    static func ok(_ fields: String, _ body: String = "") -> String {
        "HTTP/1.1 200 OK\r\n\(fields)\r\n\r\n\(body)"
    }

    static func chunked(_ body: String) -> String { ok("Transfer-Encoding: chunked", body) }

    /// Small, so that every cutting can be tried; what the limits are without this is another test's matter.
    static let tight: HTTPLimits = {
        var limits = HTTPLimits()
        (limits.maxHeadSize, limits.maxTrailersSize, limits.maxChunkLineSize) = (512, 256, 128)
        return limits
    }()

    static func body(upTo size: Int) -> HTTPLimits {
        var limits = HTTPLimits()
        limits.maxBodySize = size
        return limits
    }

    /// Where the body of `chunked` begins.
    static let bodyStart = 47

    static let rows: [HostileHTTPPeer] = [
        // The status line.
        Self("another protocol", "SSH-2.0-OpenSSH_9.6\r\n", .malformed(.statusLine, offset: 0)),
        Self("another protocol that begins alike", "HTTQ", .malformed(.statusLine, offset: 3)),
        Self("TLS on a plain port", "\u{15}\u{3}\u{3}\0\u{2}\u{2}\u{28}", .answeredInTLS),
        Self("HTTP/2", "HTTP/2.0 200 OK\r\n", .unsupportedVersion(offset: 5)),
        Self("a version without its minor number", "HTTP/1.x 200 OK\r\n", .malformed(.statusLine, offset: 7)),
        Self("a version cut short", "HTTP/1\r\n", .malformed(.statusLine, offset: 6)),
        Self("no status", "HTTP/1.1\r\n", .malformed(.statusLine, offset: 8)),
        Self("no blank before the status", "HTTP/1.1\t200 OK\r\n", .malformed(.statusLine, offset: 8)),
        Self("a status that is no number", "HTTP/1.1 2x0 OK\r\n", .malformed(.statusLine, offset: 10)),
        Self("a status below 100", "HTTP/1.1 099 Low\r\n", .malformed(.statusLine, offset: 9)),
        Self("a status of four digits", "HTTP/1.1 2000 OK\r\n", .malformed(.statusLine, offset: 12)),
        Self("a control character in the reason", "HTTP/1.1 200 O\u{7}K\r\n", .malformed(.statusLine, offset: 14)),
        Self("a line that ends in LF alone", "HTTP/1.1 200 OK\nA: b\n\n", .malformed(.lineEnding, offset: 15)),

        // Fields; they begin at byte 17.
        Self("a NUL in a folded line", ok("A: b\r\n c\0"), .malformed(.fieldValue, offset: 25)),
        Self("a line that ends in LF alone and is folded", ok("A: b\n c"), .malformed(.lineEnding, offset: 21)),
        Self("a field that a tab folds before the first", ok("\tA: b"), .malformed(.foldedField, offset: 17)),
        Self("a field without a name", ok(": b"), .malformed(.fieldName, offset: 17)),
        Self("a field without a colon", ok("Abc"), .malformed(.fieldName, offset: 20)),
        Self("a blank before the colon", ok("Content-Length : 5"), .malformed(.fieldName, offset: 31)),
        Self("a NUL in a value", ok("A: b\0c"), .malformed(.fieldValue, offset: 21)),
        Self("a CR alone in a value", ok("A: b\rContent-Length: 5"), .malformed(.fieldValue, offset: 21)),
        Self("an LF alone between fields", ok("A: b\nC: d"), .malformed(.lineEnding, offset: 21)),
        Self("a DEL in a value", ok("A: \u{7f}"), .malformed(.fieldValue, offset: 20)),
        Self(
            "a line without end",
            "HTTP/1.1 200 OK\r\nA: " + String(repeating: "a", count: 600),
            .tooLarge(.head, limit: 512, actual: nil),
            limits: tight
        ),
        Self(
            "fields without end",
            "HTTP/1.1 200 OK\r\n" + String(repeating: "A:\r\n", count: 150),
            .tooLarge(.head, limit: 512, actual: nil),
            limits: tight
        ),
        Self(
            "interim answers without end",
            String(repeating: "HTTP/1.1 100 Continue\r\n\r\n", count: 30),
            .tooLarge(.head, limit: 512, actual: nil),
            limits: tight
        ),
        Self("an upgrade that nobody asked for", "HTTP/1.1 101 Go\r\nUpgrade: x\r\n\r\n", .unexpectedUpgrade),

        // The length of the body.
        Self("both lengths", ok("Content-Length: 2\r\nTransfer-Encoding: chunked", "0\r\n\r\n"), .bothLengths),
        Self("two lengths in two fields", ok("Content-Length: 2\r\ncontent-length: 3"), .conflictingLengths(2, 3)),
        Self("two lengths in one field", ok("Content-Length: 2, 1"), .conflictingLengths(2, 1)),
        Self("an empty length", ok("Content-Length: "), .malformed(.contentLength, offset: 37)),
        Self("a list of lengths with a gap", ok("Content-Length: 1,,1"), .malformed(.contentLength, offset: 41)),
        Self("a length below zero", ok("Content-Length: -1"), .malformed(.contentLength, offset: 39)),
        Self(
            "a length beyond 64 bits",
            ok("Content-Length: 99999999999999999999"),
            .malformed(.contentLength, offset: 57)
        ),
        Self("a coding that was not offered", ok("Transfer-Encoding: gzip"), .unsupportedTransferCoding),
        Self("two codings", ok("Transfer-Encoding: gzip, chunked"), .unsupportedTransferCoding),
        Self(
            "chunked twice",
            ok("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked"),
            .unsupportedTransferCoding
        ),
        Self("a coding without a name", ok("Transfer-Encoding: ,"), .unsupportedTransferCoding),
        Self(
            "chunks in HTTP/1.0",
            "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            .malformed(.transferEncoding, offset: 47)
        ),
        Self(
            "both lengths where there is no body",
            ok("Content-Length: 2\r\nTransfer-Encoding: chunked"),
            .bothLengths,
            method: "HEAD"
        ),
        Self(
            "an announced body above the limit",
            ok("Content-Length: 11"),
            .tooLarge(.body, limit: 10, actual: 11),
            limits: body(upTo: 10)
        ),
        Self(
            "chunks above the limit",
            chunked("5\r\n12345\r\n6\r\n"),
            .tooLarge(.body, limit: 10, actual: 11),
            limits: body(upTo: 10)
        ),
        Self(
            "a body until the end above the limit",
            ok("A: b", "12345678901"),
            .tooLarge(.body, limit: 10, actual: nil),
            limits: body(upTo: 10)
        ),
        Self(
            "chunks whose sum is beyond 64 bits",
            chunked("1\r\nx\r\n7fffffffffffffff\r\n"),
            .tooLarge(.body, limit: .max, actual: nil)
        ),

        // Chunks.
        Self("no chunk size", chunked("\r\n"), .malformed(.chunkSize, offset: bodyStart)),
        Self("a chunk size that is no number", chunked("g\r\n"), .malformed(.chunkSize, offset: bodyStart)),
        Self("something behind the chunk size", chunked("5 5\r\n"), .malformed(.chunkSize, offset: bodyStart + 1)),
        Self("a blank behind the chunk size", chunked("5 \r\n"), .malformed(.chunkSize, offset: bodyStart + 1)),
        Self(
            "a chunk size beyond 64 bits",
            chunked("10000000000000000\r\n"),
            .malformed(.chunkSize, offset: bodyStart + 16)
        ),
        Self("a size in LF alone", chunked("5\n12345\r\n"), .malformed(.lineEnding, offset: bodyStart + 1)),
        Self(
            "a control character in an extension",
            chunked("5;a=\u{1}\r\n"),
            .malformed(.chunkExtension, offset: bodyStart + 4)
        ),
        Self(
            "an extension without end",
            chunked("5;" + String(repeating: "a", count: 200)),
            .tooLarge(.chunkLine, limit: 128, actual: nil),
            limits: tight
        ),
        Self("a chunk longer than its size", chunked("2\r\nabc\r\n"), .malformed(.chunkEnd, offset: bodyStart + 5)),
        Self("a chunk that ends in CR alone", chunked("2\r\nab\rc"), .malformed(.chunkEnd, offset: bodyStart + 6)),
        Self("a malformed trailer", chunked("0\r\nA\r\n\r\n"), .malformed(.fieldName, offset: bodyStart + 4)),
        Self("a blank before trailers", chunked("0\r\n A\r\n"), .malformed(.foldedField, offset: bodyStart + 3)),
        Self(
            "folded lines without end",
            chunked("0\r\nA:\r\n" + String(repeating: " b\r\n", count: 70)),
            .tooLarge(.trailers, limit: 256, actual: nil),
            limits: tight
        ),
        Self(
            "trailers without end",
            chunked("0\r\n" + String(repeating: "A:\r\n", count: 70)),
            .tooLarge(.trailers, limit: 256, actual: nil),
            limits: tight
        ),

        // The end comes too early.
        Self("an end instead of an answer", "", .truncated(.head, received: 0, expected: nil), then: .closes),
        Self("an end in the status line", "HTTP/1.1 2", .truncated(.head, received: 10, expected: nil), then: .closes),
        Self(
            "an end in the fields",
            "HTTP/1.1 200 OK\r\nA:",
            .truncated(.head, received: 19, expected: nil),
            then: .closes
        ),
        Self(
            "an end behind an interim answer",
            "HTTP/1.1 100 Continue\r\n\r\n",
            .truncated(.head, received: 25, expected: nil),
            then: .closes
        ),
        Self(
            "an end in a body with a length",
            ok("Content-Length: 9", "1234"),
            .truncated(.body, received: 4, expected: 9),
            then: .closes
        ),
        Self("an end in a chunk size", chunked("5"), .truncated(.body, received: 0, expected: nil), then: .closes),
        Self("an end in a chunk", chunked("5\r\n123"), .truncated(.body, received: 3, expected: nil), then: .closes),
        Self(
            "an end behind a chunk",
            chunked("3\r\n123\r"),
            .truncated(.body, received: 3, expected: nil),
            then: .closes
        ),
        Self(
            "an end in the trailers",
            chunked("0\r\nA: b\r\n"),
            .truncated(.body, received: 0, expected: nil),
            then: .closes
        ),
    ]
}

@Suite(.leavesNothing, .timeLimit(.minutes(3))) struct HostileHTTPPeerTests {
    @Test func tableIsLongEnoughAndLimitsAreAsDocumented() {
        #expect(HostileHTTPPeer.rows.count >= 45)
        let limits = HTTPLimits()
        #expect(limits.maxHeadSize == 65_536)
        #expect(limits.maxTrailersSize == 16_384)
        #expect(limits.maxChunkLineSize == 1024)
        #expect(Set(HostileHTTPPeer.rows.map(\.testDescription)).count == HostileHTTPPeer.rows.count)
    }

    @Test(arguments: HostileHTTPPeer.rows) func isToldInEveryCutting(row: HostileHTTPPeer) throws {
        let verifier = responseVerifier(methods: [row.method], limits: row.limits)
        // The same events before the error, whatever the cutting; what they are is the other tables' matter.
        var events: [HTTPResponseDecoder.Event] = []
        let feed = verifier.makeDecoder()
        try? feed(ByteChunk(text: row.bytes), &events)
        verifier.expect(
            [Array(row.bytes.utf8)],
            thenEnd: row.ending == .closes,
            gives: events,
            then: row.error
        )
    }

    @Test(arguments: HostileHTTPPeer.rows) func failsItsCallAndNoOther(row: HostileHTTPPeer) async throws {
        var limits = HTTPConnectionPool.Limits()
        limits.messages = row.limits
        let ending: [ScriptedHTTPPeer.Step] = row.ending == .closes ? [.close] : []
        let fixture = try HTTPPoolFixture([[.request, .send(row.bytes)] + ending], limits: limits)
        do throws(HTTPCallError) {
            let head = HTTPRequestHead(method: row.method, target: "/")
            let response = try await fixture.pool.execute(head, to: fixture.origin)
            _ = try await response.body.collect(upTo: 1 << 20)
            Issue.record("\(row.testDescription) was taken")
        } catch {
            #expect(error.error as? HTTPError == row.error)
            #expect(error.requestLeft)
            #expect(error.answerBegun == !row.bytes.isEmpty)
        }
        #expect(try await fixture.get() == "ok")
        #expect(fixture.peer.seen.requests.map(\.connection) == [0, 1])
        #expect(await fixture.close() == HTTPPoolFixture.nothing)
    }
}
