// SPDX-License-Identifier: Apache-2.0
import RivetAsync
import Testing

@Suite(.leavesNothing, .timeLimit(.minutes(3)))
struct WebSocketFrameTests {
    struct Example: Sendable {
        let name: String
        let role: WebSocketRole
        let bytes: [UInt8]
        let frames: [WebSocketFrame]
        var mask: [UInt8]?
    }

    /// RFC 6455 §5.7.
    static let examples = [
        Example(
            name: "a single-frame unmasked text message",
            role: .client,
            bytes: [0x81, 0x05, 0x48, 0x65, 0x6c, 0x6c, 0x6f],
            frames: [WebSocketFrame(.text, chunk("Hello"))]
        ),
        Example(
            name: "a single-frame masked text message",
            role: .server,
            bytes: [0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58],
            frames: [WebSocketFrame(.text, chunk("Hello"))],
            mask: [0x37, 0xfa, 0x21, 0x3d]
        ),
        Example(
            name: "a fragmented unmasked text message",
            role: .client,
            bytes: [0x01, 0x03, 0x48, 0x65, 0x6c, 0x80, 0x02, 0x6c, 0x6f],
            frames: [
                WebSocketFrame(.text, chunk("Hel"), isFinal: false), WebSocketFrame(.continuation, chunk("lo")),
            ]
        ),
        Example(
            name: "an unmasked ping",
            role: .client,
            bytes: [0x89, 0x05, 0x48, 0x65, 0x6c, 0x6c, 0x6f],
            frames: [WebSocketFrame(.ping, chunk("Hello"))]
        ),
        Example(
            name: "a masked pong",
            role: .server,
            bytes: [0x8a, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58],
            frames: [WebSocketFrame(.pong, chunk("Hello"))],
            mask: [0x37, 0xfa, 0x21, 0x3d]
        ),
        Example(
            name: "256 bytes of binary",
            role: .client,
            bytes: [0x82, 0x7e, 0x01, 0x00] + [UInt8](repeating: 7, count: 256),
            frames: [WebSocketFrame(.binary, ByteChunk([UInt8](repeating: 7, count: 256)))]
        ),
        Example(
            name: "64 KiB of binary",
            role: .client,
            bytes: [0x82, 0x7f, 0, 0, 0, 0, 0, 1, 0, 0] + [UInt8](repeating: 7, count: 65_536),
            frames: [WebSocketFrame(.binary, ByteChunk([UInt8](repeating: 7, count: 65_536)))]
        ),
    ]

    @Test(arguments: examples)
    func examplesOfTheStandardAreDecoded(_ example: Example) {
        verify(example.bytes, example.role, gives: example.frames)
    }

    @Test(arguments: examples)
    func examplesOfTheStandardAreEncoded(_ example: Example) {
        var buffer = ByteBuffer()
        for frame in example.frames { encode(frame, example.mask, into: &buffer) }
        #expect(buffer.withUnsafeBytes { Array($0) } == example.bytes)
    }

    @Test(arguments: [WebSocketRole.client, .server])
    func allExamplesAtOnceAreDecoded(role: WebSocketRole) {
        let examples = Self.examples.filter { $0.role == role && $0.bytes.count < 1_000 }
        verifier(role).expect(examples.map(\.bytes), gives: examples.flatMap(\.frames))
    }

    /// Both sides of every border between the three forms of a length, empty ones included.
    @Test(arguments: [0, 1, 3, 4, 5, 31, 32, 33, 124, 125, 126, 127, 4_095, 4_096, 4_097, 65_535, 65_536, 70_001])
    func lengthsAtTheBordersGoBothWays(_ count: Int) {
        let payload = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        for role in [WebSocketRole.client, .server] {
            let mask: [UInt8]? = role == .server ? [1, 2, 3, 0xFE] : nil
            let expected = frame(2, payload, mask: mask)
            var buffer = ByteBuffer()
            encode(WebSocketFrame(.binary, ByteChunk(payload)), mask, into: &buffer)
            #expect(buffer.withUnsafeBytes { $0.elementsEqual(expected) })
            verify(expected, role, gives: [WebSocketFrame(.binary, ByteChunk(payload))])
        }
    }

    @Test func aWholeFrameIsASliceOfItsChunk() throws {
        var decoder = WebSocketFrameDecoder(role: .client, limits: WebSocketLimits())
        let bytes = ByteChunk(frame(2, [1, 2, 3]) + frame(2, [4]))
        decoder.receive(bytes)
        let payload = try #require(try decoder.next()).payload
        bytes.withUnsafeBytes { all in
            payload.withUnsafeBytes { #expect($0.baseAddress == all.baseAddress.map { $0 + 2 }) }
        }
        #expect(try decoder.next()?.payload == ByteChunk([4]))
        #expect(try decoder.next() == nil)
        #expect(decoder.retainedSize == 0, "an idle decoder keeps no chunk")
    }

    @Test func unmaskedCopiesShareAnArenaThatIsUsedAgain() throws {
        var decoder = WebSocketFrameDecoder(role: .server, limits: WebSocketLimits())
        let bytes = ByteChunk(frame(2, [UInt8](repeating: 9, count: 4_000), mask: [1, 2, 3, 4]))
        for _ in 0..<1_000 {
            decoder.receive(bytes)
            #expect(try decoder.next()?.payload.count == 4_000)
            #expect(try decoder.next() == nil)
        }
        #expect(decoder.retainedSize == 65_536)
        // Slices that are kept keep what they show.
        var kept: [ByteChunk] = []
        for _ in 0..<40 {
            decoder.receive(bytes)
            if let frame = try decoder.next() { kept.append(frame.payload) }
            #expect(try decoder.next() == nil)
        }
        #expect(kept.allSatisfy { $0.allSatisfy { $0 == 9 } })
    }

    @Test func anAnnouncedLengthTakesNoMemory() throws {
        var decoder = WebSocketFrameDecoder(role: .client, limits: WebSocketLimits())
        decoder.receive(ByteChunk([0x82, 127, 0, 0, 0, 0, 2, 0, 0, 0, 1, 2, 3]))
        #expect(try decoder.next() == nil)
        #expect(decoder.retainedSize <= 1 << 20, "32 MiB are announced, 3 bytes have come")
        let piece = ByteChunk([UInt8](repeating: 0, count: 65_536))
        var arrived = 3
        while arrived < 32 << 20 {
            decoder.receive(piece.slice(0..<min(piece.count, (32 << 20) - arrived)))
            arrived += min(piece.count, (32 << 20) - arrived)
            let frame = try decoder.next()
            #expect((frame != nil) == (arrived == 32 << 20))
            #expect(decoder.retainedSize <= max(1 << 20, 2 * arrived))
        }
    }

    @Test func theRestOfALargeFrameIsReceivedWhereItStays() throws {
        let payload = [UInt8]((0..<3_000_000).map { UInt8(truncatingIfNeeded: $0 &* 31) })
        let bytes = frame(2, payload) + frame(1, Array("next".utf8))
        var decoder = WebSocketFrameDecoder(role: .client, limits: WebSocketLimits())
        #expect(decoder.receiveRoom() == nil, "no frame has begun")
        decoder.receive(ByteChunk(bytes[..<70_000]))
        #expect(try decoder.next() == nil)
        var arrived = 70_000
        var rooms: [Int] = []
        var decoded: WebSocketFrame?
        while let room = decoder.receiveRoom() {
            rooms.append(room.count)
            // As much as comes, which need not be all.
            let count = min(room.count, 500_000)
            room.copyBytes(from: bytes[arrived..<arrived + count])
            arrived += count
            decoder.received(inRoom: count)
            #expect(decoder.retainedSize <= max(1 << 20, 2 * arrived))
            decoded = try decoder.next()
        }
        #expect(rooms == [978_586, 478_586, 1_048_576, 548_576, 48_576, 902_848, 402_848])
        #expect(decoded?.payload == ByteChunk(payload))
        decoder.receive(ByteChunk(bytes[arrived...]))
        #expect(try decoder.next()?.payload == chunk("next"))
    }

    @Test(
        arguments: [
            ("masked", .server, 100_000, [1, 2, 3, 4]), ("fits in a chunk", .client, 65_000, nil),
        ] as [(String, WebSocketRole, Int, [UInt8]?)]
    )
    func otherFramesComeByTheChunk(_ name: String, _ role: WebSocketRole, _ size: Int, _ mask: [UInt8]?) throws {
        var decoder = WebSocketFrameDecoder(role: role, limits: WebSocketLimits())
        decoder.receive(ByteChunk(frame(2, [UInt8](repeating: 0, count: size), mask: mask)[..<100]))
        #expect(try decoder.next() == nil)
        #expect(decoder.receiveRoom() == nil)
    }

    @Test func aCloseReasonIsCutAtACharacter() {
        var buffer = ByteBuffer()
        let reason = String(repeating: "a", count: 121) + "é€"
        WebSocketFrameEncoder.encodeClose(WebSocketClosing(1001, reason: reason), maskingKey: nil, into: &buffer)
        let expected = [0x88, 125, 0x03, 0xE9] + [UInt8](repeating: 0x61, count: 121) + [0xC3, 0xA9]
        #expect(buffer.withUnsafeBytes { Array($0) } == expected)
    }

    /// Long frames only in the cuttings that differ for the decoder.
    private func verify(_ bytes: [UInt8], _ role: WebSocketRole, gives frames: [WebSocketFrame]) {
        guard bytes.count > 600 else { return verifier(role).expect([bytes], gives: frames) }
        let all = ByteChunk(bytes)
        for split in Array(0...20) + [bytes.count / 2, bytes.count - 1] {
            var decoder = WebSocketFrameDecoder(role: role, limits: WebSocketLimits())
            var decoded: [WebSocketFrame] = []
            #expect(throws: Never.self) {
                for part in [all.slice(0..<split), all.slice(split..<bytes.count)] {
                    decoder.receive(part)
                    while let frame = try decoder.next() { decoded.append(frame) }
                }
            }
            #expect(decoded == frames, "split at \(split)")
        }
    }

    private func verifier(_ role: WebSocketRole) -> DecoderVerifier<WebSocketFrame> {
        DecoderVerifier {
            var decoder = WebSocketFrameDecoder(role: role, limits: WebSocketLimits())
            return { chunk, frames in
                decoder.receive(chunk)
                while let frame = try decoder.next() { frames.append(frame) }
            }
        }
    }

    private func encode(_ frame: WebSocketFrame, _ mask: [UInt8]?, into buffer: inout ByteBuffer) {
        let key = mask.map { bytes in bytes.withUnsafeBytes { $0.loadUnaligned(as: UInt32.self) } }
        frame.payload.withUnsafeBytes {
            WebSocketFrameEncoder.encode(frame.opcode, $0, isFinal: frame.isFinal, maskingKey: key, into: &buffer)
        }
    }
}
