// SPDX-License-Identifier: Apache-2.0
import RivetAsyncLocal
import Testing

@testable import RivetAsync

/// What a client says about its connections.
@Suite(.leavesNothing, .timeLimit(.minutes(3)))
struct DiagnosticTests {
    /// The client's lines until `count` have come: the message, and the names of the fields.
    static func lines(_ client: RivetClient, _ count: Int) -> Task<[Diagnostic], Never> {
        // A reader sees the lines that come after it was made.
        let iterator = client.diagnostics.makeAsyncIterator()
        return Task {
            var (iterator, lines) = (iterator, [Diagnostic]())
            while lines.count < count, let line = await iterator.next() {
                if line.span == nil { lines.append(line) }
            }
            return lines
        }
    }

    @Test("B296, B218: every line of a connection has its number and attempt, and names in one form")
    func fieldsOfAConnection() async throws {
        let engine = try await LocalEngine.withCounter()
        var configuration = try RivetConfiguration(endpoint: engine.endpoint)
        configuration.reconnect = ReconnectPolicy(first: .milliseconds(1))
        configuration.replyNudge = .off
        let client = RivetClient(configuration)
        let reading = Self.lines(client, 6)
        let connection = client.getOrCreate(Counter.self).connect()
        let info = try await connection.waitUntilConnected()
        await engine.faults.cutAllConnections()
        for await status in connection.status where status.name == "connected 2" { break }
        await connection.disconnect()
        let lines = await reading.value
        #expect(
            lines.map { "\($0.message): \($0.fields.map(\.name).joined(separator: " "))" } == [
                "connecting: connection attempt actor",
                "connected: connection attempt actor actor_id connection_id",
                "waiting to connect again: connection attempt actor next_attempt delay cause",
                "connecting: connection attempt actor",
                "connected: connection attempt actor actor_id connection_id",
                "closed: connection attempt actor",
            ]
        )
        #expect(lines.map { $0.fields.first?.value } == Array(repeating: "1", count: 6))
        #expect(lines.map { $0.fields.dropFirst().first?.value } == ["1", "1", "1", "2", "2", "2"])
        let connected = try #require(lines.dropFirst().first)
        #expect(connected.fields.map(\.value) == ["1", "1", "counter", info.actorID.rawValue, info.connectionID])
        #expect(connected.measurement?.name == "rivet.connections.opened")
        await client.close(within: .zero)
        await engine.stop()
    }

    @Test("B217: who reads slowly holds nobody up, and is told how many lines were missed")
    func slowReader() async throws {
        let engine = try await LocalEngine.withCounter()
        let client = RivetClient(try RivetConfiguration(endpoint: engine.endpoint))
        var slow = client.diagnostics.makeAsyncIterator()
        // Made here, since a reader sees the lines that come after it was made.
        let quick = client.diagnostics.makeAsyncIterator()
        let counting = Task {
            var (lines, count, missed) = (quick, 0, 0)
            while let line = await lines.next() {
                count += line.message == "diagnostics were missed" ? 0 : 1
                missed += Int(line.measurement?.value ?? 0) * (line.message == "diagnostics were missed" ? 1 : 0)
            }
            return count + missed
        }
        let counter = client.getOrCreate(Counter.self)
        try await counter.withConnection { connection in
            // Two lines each over a connection, and more over HTTP.
            for _ in 0..<600 { try await connection.send(Count()) }
        }
        #expect(try await counter.send(Increment(amount: 1)) == 1)
        await client.close(within: .zero)
        let first = try #require(await slow.next())
        #expect(first.message == "diagnostics were missed")
        #expect(first.level == .warning)
        #expect(first.measurement?.name == "rivet.diagnostics.missed")
        #expect(first.measurement?.unit == "lines")
        let missed = try #require(first.measurement.map { Int($0.value) })
        #expect(first.fields.map { "\($0.name) \($0.value)" } == ["count \(missed)"])
        var kept = 0
        while let line = await slow.next() {
            kept += 1
            #expect(line.message != "diagnostics were missed")
        }
        #expect(kept == 1_024)
        #expect(missed > 0)
        #expect(await counting.value == missed + kept)
        await engine.stop()
    }

    @Test("B296: a connection that is let go of, and a nudge, say which connection it was")
    func otherLines() async throws {
        let engine = try await LocalEngine.withCounter()
        let client = RivetClient(try RivetConfiguration(endpoint: engine.endpoint))
        client.context.nudges?.mark(actor: "counter", action: nil)
        var lines = client.diagnostics.makeAsyncIterator()
        func use() async throws {
            let connection = client.getOrCreate(Counter.self).connect()
            try await connection.waitUntilConnected()
        }
        try await use()
        var found: [String: [String]] = [:]
        while let line = await lines.next() {
            found[line.message] = line.fields.map { "\($0.name) \($0.value)" }
            if line.message.contains("without disconnect()") { break }
        }
        #expect(
            found["a connection was released without disconnect(); it is being closed"] == [
                "connection 1", "attempt 1", "actor counter",
            ]
        )
        #expect(found["nudged"] == ["connection 1", "attempt 1", "actor counter"])
        await client.close(within: .zero)
        await engine.stop()
    }
    @Test("B68: an answer that comes too late is dropped, and a line names its id")
    func lateAnswer() async throws {
        try await DurationTests.run { setting in
            var lines = setting.client.diagnostics.makeAsyncIterator()
            let connection = setting.probe.connect()
            try await connection.waitUntilConnected()
            let call = Task { try await connection.send(ProbeActor.Wait(gate: "a")) }
            try await until { setting.log.all.contains("start a") }
            call.cancel()
            await #expect(throws: CancellationError.self) { try await call.value }
            setting.gates["a"].set()
            while let line = await lines.next() {
                guard line.message == "an answer came that nobody waits for any more" else { continue }
                #expect(line.level == .debug)
                let fields = line.fields.map { "\($0.name) \($0.value)" }
                #expect(fields == ["connection 1", "attempt 1", "actor probe", "action_id 0"])
                break
            }
            await connection.disconnect()
        }
    }
}
