// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import RivetAsync

/// What one reader leaves to the next, and how much is kept meanwhile.
@Suite(.leavesNothing, .timeLimit(.minutes(3)))
struct WebSocketInboxTests {
    /// Returns true when nothing more is to be read.
    private static func push(_ inbox: WebSocketInbox, _ messages: ByteChunk...) -> Bool {
        push(inbox, messages)
    }

    private static func push(_ inbox: WebSocketInbox, _ messages: [ByteChunk]) -> Bool {
        var batch = RingBuffer<WebSocketReceivedMessages>()
        for bytes in messages {
            batch.append(WebSocketReceivedMessages(WebSocketReceivedMessage(isText: false, payload: bytes)))
        }
        return inbox.push(&batch)
    }

    /// Takes what is there, keeps the first message and puts the rest back; nil where there is none.
    private static func readOne(
        _ inbox: WebSocketInbox,
        whileHeld: () -> Void = {}
    ) -> (first: UInt8?, resumes: Bool) {
        var batch = RingBuffer<WebSocketReceivedMessages>()
        switch inbox.take(into: &batch) {
        case .taken(let resumes):
            var first = batch.popFirst()
            let message = first?.next()
            whileHeld()
            let resumesLater = inbox.putBack(WebSocketReceivedMessages(), batch)
            return (message?.payload.first, resumes || resumesLater)
        case .empty(let resumes): return (nil, resumes)
        case .ended: return (nil, false)
        }
    }

    @Test("what a reader puts back wakes the one who waits already")
    func wakes() async throws {
        let gauge = ResourceGauge()
        let inbox = WebSocketInbox(readAhead: 1_000, gauge: gauge)
        for number in UInt8(1)...3 { _ = Self.push(inbox, ByteChunk([number])) }
        var taken = RingBuffer<WebSocketReceivedMessages>()
        guard case .taken = inbox.take(into: &taken) else { throw CancellationError() }
        _ = taken.popFirst()
        let second = Task { try await inbox.wait() }
        try await until { gauge.counts.waiters == 1 }
        #expect(!inbox.putBack(WebSocketReceivedMessages(), taken))
        try await second.value
        #expect(Self.readOne(inbox).first == 2)
        #expect(Self.readOne(inbox).first == 3)
        #expect(gauge.counts == .zero)
    }

    @Test(
        "B198: a reader that takes one message at a time has no more read ahead than any other",
        arguments: [false, true]
    )
    func oneAtATime(_ lanePushesMeanwhile: Bool) {
        let inbox = WebSocketInbox(readAhead: 4_000, gauge: ResourceGauge())
        // What one turn of the lane brings.
        let turn = [ByteChunk](repeating: ByteChunk([UInt8](repeating: 7, count: 100)), count: 10)
        var isReading = true
        var (pushed, read, most) = (0, 0, 0)
        func readTurn() {
            isReading = !Self.push(inbox, turn)
            pushed += turn.count
        }
        for _ in 0..<200 {
            while isReading, !lanePushesMeanwhile || pushed == 0 { readTurn() }
            let (first, resumes) = Self.readOne(inbox) { if isReading { readTurn() } }
            if first != nil { read += 1 }
            if resumes { isReading = true }
            most = max(most, pushed - read)
        }
        #expect(read == 200)
        // 4,000 bytes are 24 messages with what each costs, and a turn or two more.
        #expect(most <= 44)
        #expect(pushed >= 200, "reading goes on when there is room")
    }

    @Test("reading goes on where a reader goes and leaves little, or nothing, of what held it up", arguments: [0, 1])
    func leavesLittle(_ left: Int) {
        let inbox = WebSocketInbox(readAhead: 2_000, gauge: ResourceGauge())
        let large = ByteChunk([UInt8](repeating: 7, count: 600))
        #expect(Self.push(inbox, large, large, large))
        // It puts much back, and the next one reads that to the end, or nearly.
        #expect(Self.readOne(inbox) == (7, true))
        #expect(Self.push(inbox, large))
        var taken = RingBuffer<WebSocketReceivedMessages>()
        guard case .taken(mustResumeReading: false) = inbox.take(into: &taken) else {
            Issue.record("much was put back")
            return
        }
        while taken.count > left { _ = taken.popFirst() }
        #expect(inbox.putBack(WebSocketReceivedMessages(), taken))
    }

    @Test("B221: messages that nobody reads keep few bytes of large receive buffers alive")
    func pinned() {
        let inbox = WebSocketInbox(readAhead: 1 << 20, gauge: ResourceGauge())
        weak var first: ByteStorage?
        for number in 0..<64 {
            let storage = ByteStorage.allocate(capacity: 65_536)
            storage.base.storeBytes(of: UInt8(number), as: UInt8.self)
            if number == 0 { first = storage }
            #expect(!Self.push(inbox, ByteChunk(storage: storage, offset: 0, count: 1)))
        }
        #expect(first == nil)
        for number in UInt8(0)..<64 { #expect(Self.readOne(inbox).first == number) }
    }
}
