// SPDX-License-Identifier: Apache-2.0
import RivetAsyncLocal
import Testing

@testable import RivetAsync

/// A snapshot and the events behind it, over sockets.
@Suite(.leavesNothing, .timeLimit(.minutes(3)))
struct ResyncedEventsTests {
    @Test("B280: subscribed first; the load runs once the connection is open, then come the events, in order")
    func order() async throws {
        try await LiteralConnection.run { fixture in
            let events = fixture.resynced()
            let reading = Task {
                var changes = events.makeAsyncIterator()
                return try await changes.names(4)
            }
            let socket = try await fixture.upgrade()
            #expect(try await socket.next() == "subscribe e")
            socket.event("1")
            #expect(try await socket.isSilent())
            socket.initialize()
            #expect(try await socket.next() == "action 0 get")
            socket.event("2")
            socket.answer(0, "10")
            socket.event("3")
            #expect(try await reading.value == ["s10", "1", "2", "3"])
        }
    }

    @Test("B280: nothing is lost between what was sent before, during and after a load", arguments: CounterTests.cases)
    func encodings(_ row: CounterTests.Case) async throws {
        try await CounterTests.run(row) { client, _ in
            let conn = client.getOrCreate(Counter.self).connect()
            let events = conn.events(of: NewCount.self).resyncing { try await conn.send(Increment(amount: 10)) }
            for _ in 0..<3 { try await conn.send(Increment(amount: 1)) }
            var found: [String] = []
            for try await change in events {
                switch change {
                case .snapshot(let count): found.append("s\(count)")
                case .event(let event): found.append("\(event.count)")
                }
                if found.count == 2 { try await conn.send(Increment(amount: 1)) }
                if found.last == "14" { break }
            }
            #expect(found == ["s13", "1", "2", "3", "13", "14"])
            await conn.disconnect()
        }
    }

    @Test("B281: behind a loss come the events from before it, then one snapshot, however many losses there were")
    func losses() async throws {
        try await LiteralConnection.run { fixture in
            let loads = Loads()
            var changes = fixture.resynced(loads.load).makeAsyncIterator()
            var socket = try await fixture.open()
            #expect(try await changes.names(1) == ["s1"])
            socket.event("1")
            try await fixture.untilHeard(after: "subscribe e", socket)
            for number in 2...3 {
                socket = try await fixture.lose(socket, number)
                socket.event("\(number)")
                try await fixture.untilHeard(after: "subscribe e", socket)
            }
            #expect(loads.began == 1)
            #expect(try await changes.names(4) == ["1", "s2", "2", "3"])
            socket.event("4")
            #expect(try await changes.names(1) == ["4"])
            #expect(loads.began == 2)
        }
    }

    @Test("B281: losses from before the first load are covered by it")
    func lossesBeforeFirstLoad() async throws {
        try await LiteralConnection.run { fixture in
            let loads = Loads()
            var changes = fixture.resynced(loads.load).makeAsyncIterator()
            var socket = try await fixture.open()
            socket.event("1")
            try await fixture.untilHeard(after: "subscribe e", socket)
            socket = try await fixture.lose(socket, 2)
            socket.event("2")
            try await fixture.untilHeard(after: "subscribe e", socket)
            #expect(try await changes.names(3) == ["s1", "1", "2"])
            #expect(loads.began == 1)
        }
    }

    struct Gap: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var buffering: EventBuffering
        var events: [String]
        var expected: [String]
    }

    static let gaps = [
        Gap(
            testDescription: "the oldest go",
            buffering: .bounded(2, .dropOldest),
            events: ["1", "2", "3", "4", "5"],
            expected: ["s2", "4", "5"]
        ),
        Gap(
            testDescription: "the newest go",
            buffering: .bounded(2, .dropNewest),
            events: ["1", "2", "3", "4", "5"],
            expected: ["1", "2", "s2"]
        ),
        Gap(
            testDescription: "some do not decode",
            buffering: .default,
            events: ["1", #""no""#, "2", #""no""#, "3"],
            expected: ["1", "s2", "2", "3"]
        ),
    ]

    @Test("B281: what a slow reader missed and what does not decode makes one new snapshot", arguments: gaps)
    func slowReader(_ row: Gap) async throws {
        try await LiteralConnection.run { fixture in
            let loads = Loads()
            var changes = fixture.resynced(row.buffering, loads.load).makeAsyncIterator()
            let socket = try await fixture.open()
            #expect(try await changes.names(1) == ["s1"])
            for event in row.events { socket.event(event) }
            try await fixture.untilHeard(after: "subscribe e", socket)
            #expect(try await changes.names(row.expected.count) == row.expected)
            socket.event("6")
            #expect(try await changes.names(1) == ["6"])
            #expect(loads.began == 2)
        }
    }

    @Test("B281: a loss during a load makes a second one behind it, and never do two run")
    func lossDuringLoad() async throws {
        try await LiteralConnection.run { fixture in
            let loads = Loads(isHeld: true)
            let events = fixture.resynced(loads.load)
            let reading = Task {
                var changes = events.makeAsyncIterator()
                return try await changes.names(4)
            }
            let first = try await fixture.open()
            try await until { loads.began == 1 }
            first.event("1")
            first.close(1_001)
            let second = try await fixture.open()
            await fixture.untilConnected(2)
            second.event("2")
            try await fixture.untilHeard(after: "subscribe e", second)
            #expect(loads.began == 1)
            loads.letGo(1)
            try await until { loads.began == 2 }
            loads.letGo(2)
            #expect(try await reading.value == ["s1", "1", "s2", "2"])
            #expect(loads.mostRunning == 1)
        }
    }

    @Test("B282: a load whose connection is lost runs again behind the next Init, without a pause")
    func lostDuringLoad() async throws {
        try await LiteralConnection.run { fixture in
            let events = fixture.resynced()
            let reading = Task {
                var changes = events.makeAsyncIterator()
                return try await changes.names(2)
            }
            let first = try await fixture.open()
            #expect(try await first.next() == "subscribe e")
            #expect(try await first.next() == "action 0 get")
            first.close(1_001)
            let second = try await fixture.upgrade()
            #expect(try await second.next() == "subscribe e")
            #expect(try await second.isSilent())
            second.initialize()
            #expect(try await second.next() == "action 1 get")
            second.answer(1, "7")
            second.event("8")
            #expect(try await reading.value == ["s7", "8"])
        }
    }

    @Test("B282: a load that the actor refuses is tried again after a pause, and a line says so")
    func refused() async throws {
        try await LiteralConnection.run {
            $0.reconnect = ReconnectPolicy(first: .seconds(10), cap: .seconds(10))
        } _: { fixture in
            let lines = DiagnosticSequence(lines: fixture.handle.core.context.diagnostics).makeAsyncIterator()
            let events = fixture.resynced()
            let reading = Task {
                var changes = events.makeAsyncIterator()
                return try await changes.names(1)
            }
            let socket = try await fixture.open()
            #expect(try await socket.next() == "subscribe e")
            #expect(try await socket.next() == "action 0 get")
            socket.error("user", "busy", id: 0)
            var iterator = lines
            while let line = await iterator.next() {
                guard let kind = line.kindOfLoss else { continue }
                #expect(kind == "loadFailed")
                break
            }
            #expect(try await socket.isSilent())
            // The pause sleeps, and beside it the next deadline, that of the call which was refused.
            await fixture.clock.waitForSleepers(2)
            await fixture.clock.advance(by: .seconds(10))
            #expect(try await socket.next() == "action 1 get")
            socket.answer(1, "7")
            #expect(try await reading.value == ["s7"])
        }
    }

    struct Own: Error {}

    @Test(
        "B282: an error of the user's own, and one that a repeat does not mend, end the sequence and its subscription"
    )
    func finalErrors() async throws {
        try await LiteralConnection.run { fixture in
            let socket = try await fixture.open()
            try await fixture.connection.waitUntilConnected()
            for isOwn in [true, false] {
                let events = isOwn ? fixture.resynced { throw Own() } : fixture.resynced()
                let reading = Task {
                    var changes = events.makeAsyncIterator()
                    var found: [String] = []
                    do {
                        _ = try await changes.next()
                    } catch {
                        found.append(error is Own ? "own" : (error as? RivetError)?.remote?.code ?? "\(error)")
                    }
                    return found + (try await changes.names(1))
                }
                #expect(try await socket.next() == "subscribe e")
                if !isOwn {
                    #expect(try await socket.next() == "action 0 get")
                    socket.error("actor", "action_not_found", id: 0)
                }
                #expect(try await reading.value == [isOwn ? "own" : "action_not_found", "end"])
                #expect(try await socket.next() == "unsubscribe e")
            }
        }
    }

    @Test(
        "B282: a connection that fails for good ends the sequence with its error, during a load too",
        arguments: [
            false, true,
        ]
    )
    func terminal(_ isLoading: Bool) async throws {
        try await LiteralConnection.run { fixture in
            let loads = Loads(isHeld: isLoading)
            let events = fixture.resynced(loads.load)
            let socket = try await fixture.open()
            let reading = Task {
                var changes = events.makeAsyncIterator()
                while try await changes.next() != nil {}
            }
            try await until { loads.began == 1 }
            socket.error("auth", "forbidden")
            socket.close(1_008, "auth.forbidden")
            let error = await #expect(throws: RivetError.self) { try await reading.value }
            #expect(error?.matches("auth", "forbidden") == true)
            loads.letGo(1)
            try await until { loads.running == 0 }
        }
    }

    @Test("B316: who reads a copy while another task does is told, and that one reads on")
    func secondReader() async throws {
        try await LiteralConnection.run { fixture in
            let loads = Loads(isHeld: true)
            nonisolated(unsafe) let iterator = fixture.resynced(loads.load).makeAsyncIterator()
            let reading = Task {
                var copy = iterator
                return try await copy.names(1)
            }
            _ = try await fixture.open()
            try await until { loads.began == 1 }
            var copy = iterator
            let error = await #expect(throws: RivetError.self) { _ = try await copy.next() }
            #expect(error?.code == .invalidArgument)
            #expect(error?.message.contains("another task") == true)
            loads.letGo(1)
            #expect(try await reading.value == ["s1"])
        }
    }

    @Test("B280: a second iterator subscribes and loads anew")
    func secondIterator() async throws {
        try await LiteralConnection.run { fixture in
            let loads = Loads()
            let events = fixture.resynced(loads.load)
            let socket = try await fixture.open()
            for number in 1...2 {
                let reading = Task {
                    for try await change in events {
                        #expect(change.text == "s\(number)")
                        break
                    }
                }
                try await reading.value
                #expect(try await socket.next() == "subscribe e")
                #expect(try await socket.next() == "unsubscribe e")
            }
        }
    }
}
