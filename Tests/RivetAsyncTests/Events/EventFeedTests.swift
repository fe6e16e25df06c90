// SPDX-License-Identifier: Apache-2.0
import Synchronization
import Testing

@testable import RivetAsync

@Suite(.leavesNothing, .timeLimit(.minutes(3)))
struct EventFeedTests {
    static func event(_ number: UInt8, size: Int = 1) -> EncodedValue {
        EncodedValue(bytes: ByteChunk(Array(repeating: number, count: size)), format: .nativeCBOR)
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
        for number in numbers { _ = feed.gather(event(number)) }
        return feed.deliver()
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
        for size in [20, 1] {
            // A single event is never refused; then the bytes count, then the number.
            #expect(feed.hasRoom(for: Self.event(1, size: size)))
            _ = feed.gather(Self.event(1, size: size))
            if size == 1 {
                #expect(!feed.hasRoom(for: Self.event(2, size: 10)))
                #expect(feed.hasRoom(for: Self.event(2, size: 9)))
                _ = feed.gather(Self.event(2, size: 9))
            }
            for _ in 0..<2 { #expect(!feed.hasRoom(for: Self.event(3))) }
            #expect(!feed.deliver())
            #expect(await Self.read(feed) == (size == 1 ? ["1", "2"] : ["1"]))
        }
        #expect(resumed.load(ordering: .relaxed) == 2)
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

    @Test("the limit in bytes counts too, but never refuses a single event")
    func byteLimit() async {
        let feed = Self.feed(.bounded(100, maxBytes: 10, .dropOldest))
        _ = feed.gather(Self.event(1, size: 20))
        #expect(!feed.deliver())
        _ = feed.gather(Self.event(2, size: 6))
        _ = feed.gather(Self.event(3, size: 6))
        #expect(!feed.deliver())
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
            _ = feed.gather(
                EncodedValue(bytes: ByteChunk(storage: storage, offset: 0, count: 1), format: .nativeCBOR)
            )
            _ = feed.deliver()
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

    @Test("a batch that is gathered without a turn's end is delivered at 64 events")
    func gatherBound() {
        let feed = Self.feed(.bounded(1_000, .dropOldest))
        for number in 1..<64 { #expect(!feed.gather(Self.event(UInt8(number)))) }
        #expect(feed.gather(Self.event(64)))
    }
}
