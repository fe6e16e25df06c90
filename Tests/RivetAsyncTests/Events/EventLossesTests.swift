// SPDX-License-Identifier: Apache-2.0
import RivetAsyncLocal
import Synchronization
import Testing

@testable import RivetAsync

/// What is said of events that a listener does not get.
@Suite(.leavesNothing, .timeLimit(.minutes(3)))
struct EventLossesTests {
    @Test("B295: a line at once, then one a second for each kind, and none lost from the count")
    func onceASecond() async throws {
        let clock = TestClock()
        let gauge = ResourceGauge()
        let deadlines = DeadlineScheduler(time: TimeSource(clock))
        let root = RootTask(gauge: gauge)
        root.add { await deadlines.run() }
        let told = Recorder<String>()
        let losses = EventLosses(time: TimeSource(clock), deadlines: deadlines, tally: EventTally()) {
            told.add("\($0) \($1)")
        }
        losses.note(.dropped, 36)
        #expect(told.all == ["dropped 36"])
        for _ in 0..<3 { losses.note(.dropped) }
        losses.note(.undecodable)
        #expect(told.all == ["dropped 36", "undecodable 1"])
        await clock.waitForSleepers()
        await clock.advance(by: .milliseconds(999))
        losses.note(.dropped, 4)
        #expect(told.all == ["dropped 36", "undecodable 1"])
        await clock.advance(by: .milliseconds(1))
        try await until { told.all.count == 3 }
        #expect(told.all.last == "dropped 7")
        // The second begins anew, and who goes is told the rest.
        losses.note(.dropped, 2)
        #expect(told.all.count == 3)
        losses.flush()
        #expect(told.all.last == "dropped 2")
        await clock.advance(by: .seconds(10))
        losses.flush()
        #expect(told.all.count == 4)
        losses.note(.dropped)
        #expect(told.all == ["dropped 36", "undecodable 1", "dropped 7", "dropped 2", "dropped 1"])
        root.cancel()
        await root.wait()
        #expect(gauge.counts == .zero)
    }

    private static func event(_ argument: String) -> [UInt8] {
        AnsweringServer.frame(1, Array(#"{"body":{"tag":"Event","val":{"name":"e","args":[\#(argument)]}}}"#.utf8))
    }

    /// Notes what the client says of events until it is closed.
    private static func listen(
        _ client: RivetClient,
        _ told: Recorder<String>,
        _ counts: Recorder<(kind: String, count: Int)>
    ) -> Task<Void, Never> {
        // A reader sees the lines that come after it was made.
        let iterator = client.diagnostics.makeAsyncIterator()
        return Task {
            var lines = iterator
            while let line = await lines.next() {
                let values = Dictionary(uniqueKeysWithValues: line.fields.map { ($0.name, $0.value) })
                guard let kind = values["kind"], let count = values["count"].flatMap(Int.init) else { continue }
                #expect(line.fields.map(\.name) == ["connection", "attempt", "actor", "event", "kind", "count"])
                #expect(line.measurement.map { Int($0.value) } ?? count == count)
                counts.add((kind, count))
                told.add("\(line.level) \(kind) \(values["event"] ?? "") \(line.measurement?.name ?? "")")
            }
        }
    }

    @Test("B295: dropped, undecodable, ended by its policy, a gap: each has a line with event name and count")
    func kinds() async throws {
        let told = Recorder<String>()
        let counts = Recorder<(kind: String, count: Int)>()
        let reading = Mutex<Task<Void, Never>?>(nil)
        try await CauseTests.run {
            $0.encoding = .json
            $0.reconnect = ReconnectPolicy(first: .zero)
        } _: { client, server in
            let task = Self.listen(client, told, counts)
            reading.withLock { $0 = task }
            let connection = client.getForID("a", "x").connect()
            let oldest = connection.events(named: "e", as: Int.self, buffering: .bounded(2, .dropOldest))
            let first = try await SuspendedReadingTests.open(server)
            _ = try await ClientTranscriptTests.clientFrame(first)
            first.write((1...5).flatMap { Self.event("\($0)") } + Self.event(#""no""#))
            let finished = connection.events(named: "e", as: Int.self, buffering: .bounded(1, .finish))
            first.write(Self.event("6") + Self.event("7"))
            try await until { connection.driver.book.current.feeds.count == 1 }
            first.write(AnsweringServer.close(1_001, "bye"))
            let second = try await SuspendedReadingTests.open(server)
            _ = try await ClientTranscriptTests.clientFrame(second)
            try await until { counts.all.contains { $0.kind == "reconnected" } }
            var numbers: [Int] = []
            for await number in oldest {
                numbers.append(number)
                if number == 7 { second.write(Self.event(#""no""#) + Self.event("8")) }
                if number == 8 { break }
            }
            #expect(numbers == [6, 7, 8])
            _ = finished
        }
        await reading.withLock { $0 }?.value
        #expect(
            Set(told.all) == [
                "debug reconnected e ", "warning dropped e rivet.events.dropped", "warning finished e ",
                "warning undecodable e rivet.events.undecodable",
            ]
        )
        let sums = Dictionary(counts.all.map { ($0.kind, $0.count) }, uniquingKeysWith: +)
        #expect(sums == ["dropped": 6, "undecodable": 1, "finished": 1, "reconnected": 1])
    }
}
