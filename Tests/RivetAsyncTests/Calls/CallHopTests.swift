// SPDX-License-Identifier: Apache-2.0
import Dispatch
import RivetAsyncLocal
import Synchronization
import Testing

@testable import RivetAsync

/// Runs an actor's jobs on a queue of its own, and counts them.
private final class CountingExecutor: SerialExecutor {
    private static let key = DispatchSpecificKey<Bool>()
    private let queue = DispatchQueue(label: "counted")
    private let jobs = Mutex(0)

    init() { queue.setSpecific(key: Self.key, value: true) }

    static var isCurrent: Bool { DispatchQueue.getSpecific(key: key) == true }
    var count: Int { jobs.withLock { $0 } }

    func enqueue(_ job: consuming ExecutorJob) {
        jobs.withLock { $0 += 1 }
        let job = UnownedJob(job)
        queue.async { job.runSynchronously(on: self.asUnownedSerialExecutor()) }
    }
}

/// Calls from an actor, as a service does.
private actor Caller {
    let executor = CountingExecutor()
    nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    /// How many jobs the executor had for ten calls.
    func jobs(_ call: @Sendable (isolated Caller) async throws -> Void) async throws -> Int {
        try await call(self)  // What the first one looks up and opens is no concern here.
        let before = executor.count
        for _ in 0..<10 { try await call(self) }
        return executor.count - before
    }
}

/// Connection parameters, which are encoded in the midst of a call: at the caller's, or elsewhere.
private final class WatchedParameters: Encodable, Sendable {
    private let places = Mutex<[Bool]>([])

    var wereEncodedAtCallers: [Bool] { places.withLock { $0 } }

    func encode(to encoder: any Encoder) throws {
        places.withLock { $0.append(CountingExecutor.isCurrent) }
        var container = encoder.singleValueContainer()
        try container.encode("parameters")
    }
}

@Suite(.leavesNothing, .timeLimit(.minutes(3)))
struct CallHopTests {
    /// Not at all where the answer is there before its caller sleeps.
    @Test("a call leaves its caller's executor for the lane only, and comes back at most once")
    func hops() async throws {
        let parameters = WatchedParameters()
        try await withEngine(clock: ContinuousClock(), transport: .loopback(port: 0)) { engine in
            engine.actor(LocalCounter.self, state: 0, LocalCounter.define)
        } _: { (engine) async throws in
            let client = RivetClient(try RivetConfiguration(endpoint: engine.endpoint))
            try await scoped(closing: { await client.close() }) {
                let options = HandleOptions(parameters: .fixed(parameters))
                let counter = client.getOrCreate(LocalCounter.self, "hops", options)
                let jobs = try await Caller().jobs { _ in try await counter.send(LocalCounter.GetCount()) }
                #expect(jobs <= 10)
                #expect(parameters.wereEncodedAtCallers == Array(repeating: true, count: 11))
                let connection = counter.connect()
                try await connection.waitUntilConnected()
                #expect(try await Caller().jobs { _ in try await connection.send(LocalCounter.GetCount()) } <= 10)
            }
        }
    }
}
