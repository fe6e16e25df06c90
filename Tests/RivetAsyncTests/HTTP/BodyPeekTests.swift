// SPDX-License-Identifier: Apache-2.0
import RivetAsyncLocal
import Testing

@testable import RivetAsync

/// A body that is looked at before it is handed out.
@Suite(.leavesNothing, .timeLimit(.minutes(3)))
struct BodyPeekTests {
    private static func peek(
        _ fill: (HTTPBodyBuffer) -> Void,
        later: (HTTPBodyBuffer, TestClock) async -> Void = { _, _ in }
    ) async throws -> (peeked: ByteChunk?, read: ByteChunk) {
        let clock = TestClock()
        let gauge = ResourceGauge()
        let deadlines = DeadlineScheduler(time: TimeSource(clock), gauge: gauge)
        let running = Task { await deadlines.run() }
        let buffer = HTTPBodyBuffer(gauge: gauge, deadlines: deadlines)
        fill(buffer)
        let body = HTTPBody(buffer)
        let peeking = Task { try await body.peek(ifFirst: UInt8(ascii: "{"), before: TimePoint(.seconds(5))) }
        await later(buffer, clock)
        let peeked = try await peeking.value
        buffer.finish()
        running.cancel()
        await running.value
        return (peeked, try await body.collect(upTo: 1 << 20))
    }

    @Test("B229: a body is looked at whole, and read afterwards as if it had not been")
    func peeking() async throws {
        let whole = try await Self.peek {
            _ = $0.push(ByteChunk(text: " {"))
            _ = $0.push(ByteChunk(text: "}"))
            $0.finish()
        }
        #expect(whole.peeked == ByteChunk(text: " {}"))
        #expect(whole.read == ByteChunk(text: " {}"))
        // It is no error of Rivet's that begins in another way, is too long, or does not end in time.
        let other = try await Self.peek { _ = $0.push(ByteChunk(text: "[")) }
        #expect(other.peeked == nil)
        #expect(other.read == ByteChunk(text: "["))
        let long = try await Self.peek {
            _ = $0.push(ByteChunk(Array("{".utf8) + [UInt8](repeating: 0x61, count: 262_144)))
        }
        #expect(long.peeked == nil)
        #expect(long.read.count == 262_145)
        let late = try await Self.peek {
            _ = $0.push(ByteChunk(text: "{"))
        } later: { _, clock in
            await clock.waitForSleepers(1)
            await clock.advance(by: .seconds(5))
        }
        #expect(late.peeked == nil)
        #expect(late.read == ByteChunk(text: "{"))
    }
}
