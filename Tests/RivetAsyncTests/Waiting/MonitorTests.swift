// SPDX-License-Identifier: Apache-2.0
import RivetAsync
import Testing

/// The one way to wait, and what is made of it.
@Suite(.leavesNothing, .timeLimit(.minutes(3)))
struct MonitorTests {
    /// Returns when so many tasks wait.
    private static func parked(_ count: Int, _ gauge: ResourceGauge) async throws {
        try await until { gauge.counts.waiters == count }
    }

    @Test func whatIsThereAlreadyIsTakenAtOnce() async {
        let gauge = ResourceGauge()
        let monitor = Monitor([1, 2], gauge: gauge)
        #expect(await monitor.first { $0.isEmpty ? nil : $0.removeFirst() } == 1)
        #expect(monitor.current == [2])
        #expect(gauge.counts == .zero)
    }

    @Test func waitersGoOnInTheOrderInWhichTheyCameAndOnlyThoseWhomAChangeSuits() async throws {
        let gauge = ResourceGauge()
        let monitor = Monitor([Int](), gauge: gauge)
        var tasks: [Task<Int?, Never>] = []
        for number in 1...3 {
            tasks.append(Task { await monitor.first { $0.isEmpty ? nil : $0.removeFirst() } })
            try await Self.parked(number, gauge)
        }
        monitor.update { $0 += [10, 20] }
        #expect(await tasks[0].value == 10)
        #expect(await tasks[1].value == 20)
        #expect(gauge.counts == .init(waiters: 1))
        monitor.update { $0.append(30) }
        #expect(await tasks[2].value == 30)
        #expect(gauge.counts == .zero)
    }

    @Test func aTaskCancelledBeforeDuringOrAfterIsLetGoAndTakesNothing() async throws {
        let gauge = ResourceGauge()
        let monitor = Monitor([Int](), gauge: gauge)
        let before = Task {
            withUnsafeCurrentTask { $0?.cancel() }
            return await monitor.first { $0.isEmpty ? nil : $0.removeFirst() }
        }
        #expect(await before.value == nil)
        let during = Task { await monitor.first { $0.isEmpty ? nil : $0.removeFirst() } }
        try await Self.parked(1, gauge)
        during.cancel()
        #expect(await during.value == nil)
        #expect(gauge.counts == .zero)
        let after = Task { await monitor.first { $0.isEmpty ? nil : $0.removeFirst() } }
        try await Self.parked(1, gauge)
        monitor.update { $0 = [7] }
        after.cancel()
        #expect(await after.value == 7)
        #expect(monitor.current == [])
    }

    @Test func whoWaitsUncancellablyWaits() async throws {
        let gauge = ResourceGauge()
        let monitor = Monitor(0, gauge: gauge)
        let task = Task { await monitor.firstUncancellably { $0 > 0 ? $0 : nil } }
        try await Self.parked(1, gauge)
        task.cancel()
        #expect(gauge.counts == .init(waiters: 1))
        monitor.update { $0 = 5 }
        #expect(await task.value == 5)
        #expect(gauge.counts == .zero)
    }

    @Test func ofAPromiseTheFirstResultCountsForAllAndACancelledTaskLeavesItToTheOthers() async throws {
        let gauge = ResourceGauge()
        let promise = Promise<Int>(gauge: gauge)
        let tasks = [Task { try await promise.value() }, Task { try await promise.value() }]
        try await Self.parked(2, gauge)
        tasks[0].cancel()
        await #expect(throws: CancellationError.self) { try await tasks[0].value }
        #expect(promise.finish(.success(1)))
        #expect(!promise.finish(.success(2)))
        #expect(try await tasks[1].value == 1)
        #expect(try await promise.value() == 1)
        #expect(gauge.counts == .zero)
    }

    @Test func aBroadcastReachesEveryReaderAndMakesNothingForNobody() async {
        let gauge = ResourceGauge()
        let lines = Broadcast<Int>(capacity: 2, gauge: gauge)
        var made = 0
        func line(_ number: Int) -> Int {
            made += 1
            return number
        }
        lines.send(line(1))
        #expect(made == 0)
        let first = lines.reader()
        lines.send(line(2))
        let second = lines.reader()
        for number in 3...5 { lines.send(line(number)) }
        #expect(made == 4)
        lines.finish()
        // The newest two, then the end; for one who comes later the end.
        #expect(await [first.next(), first.next(), first.next()] == [4, 5, nil])
        #expect(await [second.next(), second.next(), second.next()] == [4, 5, nil])
        #expect(await lines.reader().next() == nil)
    }

    @Test func aReplayingBroadcastBeginsWithTheNewestAndKeepsIt() async {
        let statuses = Broadcast(capacity: 4, replaying: "first", gauge: ResourceGauge())
        #expect(statuses.latest == "first")
        statuses.send("second")
        let reader = statuses.reader()
        statuses.send("third")
        statuses.finish()
        #expect(await [reader.next(), reader.next(), reader.next()] == ["second", "third", nil])
        let late = statuses.reader()
        #expect(await [late.next(), late.next()] == ["third", nil])
    }
}
