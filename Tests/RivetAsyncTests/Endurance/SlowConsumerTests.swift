// SPDX-License-Identifier: Apache-2.0
import RivetAsyncLocal
import Synchronization
import Testing

@testable import RivetAsync

/// Events that come a hundred times faster than their listener reads, under each policy: what is kept, what is told of
/// the losses, and what others notice.
@Suite(.leavesNothing, .timeLimit(.minutes(10)))
struct SlowConsumerTests {
    /// In each millisecond of test time so many events come, and the slow listener reads one.
    static let perMillisecond = 100
    static let capacity = 1_000

    enum Policy: String, CaseIterable, Codable {
        case dropOldest, dropNewest, finish, suspendReading

        var overflow: EventBuffering.Overflow {
            switch self {
            case .dropOldest: .dropOldest
            case .dropNewest: .dropNewest
            case .finish: .finish
            case .suspendReading: .suspendReading
            }
        }
    }

    static var count: Int { TestScale.count(full: 1_000_000, byDefault: 10_000) }

    @Test(
        "B100: a million events for one who reads one a millisecond: nothing untold, nothing kept, others unharmed",
        arguments: Policy.allCases
    )
    func flood(_ policy: Policy) async throws {
        try await LiteralConnection.run { fixture in
            var flood = EventFlood(fixture, policy, count: Self.count)
            try await flood.run()
        }
    }
}

/// One flood, and all who listen to it.
struct EventFlood {
    typealias Deliveries = EventDeliveries<Int>.AsyncIterator

    private let fixture: LiteralConnection
    private let policy: SlowConsumerTests.Policy
    private let count: Int
    private var slow: Deliveries
    /// What the slow listener has read or been told of: the number of the event that comes next.
    private var next = 0
    private var read = 0
    private var dropped = 0
    private var error: RivetError?
    private var isOver = false

    init(_ fixture: LiteralConnection, _ policy: SlowConsumerTests.Policy, count: Int) {
        (self.fixture, self.policy, self.count) = (fixture, policy, count)
        let buffering = EventBuffering.bounded(SlowConsumerTests.capacity, policy.overflow)
        slow = fixture.connection.events(named: "e", as: Int.self, buffering: buffering).deliveries.makeAsyncIterator()
    }

    mutating func run() async throws {
        let socket = try await fixture.open()
        #expect(try await socket.next() == "subscribe e")
        let other = fixture.handle.connect()
        var quick = other.events(named: "e", as: Int.self).makeAsyncIterator()
        let otherSocket = try await fixture.open()
        #expect(try await otherSocket.next() == "subscribe e")

        if policy == .suspendReading {
            try await suspend(socket, &quick, otherSocket)
        } else {
            try await drop(socket, &quick, otherSocket)
        }
        let statistics = fixture.connection.statistics
        // And the one that was too many.
        #expect(statistics.eventsDropped == dropped + (policy == .finish ? 1 : 0))
        #expect(other.statistics.eventsDropped == 0)
    }

    /// Nobody holds up the socket: each millisecond's events have come before it is over.
    private mutating func drop(
        _ socket: LiteralConnection.Socket,
        _ quick: inout NamedEventSequence<Int>.AsyncIterator,
        _ otherSocket: LiteralConnection.Socket
    ) async throws {
        // One who keeps up, on the same connection.
        var beside = fixture.connection.events(named: "e", as: Int.self).makeAsyncIterator()
        let step = SlowConsumerTests.perMillisecond
        for first in stride(from: 0, to: count, by: step) {
            socket.peer.write(Self.events(first..<(first + step)))
            otherSocket.event("\(first)")
            try await fixture.untilHeard(socket)
            expectBounded()
            await readOne()
            for number in first..<(first + step) where await beside.next() != number {
                Issue.record("event \(number) did not come")
            }
            #expect(await quick.next() == first)
            await fixture.clock.advance(by: .milliseconds(1))
        }
        let isFinished = policy == .finish
        while !isOver, next < count { await readOne() }
        #expect(isOver == isFinished)
        #expect(error?.code == (isFinished ? .eventBufferOverflowed : nil))
        #expect(isFinished || read + dropped == count)
        #expect(isFinished ? dropped == 0 && next < 20 * step : dropped > count / 2)
    }

    /// All come, as fast as the slow one reads; what was sent and not read waits in the sockets.
    private mutating func suspend(
        _ socket: LiteralConnection.Socket,
        _ quick: inout NamedEventSequence<Int>.AsyncIterator,
        _ otherSocket: LiteralConnection.Socket
    ) async throws {
        let step = SlowConsumerTests.perMillisecond
        var sent = 0
        for millisecond in 0..<count {
            while sent < min(millisecond + 10 * SlowConsumerTests.capacity, count) {
                socket.peer.write(Self.events(sent..<(sent + step)))
                sent += step
            }
            await readOne()
            guard millisecond % step == 0 else { continue }
            expectBounded()
            otherSocket.event("\(millisecond)")
            #expect(await quick.next() == millisecond)
            await fixture.clock.advance(by: .milliseconds(step))
        }
        #expect(read == count)
        #expect(dropped == 0)
    }

    private static func events(_ numbers: Range<Int>) -> [UInt8] {
        numbers.flatMap { LiteralConnection.Socket.eventFrame("\($0)", "e") }
    }

    /// Reads up to the next event, and checks that every one before it was read or told of as dropped.
    private mutating func readOne() async {
        while !isOver, next < count {
            do {
                switch try await slow.next() {
                case .event(let number):
                    if number != next { Issue.record("\(number) came, and \(next) was to come") }
                    (next, read) = (number + 1, read + 1)
                    return
                case .gap(.overflowed(let count)): (next, dropped) = (next + count, dropped + count)
                case .gap(let gap): Issue.record("\(gap)")
                case nil: isOver = true
                }
            } catch {
                self.error = error as? RivetError
                isOver = true
            }
        }
    }

    /// What the feeds keep, in events and in bytes of receive buffers.
    private func expectBounded() {
        for feed in fixture.connection.driver.book.current.feeds {
            let (events, bytes, pinned) = feed.state.withLock { ($0.events, $0.bytes, $0.pinned.bytes) }
            #expect(events <= SlowConsumerTests.capacity)
            #expect(pinned <= 4 * bytes + 2 << 20)
        }
    }
}

#if os(Linux)
/// The same, each in a process of its own, where nothing else allocates; not for sanitizers, which multiply that.
@Suite(.timeLimit(.minutes(10)))
struct SlowConsumerMemoryTests {
    @Test("B100: what a million unread events cost in memory", arguments: SlowConsumerTests.Policy.allCases)
    func growth(_ policy: SlowConsumerTests.Policy) async {
        await #expect(processExitsWith: .success) { [policy] in
            try await LiteralConnection.run { fixture in
                let growth = try await ProcessMemory.growth {
                    var flood = EventFlood(fixture, policy, count: SlowConsumerTests.count)
                    try await flood.run()
                }
                // A million events are more than a hundred.
                #expect(growth < 12 << 20, "\(growth) bytes")
            }
        }
    }
}
#endif
