// SPDX-License-Identifier: Apache-2.0
import RivetAsync
import Testing

@testable import RivetAsyncLocal

/// `stop` ends everything that an engine holds, whatever is under way.
@Suite(.leavesNothing, .timeLimit(.minutes(3)))
struct StopTests {
    @Test(arguments: [LocalEngine.Transport.memory, .loopback(port: 0)])
    func nothingIsLeftOfWhatWasUnderWay(_ transport: LocalEngine.Transport) async throws {
        let log = Recorder<String>()
        let gates = Gates()
        let engine = try await LocalEngine.start(transport: transport) { registry in
            registry.actor(ProbeActor.self, state: 0) { kind in ProbeActor.define(&kind, log, gates) }
        }
        try await PlainPeer.with(engine) { (peer) async throws in
            let actor = try await peer.getOrCreate("probe")
            try await peer.connect(actor)
            peer.send(Wire.call(0, "wait", #""door""#))
            peer.send(Wire.call(1, "later", "3600"))
            #expect(try await peer.frame() == Wire.answer(1, "null"))
            try await PlainPeer.with(engine) { (idle) async throws in
                #expect(try await idle.request("GET", "/metadata").status == 200)
                try await PlainPeer.with(engine) { (busy) async throws in
                    busy.send("POST /gateway/\(actor)/action/wait HTTP/1.1\r\nHost: h\r\nContent-Length: 17\r\n\r\n")
                    busy.send(#"{"args":["other"]}"#)
                    await engine.stop()
                    await engine.stop()
                    #expect(engine.gauge.counts == .zero)
                    _ = try await busy.readToEnd()
                }
            }
            _ = try await peer.readToEnd()
        }
    }

    @Test func nothingKeepsAnActorInMemory() async throws {
        final class Memory: Sendable {
            let alive: Recorder<Int>
            init(_ alive: Recorder<Int>) {
                self.alive = alive
                alive.add(1)
            }
            deinit { alive.add(-1) }
        }
        let alive = Recorder<Int>()
        let engine = try await LocalEngine.start(transport: .memory) { registry in
            registry.actor(ProbeActor.self, state: { _, _ in Memory(alive) }) { _ in }
        }
        try await PlainPeer.with(engine) { (peer) async throws in
            try await peer.connect(try await peer.getOrCreate("probe"))
            await engine.stop()
        }
        // A job that has run may still hold what it was about.
        try await until { alive.all == [1, -1] }
    }

    /// It has the thread of its connection, which therefore cannot be cut before it ends.
    @Test(arguments: [LocalEngine.Transport.memory, .loopback(port: 0)])
    func aHandlerThatOnlyComputesIsCancelled(_ transport: LocalEngine.Transport) async throws {
        try await withHandler(transport) {
            while !Task.isCancelled {}
        } isRunning: { (engine, peer) async throws in
            await engine.stop()
            #expect(engine.gauge.counts == .zero)
            // Cut, and not answered.
            #expect(try await peer.readToEnd().bytes == [])
        }
    }

    @Test func aCancelledTaskStopsItAsAnyOther() async throws {
        try await withHandler {
            try await Task.sleep(for: .seconds(600))
        } isRunning: { (engine, peer) async throws in
            await Task {
                withUnsafeCurrentTask { $0?.cancel() }
                await engine.stop()
            }.value
            #expect(engine.gauge.counts == .zero)
            _ = try await peer.readToEnd()
        }
    }

    /// Of the tasks alone, since only there it can be seen that the stop waits.
    @Test func aCancelledTasksStopWaits() async throws {
        let gauge = ResourceGauge()
        let tasks = TaskTracker(gauge: gauge)
        let isReleased = Signal(gauge: ResourceGauge())
        let order = Recorder<String>()
        tasks.spawn {
            await isReleased.waitUncancellably()
            order.add("ended")
        }
        let stopping = Task {
            withUnsafeCurrentTask { $0?.cancel() }
            let left = await tasks.stop(within: .seconds(600))
            order.add("stopped")
            return left
        }
        try await until { gauge.counts.waiters == 1 || !order.all.isEmpty }
        isReleased.set()
        #expect(await stopping.value == 0)
        #expect(order.all == ["ended", "stopped"])
        #expect(gauge.counts == .zero)
    }

    @Test("B317: a handler that hears no cancellation keeps no stop")
    func deafHandler() async throws {
        let isReleased = Signal(gauge: ResourceGauge())
        let engine = try await withHandler(stopLimit: .milliseconds(10)) {
            await isReleased.waitUncancellably()
        } isRunning: { (engine, peer) async throws in
            await engine.stop()
            #expect(engine.gauge.counts.tasks > 0)
            #expect(engine.gauge.counts.descriptors == 0)
            _ = try await peer.readToEnd()
        }
        isReleased.set()
        try await until { engine.gauge.counts == .zero }
    }

    @Test("B317: a handler that hears no cancellation and keeps its thread keeps no stop", .timeLimit(.minutes(1)))
    func deafComputation() async throws {
        let isReleased = Signal(gauge: ResourceGauge())
        let engine = try await withHandler(.loopback(port: 0), stopLimit: .milliseconds(10)) {
            while !isReleased.isSet {}
        } isRunning: { (engine, peer) async throws in
            await engine.stop()
            #expect(engine.gauge.counts.tasks > 0)
            isReleased.set()
            // Cut, and not answered.
            #expect(try await peer.readToEnd().bytes == [])
        }
        try await until { engine.gauge.counts == .zero }
    }

    /// Calls `body` with an engine while `handler` runs there, whose answer `peer` waits for.
    @discardableResult
    private func withHandler(
        _ transport: LocalEngine.Transport = .memory,
        stopLimit: Duration? = nil,
        _ handler: @escaping @Sendable () async throws -> Void,
        isRunning body: (_ engine: LocalEngine, _ peer: PlainPeer) async throws -> Void
    ) async throws -> LocalEngine {
        let isRunning = Signal(gauge: ResourceGauge())
        var settings = LocalEngine.Settings()
        if let stopLimit { settings.stopLimit = stopLimit }
        let engine = try await LocalEngine.start(transport: transport, settings: settings) { registry in
            registry.actor(ProbeActor.self, state: 0) { kind in
                kind.on(ProbeActor.Add.self) { add, _ in
                    isRunning.set()
                    try await handler()
                    return add.amount
                }
            }
        }
        try await PlainPeer.with(engine) { (peer) async throws in
            try await peer.connect(try await peer.getOrCreate("probe"))
            peer.send(Wire.call(0, "add", "1"))
            await isRunning.wait()
            try await body(engine, peer)
        }
        return engine
    }

    @Test func aTakenPortFailsAndLeavesNothing() async throws {
        let engine = try await LocalEngine.start { _ in }
        let port = UInt16(engine.endpoint.split(separator: ":").last ?? "") ?? 0
        let error = await #expect(throws: RivetError.self) {
            try await LocalEngine.start(transport: .loopback(port: port)) { _ in }
        }
        #expect(error?.code == .invalidArgument)
        #expect(
            error?.message
                == "the local engine cannot listen on 127.0.0.1:\(port): bind: Address already in use (errno 98)"
        )
        await engine.stop()
        #expect(engine.gauge.counts == .zero)
    }

    @Test func afterStopNobodyListens() async throws {
        // A freed port may become another test's at once, but not each of five.
        var answered = 0
        for _ in 0..<5 {
            let engine = try await LocalEngine.start { _ in }
            await engine.stop()
            do {
                try await PlainPeer.with(engine) { _ in }
                answered += 1
            } catch {
                break
            }
        }
        #expect(answered < 5)
    }
}
