// SPDX-License-Identifier: Apache-2.0
import RivetAsyncLocal
import Testing

@testable import RivetAsync

/// One measurement for each call, a span for each part, a line for each repeat; nothing where nobody listens.
@Suite(.leavesNothing, .timeLimit(.minutes(3)))
struct CallDiagnosticTests {
    /// Reads until the client has closed.
    private static func lines(
        _ client: RivetClient,
        _ body: () async throws -> Void
    ) async throws -> [Diagnostic] {
        var iterator = client.diagnostics.makeAsyncIterator()
        try await body()
        await client.close(within: .zero)
        var lines: [Diagnostic] = []
        while let line = await iterator.next() { lines.append(line) }
        return lines
    }

    private static func text(_ line: Diagnostic, _ names: String...) -> String {
        names.map { name in line.fields.first { $0.name == name }?.value ?? "-" }.joined(separator: " ")
    }

    @Test("B293: a loop over the diagnostics of a client that is let go of ends")
    func released() async throws {
        var client: RivetClient? = try RivetClient.offline(.none)
        let gauge = client?.context.gauge
        let lines = try #require(client).diagnostics
        let loop = Task { for await _ in lines {} }
        try await until { gauge?.counts.waiters == 1 }
        client = nil
        await loop.value
        try await until { gauge?.counts == .zero }
    }

    @Test("B293: each call is measured once, with kind, name, transport, outcome, execution and tries")
    func measured() async throws {
        try await TokenEngine.run(.none) { engine in
            let client = RivetClient(try RivetConfiguration(endpoint: engine.endpoint, token: .none))
            let lines = try await Self.lines(client) {
                let counter = client.getOrCreate(Counter.self)
                _ = try await counter.send(Increment(amount: 1))
                _ = try? await counter.action("nothing")
                _ = try await counter.fetch(ActorRequest("a?secret"))
                let cancelled = Task {
                    withUnsafeCurrentTask { $0?.cancel() }
                    _ = try await counter.send(Count())
                }
                _ = await cancelled.result
                try await counter.withConnection { _ = try await $0.send(Count()) }
                _ = try? await client.get(Counter.self, ["other"]).resolve()
            }
            let calls = lines.filter { $0.measurement?.name == "rivet.client.call.duration" }
            #expect(calls.allSatisfy { $0.measurement?.unit == "s" && $0.measurement?.value ?? -1 >= 0 })
            let names = calls.map {
                Self.text($0, "kind", "actor", "name", "transport", "outcome", "execution", "tries")
            }
            #expect(
                names == [
                    "action counter increment http ok ran 1", "action counter nothing http remote notSent 1",
                    "request counter a http ok ran 1", "action counter count http cancelled notSent 0",
                    "action counter count connection ok ran 1", "resolve counter  http remote notSent 0",
                ]
            )
            #expect(Self.text(calls[1], "error") == "actor.action_not_found")
            #expect(lines.allSatisfy { line in !line.fields.contains { $0.value.contains("secret") } })
        }
    }

    @Test("B293: spans begin and end in pairs, and the parts of a call name it as their parent")
    func spans() async throws {
        try await TokenEngine.run(.none) { engine in
            let client = RivetClient(try RivetConfiguration(endpoint: engine.endpoint, token: .none))
            let lines = try await Self.lines(client) {
                _ = try await client.getOrCreate(Counter.self).send(Count())
                let connection = client.getOrCreate(Counter.self).connect()
                try await connection.waitUntilConnected()
                await connection.disconnect()
            }
            let spans = lines.compactMap(\.span)
            #expect(
                spans.prefix(8).map { "\($0.ended ? "ends" : "begins") \($0.name)" } == [
                    "begins action", "begins metadata", "ends metadata", "begins lookup", "ends lookup", "begins try",
                    "ends try", "ends action",
                ]
            )
            #expect(spans.prefix(8).dropFirst().dropLast().allSatisfy { $0.parent == spans[0].id })
            #expect(spans[0].parent == nil)
            #expect(Set(spans.filter { !$0.ended }.map(\.id)) == Set(spans.filter(\.ended).map(\.id)))
            #expect(spans.filter { $0.name == "attempt" }.count == 2)
            #expect(spans.filter { $0.name == "connect" }.count == 2)
        }
    }

    @Test("B294: a repeat says which call, which try, why and how long it waits")
    func repeats() async throws {
        try await TokenEngine.run(.none) { engine in
            var configuration = try RivetConfiguration(endpoint: engine.endpoint, token: .none)
            configuration.looksUpMetadata = false
            let client = RivetClient(configuration)
            let lines = try await Self.lines(client) {
                let counter = client.getOrCreate(Counter.self)
                _ = try await counter.resolve()
                engine.faults.inject(.refuse(group: "actor", code: "overloaded"), at: .request)
                _ = try await counter.send(Increment(amount: 1))
            }
            let repeated = lines.filter { $0.message == "a call is repeated after a pause" }
            #expect(repeated.map { Self.text($0, "try", "wait", "error") } == ["1 0.1 seconds actor.overloaded"])
            let call = lines.first { $0.measurement != nil && Self.text($0, "kind") == "action" }
            #expect(call.map { Self.text($0, "tries", "call") } == "2 \(Self.text(repeated[0], "call"))")
        }
    }

    @Test("B297: where nobody listens, no line is made")
    func silent() async throws {
        try await TokenEngine.run(.none) { engine in
            let client = RivetClient(try RivetConfiguration(endpoint: engine.endpoint, token: .none))
            _ = try await client.getOrCreate(Counter.self).send(Count())
            // Each line of a call has a number of its own.
            #expect(client.context.nextSpanID() == 1)
            await client.close(within: .zero)
        }
    }
}
