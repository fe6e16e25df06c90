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
            case .gap(.reconnected): result.append("reconnected")
            case .gap(.undecodable): result.append("undecodable")
            }
        }
        return result
    }

    static func feed(_ buffering: EventBuffering) -> EventFeed {
        EventFeed(name: "x", buffering: buffering, gauge: ResourceGauge(), resumeReading: {})
    }

    static func fill(_ feed: EventFeed, _ numbers: ClosedRange<UInt8>) -> EventFeed.Pressure {
        for number in numbers { _ = feed.gather(event(number)) }
        return feed.deliver()
    }

    @Test("B91: what arrives before the first next() is kept, in order")
    func buffered() async {
        let feed = Self.feed(.default)
        #expect(Self.fill(feed, 1...3) == .none)
        #expect(await Self.read(feed) == ["1", "2", "3"])
    }

    @Test("B100: drop oldest leaves a gap before what is kept")
    func dropOldest() async {
        let feed = Self.feed(.bounded(2, .dropOldest))
        #expect(Self.fill(feed, 1...5) == .none)
        #expect(await Self.read(feed) == ["gap 3", "4", "5"])
    }

    @Test("B100: drop newest leaves a gap behind what is kept, before what comes later")
    func dropNewest() async {
        let feed = Self.feed(.bounded(2, .dropNewest))
        #expect(Self.fill(feed, 1...5) == .none)
        #expect(await Self.read(feed) == ["1", "2", "gap 3"])
        #expect(Self.fill(feed, 6...6) == .none)
        #expect(await Self.read(feed) == ["6"])
    }

    @Test("B100: finish ends the feed with the error after what was kept")
    func finish() async {
        let feed = Self.feed(.bounded(2, .finish))
        #expect(Self.fill(feed, 1...3) == .finished)
        #expect(await Self.read(feed) == ["1", "2"])
        #expect(await Self.read(feed) == ["end"])
        #expect(feed.failure?.code == .eventBufferOverflowed)
    }

    @Test("B100: suspend reading is asked for once, and resumed when the reader takes the batch")
    func suspendReading() async {
        let resumed = Atomic<Int>(0)
        let feed = EventFeed(name: "x", buffering: .bounded(2, .suspendReading), gauge: ResourceGauge()) {
            resumed.add(1, ordering: .relaxed)
        }
        #expect(Self.fill(feed, 1...3) == .suspendReading)
        #expect(Self.fill(feed, 4...4) == .none)
        #expect(await Self.read(feed) == ["1", "2", "3", "4"])
        #expect(resumed.load(ordering: .relaxed) == 1)
    }

    @Test("the limit in bytes counts too, but never refuses a single event")
    func byteLimit() async {
        let feed = Self.feed(.bounded(100, maxBytes: 10, .dropOldest))
        _ = feed.gather(Self.event(1, size: 20))
        #expect(feed.deliver() == .none)
        _ = feed.gather(Self.event(2, size: 6))
        _ = feed.gather(Self.event(3, size: 6))
        #expect(feed.deliver() == .none)
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
        #expect(await Self.read(feed) == ["1", "reconnected", "2"])
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
