// SPDX-License-Identifier: Apache-2.0
import RivetAsync
import Testing

@Suite(.leavesNothing, .timeLimit(.minutes(3))) struct HTTPResponseDecoderTests {
    struct Row: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var methods = ["GET"]
        var bytes: [String]
        var events: [HTTPResponseDecoder.Event]
    }

    static let ok = HTTPResponseHead(status: 200, reason: "OK")

    static let rows: [Row] = [
        // RFC 9112 §7.1 has the grammar, RFC 9110 §5 and §15 the words; the bytes are written out here.
        Row(
            testDescription: "RFC 9110 figure: a response with a length",
            bytes: [
                "HTTP/1.1 200 OK\r\nDate: Mon, 27 Jul 2009 12:28:53 GMT\r\nServer: Apache\r\n"
                    + "Content-Length: 51\r\nVary: Accept-Encoding\r\nContent-Type: text/plain\r\n\r\n"
                    + "Hello World! My content includes a trailing CRLF.\r\n"
            ],
            events: [
                .head(
                    HTTPResponseHead(
                        status: 200,
                        reason: "OK",
                        fields: [
                            "Date": "Mon, 27 Jul 2009 12:28:53 GMT", "Server": "Apache", "Content-Length": "51",
                            "Vary": "Accept-Encoding", "Content-Type": "text/plain",
                        ]
                    )
                ),
                .body(ByteChunk(text: "Hello World! My content includes a trailing CRLF.\r\n")),
                .end(trailers: [:]),
            ]
        ),
        Row(
            testDescription: "chunks, extensions, trailers",
            bytes: [
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n"
                    + "5;name=value\r\nHello\r\n00B \t;x=\"a;b\"\r\n, chunked w\r\n4\r\norld\r\n0\r\nDigest: x\r\nB:\r\n\r\n"
            ],
            events: [
                .head(HTTPResponseHead(status: 200, reason: "OK", fields: ["Transfer-Encoding": "Chunked"])),
                .body(ByteChunk(text: "Hello, chunked world")),
                .end(trailers: ["Digest": "x", "B": ""]),
            ]
        ),
        Row(
            testDescription: "folded lines of fields and trailers",
            bytes: [
                "HTTP/1.1 200 OK\r\nA: b \r\n\t c\r\n \r\n  d\t\r\nTransfer-Encoding:\r\n chunked\r\nE:\r\n\r\n"
                    + "0\r\nF: g,\r\n h\r\n\r\n"
            ],
            events: [
                .head(
                    HTTPResponseHead(
                        status: 200,
                        reason: "OK",
                        fields: ["A": "b c d", "Transfer-Encoding": "chunked", "E": ""]
                    )
                ),
                .end(trailers: ["F": "g, h"]),
            ]
        ),
        Row(
            testDescription: "204 has no body whatever its fields say",
            bytes: ["HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n"],
            events: [
                .head(HTTPResponseHead(status: 204, reason: "No Content", fields: ["Content-Length": "0"])),
                .end(trailers: [:]),
            ]
        ),
        Row(
            testDescription: "304 has the length of what it does not send",
            bytes: ["HTTP/1.1 304 Not Modified\r\nContent-Length: 500\r\n\r\n"],
            events: [
                .head(HTTPResponseHead(status: 304, reason: "Not Modified", fields: ["Content-Length": "500"])),
                .end(trailers: [:]),
            ]
        ),
        Row(
            testDescription: "HEAD, then GET on the same connection",
            methods: ["HEAD", "GET"],
            bytes: [
                "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi",
            ],
            events: [
                .head(HTTPResponseHead(status: 200, reason: "OK", fields: ["Content-Length": "2"])),
                .end(trailers: [:]),
                .head(HTTPResponseHead(status: 200, reason: "OK", fields: ["Content-Length": "2"])),
                .body(ByteChunk(text: "hi")),
                .end(trailers: [:]),
            ]
        ),
        Row(
            testDescription: "chunked HEAD has no body",
            methods: ["HEAD"],
            bytes: ["HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"],
            events: [
                .head(HTTPResponseHead(status: 200, reason: "OK", fields: ["Transfer-Encoding": "chunked"])),
                .end(trailers: [:]),
            ]
        ),
        Row(
            testDescription: "interim responses come before the one",
            bytes: [
                "HTTP/1.1 100 Continue\r\n\r\n", "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n",
                "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
            ],
            events: [
                .interim(HTTPResponseHead(status: 100, reason: "Continue")),
                .interim(HTTPResponseHead(status: 103, reason: "Early Hints", fields: ["Link": "</a>"])),
                .head(HTTPResponseHead(status: 200, reason: "OK", fields: ["Content-Length": "0"])),
                .end(trailers: [:]),
            ]
        ),
        Row(
            testDescription: "the same length several times is one length",
            bytes: ["HTTP/1.1 200 OK\r\nContent-Length: 2, 2\r\nContent-Length: 02\r\n\r\nhi"],
            events: [
                .head(
                    HTTPResponseHead(
                        status: 200,
                        reason: "OK",
                        fields: ["Content-Length": "2, 2", "Content-Length": "02"]
                    )
                ),
                .body(ByteChunk(text: "hi")),
                .end(trailers: [:]),
            ]
        ),
        Row(
            testDescription: "no reason, blanks around a value, an empty value, bytes beyond ASCII",
            bytes: ["HTTP/1.1 200\r\nA: \t x y \t\r\nB:\r\nC: caf\u{e9}\r\nContent-Length:0\r\n\r\n"],
            events: [
                .head(
                    HTTPResponseHead(
                        status: 200,
                        fields: ["A": "x y", "B": "", "C": "caf\u{e9}", "Content-Length": "0"]
                    )
                ),
                .end(trailers: [:]),
            ]
        ),
        Row(
            testDescription: "a status beyond the registered ones and an empty reason",
            bytes: ["HTTP/1.1 799 \r\nContent-Length: 0\r\n\r\n"],
            events: [
                .head(HTTPResponseHead(status: 799, fields: ["Content-Length": "0"])), .end(trailers: [:]),
            ]
        ),
    ]

    @Test(arguments: rows) func decodesInEveryCutting(row: Row) {
        responseVerifier(methods: row.methods).expect(row.bytes.map { Array($0.utf8) }, gives: row.events)
    }

    @Test func valuesThatAreNotUTF8KeepTheirBytesAsCharacters() {
        let bytes = Array("HTTP/1.1 200 OK\r\nA: caf".utf8) + [0xe9] + Array("\r\nContent-Length: 0\r\n\r\n".utf8)
        responseVerifier().expect(
            [bytes],
            gives: [
                .head(
                    HTTPResponseHead(status: 200, reason: "OK", fields: ["A": "caf\u{e9}", "Content-Length": "0"])
                ),
                .end(trailers: [:]),
            ]
        )
    }

    @Test func whatFollowsA101IsLeftForTheOtherProtocol() {
        let head = "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n"
        responseVerifier(allowsUpgrade: true).expect(
            [Array(head.utf8), [0x82, 0x03, 0x04, 0x00, 0x0a]],
            gives: [
                .upgraded(
                    HTTPResponseHead(
                        status: 101,
                        reason: "Switching Protocols",
                        fields: ["connection": "upgrade", "upgrade": "websocket"]
                    )
                ),
                .body(ByteChunk([0x82, 0x03, 0x04, 0x00, 0x0a])),
            ]
        )
    }

    @Test func bodyIsASliceOfWhatArrived() throws {
        let chunk = ByteChunk(text: "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi")
        var decoder = HTTPResponseDecoder()
        decoder.expectResponse(toMethod: "GET")
        var position = 0
        _ = try decoder.next(in: chunk, from: &position)
        let body = try decoder.next(in: chunk, from: &position)
        guard case .body(let slice) = body else {
            Issue.record("no body")
            return
        }
        let inChunk = chunk.withUnsafeBytes { $0.baseAddress.map { $0 + (chunk.count - 2) } }
        #expect(slice.withUnsafeBytes { $0.baseAddress } == inChunk)
    }
}
