// SPDX-License-Identifier: Apache-2.0
import RivetAsync
import Testing

/// One lookup for all who ask at the same time.
@Suite(.leavesNothing, .timeLimit(.minutes(3)))
struct SharedLookupTests {
    private struct Ended: Error {}

    @Test("B28, B16: who asks at the same time shares one lookup, and its value is kept")
    func shared() async throws {
        let gauge = ResourceGauge()
        let root = RootTask(gauge: gauge)
        let lookup = SharedLookup<Int>(root: root, ended: Ended())
        let asked = Monitor(0, gauge: ResourceGauge())
        let answer = Signal()
        let callers = (1...3).map { _ in
            Task {
                try await lookup.value {
                    asked.update { $0 += 1 }
                    await answer.wait()
                    return 7
                }
            }
        }
        try await until { gauge.counts.waiters == 3 }
        answer.set()
        for caller in callers { #expect(try await caller.value == 7) }
        #expect(try await lookup.value { 8 } == 7)
        #expect(asked.current == 1)
        root.cancel()
        await root.wait()
    }

    @Test("B210: who is not cancelled does not hear of a cancellation")
    func ended() async throws {
        let gauge = ResourceGauge()
        let root = RootTask(gauge: gauge)
        let lookup = SharedLookup<Int>(root: root, ended: Ended())
        let callers = (1...2).map { _ in
            Task {
                try await lookup.value {
                    try await Task.sleep(for: .seconds(3_600))
                    return 7
                }
            }
        }
        try await until { gauge.counts.waiters == 2 }
        callers[0].cancel()
        await #expect(throws: CancellationError.self) { try await callers[0].value }
        root.cancel()
        await #expect(throws: Ended.self) { try await callers[1].value }
        await root.wait()
        await #expect(throws: Ended.self) { try await lookup.value { 7 } }
    }
}
