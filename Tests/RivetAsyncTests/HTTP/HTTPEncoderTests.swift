// SPDX-License-Identifier: Apache-2.0
import RivetAsync
import Testing

private func written(_ head: HTTPRequestHead, _ framing: HTTPFraming = .none) throws(HTTPError) -> String {
    let encoder = try HTTPRequestEncoder(head, framing: framing)
    var buffer = ByteBuffer()
    encoder.write(into: &buffer)
    return buffer.text
}

private func written(_ head: HTTPResponseHead, _ framing: HTTPFraming) throws(HTTPError) -> String {
    let encoder = try HTTPResponseEncoder(head, framing: framing)
    var buffer = ByteBuffer()
    encoder.write(into: &buffer)
    return buffer.text
}

@Suite(.leavesNothing) struct HTTPRequestEncoderTests {
    struct Row: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var head: HTTPRequestHead
        var framing = HTTPFraming.none
        var text: String
    }

    static let rows = [
        Row(
            testDescription: "RFC 9112 §3.2.1: origin form",
            head: HTTPRequestHead(target: "/where?q=now", fields: ["Host": "www.example.org"]),
            text: "GET /where?q=now HTTP/1.1\r\nHost: www.example.org\r\n\r\n"
        ),
        Row(
            testDescription: "RFC 9112 §3.2.4: asterisk form",
            head: HTTPRequestHead(method: "OPTIONS", target: "*", fields: ["Host": "www.example.org"]),
            text: "OPTIONS * HTTP/1.1\r\nHost: www.example.org\r\n\r\n"
        ),
        Row(
            testDescription: "a body",
            head: HTTPRequestHead(method: "PUT", target: "/", fields: ["Host": "a", "B": "c", "b": ""]),
            framing: .length(93),
            text: "PUT / HTTP/1.1\r\nHost: a\r\nB: c\r\nb: \r\ncontent-length: 93\r\n\r\n"
        ),
        Row(
            testDescription: "no body where one is usual (RFC 9110 §8.6)",
            head: HTTPRequestHead(method: "POST", target: "/", fields: ["Host": "a"]),
            text: "POST / HTTP/1.1\r\nHost: a\r\ncontent-length: 0\r\n\r\n"
        ),
        Row(
            testDescription: "the caller's own length, where it is right",
            head: HTTPRequestHead(method: "POST", target: "/", fields: ["Content-Length": "5", "Host": "a"]),
            framing: .length(5),
            text: "POST / HTTP/1.1\r\nContent-Length: 5\r\nHost: a\r\n\r\n"
        ),
        Row(
            testDescription: "chunks and a method of one's own",
            head: HTTPRequestHead(method: "my-METHOD!", target: "/%20", fields: ["Host": "[::1]:6420"]),
            framing: .chunked,
            text: "my-METHOD! /%20 HTTP/1.1\r\nHost: [::1]:6420\r\ntransfer-encoding: chunked\r\n\r\n"
        ),
    ]

    @Test(arguments: rows) func writes(row: Row) throws {
        #expect(try written(row.head, row.framing) == row.text)
    }

    struct Refused: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var method = "GET"
        var target = "/"
        var fields: HTTPFields = ["Host": "a"]
        var framing = HTTPFraming.none
        var error: HTTPError
    }

    static let refused = [
        Refused(testDescription: "an empty method", method: "", error: .invalidMethod),
        Refused(testDescription: "a method with a blank", method: "GET /x", error: .invalidMethod),
        Refused(testDescription: "a method with a line break", method: "GET\r\n", error: .invalidMethod),
        Refused(testDescription: "CONNECT", method: "CONNECT", error: .invalidMethod),
        Refused(testDescription: "an empty target", target: "", error: .invalidTarget(offset: 0)),
        Refused(testDescription: "a target without a slash", target: "a", error: .invalidTarget(offset: 0)),
        Refused(testDescription: "absolute form", target: "http://a/", error: .invalidTarget(offset: 0)),
        Refused(testDescription: "a blank in the target", target: "/a b", error: .invalidTarget(offset: 2)),
        Refused(
            testDescription: "a request within the target",
            target: "/ HTTP/1.1\r\nX: y\r\n\r\n",
            error: .invalidTarget(offset: 1)
        ),
        Refused(testDescription: "a NUL in the target", target: "/\0", error: .invalidTarget(offset: 1)),
        Refused(testDescription: "a target beyond ASCII", target: "/\u{e9}", error: .invalidTarget(offset: 1)),
        Refused(testDescription: "a fragment", target: "/a#b", error: .invalidTarget(offset: 2)),
        Refused(
            testDescription: "a line break in a name",
            fields: ["Host": "a", "X\r\nY": "b"],
            error: .invalidFieldName(index: 1)
        ),
        Refused(testDescription: "an empty name", fields: ["": "b", "Host": "a"], error: .invalidFieldName(index: 0)),
        Refused(
            testDescription: "a colon in a name",
            fields: ["Host": "a", "X: y": "b"],
            error: .invalidFieldName(index: 1)
        ),
        Refused(
            testDescription: "a blank behind a name",
            fields: ["Host": "a", "X ": "b"],
            error: .invalidFieldName(index: 1)
        ),
        Refused(
            testDescription: "a CRLF in a value",
            fields: ["Host": "a", "X": "b\r\nEvil: c"],
            error: .invalidFieldValue(name: "X", offset: 1)
        ),
        Refused(
            testDescription: "an LF in a value",
            fields: ["Host": "a", "X": "\nEvil: c"],
            error: .invalidFieldValue(name: "X", offset: 0)
        ),
        Refused(
            testDescription: "a CR in a value",
            fields: ["Host": "a", "X": "bc\r"],
            error: .invalidFieldValue(name: "X", offset: 2)
        ),
        Refused(
            testDescription: "a NUL in a value",
            fields: ["Host": "a\0"],
            error: .invalidFieldValue(name: "Host", offset: 1)
        ),
        Refused(
            testDescription: "a tab in a value",
            fields: ["Host": "a", "X": "b\tc"],
            error: .invalidFieldValue(name: "X", offset: 1)
        ),
        // U+560A is E5 98 8A; written as single bytes by careless code it has been a line break.
        Refused(
            testDescription: "a value whose characters end in CR and LF",
            fields: ["Host": "a", "X": "b\u{560d}\u{560a}Evil: c"],
            error: .invalidFieldValue(name: "X", offset: 1)
        ),
        Refused(testDescription: "no host", fields: [:], error: .hostFields(count: 0)),
        Refused(testDescription: "two hosts", fields: ["Host": "a", "host": "b"], error: .hostFields(count: 2)),
        Refused(
            testDescription: "a transfer coding of the caller's",
            fields: ["Host": "a", "Transfer-Encoding": "chunked"],
            framing: .chunked,
            error: .framingField(name: "transfer-encoding")
        ),
        Refused(
            testDescription: "a length without a body",
            fields: ["Host": "a", "Content-Length": "5"],
            error: .framingField(name: "content-length")
        ),
        Refused(
            testDescription: "another length",
            fields: ["Host": "a", "Content-Length": "5"],
            framing: .length(6),
            error: .framingField(name: "content-length")
        ),
        Refused(
            testDescription: "two lengths",
            fields: ["Host": "a", "Content-Length": "5", "content-length": "5"],
            framing: .length(5),
            error: .framingField(name: "content-length")
        ),
        Refused(
            testDescription: "a length beside chunks",
            fields: ["Host": "a", "Content-Length": "5"],
            framing: .chunked,
            error: .framingField(name: "content-length")
        ),
    ]

    @Test("B184: what could not arrive as it is, is refused before it is written", arguments: refused)
    func refuses(row: Refused) {
        let head = HTTPRequestHead(method: row.method, target: row.target, fields: row.fields)
        #expect(throws: row.error) { try written(head, row.framing) }
        #expect(!row.error.isPeersFault)
    }

    @Test func errorTextHasNoValue() {
        let error = HTTPError.invalidFieldValue(name: "x-rivet-token", offset: 3)
        #expect(
            "\(error)" == "the value of HTTP field x-rivet-token has a character that cannot be sent at byte 3"
        )
    }

    @Test func everyByteOfANameAndAValueIsClassed() {
        for byte in UInt8.min...UInt8.max where byte < 0x80 {
            let text = String(UnicodeScalar(byte))
            let isToken =
                text.utf8.allSatisfy { "!#$%&'*+-.^_`|~".utf8.contains($0) } || (text.first?.isLetter ?? false)
                || (text.first?.isNumber ?? false)
            let name = HTTPRequestHead(target: "/", fields: ["Host": "a", text: "b"])
            #expect(((try? written(name)) != nil) == isToken, "name \(byte)")
            let value = HTTPRequestHead(target: "/", fields: ["Host": "a", "b": text])
            #expect(((try? written(value)) != nil) == (0x20...0x7e).contains(byte), "value \(byte)")
        }
    }

    @Test func chunksAreWritten() {
        var buffer = ByteBuffer()
        let bytes = Array("Hello, chunked world: 27 byt".utf8)
        bytes.withUnsafeBytes { HTTPChunkEncoder.write($0, into: &buffer) }
        [UInt8]().withUnsafeBytes { HTTPChunkEncoder.write($0, into: &buffer) }
        HTTPChunkEncoder.writeEnd(into: &buffer)
        #expect(buffer.text == "1c\r\nHello, chunked world: 27 byt\r\n0\r\n\r\n")
    }
}

@Suite(.leavesNothing) struct HTTPResponseEncoderTests {
    @Test func writesEachFraming() throws {
        let fields: HTTPFields = ["A": "b"]
        #expect(
            try written(HTTPResponseHead(status: 200, fields: fields), .length(2))
                == "HTTP/1.1 200 OK\r\nA: b\r\ncontent-length: 2\r\n\r\n"
        )
        #expect(
            try written(HTTPResponseHead(status: 200, reason: "Fine", fields: fields), .chunked)
                == "HTTP/1.1 200 Fine\r\nA: b\r\ntransfer-encoding: chunked\r\n\r\n"
        )
        #expect(
            try written(HTTPResponseHead(status: 599, fields: fields), .untilClose) == "HTTP/1.1 599 \r\nA: b\r\n\r\n"
        )
    }

    @Test(arguments: [101, 103, 204, 304]) func bodilessStatusHasNoFraming(status: Int) throws {
        for framing in [HTTPFraming.length(5), .chunked, .none] {
            let text = try written(HTTPResponseHead(status: status, reason: "x"), framing)
            #expect(text == "HTTP/1.1 \(status) x\r\n\r\n")
        }
    }

    @Test func whatCannotBeWrittenIsRefused() {
        #expect(throws: HTTPError.invalidStatus(99)) { try written(HTTPResponseHead(status: 99), .none) }
        #expect(throws: HTTPError.invalidStatus(1000)) { try written(HTTPResponseHead(status: 1000), .none) }
        #expect(throws: HTTPError.invalidReason(offset: 1)) {
            try written(HTTPResponseHead(status: 200, reason: "a\r\nEvil: b"), .none)
        }
        #expect(throws: HTTPError.invalidFieldValue(name: "a", offset: 1)) {
            try written(HTTPResponseHead(status: 200, fields: ["a": "b\nEvil: c"]), .none)
        }
        #expect(throws: HTTPError.framingField(name: "content-length")) {
            try written(HTTPResponseHead(status: 200, fields: ["content-length": "1"]), .length(2))
        }
    }
}
