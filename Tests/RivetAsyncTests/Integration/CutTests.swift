// SPDX-License-Identifier: Apache-2.0
import RivetAsyncLocal
import Testing

@testable import RivetAsync

/// The connection is cut at every byte of an action's request and of its answer: nothing runs twice, and no error says
/// that what ran did not.
@Suite(.leavesNothing, .timeLimit(.minutes(3)))
struct CutTests {
    @Test(
        "B53: cut at every byte of the answer, the action ran once and the error does not deny it",
        arguments: [
            RivetConfiguration.Encoding.bare, .cbor, .json,
        ]
    )
    func answers(_ encoding: RivetConfiguration.Encoding) async throws {
        try await CounterTests.run(.init(encoding: encoding, kind: .tcp)) { client, engine in
            let counter = client.getOrCreate(Counter.self)
            #expect(try await counter.send(Count()) == 0)
            var calls = 0
            var isWhole = false
            while !isWhole, calls < 1_000 {
                engine.faults.inject(.cut(afterBytes: calls), at: .request)
                calls += 1
                do {
                    isWhole = try await counter.send(Increment(amount: 1)) == calls
                } catch let error as RivetError {
                    #expect(error.execution != .notSent, "cut after \(calls - 1) bytes")
                }
                engine.faults.clear()
                // The connection of a whole answer is kept, and ends under this call.
                let count = try await counter.send(Count(), CallOptions(isIdempotent: true))
                #expect(count == calls, "cut after \(calls - 1) bytes")
            }
            // Status line, fields and body: fewer bytes would not be an answer.
            #expect(isWhole && calls > 60)
        }
    }

    @Test("B53: cut at every byte of the request, the action may have run, and is not sent again")
    func requests() async throws {
        let server = try await LiteralServer.start()
        var configuration = try RivetConfiguration(endpoint: server.endpoint)
        configuration.looksUpMetadata = false
        let client = RivetClient(configuration)
        let counter = client.getForID(Counter.self, "5jxlv5boumuljx2d2nvyat0o2edl00")
        var length = 0
        var calls = 0
        for cut in 0...400 where cut <= length || length == 0 {
            calls += 1
            let call = Task { try await counter.send(Increment(amount: 1)) }
            let peer = try await server.accept()
            if length == 0 {
                let head = try await peer.readHead()
                let body = try #require(head.first { $0.lowercased().hasPrefix("content-length:") })
                length = head.reduce(2) { $0 + $1.utf8.count + 2 } + (Int(body.split(separator: " ")[1]) ?? 0)
            } else {
                _ = try await peer.read(cut)
            }
            peer.reset()
            let error = await #expect(throws: RivetError.self) { try await call.value }
            #expect(error?.execution == .mayHaveRun, "cut after \(cut) bytes")
        }
        #expect(length > 200 && length <= 400)
        await client.close(within: .zero)
        #expect(server.connectionCount == calls)
        await server.stop()
    }
}
