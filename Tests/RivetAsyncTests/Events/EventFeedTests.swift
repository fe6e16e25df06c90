// SPDX-License-Identifier: Apache-2.0
import Synchronization
import Testing

@testable import RivetAsync

@Suite(.leavesNothing, .timeLimit(.minutes(3)))
struct EventFeedTests {
    static func event(_ number: UInt8, size: Int = 1, of name: String = "x") -> EventMessage {
        EventMessage(name: ByteChunk(name.utf8), arguments: ByteChunk(Array(repeating: number, count: size)))
    }

    static func run(_ events: [EventMessage]) -> EventRun {
        var run = EventRun(format: .nativeCBOR)
        for event in events { run.append(event) }
        run.copySmallEvents()
        return run
    }

    /// What a reader finds, in a few words each.
    static func read(_ feed: EventFeed) async -> [String] {
        var batch = RingBuffer<EventFeed.Entry>()
        guard await feed.take(into: &batch) == .taken else { return ["end"] }
        var result: [String] = []
        while let entry = batch.popFirst() {
            switch entry {
            case .event(let value): result.append("\(value.bytes.first ?? 0)")
            case .gap(.overflowed(let dropped)): result.append("gap \(dropped)")
            case .gap(.reconnected(let info)): result.append("reconnected \(info.connectionNumber)")
            case .gap(.undecodable): result.append("undecodable")
            }
        }
        return result
    }

    static func feed(_ buffering: EventBuffering) -> EventFeed {
        EventFeed(name: "x", buffering: buffering, gauge: ResourceGauge(), resumeReading: {})
    }

    static func fill(_ feed: EventFeed, _ numbers: ClosedRange<UInt8>) -> Bool {
        fill(feed, numbers.map { event($0) })
    }

    /// Returns true when that ends the feed.
    static func fill(_ feed: EventFeed, _ events: [EventMessage]) -> Bool {
        defer { feed.wakeReader() }
        return feed.append(run(events), first: events.count)
    }

    @Test("B91: what arrives before the first next() is kept, in order")
    func buffered() async {
        let feed = Self.feed(.default)
        #expect(!Self.fill(feed, 1...3))
        #expect(await Self.read(feed) == ["1", "2", "3"])
    }

    @Test("B100: drop oldest leaves a gap before what is kept")
    func dropOldest() async {
        let feed = Self.feed(.bounded(2, .dropOldest))
        #expect(!Self.fill(feed, 1...5))
        #expect(await Self.read(feed) == ["gap 3", "4", "5"])
    }

    @Test("B100: drop newest leaves a gap behind what is kept, before what comes later")
    func dropNewest() async {
        let feed = Self.feed(.bounded(2, .dropNewest))
        #expect(!Self.fill(feed, 1...5))
        #expect(await Self.read(feed) == ["1", "2", "gap 3"])
        #expect(!Self.fill(feed, 6...6))
        #expect(await Self.read(feed) == ["6"])
    }

    @Test("B100: finish ends the feed with the error after what was kept")
    func finish() async {
        let feed = Self.feed(.bounded(2, .finish))
        #expect(Self.fill(feed, 1...3))
        #expect(await Self.read(feed) == ["1", "2"])
        #expect(await Self.read(feed) == ["end"])
        #expect(feed.failure?.code == .eventBufferOverflowed)
    }

    @Test("B100, B221: one that holds up the socket takes what it has room for, and says when it has room again")
    func suspendReading() async {
        let resumed = Atomic<Int>(0)
        let feed = EventFeed(name: "x", buffering: .bounded(2, maxBytes: 10, .suspendReading), gauge: ResourceGauge()) {
            resumed.add(1, ordering: .relaxed)
        }
        // A single event is never refused; then the bytes count, and the number.
        for (sizes, room) in [([20, 1], 1), ([1, 10], 1), ([1, 9, 1], 2), ([1, 1, 1], 2), ([1, 9], 2)] {
            let events = sizes.enumerated().map { Self.event(UInt8($0 + 1), size: $1) }
            #expect(feed.room(for: Self.run(events)) == room, "\(sizes)")
            #expect(!Self.fill(feed, Array(events.prefix(room))))
            #expect(feed.room(for: Self.run([Self.event(3)])) == (sizes == [1, 10] ? 1 : 0), "\(sizes)")
            #expect(await Self.read(feed) == Array(["1", "2"].prefix(room)), "\(sizes)")
        }
        #expect(resumed.load(ordering: .relaxed) == 5)
    }

    @Test("B221: losses that nobody has read of are one gap, with the newest connection")
    func losses() async {
        let feed = Self.feed(.default)
        func lose(_ number: Int) {
            feed.appendGap(.reconnected(.init(actorID: "a", connectionID: "c", connectionNumber: number)))
        }
        #expect(!Self.fill(feed, 1...1))
        for number in 2...1_000 { lose(number) }
        #expect(!Self.fill(feed, 2...2))
        lose(1_001)
        #expect(await Self.read(feed) == ["1", "reconnected 1000", "2", "reconnected 1001"])
    }

    @Test("B221: so are the events that a full feed did not take between them")
    func lossesOfAFullFeed() async {
        let feed = Self.feed(.bounded(1, .dropNewest))
        #expect(!Self.fill(feed, 1...1))
        for number in 2...1_000 {
            #expect(!Self.fill(feed, 2...2))
            feed.appendGap(.reconnected(.init(actorID: "a", connectionID: "c", connectionNumber: number)))
        }
        #expect(await Self.read(feed) == ["1", "gap 999", "reconnected 1000"])
    }

    @Test("the limit in bytes counts too, but never refuses a single event")
    func byteLimit() async {
        let feed = Self.feed(.bounded(100, maxBytes: 10, .dropOldest))
        #expect(!Self.fill(feed, [Self.event(1, size: 20)]))
        #expect(!Self.fill(feed, [Self.event(2, size: 6), Self.event(3, size: 6)]))
        #expect(await Self.read(feed) == ["gap 2", "3"])
    }

    @Test("a slow reader keeps few bytes of large receive buffers alive")
    func pinnedMemory() async {
        let feed = Self.feed(.bounded(1_000, .dropOldest))
        weak var first: ByteStorage?
        for number in 0..<64 {
            let storage = ByteStorage.allocate(capacity: 65_536)
            storage.base.storeBytes(of: UInt8(number), as: UInt8.self)
            if number == 0 { first = storage }
            let bytes = ByteChunk(storage: storage, offset: 0, count: 1)
            #expect(!Self.fill(feed, [EventMessage(bytes, name: 0..<0, arguments: 0..<1)]))
        }
        #expect(first == nil)
        #expect(await Self.read(feed).count == 64)
    }

    @Test("B104: a gap stands between what came before and after it")
    func gaps() async {
        let feed = Self.feed(.default)
        _ = Self.fill(feed, 1...1)
        feed.appendGap(.reconnected(ConnectionInfo(actorID: "a", connectionID: "c", connectionNumber: 2)))
        _ = Self.fill(feed, 2...2)
        #expect(await Self.read(feed) == ["1", "reconnected 2", "2"])
    }

    @Test("B103: the end wakes a waiting reader; nothing comes after it")
    func end() async {
        let feed = Self.feed(.default)
        async let waiting = Self.read(feed)
        feed.end(nil)
        #expect(await waiting == ["end"])
        _ = Self.fill(feed, 1...1)
        #expect(await Self.read(feed) == ["end"])
    }

    @Test("B102: a cancelled reader returns at once")
    func cancellation() async {
        let feed = Self.feed(.default)
        let task = Task { await Self.read(feed) }
        task.cancel()
        #expect(await task.value == ["end"])
    }
}
