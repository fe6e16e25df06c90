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
    private static func readOne(_ inbox: WebSocketInbox) -> (first: UInt8?, resumes: Bool) {
        var batch = RingBuffer<WebSocketReceivedMessages>()
        switch inbox.take(into: &batch) {
        case .taken(let resumes):
            var first = batch.popFirst()
            let message = first?.next()
            inbox.putBack(WebSocketReceivedMessages(), batch)
            return (message?.payload.first, resumes)
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
        inbox.putBack(WebSocketReceivedMessages(), taken)
        try await second.value
        #expect(Self.readOne(inbox).first == 2)
        #expect(Self.readOne(inbox).first == 3)
        #expect(gauge.counts == .zero)
    }

    @Test("B198: a reader that takes one message at a time has no more read ahead than any other")
    func oneAtATime() {
        let inbox = WebSocketInbox(readAhead: 4_000, gauge: ResourceGauge())
        // What one turn of the lane brings.
        let turn = [ByteChunk](repeating: ByteChunk([UInt8](repeating: 7, count: 100)), count: 10)
        var isReading = true
        var (pushed, read, most) = (0, 0, 0)
        for _ in 0..<200 {
            while isReading {
                isReading = !Self.push(inbox, turn)
                pushed += turn.count
            }
            let (first, resumes) = Self.readOne(inbox)
            if first != nil { read += 1 }
            if resumes { isReading = true }
            most = max(most, pushed - read)
        }
        #expect(read == 200)
        // 4,000 bytes are 24 messages with what each costs, and one turn more.
        #expect(most <= 34)
        #expect(pushed >= 200, "reading goes on when there is room")
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
