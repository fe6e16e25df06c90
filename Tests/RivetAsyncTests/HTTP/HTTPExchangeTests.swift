// SPDX-License-Identifier: Apache-2.0
import RivetAsync
import RivetAsyncLocal
import Synchronization
import Testing

/// How the answer is asked for.
enum AskedFor: CaseIterable {
    /// All of it, by one call.
    case whole
    /// Its head, whose body is read then.
    case head
}

/// What reading everything gives: the body, or what failed.
private func outcome(
    _ fixture: HTTPPoolFixture,
    _ head: HTTPRequestHead = HTTPRequestHead(target: "/"),
    body: HTTPRequestBody = .none,
    deadline: TimePoint? = nil,
    asked: AskedFor = .head,
    upTo limit: Int = 1 << 24
) async -> Result<String, HTTPCallError> {
    let (pool, origin) = (fixture.pool, fixture.origin)
    do throws(HTTPCallError) {
        switch asked {
        case .whole:
            let answer = try await pool.execute(head, to: origin, body: body, deadline: deadline, collectingUpTo: limit)
            return .success(String(decoding: answer.body, as: UTF8.self))
        case .head:
            let response = try await pool.execute(head, to: origin, body: body, deadline: deadline)
            return .success(String(decoding: try await response.body.collect(upTo: limit), as: UTF8.self))
        }
    } catch {
        return .failure(error)
    }
}

/// A body whose chunks a test gives out one by one.
private struct Chunks: AsyncSequence, Sendable {
    typealias Element = ByteChunk
    let feed = Feed<ByteChunk>(capacity: 1000)
    let pulled = PullCounter()

    struct Iterator: AsyncIteratorProtocol {
        let chunks: Chunks
        mutating func next() async -> ByteChunk? {
            chunks.pulled.add()
            return await chunks.feed.next()
        }
    }

    func makeAsyncIterator() -> Iterator { Iterator(chunks: self) }
}

private final class PullCounter: Sendable {
    private let number = Mutex(0)
    func add() { number.withLock { $0 += 1 } }
    var value: Int { number.withLock { $0 } }
}

@Suite(.leavesNothing, .timeLimit(.minutes(3))) struct HTTPExchangeTests {
    // MARK: Peers that are silent, gone, or talk too much

    @Test(arguments: AskedFor.allCases)
    func silentPeerFailsAtTheDeadlineAndTheRequestHadLeft(asked: AskedFor) async throws {
        let fixture = try HTTPPoolFixture([[.request]])
        async let call = outcome(fixture, deadline: TimePoint(.seconds(5)), asked: asked)
        _ = await fixture.peer.until { $0.requests.count == 1 }
        await fixture.clock.waitForSleepers(1)
        await fixture.clock.advance(by: .seconds(5))
        let failure = await call.failure
        #expect(failure?.error is DeadlinePassedError)
        #expect(failure?.requestLeft == true)
        #expect(failure?.answerBegun == false)
        #expect(try await fixture.get() == "ok")
        #expect(await fixture.close() == HTTPPoolFixture.nothing)
    }

    @Test(arguments: AskedFor.allCases) func deadlineHoldsWhileTheBodyArrives(asked: AskedFor) async throws {
        let fixture = try HTTPPoolFixture([[.request, .send("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n1234")]])
        async let call = outcome(fixture, deadline: TimePoint(.seconds(5)), asked: asked)
        _ = await fixture.peer.until { $0.requests.count == 1 }
        await fixture.settle()
        await fixture.clock.waitForSleepers(1)
        await fixture.clock.advance(by: .seconds(5))
        let failure = await call.failure
        #expect(failure?.error is DeadlinePassedError)
        #expect(failure?.requestLeft == true)
        #expect(failure?.answerBegun == true)
        #expect(try await fixture.get() == "ok")
        #expect(await fixture.close() == HTTPPoolFixture.nothing)
    }

    @Test func deadlineForTheHeadLetsTheBodyTakeItsTime() async throws {
        let gate = Signal()
        let fixture = try HTTPPoolFixture([
            [.request, .send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n"), .pause(gate), .send("ok")]
        ])
        let response = try await fixture.pool.execute(
            HTTPRequestHead(target: "/"),
            to: fixture.origin,
            deadline: TimePoint(.seconds(5)),
            deadlineCoversBody: false
        )
        await fixture.clock.advance(by: .seconds(60))
        gate.set()
        #expect(try await response.body.collect(upTo: 2).string == "ok")
        #expect(await fixture.close() == HTTPPoolFixture.nothing)
    }

    struct Reset: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var sent: String
        var answerBegun: Bool
    }

    static let resets = [
        Reset(testDescription: "before the answer", sent: "", answerBegun: false),
        Reset(testDescription: "in the head", sent: "HTTP/1.1 200 OK\r\n", answerBegun: true),
        Reset(
            testDescription: "in the body",
            sent: "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n1234",
            answerBegun: true
        ),
        Reset(testDescription: "in a body until the end", sent: "HTTP/1.1 200 OK\r\n\r\n1234", answerBegun: true),
    ]

    @Test(arguments: resets, AskedFor.allCases)
    func resetFailsWithTheTransportsError(reset: Reset, asked: AskedFor) async throws {
        let gate = Signal()
        let fixture = try HTTPPoolFixture([[.request, .send(reset.sent), .pause(gate), .reset]])
        async let call = outcome(fixture, asked: asked)
        _ = await fixture.peer.until { $0.requests.count == 1 }
        await fixture.settle()
        gate.set()
        let failure = await call.failure
        #expect(failure?.error as? TransportError == .system(.receive, .connectionReset))
        #expect(failure?.requestLeft == true)
        #expect(failure?.answerBegun == reset.answerBegun)
        #expect(try await fixture.get() == "ok")
        #expect(await fixture.close() == HTTPPoolFixture.nothing)
    }

    struct Spent: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var answer: String
        var ending: [ScriptedHTTPPeer.Step] = []
        var body = "ok"
    }

    static let spent = [
        Spent(
            testDescription: "Connection: close",
            answer: "HTTP/1.1 200 OK\r\nConnection: Keep-Alive, Close\r\nContent-Length: 2\r\n\r\nok"
        ),
        Spent(testDescription: "HTTP/1.0", answer: "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok"),
        Spent(
            testDescription: "a body until the end",
            answer: "HTTP/1.1 200 OK\r\n\r\nok",
            ending: [.close]
        ),
        Spent(
            testDescription: "bytes behind the answer",
            answer: "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"
        ),
        Spent(
            testDescription: "a body where there is none",
            answer: "HTTP/1.1 204 No Content\r\nContent-Length: 4\r\n\r\nevil",
            body: ""
        ),
    ]

    @Test(arguments: spent, AskedFor.allCases)
    func connectionIsNotUsedAfter(spent: Spent, asked: AskedFor) async throws {
        let fixture = try HTTPPoolFixture([[.request, .send(spent.answer)] + spent.ending])
        #expect(await outcome(fixture, asked: asked).success == spent.body)
        #expect(try await fixture.get() == "ok")
        #expect(fixture.peer.seen.requests.map(\.connection) == [0, 1])
        #expect(await fixture.close() == HTTPPoolFixture.nothing)
    }

    @Test func bytesOnAnIdleConnectionCloseIt() async throws {
        let gate = Signal()
        let fixture = try HTTPPoolFixture([
            [.request, ScriptedHTTPPeer.ok, .pause(gate), .send("HTTP/1.1 408 Timeout\r\n\r\n")]
        ])
        #expect(try await fixture.get() == "ok")
        #expect(fixture.counts == [1, 1, 0])
        gate.set()
        _ = await fixture.peer.until { $0.ended == 1 }
        // The peer may see the end before the client has counted it.
        try await until { fixture.counts == [0, 0, 0] }
        #expect(try await fixture.get() == "ok")
        #expect(await fixture.close() == HTTPPoolFixture.nothing)
    }

    @Test func http10ConnectionIsKeptWhereThePeerSaysSo() async throws {
        let answer = "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok"
        let fixture = try HTTPPoolFixture([[.request, .send(answer), .request, .send(answer)]])
        #expect(try await fixture.get() == "ok")
        #expect(try await fixture.get() == "ok")
        #expect(fixture.peer.seen.connections == 1)
        #expect(await fixture.close() == HTTPPoolFixture.nothing)
    }

    // MARK: Bodies that come

    @Test("B190: an answer that nobody reads makes the peer wait, and goes on when it is read")
    func unreadAnswerMakesThePeerWait() async throws {
        let piece = [UInt8](repeating: 0x61, count: 16_384)
        let fixture = try HTTPPoolFixture([
            [.request, .send("HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n"), .sendForEver(piece)]
        ])
        let response = try await fixture.pool.execute(HTTPRequestHead(target: "/"), to: fixture.origin)
        // The peer's output, the network's buffer, and ours; no more, however long one waits.
        let bound = HTTPBodyBounds.all
        _ = await fixture.peer.until { $0.sent > bound / 2 }
        await fixture.settle()
        #expect(fixture.peer.seen.sent <= bound)
        var read = 0
        for try await chunk in response.body {
            read += chunk.count
            if read > 4 * bound { break }
        }
        #expect(fixture.peer.seen.sent > 4 * bound)
        #expect(fixture.peer.seen.sent <= 6 * bound)
        #expect(await fixture.close() == HTTPPoolFixture.nothing)
    }

    @Test("B191: a response body that is dropped half-way closes the connection")
    func droppedBodyClosesTheConnection() async throws {
        let piece = [UInt8](repeating: 0x61, count: 16_384)
        let fixture = try HTTPPoolFixture([
            [.request, .send("HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n"), .sendForEver(piece)]
        ])
        do {
            let response = try await fixture.pool.execute(HTTPRequestHead(target: "/"), to: fixture.origin)
            var iterator = response.body.makeAsyncIterator()
            #expect(try await iterator.next() != nil)
        }
        _ = await fixture.peer.until { $0.ended == 1 }
        try await until { fixture.counts == [0, 0, 0] }
        #expect(try await fixture.get() == "ok")
        #expect(await fixture.close() == HTTPPoolFixture.nothing)
    }

    @Test func cancelledReaderClosesTheConnection() async throws {
        let fixture = try HTTPPoolFixture([[.request, .send("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n1234")]])
        let response = try await fixture.pool.execute(HTTPRequestHead(target: "/"), to: fixture.origin)
        let task = Task { try await response.body.collect(upTo: 100) }
        try await until { fixture.gauge.counts.waiters == 1 }
        task.cancel()
        #expect(await (task.result.failure as? HTTPCallError)?.error is CancellationError)
        _ = await fixture.peer.until { $0.ended == 1 }
        // Who reads on is not cancelled.
        let error = await #expect(throws: HTTPCallError.self) { try await response.body.collect(upTo: 100) }
        #expect(error?.error as? HTTPError == .bodyAbandoned)
        let cancelled = Task {
            withUnsafeCurrentTask { $0?.cancel() }
            return try await response.body.collect(upTo: 100)
        }
        #expect(await (cancelled.result.failure as? HTTPCallError)?.error is CancellationError)
        #expect(await fixture.close() == HTTPPoolFixture.nothing)
    }

    @Test func secondReaderIsRefused() async throws {
        let fixture = try HTTPPoolFixture([[.request, .send("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n")]])
        let response = try await fixture.pool.execute(HTTPRequestHead(target: "/"), to: fixture.origin)
        let task = Task { try await response.body.collect(upTo: 100) }
        try await until { fixture.gauge.counts.waiters == 1 }
        do {
            _ = try await response.body.collect(upTo: 100)
            Issue.record("two readers")
        } catch {
            #expect(error.error as? HTTPError == .bodyHasReader)
        }
        task.cancel()
        _ = await task.result
        #expect(await fixture.close() == HTTPPoolFixture.nothing)
    }

    @Test func secondReaderIsRefusedWhoIsCancelledToo() async throws {
        let answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n"
        let gate = Signal()
        let fixture = try HTTPPoolFixture([[.request, .send(answer), .pause(gate), .send("ok")]])
        let response = try await fixture.pool.execute(HTTPRequestHead(target: "/"), to: fixture.origin)
        let first = Task { try await response.body.collect(upTo: 100) }
        try await until { fixture.gauge.counts.waiters == 1 }
        let second = Task {
            withUnsafeCurrentTask { $0?.cancel() }
            return try await response.body.collect(upTo: 100)
        }
        #expect(await (second.result.failure as? HTTPCallError)?.error as? HTTPError == .bodyHasReader)
        // Whoever reads it goes on.
        gate.set()
        #expect(try await String(decoding: first.value, as: UTF8.self) == "ok")
        #expect(await fixture.close() == HTTPPoolFixture.nothing)
    }

    @Test(arguments: AskedFor.allCases) func nothingIsCollectedBeyondTheLimit(asked: AskedFor) async throws {
        let fixture = try HTTPPoolFixture([[.request, .send("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n123456")]])
        let failure = await outcome(fixture, asked: asked, upTo: 5).failure
        #expect(failure?.error as? HTTPError == .tooLarge(.body, limit: 5, actual: nil))
        #expect(failure?.requestLeft == true)
        #expect(failure?.answerBegun == true)
        _ = await fixture.peer.until { $0.ended == 1 }
        #expect(await fixture.close() == HTTPPoolFixture.nothing)
    }

    @Test(arguments: AskedFor.allCases) func piecesOfABodyAreJoinedUpToTheLimit(asked: AskedFor) async throws {
        let gates = (0..<2).map { _ in Signal() }
        let fixture = try HTTPPoolFixture([
            [
                .request, .send("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n1"), .pause(gates[0]), .send("234"),
                .pause(gates[1]), .send("56"),
            ]
        ])
        async let call = outcome(fixture, asked: asked, upTo: 6)
        _ = await fixture.peer.until { $0.requests.count == 1 }
        for gate in gates {
            await fixture.settle()
            gate.set()
        }
        #expect(await call.success == "123456")
        #expect(fixture.counts == [1, 1, 0])
        #expect(await fixture.close() == HTTPPoolFixture.nothing)
    }

    @Test(arguments: AskedFor.allCases) func cancellationClosesTheConnectionWithinTheBody(asked: AskedFor) async throws
    {
        let fixture = try HTTPPoolFixture([[.request, .send("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n1234")]])
        let call = Task { await outcome(fixture, asked: asked) }
        _ = await fixture.peer.until { $0.requests.count == 1 }
        await fixture.settle()
        call.cancel()
        #expect(await call.value.failure?.error is CancellationError)
        _ = await fixture.peer.until { $0.ended == 1 }
        #expect(await fixture.close() == HTTPPoolFixture.nothing)
    }

    // MARK: Bodies that go

    @Test func longBodyArrivesWhole() async throws {
        let line = (0..<30_000).map { UInt8(truncatingIfNeeded: $0 &* 7) }
        let bytes = Array(repeatElement(line, count: 20).joined())
        let fixture = try HTTPPoolFixture()
        let head = HTTPRequestHead(method: "POST", target: "/")
        #expect(await outcome(fixture, head, body: .bytes(ByteChunk(bytes))).success == "ok")
        #expect(fixture.peer.seen.requests.first?.body == bytes)
        #expect(fixture.peer.seen.requests.first?.head.fields["content-length"] == "600000")
        #expect(await outcome(fixture).success == "ok")
        #expect(fixture.peer.seen.connections == 1)
        #expect(await fixture.close() == HTTPPoolFixture.nothing)
    }

    @Test(arguments: [nil, 300_007]) func streamedBodyArrivesWhole(length: Int?) async throws {
        let fixture = try HTTPPoolFixture()
        let chunks = Chunks()
        for size in [100_000, 0, 7, 200_000] {
            chunks.feed.push(ByteChunk([UInt8](repeating: UInt8(size & 0xff), count: size)))
        }
        chunks.feed.finish()
        let head = HTTPRequestHead(method: "PUT", target: "/")
        #expect(await outcome(fixture, head, body: .stream(chunks, length: length)).success == "ok")
        let request = try #require(fixture.peer.seen.requests.first)
        #expect(request.body.count == 300_007)
        #expect(request.body[100_000..<100_007].elementsEqual(repeatElement(7, count: 7)))
        #expect(request.head.fields["transfer-encoding"] == (length == nil ? "chunked" : nil))
        #expect(request.head.fields["content-length"] == length.map { "\($0)" })
        #expect(await outcome(fixture).success == "ok")
        #expect(fixture.peer.seen.connections == 1)
        #expect(await fixture.close() == HTTPPoolFixture.nothing)
    }

    @Test("B190: a streamed request is pulled no faster than the peer reads")
    func streamedRequestIsPulledNoFasterThanThePeerReads() async throws {
        let fixture = try HTTPPoolFixture([[.requestHead, .stall]])
        let chunks = Chunks()
        let piece = ByteChunk([UInt8](repeating: 0x61, count: 16_384))
        for _ in 0..<1000 { chunks.feed.push(piece) }
        let call = Task {
            await outcome(fixture, HTTPRequestHead(method: "POST", target: "/"), body: .stream(chunks))
        }
        try await until { chunks.pulled.value >= 5 }
        await fixture.settle()
        #expect(chunks.pulled.value <= 4 * HTTPBodyBounds.all / 16_384)
        call.cancel()
        #expect(await call.value.failure?.error is CancellationError)
        #expect(await fixture.close() == HTTPPoolFixture.nothing)
    }

    struct Producer: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var sizes: [Int]
        var error: HTTPError
    }

    @Test(arguments: [
        Producer(testDescription: "too short", sizes: [3], error: .bodyLength(announced: 10, actual: 3)),
        Producer(testDescription: "too long", sizes: [6, 6], error: .bodyLength(announced: 10, actual: 12)),
        Producer(testDescription: "nothing", sizes: [], error: .bodyLength(announced: 10, actual: 0)),
    ]) func bodyOfAnotherLengthThanAnnouncedFails(producer: Producer) async throws {
        let fixture = try HTTPPoolFixture()
        let chunks = Chunks()
        for size in producer.sizes { chunks.feed.push(ByteChunk([UInt8](repeating: 0x61, count: size))) }
        chunks.feed.finish()
        let head = HTTPRequestHead(method: "PUT", target: "/")
        let failure = await outcome(fixture, head, body: .stream(chunks, length: 10)).failure
        #expect(failure?.error as? HTTPError == producer.error)
        #expect(failure?.requestLeft == true)
        #expect(try await fixture.get() == "ok")
        #expect(await fixture.close() == HTTPPoolFixture.nothing)
    }

    @Test func errorOfTheCallersBodyIsToldAsThat() async throws {
        struct Broken: Error {}
        let fixture = try HTTPPoolFixture()
        let chunks = AsyncThrowingStream<ByteChunk, any Error> { throw Broken() }
        let head = HTTPRequestHead(method: "PUT", target: "/")
        let failure = await outcome(fixture, head, body: .stream(chunks)).failure
        #expect((failure?.error as? RequestBodyError)?.underlying is Broken)
        #expect(await fixture.close() == HTTPPoolFixture.nothing)
    }

    /// A body, and whether somebody still has it.
    private struct Held: AsyncSequence, Sendable {
        final class Token: Sendable {}
        let token: Token
        let chunks = Chunks()
        func makeAsyncIterator() -> Chunks.Iterator { chunks.makeAsyncIterator() }
    }

    @Test func bodyIsLetGoOfWhereTheExchangeEndsWhileItBegins() async throws {
        let fixture = try HTTPPoolFixture()
        #expect(try await fixture.get() == "ok")
        fixture.root.cancel()  // No body can be made any more.
        weak var token: Held.Token?
        do {
            let body = Held(token: Held.Token())
            token = body.token
            let head = HTTPRequestHead(method: "POST", target: "/")
            let failure = await outcome(fixture, head, body: .stream(body)).failure
            #expect(failure?.error as? HTTPError == .poolClosed)
        }
        // The lane has the exchange until the end of its turn, which the caller may be ahead of.
        try await until { token == nil }
        #expect(await fixture.close() == HTTPPoolFixture.nothing)
    }

    @Test func answerBeforeTheEndOfTheRequestEndsIt() async throws {
        let fixture = try HTTPPoolFixture([
            [.requestHead, .send("HTTP/1.1 413 Content Too Large\r\nContent-Length: 3\r\n\r\nbig")]
        ])
        let chunks = Chunks()
        let head = HTTPRequestHead(method: "POST", target: "/")
        let response = try await fixture.pool.execute(head, to: fixture.origin, body: .stream(chunks))
        #expect(response.head.status == 413)
        #expect(try await response.body.collect(upTo: 3).string == "big")
        _ = await fixture.peer.until { $0.ended == 1 }
        #expect(try await fixture.get() == "ok")
        #expect(await fixture.close() == HTTPPoolFixture.nothing)
    }

    @Test func answerAndRequestCanFlowAtTheSameTime() async throws {
        let fixture = try HTTPPoolFixture([
            [
                .requestHead, .send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n"), .request,
                .send("0\r\n\r\n"), .request, ScriptedHTTPPeer.ok,
            ]
        ])
        let chunks = Chunks()
        let head = HTTPRequestHead(method: "POST", target: "/")
        let response = try await fixture.pool.execute(head, to: fixture.origin, body: .stream(chunks))
        var body = response.body.makeAsyncIterator()
        #expect(try await body.next() == ByteChunk(text: "hi"))
        chunks.feed.push(ByteChunk(text: "more"))
        chunks.feed.finish()
        #expect(try await body.next() == nil)
        #expect(fixture.peer.seen.requests.first?.body == Array("more".utf8))
        #expect(try await fixture.get() == "ok")
        #expect(fixture.peer.seen.connections == 1)
        #expect(await fixture.close() == HTTPPoolFixture.nothing)
    }

    @Test func injectedFieldIsRefusedBeforeAConnectionIsOpened() async throws {
        let fixture = try HTTPPoolFixture()
        let head = HTTPRequestHead(target: "/", fields: ["x": "a\r\nx-rivet-token: stolen"])
        let failure = await outcome(fixture, head).failure
        #expect(failure?.error as? HTTPError == .invalidFieldValue(name: "x", offset: 1))
        #expect(failure?.requestLeft == false)
        #expect(fixture.peer.seen.connections == 0)
        #expect(await fixture.close() == HTTPPoolFixture.nothing)
    }
}

/// What may be under way when the reader stands still, in bytes.
enum HTTPBodyBounds {
    /// A peer's output with a piece above the mark, the memory network's buffer, our buffer with a receive above it.
    static let all = (65_536 + 16_384) + 65_536 + (262_144 + 65_536)
}

extension Result {
    var success: Success? { if case .success(let success) = self { success } else { nil } }
}
