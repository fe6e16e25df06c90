// SPDX-License-Identifier: Apache-2.0
import RivetAsyncLocal
import Testing

@testable import RivetAsync

/// What the end of a socket, of an attempt or of the client means for the calls that are under way.
@Suite(.leavesNothing, .timeLimit(.minutes(3)))
struct ConnectionEndTests {
    typealias Server = AnsweringServer

    struct Trouble: Error, Equatable {}

    @Test("B135: a provider that throws fails what waits, and is asked again", arguments: Server.encodings)
    func provider(_ encoding: RivetConfiguration.Encoding) async throws {
        try await DurationTests.run {
            $0.encoding = encoding
        } _: { setting in
            let asked = Recorder<Int>()
            let held = Signal(gauge: ResourceGauge())
            let parameters = ConnectionParameters.provided {
                if asked.count(adding: 0) == 0 {
                    await held.wait()
                    throw Trouble()
                }
                return ["name": "second"]
            }
            let probe = setting.client.getOrCreate(ProbeActor.self, ["k"], HandleOptions(parameters: parameters))
            let connection = probe.connect()
            var statuses = connection.status.makeAsyncIterator()
            try await until { !asked.all.isEmpty }
            let waiting = Task { try await connection.send(ProbeActor.Echo(text: "held")) }
            try await until { await connection.driver.machine.heldCount == 1 }
            held.set()
            let failed = await #expect(throws: RivetError.self) { try await waiting.value }
            #expect(failed?.matches("client", "get_params_failed") == true)
            #expect(failed?.execution == .notSent)
            #expect(failed?.underlying as? Trouble == Trouble())
            while let status = await statuses.next(), status.name != "connected 1" {
                guard case .waiting(let state) = status else { continue }
                #expect(state.cause.matches("client", "get_params_failed"))
            }
            let second = try await connection.send(ProbeActor.Parameters())
            #expect(second == "second, state of second")
            #expect(asked.all.count == 2)
            await connection.disconnect()
        }
    }

    @Test("B135: over HTTP the call fails with what the provider threw, and nothing is sent")
    func providerOverHTTP() async throws {
        // No time passes: the call fails with it at once.
        try await Server.run([], clock: TestClock()) { client, server in
            let asked = Recorder<Int>()
            let parameters = ConnectionParameters.provided { () throws -> Int in
                asked.add(1)
                throw Trouble()
            }
            let handle = client.getForID("a", "x", HandleOptions(parameters: parameters))
            let calls: [@Sendable () async throws -> Void] = [
                { _ = try await handle.action("b", options: .init(timeout: .seconds(9))) as NoValue },
                { try await handle.enqueue("b", 1, .init(timeout: .seconds(9))) },
                { _ = try await handle.fetch(ActorRequest("b"), .init(timeout: .seconds(9))) },
            ]
            for call in calls {
                let error = await #expect(throws: RivetError.self) { try await call() }
                #expect(error?.matches("client", "get_params_failed") == true, "\(error as Any)")
                #expect(error?.execution == .notSent)
                #expect(error?.underlying is Trouble)
                #expect(error?.message.contains("Trouble") == true)
            }
            #expect(asked.all.count == 3)
            #expect(server.lines == [])
        }
    }

    @Test("B231: an answer that the actor could not write may have run, and is not repeated", arguments: [false, true])
    func answerNotWritten(_ isIdempotent: Bool) async throws {
        try await DurationTests.run { setting in
            let connection = setting.probe.connect()
            try await connection.waitUntilConnected()
            setting.engine.faults.inject(.close(.internalError, reason: "actor.send_failed"), at: .answer)
            let error = await #expect(throws: RivetError.self) {
                _ = try await connection.send(ProbeActor.Add(amount: 1), CallOptions(isIdempotent: isIdempotent))
            }
            #expect(error?.matches("actor", "send_failed") == true)
            #expect(error?.execution == .mayHaveRun)
            #expect(error?.remote?.closeCode == .internalError)
            // It ran once, and the connection comes back.
            #expect(try await connection.send(ProbeActor.Add(amount: 10)) == 11)
            #expect(connection.status.current.name == "connected 2")
            await connection.disconnect()
        }
    }

    @Test("B170: what runs when a client is closed gets its grace, and what is new is refused")
    func grace() async throws {
        try await DurationTests.run(clock: TestClock()) { setting in
            let running = Task { try await setting.probe.send(ProbeActor.Wait(gate: "a")) }
            try await until { setting.log.all.contains("start a") }
            let connection = setting.probe.connect()
            try await connection.waitUntilConnected()
            let overConnection = Task { try await connection.send(ProbeActor.Wait(gate: "b")) }
            try await until { setting.log.all.contains("start b") }
            setting.client.beginGracefulShutdown()
            let uses: [() async throws -> Void] = [
                { _ = try await setting.probe.send(ProbeActor.Echo(text: "x")) },
                { try await setting.probe.enqueue(ProbeActor.Job(name: "x")) },
                { _ = try await setting.probe.fetch(ActorRequest("x")) },
                { _ = try await setting.probe.webSocket("x") },
                { _ = try await setting.probe.resolve() },
                { _ = try await setting.client.create(ProbeActor.self) },
                { try await setting.probe.connect().waitUntilConnected() },
                { _ = try await connection.send(ProbeActor.Echo(text: "x")) },
            ]
            for (index, use) in uses.enumerated() {
                let error = await #expect(throws: RivetError.self) { try await use() }
                #expect(error?.code == .clientClosed, "\(index)")
                #expect(error?.execution == .notSent, "\(index)")
            }
            #expect(connection.status.current.name == "connected 1")
            setting.gates["a"].set()
            #expect(try await running.value == "a")
            #expect(connection.status.current.name == "connected 1")
            setting.gates["b"].set()
            #expect(try await overConnection.value == "b")
            try await setting.client.runConnections()
            #expect(connection.status.current.name == "closed")
        }
    }

    @Test("B170: what is cut when the grace is over may have run")
    func graceIsOver() async throws {
        try await DurationTests.run { setting in
            let connection = setting.probe.connect()
            let running = [
                Task { try await setting.probe.send(ProbeActor.Wait(gate: "a")) },
                Task { try await connection.send(ProbeActor.Wait(gate: "b")) },
            ]
            try await until { setting.log.all.contains("start a") && setting.log.all.contains("start b") }
            await setting.client.close(within: .milliseconds(1))
            for task in running {
                let error = await #expect(throws: RivetError.self) { try await task.value }
                #expect(error?.code == .clientClosed)
                #expect(error?.execution == .mayHaveRun)
            }
        }
    }
}
