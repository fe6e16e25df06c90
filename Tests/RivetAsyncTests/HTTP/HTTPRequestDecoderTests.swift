// SPDX-License-Identifier: Apache-2.0
import RivetAsync
import Testing

@Suite(.leavesNothing, .timeLimit(.minutes(3))) struct HTTPRequestDecoderTests {
    @Test func requestsFollowEachOther() {
        requestVerifier().expect(
            [
                Array("GET /where?q=now HTTP/1.1\r\nHost: www.example.org\r\n\r\n".utf8),
                Array("\r\nPOST /a HTTP/1.1\r\nhost: a\r\nContent-Length: 5\r\n\r\nhello".utf8),
                Array(
                    "PUT /b HTTP/1.1\r\nHost:b\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nT: x\r\n\r\n".utf8
                ),
                Array("OPTIONS * HTTP/1.0\r\n\r\n".utf8),
            ],
            gives: [
                .head(HTTPRequestHead(target: "/where?q=now", fields: ["Host": "www.example.org"])),
                .end(trailers: [:]),
                .head(HTTPRequestHead(method: "POST", target: "/a", fields: ["host": "a", "Content-Length": "5"])),
                .body(ByteChunk(text: "hello")),
                .end(trailers: [:]),
                .head(
                    HTTPRequestHead(method: "PUT", target: "/b", fields: ["Host": "b", "Transfer-Encoding": "chunked"])
                ),
                .body(ByteChunk(text: "abc")),
                .end(trailers: ["T": "x"]),
                .head(HTTPRequestHead(method: "OPTIONS", target: "*")),
                .end(trailers: [:]),
            ]
        )
    }

    @Test func whatFollowsAnUpgradeIsLeft() throws {
        let head = "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
        let chunk = ByteChunk(Array(head.utf8) + [0x82, 0x80, 0, 0, 0, 0])
        var decoder = HTTPRequestDecoder()
        var position = 0
        var events: [HTTPRequestDecoder.Event] = []
        while events.count < 2, let event = try decoder.next(in: chunk, from: &position) { events.append(event) }
        #expect(events.last == .end(trailers: [:]))
        #expect(chunk.slice(position..<chunk.count) == ByteChunk([0x82, 0x80, 0, 0, 0, 0]))
    }

    struct Kept: Sendable {
        var text: String
        var keepsAlive: Bool
    }

    @Test(arguments: [
        Kept(text: "GET / HTTP/1.1\r\nHost: a\r\n\r\n", keepsAlive: true),
        Kept(text: "GET / HTTP/1.1\r\nHost: a\r\nConnection: x, close\r\n\r\n", keepsAlive: false),
        Kept(text: "GET / HTTP/1.0\r\n\r\n", keepsAlive: false),
        Kept(text: "GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", keepsAlive: true),
    ]) func keepsAliveAsTheClientWants(kept: Kept) throws {
        var decoder = HTTPRequestDecoder()
        var position = 0
        _ = try decoder.next(in: ByteChunk(text: kept.text), from: &position)
        #expect(decoder.keepsAlive == kept.keepsAlive)
    }

    struct Hostile: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var text: String
        var error: HTTPError
    }

    static let hostile = [
        Hostile(testDescription: "no method", text: " / HTTP/1.1\r\n", error: .malformed(.requestLine, offset: 0)),
        Hostile(testDescription: "TLS", text: "\u{16}\u{3}\u{1}\n", error: .malformed(.lineEnding, offset: 3)),
        Hostile(testDescription: "no target", text: "GET\r\n", error: .malformed(.requestLine, offset: 3)),
        Hostile(
            testDescription: "an empty target",
            text: "GET  HTTP/1.1\r\n",
            error: .malformed(.requestLine, offset: 4)
        ),
        Hostile(testDescription: "no version", text: "GET /\r\n", error: .malformed(.requestLine, offset: 5)),
        Hostile(testDescription: "HTTP/2", text: "PRI * HTTP/2.0\r\n", error: .unsupportedVersion(offset: 11)),
        Hostile(testDescription: "two blanks", text: "GET /  HTTP/1.1\r\n", error: .malformed(.requestLine, offset: 6)),
        Hostile(
            testDescription: "something behind the version",
            text: "GET / HTTP/1.11\r\n",
            error: .malformed(.requestLine, offset: 14)
        ),
        Hostile(testDescription: "no host", text: "GET / HTTP/1.1\r\n\r\n", error: .hostFields(count: 0)),
        Hostile(
            testDescription: "two hosts",
            text: "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n",
            error: .hostFields(count: 2)
        ),
        Hostile(
            testDescription: "both lengths",
            text: "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n",
            error: .bothLengths
        ),
        Hostile(
            testDescription: "a coding that hides the length",
            text: "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, identity\r\n\r\n",
            error: .unsupportedTransferCoding
        ),
    ]

    @Test(arguments: hostile) func refuses(row: Hostile) {
        requestVerifier().expect([Array(row.text.utf8)], then: row.error)
    }

    @Test func linesBeforeARequestHaveALimit() {
        var limits = HTTPLimits()
        limits.maxHeadSize = 64
        requestVerifier(limits: limits).expect(
            [Array(String(repeating: "\r\n", count: 40).utf8)],
            then: HTTPError.tooLarge(.head, limit: 64, actual: nil)
        )
    }
}
