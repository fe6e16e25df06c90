// SPDX-License-Identifier: Apache-2.0
import RivetAsync
import RivetAsyncLocal
import Synchronization
import Testing

/// Pieces that a test makes, and word of when nobody reads on: behind the end, after an error, or given up.
struct Pieces: AsyncSequence, Sendable {
    let ended = Signal()
    private let stream: AsyncThrowingStream<ByteChunk, any Error>
    private let continuation: AsyncThrowingStream<ByteChunk, any Error>.Continuation

    init() { (stream, continuation) = AsyncThrowingStream.makeStream() }

    func send(_ text: String) { continuation.yield(ByteChunk(text.utf8)) }
    func finish(_ error: (any Error)? = nil) { continuation.finish(throwing: error) }

    struct AsyncIterator: AsyncIteratorProtocol {
        fileprivate var base: AsyncThrowingStream<ByteChunk, any Error>.AsyncIterator
        fileprivate let reader: Reader

        mutating func next(isolation: isolated (any Actor)? = #isolation) async throws -> ByteChunk? {
            try await base.next(isolation: isolation)
        }
    }

    /// A stream's `onTermination` says nothing of a reader that leaves between two pieces.
    fileprivate final class Reader: Sendable {
        private let ended: Signal

        init(_ ended: Signal) { self.ended = ended }
        deinit { ended.set() }
    }

    func makeAsyncIterator() -> AsyncIterator {
        AsyncIterator(base: stream.makeAsyncIterator(), reader: Reader(ended))
    }
}

/// What happened, for a test that waits for it.
final class Log: Sendable {
    private let entries = Monitor<[String]>([], gauge: ResourceGauge())

    var all: [String] { entries.current }

    func add(_ entry: String) { entries.update { $0.append(entry) } }

    /// Returns when `entry` is there `count` times.
    func wait(for entry: String, _ count: Int = 1) async throws {
        _ = await entries.first { $0.count { $0 == entry } >= count ? true : nil }
        try Task.checkCancellation()
    }
}

/// Makes 128 pieces of 16 KiB, one when it is asked, and logs each.
struct Flood: AsyncSequence, Sendable {
    let log: Log

    struct AsyncIterator: AsyncIteratorProtocol {
        let log: Log
        var count = 0

        mutating func next() async -> ByteChunk? {
            guard !Task.isCancelled, count < 128 else { return nil }
            count += 1
            log.add("piece")
            return ByteChunk(Array(repeating: UInt8(ascii: "x"), count: 16_384))
        }
    }

    func makeAsyncIterator() -> AsyncIterator { AsyncIterator(log: log) }
}

enum Site: ActorDefinition {
    static var actorName: String { "site" }

    struct Destroy: ActorAction { typealias Target = Site }
    struct Mistake: Error {}
}

/// An engine whose gateway streams, or not, and an actor that answers in each way.
struct SiteTest {
    var kind = StreamPair.Kind.memory
    var streams = true
    var clock = TestClock()
    var maxRequestBody = 20 << 20
    let pieces = Pieces()
    let gate = Signal()
    let log = Log()

    func run(_ body: (LocalEngine, PlainPeer, _ target: String) async throws -> Void) async throws {
        var limits = LocalEngine.Limits()
        limits.streamsBodies = streams
        limits.maxRequestBody = maxRequestBody
        limits.maxCollectedAnswer = 100
        try await withEngine(clock: clock, transport: kind.transport, limits: limits) {
            $0.actor(Site.self, state: 0) { site in
                site.on(Site.Destroy.self) { _, actor in
                    actor.destroy()
                    return NoValue()
                }
                site.onDisconnect { _, _ in log.add("disconnect") }
                site.onRequest { request, _ in try await answer(request) }
            }
        } _: { engine in
            try await PlainPeer.with(engine, kind) { peer in
                try await body(engine, peer, "/gateway/\(try await peer.getOrCreate("site"))/request")
            }
        }
    }

    private func answer(_ request: LocalRequest) async throws -> LocalResponse {
        switch request.path {
        case "/pieces":
            log.add("pieces")
            return LocalResponse(status: 201, fields: ["x-own": "1"], chunks: pieces)
        case "/flood": return LocalResponse(chunks: Flood(log: log))
        case "/large":
            let half = ByteChunk(Array(repeating: 0, count: 50))
            let whole = AsyncStream { continuation in
                for part in [half, half, ByteChunk([1])] { continuation.yield(part) }
                continuation.finish()
            }
            return LocalResponse(chunks: whole)
        case "/echo": return LocalResponse(chunks: request.chunks)
        case "/sum":
            do {
                return try .json(try await request.decodeJSON([Int].self).reduce(0, +))
            } catch let error as RivetError {
                return LocalResponse(status: 400, body: Array("\(error.code.name): \(error.message)".utf8))
            }
        case "/count":
            log.add("asked")
            await gate.wait()
            let body = try await request.chunks.collect()
            return LocalResponse(body: Array("\(body.count), whole \(request.body.count)".utf8))
        case "/read":
            do {
                for try await chunk in request.chunks { log.add("\(chunk.count)") }
            } catch let error as RivetError {
                log.add(error.code.name)
                throw error
            }
            return LocalResponse()
        default: return LocalResponse(body: Array("unread".utf8))
        }
    }

    /// Lets time go on until `isSo`.
    func passTime(by step: Duration, until isSo: () -> Bool) async throws {
        while !isSo() {
            try Task.checkCancellation()
            await clock.advance(by: step)
        }
    }
}

/// Bodies that pass the gateway piece by piece (PROTOCOL e7, k11).
@Suite(.leavesNothing, .timeLimit(.minutes(3)))
struct StreamingTests {
    private static let chunkedHead = "HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"

    // MARK: Answers

    @Test(arguments: StreamPair.Kind.all)
    func anAnswerArrivesAsItIsMade(_ kind: StreamPair.Kind) async throws {
        let site = SiteTest(kind: kind)
        try await site.run { (_, peer, target) async throws in
            peer.send("GET \(target)/pieces HTTP/1.1\r\nHost: h\r\n\r\n")
            let head = try await peer.response()
            #expect(head.status == 201)
            #expect(head["transfer-encoding"] == "chunked")
            #expect(head["content-length"] == nil)
            #expect(head["x-own"] == "1")
            #expect(head["x-rivet-actor"] != nil)
            #expect(head["x-rivet-ray-id"]?.count == 30)
            site.pieces.send("one")
            #expect(try await peer.chunk() == "one")
            site.pieces.send("")
            site.pieces.send("two and more")
            #expect(try await peer.chunk() == "two and more")
            #expect(!site.log.all.contains("disconnect"))
            site.pieces.finish()
            #expect(try await peer.chunk() == "")
            try await site.log.wait(for: "disconnect")
            // The connection goes on.
            #expect(try await peer.request("GET", "\(target)/other").text == "unread")
        }
    }

    @Test func oneThatIsSlowToReadHoldsTheHandlerBack() async throws {
        let site = SiteTest()
        try await site.run { (engine, peer, target) async throws in
            peer.suspendReading()
            peer.send("GET \(target)/flood HTTP/1.1\r\nHost: h\r\n\r\n")
            try await site.log.wait(for: "piece")
            try await PlainPeer.with(engine) { (other) async throws in
                for _ in 0..<20 { #expect(try await other.request("GET", "\(target)/other").text == "unread") }
            }
            #expect(site.log.all.count { $0 == "piece" } < 64)
            peer.resumeReading()
            try await site.log.wait(for: "piece", 128)
        }
    }

    @Test(arguments: StreamPair.Kind.all, [true, false])
    func aClientThatGoesCancelsTheSequence(_ kind: StreamPair.Kind, _ closes: Bool) async throws {
        let site = SiteTest(kind: kind)
        try await site.run { (engine, _, target) async throws in
            try await PlainPeer.with(engine, kind) { (peer) async throws in
                peer.send("GET \(target)/pieces HTTP/1.1\r\nHost: h\r\n\r\n")
                site.pieces.send("one")
                #expect(try await peer.response().status == 201)
                #expect(try await peer.chunk() == "one")
                if closes { peer.close() } else { peer.finishWriting() }
                await site.pieces.ended.wait()
            }
            try await site.log.wait(for: "disconnect")
        }
    }

    @Test(arguments: StreamPair.Kind.all)
    func aSequenceThatThrowsCutsTheAnswer(_ kind: StreamPair.Kind) async throws {
        let site = SiteTest(kind: kind)
        try await site.run { (_, peer, target) async throws in
            site.pieces.send("one")
            site.pieces.finish(Site.Mistake())
            peer.send("GET \(target)/pieces HTTP/1.1\r\nHost: h\r\n\r\n")
            #expect(try await peer.response().status == 201)
            #expect(try await peer.chunk() == "one")
            #expect(try await peer.readToEnd().bytes.isEmpty)
        }
    }

    @Test func theActorIsAtWorkUntilItsGraceIsOver() async throws {
        let site = SiteTest()
        try await site.run { (engine, peer, target) async throws in
            peer.send("GET \(target)/pieces HTTP/1.1\r\nHost: h\r\n\r\n")
            #expect(try await peer.response().status == 201)
            try await PlainPeer.with(engine) { (other) async throws in
                let action = target.replacing("/request", with: "/action/destroy")
                #expect(try await other.request("POST", action, body: Array("{}".utf8)).status == 200)
            }
            site.pieces.send("still here")
            #expect(try await peer.chunk() == "still here")
            // The 200 may come before the grace begins to count.
            try await site.passTime(by: .seconds(1)) { site.pieces.ended.isSet }
            #expect(try await peer.readToEnd().bytes.isEmpty)
        }
    }

    @Test func anActorThatIsKilledCutsTheAnswer() async throws {
        let site = SiteTest()
        try await site.run { (engine, peer, target) async throws in
            peer.send("GET \(target)/pieces HTTP/1.1\r\nHost: h\r\n\r\n")
            #expect(try await peer.response().status == 201)
            await engine.faults.killActors()
            await site.pieces.ended.wait()
            #expect(try await peer.readToEnd().bytes.isEmpty)
        }
    }

    @Test func headHasNoBodyAndTheSequenceIsGivenUp() async throws {
        let site = SiteTest()
        try await site.run { (_, peer, target) async throws in
            let head = try await peer.request("HEAD", "\(target)/pieces")
            #expect(head.status == 201)
            #expect(head["transfer-encoding"] == "chunked")
            await site.pieces.ended.wait()
            #expect(try await peer.request("GET", "\(target)/other").text == "unread")
        }
    }

    @Test func aClientOfHTTP10ReadsToTheEnd() async throws {
        let site = SiteTest()
        try await site.run { (_, peer, target) async throws in
            peer.send("GET \(target)/pieces HTTP/1.0\r\n\r\n")
            let head = try await peer.response()
            #expect(head["transfer-encoding"] == nil)
            site.pieces.send("one")
            site.pieces.send("two")
            site.pieces.finish()
            let (bytes, end) = try await peer.readToEnd()
            #expect(bytes == Array("onetwo".utf8))
            #expect(end == .finished)
        }
    }

    @Test func faultsCutAndDelayAnAnswerThatStreams() async throws {
        let site = SiteTest()
        try await site.run { (engine, peer, target) async throws in
            for text in ["0123456789", "abc"] { site.pieces.send(text) }
            engine.faults.inject(.delay(.milliseconds(1)), at: .request)
            peer.send("GET \(target)/pieces HTTP/1.1\r\nHost: h\r\n\r\n")
            // Before, what passes would be the time in which the actor has to start.
            try await site.log.wait(for: "pieces")
            try await site.passTime(by: .milliseconds(1)) { !peer.receivedSoFar.isEmpty }
            #expect(try await peer.response().status == 201)
            #expect(try await peer.chunk() == "0123456789")
        }
        let other = SiteTest()
        try await other.run { (engine, peer, target) async throws in
            other.pieces.send("0123456789")
            peer.send("HEAD \(target)/other HTTP/1.1\r\nHost: h\r\n\r\n")
            _ = try await peer.response(hasBody: false)
            engine.faults.inject(.cut(afterBytes: 4_000), at: .request)
            peer.send("GET \(target)/pieces HTTP/1.1\r\nHost: h\r\n\r\n")
            #expect(try await peer.response().status == 201)
            for _ in 0..<500 { other.pieces.send("0123456789") }
            let (bytes, _) = try await peer.readToEnd()
            #expect(bytes.count { $0 == UInt8(ascii: "9") } < 400)
            await other.pieces.ended.wait()
        }
    }

    // MARK: Requests

    @Test(arguments: StreamPair.Kind.all)
    func aRequestArrivesAsItIsSent(_ kind: StreamPair.Kind) async throws {
        try await SiteTest(kind: kind).run { (_, peer, target) async throws in
            peer.send("POST \(target)/echo \(Self.chunkedHead)")
            #expect(try await peer.response().status == 200)
            for text in ["one", "two", String(repeating: "x", count: 200_000)] {
                peer.send("\(String(text.utf8.count, radix: 16))\r\n\(text)\r\n")
                var echoed = ""
                while echoed.utf8.count < text.utf8.count { echoed += try await peer.chunk() }
                #expect(echoed == text)
            }
            peer.send("0\r\n\r\n")
            #expect(try await peer.chunk() == "")
            #expect(try await peer.request("POST", "\(target)/echo", body: []).status == 200)
            #expect(try await peer.chunk() == "")
            peer.send("POST \(target)/echo HTTP/1.1\r\nHost: h\r\nContent-Length: 6\r\n\r\nabc")
            #expect(try await peer.response().status == 200)
            #expect(try await peer.chunk() == "abc")
            peer.send("def")
            #expect(try await peer.chunk() == "def")
            #expect(try await peer.chunk() == "")
        }
    }

    @Test(arguments: [true, false])
    func aBodyIsReadAsJSON(streams: Bool) async throws {
        try await SiteTest(streams: streams).run { (_, peer, target) async throws in
            #expect(try await peer.request("POST", "\(target)/sum", body: Array("[1,2,3]".utf8)).text == "6")
            let refused = try await peer.request("POST", "\(target)/sum", body: Array("[1,".utf8))
            #expect(refused.status == 400)
            let reason = "decodingFailed: the request's body (3 bytes) did not decode as Array<Int>: "
            #expect(refused.text.hasPrefix(reason))
        }
    }

    @Test func aHandlerThatIsSlowToReadHoldsTheClientBack() async throws {
        let site = SiteTest()
        try await site.run { (engine, peer, target) async throws in
            let size = 2 << 20
            peer.send("POST \(target)/count HTTP/1.1\r\nHost: h\r\nContent-Length: \(size)\r\n\r\n")
            peer.send(Array(repeating: 0, count: size))
            try await site.log.wait(for: "asked")
            try await PlainPeer.with(engine) { (other) async throws in
                for _ in 0..<20 { #expect(try await other.request("GET", "\(target)/other").text == "unread") }
            }
            #expect(await peer.pendingOutput > 1 << 20)
            site.gate.set()
            #expect(try await peer.response().text == "\(size), whole 0")
        }
    }

    @Test func aRequestThatIsNotReadIsDropped() async throws {
        try await SiteTest().run { (_, peer, target) async throws in
            // Head and body arrive in one turn, so it is whole before the answer is: the connection goes on.
            for _ in 0..<3 {
                let body = [UInt8](repeating: 0, count: 10_000)
                #expect(try await peer.request("POST", "\(target)/other", body: body).text == "unread")
            }
            peer.send("POST \(target)/other \(Self.chunkedHead)3\r\nabc\r\n")
            #expect(try await peer.response().text == "unread")
            #expect(try await peer.readToEnd().end == .finished)
        }
    }

    @Test(arguments: StreamPair.Kind.all)
    func aRequestThatIsCutOffFailsItsReader(_ kind: StreamPair.Kind) async throws {
        let site = SiteTest(kind: kind)
        try await site.run { (engine, _, target) async throws in
            try await PlainPeer.with(engine, kind) { (peer) async throws in
                peer.send("POST \(target)/read \(Self.chunkedHead)3\r\nabc\r\n")
                try await site.log.wait(for: "3")
                peer.close()
                try await site.log.wait(for: "connectionLost")
            }
        }
    }

    @Test func aRequestThatIsNoHTTPFailsItsReader() async throws {
        let site = SiteTest()
        try await site.run { (engine, peer, target) async throws in
            peer.send("POST \(target)/read \(Self.chunkedHead)3\r\nabc\r\n")
            try await site.log.wait(for: "3")
            peer.send("nonsense\r\n")
            #expect(try await peer.response().status == 400)
            try await site.log.wait(for: "connectionLost")
            #expect(try await peer.readToEnd().end == .finished)
            // Within the answer there is no other way than to cut it.
            try await PlainPeer.with(engine) { (other) async throws in
                other.send("POST \(target)/echo \(Self.chunkedHead)3\r\nabc\r\n")
                #expect(try await other.response().status == 200)
                #expect(try await other.chunk() == "abc")
                other.send("nonsense\r\n")
                #expect(try await other.readToEnd().bytes.isEmpty)
            }
        }
    }

    @Test func aRequestIsNotRepeatedWhenItsActorIsKilled() async throws {
        let site = SiteTest()
        try await site.run { (engine, peer, target) async throws in
            peer.send("POST \(target)/read \(Self.chunkedHead)3\r\nabc\r\n")
            try await site.log.wait(for: "3")
            await engine.faults.killActors()
            let answer = try await peer.response()
            #expect(answer.status == 503)
            #expect(answer["x-rivet-error"] == "guard.tunnel_request_aborted")
            #expect(site.log.all.count { $0 == "3" } == 1)
        }
    }

    @Test func onlyWhatIsCollectedIsLimited() async throws {
        var site = SiteTest()
        site.maxRequestBody = 100
        site.gate.set()
        try await site.run { (engine, peer, target) async throws in
            let body = [UInt8](repeating: 0, count: 101)
            #expect(try await peer.request("POST", "\(target)/count", body: body).text == "101, whole 0")
            let action = target.replacing("/request", with: "/action/x")
            #expect(try await peer.request("POST", action, body: body).status == 413)
            #expect(try await peer.readToEnd().end == .finished)
        }
    }

    // MARK: Without streaming

    @Test(arguments: StreamPair.Kind.all)
    func withoutStreamingBothBodiesAreWhole(_ kind: StreamPair.Kind) async throws {
        let site = SiteTest(kind: kind, streams: false)
        site.gate.set()
        try await site.run { (_, peer, target) async throws in
            for text in ["one", "", "two"] { site.pieces.send(text) }
            site.pieces.finish()
            let answer = try await peer.request("GET", "\(target)/pieces")
            #expect(answer["content-length"] == "6")
            #expect(answer["transfer-encoding"] == nil)
            #expect(answer.text == "onetwo")
            #expect(try await peer.request("POST", "\(target)/count", body: [1, 2, 3]).text == "3, whole 3")
            #expect(try await peer.request("POST", "\(target)/echo", body: Array("abc".utf8)).text == "abc")
            #expect(try await peer.request("GET", "\(target)/echo").text == "")
        }
    }

    @Test func withoutStreamingAnAnswerHasALimit() async throws {
        try await SiteTest(streams: false).run { (_, peer, target) async throws in
            let answer = try await peer.request("GET", "\(target)/large")
            #expect(answer.status == 502)
            #expect(answer["x-rivet-error"] == "guard.invalid_response_body")
        }
    }

    @Test func withoutStreamingASequenceThatThrowsIsAnErrorOfTheHandler() async throws {
        let site = SiteTest(streams: false)
        try await site.run { (_, peer, target) async throws in
            site.pieces.send("one")
            site.pieces.finish(UserError("no", code: "broken"))
            let answer = try await peer.request("GET", "\(target)/pieces")
            #expect(answer.status == 500)
            #expect(answer.text.contains(#""code":"broken""#))
        }
    }

    @Test func withoutStreamingASequenceThatNeverEndsIsTimedOut() async throws {
        let site = SiteTest(streams: false)
        try await site.run { (_, peer, target) async throws in
            peer.send("GET \(target)/pieces HTTP/1.1\r\nHost: h\r\n\r\n")
            try await site.log.wait(for: "pieces")
            try await site.passTime(by: .seconds(1)) { site.pieces.ended.isSet }
            #expect(try await peer.response().status == 408)
        }
    }
}
