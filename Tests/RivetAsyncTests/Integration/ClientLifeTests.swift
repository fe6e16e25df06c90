// SPDX-License-Identifier: Apache-2.0
import RivetAsyncLocal
import Testing

@testable import RivetAsync

/// How a client and its connections end: by shutdown, by cancellation, by being let go.
@Suite(.leavesNothing, .timeLimit(.minutes(3)))
struct ClientLifeTests {
    @Test("B165, B170: graceful shutdown refuses new calls, closes connections, and runConnections returns")
    func gracefulShutdown() async throws {
        let engine = try await LocalEngine.withCounter()
        let client = RivetClient(try RivetConfiguration(endpoint: engine.endpoint))
        let running = Task { try await client.runConnections() }
        let counter = client.getOrCreate(Counter.self)
        let connections = [counter.connect(), counter.connect()]
        for connection in connections { try await connection.waitUntilConnected() }
        client.beginGracefulShutdown()
        try await running.value
        for connection in connections { #expect(connection.status.current.name == "closed") }
        let error = await #expect(throws: RivetError.self) { _ = try await counter.send(Count()) }
        #expect(error?.code == .clientClosed)
        #expect(client.context.gauge.counts == .zero)
        await engine.stop()
    }

    @Test("B53: a call that is cut when the client closes may have run")
    func closedUnderACall() async throws {
        let server = try await LiteralServer.start()
        var configuration = try RivetConfiguration(endpoint: server.endpoint, token: .none)
        configuration.looksUpMetadata = false
        let client = RivetClient(configuration)
        let counter = client.getForID(Counter.self, "5jxlv5boumuljx2d2nvyat0o2edl00")
        let call = Task { try await counter.send(Count()) }
        let peer = try await server.accept()
        #expect(try await peer.readHead().first == "POST /gateway/5jxlv5boumuljx2d2nvyat0o2edl00/action/count HTTP/1.1")
        await client.close(within: .zero)
        let error = await #expect(throws: RivetError.self) { try await call.value }
        #expect(error?.code == .clientClosed)
        #expect(error?.execution == .mayHaveRun)
        let refused = await #expect(throws: RivetError.self) { try await counter.send(Count()) }
        #expect(refused?.execution == .notSent)
        await server.stop()
    }

    @Test("cancelling runConnections fails what waits and leaves nothing")
    func cancellation() async throws {
        let engine = try await LocalEngine.withCounter()
        let client = RivetClient(try RivetConfiguration(endpoint: engine.endpoint))
        let running = Task { try await client.runConnections() }
        let connection = client.getOrCreate(Counter.self).connect()
        try await connection.waitUntilConnected()
        let hanging = Task { _ = try await connection.send(Hang()) }
        _ = try await connection.send(Count())
        running.cancel()
        await #expect(throws: CancellationError.self) { try await running.value }
        let error = await #expect(throws: RivetError.self) { try await hanging.value }
        #expect(error?.code == .clientClosed)
        #expect(connection.status.current.name == "closed")
        #expect(client.context.gauge.counts == .zero)
        await engine.stop()
    }

    @Test("B170: a call that pauses before a repeat hears the end of its client", arguments: [false, true])
    func pausing(_ looksUpMetadata: Bool) async throws {
        let clock = TestClock()
        let busy = AnsweringServer.Answer.json(
            503,
            #"{"group":"guard","code":"service_unavailable","message":"m"}"#,
            fields: ["x-rivet-error: guard.service_unavailable", "retry-after: 60"]
        )
        try await AnsweringServer.run([], then: busy, clock: clock) {
            $0.looksUpMetadata = looksUpMetadata
        } _: { client, _ in
            var lines = client.diagnostics.makeAsyncIterator()
            let calling = Task { try await client.getForID("counter", "id").action("count") as Int }
            let answered = looksUpMetadata ? "metadata ended" : "try ended"
            while let line = await lines.next(), line.message != answered {}
            // The client's deadlines, and the pause.
            await clock.waitForSleepers(2)
            await client.close(within: .zero)
            let error = await #expect(throws: RivetError.self) { try await calling.value }
            #expect(error?.code == .clientClosed)
            #expect(error?.execution == .notSent)
        }
    }

    @Test("B53: a call that the client's close cuts ahead of its own request did not run")
    func cutAhead() async throws {
        let server = try await LiteralServer.start()
        let client = RivetClient(try RivetConfiguration(endpoint: server.endpoint))
        let calling = Task { try await client.getForID("counter", "id").action("count") as Int }
        let asked = try await server.accept()
        #expect(try await asked.readHead()[0].hasPrefix("GET /metadata"))
        await client.close(within: .zero)
        let error = await #expect(throws: RivetError.self) { try await calling.value }
        #expect(error?.code == .clientClosed && error?.execution == .notSent)
        asked.close()
        await server.stop()
    }

    @Test("statistics have no attempt of a connection that was refused at once")
    func refused() async throws {
        try await AnsweringServer.run([]) { client, _ in
            await client.close(within: .zero)
            let connection = client.getOrCreate(Counter.self).connect()
            await #expect(throws: RivetError.self) { try await connection.waitUntilConnected() }
            #expect(connection.statistics == ConnectionStatistics())
        }
    }

    @Test("B169: the last reference without disconnect closes the socket and reports a warning")
    func released() async throws {
        let engine = try await LocalEngine.withCounter()
        let client = RivetClient(try RivetConfiguration(endpoint: engine.endpoint))
        var lines = client.diagnostics.makeAsyncIterator()
        func use() async throws {
            let connection = client.getOrCreate(Counter.self).connect()
            try await connection.waitUntilConnected()
        }
        try await use()
        while let line = await lines.next() {
            if line.level == .warning, line.message.contains("without disconnect()") { break }
        }
        await client.close(within: .zero)
        #expect(client.context.gauge.counts == .zero)
        await engine.stop()
    }

    @Test("B28, B34: the id of a lookup is kept for calls, and resolve() asks again each time")
    func keptID() async throws {
        let server = try await LiteralServer.start()
        var configuration = try RivetConfiguration(endpoint: server.endpoint, token: .none)
        configuration.looksUpMetadata = false
        let client = RivetClient(configuration)
        let id = "5jxlv5boumuljx2d2nvyat0o2edl00"
        let serving = Task {
            let peer = try await server.accept()
            let actor =
                #"{"actor":{"actor_id":"\#(id)","name":"counter","key":"k","namespace_id":"n","datacenter":"d","#
                + #""runner_name_selector":"default","crash_policy":"sleep","create_ts":1,"start_ts":null,"#
                + #""pending_allocation_ts":null,"connectable_ts":null,"sleep_ts":null,"reschedule_ts":null,"#
                + #""destroy_ts":null},"created":true}"#
            var lines: [String] = []
            for body in [actor, actor, ""] {
                let head = try await peer.readHead()
                lines.append(head[0])
                let length = head.first { $0.lowercased().hasPrefix("content-length: ") }?.dropFirst(16)
                _ = try await peer.read(length.flatMap { Int($0) } ?? 0)
                let status = body.isEmpty ? "404 Not Found" : "200 OK"
                peer.write("HTTP/1.1 \(status)\r\ncontent-length: \(body.utf8.count)\r\n\r\n\(body)")
            }
            return lines
        }
        let counter = client.getOrCreate(Counter.self, ["k"])
        #expect(try await counter.resolve().rawValue == id)
        #expect(try await counter.resolve().rawValue == id)
        await #expect(throws: RivetError.self) { try await counter.send(Count()) }
        #expect(
            try await serving.value == [
                "PUT /actors?namespace=default HTTP/1.1", "PUT /actors?namespace=default HTTP/1.1",
                "POST /gateway/\(id)/action/count HTTP/1.1",
            ]
        )
        await client.close(within: .zero)
        await server.stop()
    }
}
