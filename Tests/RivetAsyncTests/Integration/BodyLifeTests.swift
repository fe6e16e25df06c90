// SPDX-License-Identifier: Apache-2.0
import RivetAsyncLocal
import Testing

@testable import RivetAsync

/// What becomes of bodies, of requests and of answers, when their client closes.
@Suite(.leavesNothing, .timeLimit(.minutes(3)))
struct BodyLifeTests {
    private static func run(_ body: (RivetClient, TestClock, LiteralServer) async throws -> Void) async throws {
        let server = try await LiteralServer.start()
        var configuration = try RivetConfiguration(endpoint: server.endpoint, token: .none)
        configuration.looksUpMetadata = false
        let clock = TestClock()
        try await body(RivetClient(configuration, clock: clock), clock, server)
        await server.stop()
    }

    private static func handle(_ client: RivetClient) -> ActorHandle<Counter> {
        client.getForID(Counter.self, ActorID(rawValue: ClientTranscriptTests.id))
    }

    /// The answer, of which half has come.
    private static func half(_ client: RivetClient, _ server: LiteralServer) async throws
        -> (ActorResponse, ResponseBody.AsyncIterator, LiteralServer.Peer)
    {
        let call = Task { try await handle(client).fetch(ActorRequest("x")) }
        let peer = try await server.accept()
        _ = try await peer.readHead()
        peer.write("HTTP/1.1 200 OK\r\nx-rivet-actor: a\r\ncontent-length: 10\r\n\r\n12345")
        let response = try await call.value
        var reader = response.body.makeAsyncIterator()
        #expect(try await reader.next().map { Array($0) } == Array("12345".utf8))
        return (response, reader, peer)
    }

    private static func untilGraceHasBegun(_ client: RivetClient) async throws {
        try await until { client.context.isClosed }
        // It waits for the answer and for being cancelled, beside who called it and the task of the deadlines.
        try await until { client.context.gauge.counts.waiters == 4 }
    }

    @Test("B210: cancelling runConnections ends an upload as cut, not as whole")
    func cancelledUpload() async throws {
        try await Self.run { client, _, server in
            let running = Task { try await client.runConnections() }
            let (chunks, feed) = AsyncStream<ByteChunk>.makeStream()
            feed.yield(ByteChunk("abc".utf8))
            let request = ActorRequest("x", method: "POST", body: .stream(chunks))
            let call = Task { try await Self.handle(client).fetch(request) }
            let peer = try await server.accept()
            _ = try await peer.readHead()
            #expect(try await peer.read(8) == Array("3\r\nabc\r\n".utf8))
            running.cancel()
            let error = await #expect(throws: RivetError.self) { try await call.value }
            #expect(error?.code == .clientClosed && error?.execution == .mayHaveRun)
            // Not the last chunk, which would make it whole.
            await #expect(throws: (any Error).self) { try await peer.read(1) }
            _ = await running.result
        }
    }

    @Test("B170: cancelling runConnections ends a grace that has begun")
    func cancelledGrace() async throws {
        try await Self.run { client, _, server in
            let running = Task { try await client.runConnections() }
            let call = Task { try await Self.handle(client).send(Count()) }
            _ = try await server.accept().readHead()
            let closing = Task { await client.close(within: .seconds(Int64.max)) }
            try await until { client.context.isClosed }
            running.cancel()
            let error = await #expect(throws: RivetError.self) { try await call.value }
            #expect(error?.code == .clientClosed)
            await closing.value
            _ = await running.result
        }
    }

    @Test("B170: an answer that is being read has the grace, and its end ends that")
    func readingHasGrace() async throws {
        try await Self.run { client, _, server in
            var (_, reader, peer) = try await Self.half(client, server)
            let closing = Task { await client.close(within: .seconds(30)) }
            try await Self.untilGraceHasBegun(client)
            let refused = await #expect(throws: RivetError.self) {
                _ = try await Self.handle(client).fetch(ActorRequest("x"))
            }
            #expect(refused?.code == .clientClosed)
            peer.write("67890")
            #expect(try await reader.next().map { Array($0) } == Array("67890".utf8))
            #expect(try await reader.next() == nil)
            await closing.value
            #expect(client.context.gauge.counts == .zero)
        }
    }

    @Test("B170: one that is still being read when the grace is over breaks off")
    func graceIsOver() async throws {
        try await Self.run { client, clock, server in
            var (_, reader, _) = try await Self.half(client, server)
            let closing = Task { await client.close(within: .seconds(30)) }
            try await Self.untilGraceHasBegun(client)
            await clock.advance(by: .seconds(30))
            await closing.value
            let error = await #expect(throws: RivetError.self) { _ = try await reader.next() }
            #expect(error?.code == .clientClosed)
            #expect(error?.execution == .mayHaveRun)
            #expect(client.context.gauge.counts == .zero)
        }
    }

    /// Chunks that never come, whatever happens to the task that waits.
    private struct Deaf: AsyncSequence, AsyncIteratorProtocol, Sendable {
        let isReleased: Signal
        func makeAsyncIterator() -> Self { self }
        mutating func next() async -> ByteChunk? {
            await isReleased.waitUncancellably()
            return ByteChunk(Array("late".utf8))
        }
    }

    @Test("B317: a body that hears no cancellation keeps no close, which says that it is left running")
    func deafBody() async throws {
        try await Self.run { client, clock, server in
            // Made here, since a reader sees the lines that come after it was made.
            let diagnostics = client.diagnostics.makeAsyncIterator()
            let last = Task {
                var (lines, last) = (diagnostics, String?.none)
                while let line = await lines.next() { last = line.message }
                return last
            }
            let deaf = Deaf(isReleased: Signal(gauge: ResourceGauge()))
            let call = Task {
                try await Self.handle(client).fetch(ActorRequest("x", method: "POST", body: .stream(deaf)))
            }
            let peer = try await server.accept()
            _ = try await peer.readHead()
            // That of the body has begun, beside that of the deadlines.
            try await until { client.context.gauge.counts.tasks == 2 }
            let closing = Task { await client.close(within: .zero) }
            let error = await #expect(throws: RivetError.self) { _ = try await call.value }
            #expect(error?.code == .clientClosed)
            #expect(error?.execution == .mayHaveRun)
            // Nothing runs any more but the body: whoever sleeps then is the close, which waits for it.
            try await until { client.context.gauge.counts.tasks == 1 }
            await clock.waitForSleepers(1)
            await clock.advance(by: .seconds(2))
            await closing.value
            #expect(await last.value == "what makes the body of a request was left running")
            deaf.isReleased.set()
            try await until { client.context.gauge.counts == .zero }
        }
    }
}
