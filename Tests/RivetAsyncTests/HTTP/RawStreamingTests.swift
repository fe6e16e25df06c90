// SPDX-License-Identifier: Apache-2.0
import RivetAsyncLocal
import Testing

@testable import RivetAsync

/// A request and its answer that stream at the same time, through the public client.
@Suite(.leavesNothing, .timeLimit(.minutes(3)))
struct RawStreamingTests {
    /// A body whose pieces the test gives out, and that says when it was asked, and when it was cancelled.
    struct Pieces: AsyncSequence, Sendable {
        let feed: Feed<ByteChunk>
        let asked: Monitor<Int>
        let cancelled: Signal

        init(_ gauge: ResourceGauge = ResourceGauge()) {
            feed = Feed(capacity: 10_000, gauge: gauge)
            asked = Monitor(0, gauge: gauge)
            cancelled = Signal(gauge: gauge)
        }

        struct Iterator: AsyncIteratorProtocol {
            let pieces: Pieces

            mutating func next() async -> ByteChunk? {
                pieces.asked.update { $0 += 1 }
                let piece = await pieces.feed.next()
                if piece == nil, Task.isCancelled { pieces.cancelled.set() }
                return piece
            }
        }

        func makeAsyncIterator() -> Iterator { Iterator(pieces: self) }
        func push(_ text: String) { feed.push(ByteChunk(text: text)) }
    }

    static func post(_ pieces: Pieces, length: Int? = nil) -> ActorRequest {
        ActorRequest("x", method: "POST", body: .stream(pieces, length: length))
    }

    static let begun = "HTTP/1.1 200 OK\r\nx-rivet-actor: \(CauseTests.id)\r\ntransfer-encoding: chunked\r\n\r\n"

    /// A request that streams, and a peer that has read its head.
    static func run(
        length: Int? = nil,
        _ body: (Task<ActorResponse, any Error>, Pieces, LiteralServer.Peer, RivetClient) async throws -> Void
    ) async throws {
        try await CauseTests.run { client, server in
            let pieces = Pieces()
            let call = Task { try await ConnectionLimitTests.handle(client).fetch(Self.post(pieces, length: length)) }
            let peer = try await server.accept()
            _ = try await peer.readHead()
            try await body(call, pieces, peer, client)
        }
    }

    @Test("B275: pieces leave as they are made, and the answer is here with its head")
    func bothAtOnce() async throws {
        try await Self.run { (call, pieces, peer, _) async throws in
            pieces.push("hello")
            #expect(try await peer.read(10) == Array("5\r\nhello\r\n".utf8))
            peer.write(Self.begun)
            let answer = try await call.value
            #expect(answer.status == 200)
            var body = answer.body.makeAsyncIterator()
            for number in 0..<5 {
                pieces.push("p\(number)")
                #expect(try await peer.read(7) == Array("2\r\np\(number)\r\n".utf8))
                peer.write("2\r\na\(number)\r\n")
                #expect(try await body.next() == ByteChunk(text: "a\(number)"))
            }
            pieces.feed.finish()
            #expect(try await peer.read(5) == Array("0\r\n\r\n".utf8))
            peer.write("0\r\n\r\n")
            #expect(try await body.next() == nil)
            #expect(!pieces.cancelled.isSet)
        }
    }

    @Test("B276: the upload goes on while the answer does, and stops when that ends")
    func answerEndsFirst() async throws {
        try await Self.run { (call, pieces, peer, _) async throws in
            peer.write(Self.begun + "2\r\nhi\r\n")
            var body = try await call.value.body.makeAsyncIterator()
            #expect(try await body.next() == ByteChunk(text: "hi"))
            pieces.push("more")
            #expect(try await peer.read(9) == Array("4\r\nmore\r\n".utf8))
            #expect(!pieces.cancelled.isSet)
            peer.write("0\r\n\r\n")
            #expect(try await body.next() == nil)
            await pieces.cancelled.wait()
            #expect(await peer.isEnded())
        }
    }

    @Test("B276, B279: the upload stops when the answer is dropped")
    func answerIsDropped() async throws {
        try await CauseTests.run { client, server in
            let pieces = Pieces()
            let serving = Task {
                let peer = try await server.accept()
                _ = try await peer.readHead()
                peer.write(Self.begun + "2\r\nhi\r\n")
                return await peer.isEnded()
            }
            // The answer is held by nobody.
            let status = try await ConnectionLimitTests.handle(client).fetch(Self.post(pieces)).status
            #expect(status == 200)
            await pieces.cancelled.wait()
            #expect(try await serving.value)
        }
    }

    @Test("B276: an answer that is whole before the request is handed out whole")
    func answerIsWhole() async throws {
        try await Self.run { (call, pieces, peer, _) async throws in
            pieces.push("some")
            _ = try await peer.read(9)
            peer.write(
                "HTTP/1.1 413 Content Too Large\r\nx-rivet-actor: \(CauseTests.id)\r\ncontent-length: 3\r\n\r\nbig"
            )
            let answer = try await call.value
            #expect(answer.status == 413)
            #expect(try await answer.body.collect() == Array("big".utf8))
            await pieces.cancelled.wait()
            #expect(await peer.isEnded())
        }
    }

    struct Length: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let announced: Int
        let pieces: [String]
        var message: String?
    }

    static let lengths = [
        Length(testDescription: "exact", announced: 6, pieces: ["abc", "", "def"]),
        Length(testDescription: "none", announced: 0, pieces: []),
        Length(
            testDescription: "fewer",
            announced: 6,
            pieces: ["abc"],
            message: "the body was announced with 6 bytes and has 3"
        ),
        Length(
            testDescription: "more",
            announced: 6,
            pieces: ["abc", "defg"],
            message: "the body was announced with 6 bytes and has 7"
        ),
        Length(
            testDescription: "more than none",
            announced: 0,
            pieces: ["a"],
            message: "the body was announced with 0 bytes and has 1"
        ),
    ]

    @Test("B277: exactly as many bytes as announced", arguments: lengths)
    func length(_ row: Length) async throws {
        try await Self.run(length: row.announced) { (call, pieces, peer, _) async throws in
            var rest = row.pieces[...]
            if row.message != nil, row.announced > 0, let first = rest.popFirst() {
                // What fails closes the connection at once, with what was not sent yet.
                pieces.push(first)
                #expect(try await peer.read(3) == Array("abc".utf8))
            }
            for piece in rest { pieces.push(piece) }
            pieces.feed.finish()
            if let message = row.message {
                let error = await #expect(throws: RivetError.self) { try await call.value }
                #expect(error?.code == .invalidArgument)
                #expect(error?.fault == .caller)
                #expect(error?.message == message)
                #expect(await peer.isEnded())
            } else {
                #expect(try await peer.read(row.announced) == Array(row.pieces.joined().utf8))
                peer.write(RawRequestTests.answer("200 OK", "ok"))
                #expect(try await call.value.body.collect() == Array("ok".utf8))
            }
        }
    }

    @Test("B277: a wrong length behind the answer's head is the reader's error")
    func lengthBehindTheHead() async throws {
        try await Self.run(length: 6) { (call, pieces, peer, _) async throws in
            pieces.push("abc")
            _ = try await peer.read(3)
            peer.write(Self.begun)
            let answer = try await call.value
            pieces.feed.finish()
            let error = await #expect(throws: RivetError.self) { try await answer.body.collect() }
            #expect(error?.code == .invalidArgument)
            #expect(await peer.isEnded())
        }
    }

    // MARK: Slow peers, on a network whose buffers have a size

    /// A client, and a peer that plays a script on each connection.
    static func run(
        _ scripts: [[ScriptedHTTPPeer.Step]],
        _ body: (RivetClient, ScriptedHTTPPeer) async throws -> Void
    ) async throws {
        let peer = ScriptedHTTPPeer(scripts)
        let gauge = ResourceGauge()
        let lanes = LaneGroup(count: 1, gauge: gauge)
        let network = MemoryNetwork()
        let port = try network.listen(lanes: lanes) { peer.accept($0) }
        var configuration = try RivetConfiguration(endpoint: "http://engine.test:\(port)")
        configuration.looksUpMetadata = false
        let client = RivetClient(configuration, transport: RivetTransport(dialer: MemoryDialer(network: network)))
        try await body(client, peer)
        await client.close(within: .zero)
        await lanes.shutDown()
        #expect(client.context.gauge.counts == .zero)
        #expect(gauge.counts == .zero)
    }

    static let piece = ByteChunk([UInt8](repeating: 0x61, count: 16_384))

    @Test("B190, B275: a producer is asked only while less than 64 KiB wait, and the answer does not wait for it")
    func slowPeer() async throws {
        try await Self.run([
            [.requestHead, .stall, .send(Self.begun), .send("2\r\nhi\r\n")]
        ]) { client, peer in
            let pieces = Pieces()
            for _ in 0..<1_000 { pieces.feed.push(Self.piece) }
            let answer = try await ConnectionLimitTests.handle(client).fetch(Self.post(pieces))
            // At least the network's 64 KiB and our low-water mark of 16 KiB; at most the network's, our 64 KiB, the piece
            // that went above that, and what was asked for while the peer had yet to stall.
            _ = await pieces.asked.first { $0 >= 5 ? $0 : nil }
            _ = await peer.until { $0.stalled == 1 }
            // The same piece waits for room before and behind a turn; so do the body's task, and that of the deadlines.
            let waiting = { @Sendable in client.context.gauge.counts.waiters == 3 ? pieces.asked.current : nil }
            try await until {
                guard let before = waiting() else { return pieces.asked.current > 12 }
                await client.untilTurnsEnd()
                return waiting() == before
            }
            #expect(pieces.asked.current <= 12)
            var body = answer.body.makeAsyncIterator()
            #expect(try await body.next() == ByteChunk(text: "hi"))
            #expect(pieces.asked.current <= 12)
        }
    }

    @Test("B190, B275: a reader that is slow does not stop the upload")
    func slowReader() async throws {
        try await Self.run([
            [
                .requestHead, .send(Self.begun.replacing("transfer-encoding: chunked", with: "x: y")),
                .sendForEver(Array(Self.piece)),
            ]
        ]) { client, peer in
            let pieces = Pieces()
            let answer = try await ConnectionLimitTests.handle(client).fetch(Self.post(pieces))
            // The answer waits in all the buffers there are.
            _ = await peer.until { $0.sent >= 262_144 }
            for _ in 0..<200 { pieces.feed.push(Self.piece) }
            pieces.feed.finish()
            let seen = await peer.until { $0.requests.count == 1 }
            #expect(seen.requests.first?.body.count == 200 * 16_384)
            #expect(seen.sent <= HTTPBodyBounds.all)
            var body = answer.body.makeAsyncIterator()
            #expect(try await body.next()?.isEmpty == false)
        }
    }
}
