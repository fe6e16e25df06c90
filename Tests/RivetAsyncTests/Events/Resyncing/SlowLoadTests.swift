// SPDX-License-Identifier: Apache-2.0
import RivetAsyncLocal
import Synchronization
import Testing

@testable import RivetAsync

/// Loads that are too slow, never end, or have nobody who waits for them any more.
@Suite(.leavesNothing, .timeLimit(.minutes(3)))
struct SlowLoadTests {
    struct Row: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var buffering: EventBuffering
        /// What is read behind the snapshot.
        var kept: [String]
    }

    static let rows = [
        Row(testDescription: "the oldest go", buffering: .bounded(2, .dropOldest), kept: ["4", "5"]),
        Row(testDescription: "the newest go", buffering: .bounded(2, .dropNewest), kept: ["1", "2"]),
        Row(testDescription: "reading goes on", buffering: .bounded(2, .suspendReading), kept: ["4", "5"]),
    ]

    @Test("B283: a load that was outrun is thrown away and runs again, until one is fast enough", arguments: rows)
    func outrun(_ row: Row) async throws {
        try await LiteralConnection.run { fixture in
            let lines = DiagnosticSequence(lines: fixture.handle.core.context.diagnostics).makeAsyncIterator()
            let loads = Loads(isHeld: true)
            let events = fixture.resynced(row.buffering, loads.load)
            let reading = Task {
                var changes = events.makeAsyncIterator()
                return try await changes.names(4)
            }
            let socket = try await fixture.open()
            for number in 1...2 {
                try await until { loads.began == number }
                for event in 1...5 { socket.event("\(event)") }
                if number == 1 { #expect(try await socket.next() == "subscribe e") }
                try await fixture.untilHeard(socket)
                loads.letGo(number)
            }
            try await until { loads.began == 3 }
            socket.event("6")
            try await fixture.untilHeard(socket)
            loads.letGo(3)
            #expect(try await reading.value == ["s3"] + row.kept + ["6"])
            #expect(loads.mostRunning == 1)
            let statistics = fixture.connection.statistics
            #expect(statistics.eventsReceived == 11)
            #expect(statistics.eventsDelivered + statistics.eventsDropped == 11)
            var iterator = lines
            var kinds: Set<String> = []
            while kinds != ["dropped", "outran"], let line = await iterator.next() {
                if let kind = line.kindOfLoss { kinds.insert(kind) }
            }
        }
    }

    @Test(
        "B283: a sequence that suspends reading reads on for a load on its own connection, and holds it up again then"
    )
    func suspendReading() async throws {
        try await LiteralConnection.run { fixture in
            var changes = fixture.resynced(.bounded(1, .suspendReading)).makeAsyncIterator()
            let driver = fixture.connection.driver
            let socket = try await fixture.open()
            let answering = Task { () throws in
                #expect(try await socket.next() == "subscribe e")
                for id in 0..<3 {
                    #expect(try await socket.next() == "action \(id) get")
                    // The first is outrun by what comes before its answer.
                    if id == 0 { for event in 1...3 { socket.event("\(event)") } }
                    socket.answer(id, "\(id)")
                }
            }
            #expect(try await changes.names(2) == ["s1", "3"])
            for event in [#""no""#, "4"] { socket.event(event) }
            while !(await driver.lane.perform { driver.events.isHolding }) { try Task.checkCancellation() }
            // It holds the socket up, whose next load has to be answered all the same.
            #expect(try await changes.names(2) == ["s2", "4"])
            try await answering.value
        }
    }

    @Test("B283: a load keeps no more than the buffer holds", arguments: EventBufferingCase.allCases)
    func memory(_ row: EventBufferingCase) async {
        let feed = EventFeedTests.feed(.bounded(4, row.overflow))
        var batch = RingBuffer<EventFeed.Entry>()
        _ = EventFeedTests.fill(feed, 1...4)
        #expect(feed.beginLoad(behind: &batch) == 4)
        for _ in 0..<100 {
            let events = (1...50).map { EventFeedTests.event($0) }
            #expect(feed.room(for: EventFeedTests.run(events)) == 50)
            #expect(!EventFeedTests.fill(feed, events))
            #expect(feed.state.withLock { $0.ring.count } == 4)
        }
        #expect(feed.endLoad())
        #expect(batch.count == 4)
        // The same again: what the reader has not read stays where it is.
        #expect(feed.beginLoad(behind: &batch) == 8)
        #expect(!feed.endLoad())
        let room = feed.room(for: EventFeedTests.run([EventFeedTests.event(1)]))
        #expect(room == (row == .suspendReading ? 0 : 1))
    }

    enum EventBufferingCase: CaseIterable {
        case dropOldest, dropNewest, suspendReading

        var overflow: EventBuffering.Overflow {
            switch self {
            case .dropOldest: .dropOldest
            case .dropNewest: .dropNewest
            case .suspendReading: .suspendReading
            }
        }
    }

    @Test("B283: under finish an overflow during a load ends the sequence at once")
    func finish() async throws {
        try await LiteralConnection.run { fixture in
            let loads = Loads(isHeld: true)
            let events = fixture.resynced(.bounded(1, .finish), loads.load)
            let reading = Task {
                var changes = events.makeAsyncIterator()
                return try await changes.names(1)
            }
            let socket = try await fixture.open()
            try await until { loads.began == 1 }
            for event in 1...3 { socket.event("\(event)") }
            let error = await #expect(throws: RivetError.self) { try await reading.value }
            #expect(error?.code == .eventBufferOverflowed)
            loads.letGo(1)
            try await until { loads.running == 0 }
        }
    }

    @Test(
        "B284, B317: a reader that is cancelled does not wait for its load, which is cancelled; the subscription ends"
    )
    func cancelled() async throws {
        try await LiteralConnection.run { fixture in
            let lines = DiagnosticSequence(lines: fixture.handle.core.context.diagnostics).makeAsyncIterator()
            let loads = Loads(isHeld: true)
            let events = fixture.resynced(loads.load)
            let reading = Task {
                var changes = events.makeAsyncIterator()
                return try await changes.names(2)
            }
            let socket = try await fixture.open()
            try await until { loads.began == 1 }
            reading.cancel()
            #expect(try await reading.value == ["end", "end"])
            #expect(loads.running == 1)
            try await until { loads.cancelled == 1 }
            #expect(try await socket.next() == "subscribe e")
            #expect(try await socket.next() == "unsubscribe e")
            var iterator = lines
            while let line = await iterator.next() {
                guard let kind = line.kindOfLoss else { continue }
                #expect(kind == "loadAbandoned")
                break
            }
            loads.letGo(1)
            try await until { loads.running == 0 }
        }
    }

    @Test("B284, B317: disconnect ends it with nil and waits for no load")
    func disconnect() async throws {
        try await LiteralConnection.run { fixture in
            let loads = Loads(isHeld: true)
            let events = fixture.resynced(loads.load)
            let reading = Task {
                var changes = events.makeAsyncIterator()
                return try await changes.names(1)
            }
            let socket = try await fixture.open()
            try await until { loads.began == 1 }
            let closing = Task { await fixture.connection.disconnect() }
            #expect(try await socket.next() == "subscribe e")
            #expect(try await socket.next() == "close 1000")
            socket.close(1_000)
            await closing.value
            #expect(try await reading.value == ["end"])
            #expect(loads.running == 1)
            try await until { loads.cancelled == 1 }
            loads.letGo(1)
            try await until { loads.running == 0 }
        }
    }

    @Test("B284: a load that disconnect fails ends the sequence with nil, not with its error")
    func failedByDisconnect() async throws {
        try await LiteralConnection.run { fixture in
            let events = fixture.resynced()
            let reading = Task {
                var changes = events.makeAsyncIterator()
                return try await changes.names(1)
            }
            let socket = try await fixture.open()
            #expect(try await socket.next() == "subscribe e")
            #expect(try await socket.next() == "action 0 get")
            let closing = Task { await fixture.connection.disconnect() }
            #expect(try await socket.next() == "close 1000")
            socket.close(1_000)
            await closing.value
            #expect(try await reading.value == ["end"])
        }
    }

    @Test("B284: neither a pause nor the wait for the connection outlives its reader", arguments: [true, false])
    func leaving(_ isOpen: Bool) async throws {
        struct Own: Error {}
        try await LiteralConnection.run {
            $0.reconnect = ReconnectPolicy(first: .seconds(1_000), cap: .seconds(1_000))
        } _: { fixture in
            let loads = Loads()
            let events = fixture.resynced {
                _ = try await loads.load()
                throw RivetError(.deadlineExceeded, "late", fault: .server, isTransient: true)
            }
            let reading = Task {
                var changes = events.makeAsyncIterator()
                return try await changes.names(1)
            }
            let socket = try await fixture.upgrade()
            #expect(try await socket.next() == "subscribe e")
            if isOpen {
                socket.initialize()
                try await until { loads.began == 1 && loads.running == 0 }
            }
            reading.cancel()
            #expect(try await reading.value == ["end"])
            if isOpen { #expect(try await socket.next() == "unsubscribe e") }
            #expect(loads.began == (isOpen ? 1 : 0))
        }
    }
}
