// SPDX-License-Identifier: Apache-2.0
import Synchronization
import Testing

@testable import RivetAsync

/// What a connection does with events that no feed has room for.
@Suite(.leavesNothing, .timeLimit(.minutes(3)))
struct EventDispatcherTests {
    /// Two listeners of one name, of which the first holds up the socket beyond two events, and one of another name.
    private final class Listeners {
        let book = Subscriptions()
        let dispatcher: EventDispatcher
        let slow = EventFeedTests.feed(.bounded(2, .suspendReading))
        let other = EventFeedTests.feed(.bounded(100, .dropOldest))
        let elsewhere = EventFeed(name: "y", buffering: .default, gauge: ResourceGauge(), resumeReading: {})

        init() {
            dispatcher = EventDispatcher(book, EventTally(), format: .nativeCBOR)
            for feed in [slow, other, elsewhere] { book.change { $0.add(feed) } }
        }

        func deliver(_ numbers: ClosedRange<UInt8>, to name: String = "x") {
            for number in numbers { dispatcher.deliver(EventFeedTests.event(number, of: name)) }
            dispatcher.settle()
        }

        func lose(_ number: Int) {
            dispatcher.reconnected(.init(actorID: "a", connectionID: "c", connectionNumber: number))
        }
    }

    @Test("B221: a feed that holds keeps at most its capacity, events of one read included; order stays")
    func capacity() async {
        let fixture = Listeners()
        fixture.deliver(1...5)
        #expect(fixture.dispatcher.isHolding)
        fixture.deliver(6...6, to: "y")
        #expect(await EventFeedTests.read(fixture.other) == ["1", "2"])
        for expected in [["1", "2"], ["3", "4"]] {
            #expect(await EventFeedTests.read(fixture.slow) == expected)
            let isDone = fixture.dispatcher.release()
            #expect(isDone == (expected == ["3", "4"]))
        }
        #expect(!fixture.dispatcher.isHolding)
        #expect(await EventFeedTests.read(fixture.slow) == ["5"])
        #expect(await EventFeedTests.read(fixture.other) == ["3", "4", "5"])
        #expect(await EventFeedTests.read(fixture.elsewhere) == ["6"])
    }

    @Test("B90: names in turns, sizes in turns: each feed gets its own, whole and in order")
    func turns() async {
        let fixture = Listeners()
        fixture.book.change { $0.remove(fixture.slow) }
        let sizes = [1, 300, 0, 256, 257, 5, 70_000, 2]
        for (number, size) in sizes.enumerated() {
            for name in ["x", "x", "y", "nobody"] {
                fixture.dispatcher.deliver(EventFeedTests.event(UInt8(number + 1), size: size, of: name))
            }
        }
        fixture.dispatcher.settle()
        for (feed, times) in [(fixture.other, 2), (fixture.elsewhere, 1)] {
            var batch = RingBuffer<EventFeed.Entry>()
            #expect(await feed.take(into: &batch) == .taken)
            for (number, size) in sizes.enumerated() {
                for _ in 0..<times {
                    guard case .event(let value)? = batch.popFirst() else { return #expect(Bool(false), "\(number)") }
                    #expect(value.bytes == ByteChunk(repeatElement(UInt8(number + 1), count: size)), "\(number)")
                }
            }
            #expect(batch.isEmpty)
        }
    }

    @Test("a turn that brings many hands over what it has at 64, so that it gathers no more")
    func gatherBound() {
        let fixture = Listeners()
        func count() -> Int { fixture.other.state.withLock { $0.events } }
        for number in 1...64 { fixture.dispatcher.deliver(EventFeedTests.event(UInt8(number), of: "x")) }
        #expect(count() == 0)
        fixture.book.change { $0.remove(fixture.slow) }
        fixture.dispatcher.deliver(EventFeedTests.event(65))
        #expect(count() == 64)
        fixture.dispatcher.settle()
        #expect(count() == 65)
    }

    @Test("small events of a run are copied together: a feed keeps no receive buffer for them")
    func copies() async {
        let fixture = Listeners()
        fixture.book.change { $0.remove(fixture.slow) }
        weak var buffer: ByteStorage?
        do {
            let storage = ByteStorage.allocate(capacity: 65_536)
            storage.base.initializeMemory(as: UInt8.self, repeating: UInt8(ascii: "x"), count: 64)
            buffer = storage
            let bytes = ByteChunk(storage: storage, offset: 0, count: 64)
            for number in 1...3 {
                fixture.dispatcher.deliver(EventMessage(bytes, name: 0..<1, arguments: number..<(number + 10)))
            }
        }
        #expect(buffer != nil)
        fixture.dispatcher.settle()
        #expect(buffer == nil)
        #expect(await EventFeedTests.read(fixture.other) == ["120", "120", "120"])
    }

    @Test("B104, B221: a loss is told behind what was read before it, and losses gather nothing")
    func losses() async {
        let fixture = Listeners()
        fixture.deliver(1...3)
        for number in 2...1_000 {
            fixture.lose(number)
            fixture.deliver(4...5)
        }
        #expect(await EventFeedTests.read(fixture.slow) == ["1", "2"])
        #expect(!fixture.dispatcher.release())
        #expect(await EventFeedTests.read(fixture.slow) == ["3", "reconnected 1000", "4"])
        #expect(fixture.dispatcher.release())
        #expect(await EventFeedTests.read(fixture.slow) == ["5"])
        #expect(await EventFeedTests.read(fixture.elsewhere) == ["reconnected 1000"])
    }

    @Test("B104, B221: a loss is told behind an event of its own turn for which there was no room")
    func lossBehindAFullFeed() async {
        let fixture = Listeners()
        fixture.deliver(1...2)
        fixture.dispatcher.deliver(EventFeedTests.event(3))
        fixture.lose(2)
        #expect(fixture.dispatcher.isHolding)
        #expect(await EventFeedTests.read(fixture.slow) == ["1", "2"])
        #expect(fixture.dispatcher.release())
        #expect(await EventFeedTests.read(fixture.slow) == ["3", "reconnected 2"])
    }

    @Test("B90, B104: a loss is told before what came ahead of Init, of which the last are kept")
    func earlyEvents() async {
        let fixture = Listeners()
        fixture.book.change { $0.remove(fixture.slow) }
        fixture.deliver(1...1)
        fixture.dispatcher.socketEnded(wasOpen: true)
        fixture.deliver(2...3)
        fixture.deliver(4...4, to: "y")
        #expect(await EventFeedTests.read(fixture.other) == ["1"])
        fixture.lose(2)
        fixture.deliver(5...5)
        #expect(await EventFeedTests.read(fixture.other) == ["reconnected 2", "2", "3", "5"])
        #expect(await EventFeedTests.read(fixture.elsewhere) == ["reconnected 2", "4"])

        // Nobody's word makes it keep more.
        fixture.dispatcher.socketEnded(wasOpen: true)
        for number in [6] + Array(repeating: 7, count: 255) + [8] as [UInt8] {
            fixture.dispatcher.deliver(EventFeedTests.event(number, of: "y"))
        }
        fixture.lose(3)
        fixture.dispatcher.settle()
        #expect(
            await EventFeedTests.read(fixture.elsewhere)
                == ["reconnected 3"] + Array(repeating: "7", count: 255) + ["8"]
        )
        fixture.dispatcher.socketEnded(wasOpen: true)
        for number in 1...3 as ClosedRange<UInt8> {
            fixture.dispatcher.deliver(EventFeedTests.event(number, size: 400_000, of: "y"))
        }
        fixture.lose(4)
        fixture.dispatcher.settle()
        #expect(await EventFeedTests.read(fixture.elsewhere) == ["reconnected 4", "2", "3"])
    }

    @Test("B104, B221: what comes ahead of an Init keeps few bytes of large receive buffers alive")
    func pinnedAheadOfInit() async {
        let fixture = Listeners()
        fixture.dispatcher.socketEnded(wasOpen: true)
        weak var first: ByteStorage?
        for number in UInt8(1)...64 {
            let storage = ByteStorage.allocate(capacity: 65_536)
            storage.base.storeBytes(of: UInt8(ascii: "y"), as: UInt8.self)
            storage.base.storeBytes(of: number, toByteOffset: 1, as: UInt8.self)
            if number == 1 { first = storage }
            let bytes = ByteChunk(storage: storage, offset: 0, count: 2)
            fixture.dispatcher.deliver(EventMessage(bytes, name: 0..<1, arguments: 1..<2))
        }
        #expect(first == nil)
        fixture.lose(1)
        fixture.dispatcher.settle()
        let expected = ["reconnected 1"] + (1...64).map { "\($0)" }
        #expect(await EventFeedTests.read(fixture.elsewhere) == expected)
    }

    @Test("B90, B104: what came ahead of an Init that did not come is lost with its socket, as a loss tells")
    func lossesAheadOfInit() async {
        let fixture = Listeners()
        fixture.dispatcher.socketEnded(wasOpen: false)
        #expect(!fixture.dispatcher.isReopening, "nothing came, and nothing is lost")
        // Of a connection that never was open, what comes is there at once.
        fixture.deliver(1...1, to: "y")
        #expect(await EventFeedTests.read(fixture.elsewhere) == ["1"])
        // Its socket is lost, the next one too.
        for number in 2...3 as ClosedRange<UInt8> {
            fixture.dispatcher.socketEnded(wasOpen: false)
            #expect(fixture.dispatcher.isReopening)
            fixture.deliver(number...number, to: "y")
        }
        fixture.lose(1)
        fixture.deliver(4...4, to: "y")
        #expect(await EventFeedTests.read(fixture.elsewhere) == ["reconnected 1", "3", "4"])

        for number in 5...6 as ClosedRange<UInt8> {
            fixture.dispatcher.socketEnded(wasOpen: true)
            fixture.deliver(number...number, to: "y")
        }
        fixture.dispatcher.socketEnded(wasOpen: true)
        fixture.dispatcher.finish()
        #expect(fixture.elsewhere.state.withLock { $0.ring.isEmpty })
    }

    @Test("B221: what waits is not lost when the connection ends, or when the listener that held it up has gone")
    func ends() async {
        let fixture = Listeners()
        fixture.deliver(1...3)
        fixture.lose(2)
        fixture.dispatcher.finish()
        #expect(await EventFeedTests.read(fixture.slow) == ["1", "2", "3", "reconnected 2"])
        #expect(!fixture.dispatcher.isHolding)

        fixture.deliver(1...4)
        fixture.book.change { $0.remove(fixture.slow) }
        #expect(fixture.dispatcher.release())
        #expect(await EventFeedTests.read(fixture.other) == ["1", "2", "3", "reconnected 2", "1", "2", "3", "4"])
    }
}
