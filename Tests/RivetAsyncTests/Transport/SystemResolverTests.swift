// SPDX-License-Identifier: Apache-2.0
import Dispatch
import RivetAsync
import Synchronization
import Testing

@Suite(.leavesNothing, .timeLimit(.minutes(3)))
struct SystemResolverTests {
    private let gauge = ResourceGauge()

    @Test func localhostIsResolvedWithItsPort() async throws {
        let addresses = try await SystemResolver.shared.resolve(host: "localhost", port: 81, gauge: gauge)
        #expect(addresses.contains { $0 == .loopback(port: 81) || $0.description == "[::1]:81" })
    }

    @Test func aNameThatCannotExistIsAnErrorWithTheSystemsWords() async throws {
        await #expect {
            _ = try await SystemResolver.shared.resolve(host: "no such name", port: 1, gauge: gauge)
        } throws: { error in
            guard case TransportError.nameNotResolved(let host, let reason) = error else { return false }
            return host == "no such name" && !reason.isEmpty
        }
    }

    @Test func onlySoManyLookupsRunAtATime() async throws {
        let gate = DispatchSemaphore(value: 0)
        let load = Mutex((now: 0, most: 0))
        let resolver = SystemResolver(width: 2) { _, port throws(TransportError) in
            load.withLock {
                $0.now += 1
                $0.most = max($0.most, $0.now)
            }
            gate.wait()
            load.withLock { $0.now -= 1 }
            return [.loopback(port: port)]
        }
        let ports = try await withThrowingTaskGroup(of: UInt16.self) { group in
            for port in 1...6 {
                group.addTask { try await resolver.resolve(host: "a", port: UInt16(port), gauge: gauge)[0].port }
            }
            try await until { load.withLock { $0.now } == 2 }
            for _ in 0..<6 { gate.signal() }
            return try await group.reduce(into: Set()) { $0.insert($1) }
        }
        #expect(ports == [1, 2, 3, 4, 5, 6])
        #expect(load.withLock { $0.most } == 2)
    }

    @Test func cancellingReturnsAtOnceAndTheLookupIsLeftToItself() async throws {
        let gate = DispatchSemaphore(value: 0)
        let started = Mutex<[UInt16]>([])
        let resolver = SystemResolver(width: 1) { _, port throws(TransportError) in
            started.withLock { $0.append(port) }
            gate.wait()
            return [.loopback(port: port)]
        }
        let running = Task { try await resolver.resolve(host: "a", port: 1, gauge: gauge) }
        try await until { started.withLock { $0 } == [1] }
        let waiting = Task { try await resolver.resolve(host: "a", port: 2, gauge: gauge) }
        running.cancel()
        waiting.cancel()
        await #expect(throws: CancellationError.self) { try await running.value }
        await #expect(throws: CancellationError.self) { try await waiting.value }
        let next = Task { try await resolver.resolve(host: "a", port: 3, gauge: gauge) }
        gate.signal()
        gate.signal()
        #expect(try await next.value == [.loopback(port: 3)])
        #expect(started.withLock { $0 } == [1, 3], "nobody waited for the second one any more")
    }

    @Test func aTaskCancelledBeforehandLooksNothingUp() async throws {
        let resolver = SystemResolver { _, _ throws(TransportError) in fatalError("asked") }
        let task = Task {
            withUnsafeCurrentTask { $0?.cancel() }
            return try await resolver.resolve(host: "a", port: 1, gauge: gauge)
        }
        await #expect(throws: CancellationError.self) { try await task.value }
    }
}
