// SPDX-License-Identifier: Apache-2.0
import RivetAsync
import Testing

/// Peers that break RFC 6455, one row for each way; no two rows for one branch.
struct HostileFrames: Sendable, CustomTestStringConvertible {
    let name: String
    var role = WebSocketRole.client
    var limits = WebSocketLimits(maxFrameSize: 70_000, maxMessageSize: 70_000)
    /// What comes, up to the byte with which it must fail.
    let bytes: [UInt8]
    /// What is delivered and answered first.
    var before: [WebSocketStateMachine.Action] = []
    let error: WebSocketProtocolError

    var testDescription: String { name }

    private static let mask: [UInt8] = [0x12, 0x34, 0x56, 0x78]
    private static func text(_ bytes: [UInt8]) -> [UInt8] { frame(1, bytes) }
    private static func head(_ bytes: UInt8...) -> [UInt8] { bytes }
    private static func close(_ code: UInt16) -> [UInt8] { frame(8, [UInt8(code >> 8), UInt8(code & 255)]) }

    static let rows: [HostileFrames] = [
        // The first byte.
        HostileFrames(name: "RSV1 on text", bytes: head(0xC1), error: .reservedBits(4)),
        HostileFrames(name: "RSV2 on ping", bytes: head(0xA9), error: .reservedBits(2)),
        HostileFrames(name: "RSV3 on close", bytes: head(0x98), error: .reservedBits(1)),
        HostileFrames(
            name: "RSV1 on a continuation",
            bytes: frame(1, isFinal: false) + head(0xC0),
            error: .reservedBits(4)
        ),
        HostileFrames(name: "RSV before opcode", bytes: head(0xF3), error: .reservedBits(7)),
        HostileFrames(name: "data opcode 3", bytes: head(0x83), error: .reservedOpcode(3)),
        HostileFrames(name: "data opcode 7, not final", bytes: head(0x07), error: .reservedOpcode(7)),
        HostileFrames(name: "control opcode 11", bytes: head(0x8B), error: .reservedOpcode(11)),
        HostileFrames(name: "control opcode 15, not final", bytes: head(0x0F), error: .reservedOpcode(15)),
        HostileFrames(name: "fragmented ping", bytes: head(0x09), error: .fragmentedControlFrame(.ping)),
        HostileFrames(name: "fragmented pong", bytes: head(0x0A), error: .fragmentedControlFrame(.pong)),
        HostileFrames(name: "fragmented close", bytes: head(0x08), error: .fragmentedControlFrame(.close)),
        HostileFrames(
            name: "a bad frame behind good ones",
            bytes: frame(2, [1]) + frame(9, [2]) + head(0x83),
            before: [.deliverBinary(ByteChunk([1])), .sendPong(ByteChunk([2]))],
            error: .reservedOpcode(3)
        ),

        // Masks.
        HostileFrames(name: "masked by a server", bytes: head(0x82, 0x85), error: .maskedFrameFromServer),
        HostileFrames(name: "masked empty ping by a server", bytes: head(0x89, 0x80), error: .maskedFrameFromServer),
        HostileFrames(
            name: "not masked by a client",
            role: .server,
            bytes: head(0x82, 0x05),
            error: .unmaskedFrameFromClient
        ),
        HostileFrames(
            name: "not masked close by a client",
            role: .server,
            bytes: frame(1, [0x61], mask: mask) + head(0x88, 0x00),
            before: [.deliverText(chunk("a"))],
            error: .unmaskedFrameFromClient
        ),

        // Lengths.
        HostileFrames(name: "125 in 16 bits", bytes: head(0x82, 126, 0, 125), error: .lengthNotMinimal(125)),
        HostileFrames(name: "0 in 16 bits, text", bytes: head(0x81, 126, 0, 0), error: .lengthNotMinimal(0)),
        HostileFrames(
            name: "65,535 in 64 bits",
            bytes: head(0x82, 127, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF),
            error: .lengthNotMinimal(65_535)
        ),
        HostileFrames(
            name: "0 in 64 bits",
            bytes: head(0x82, 127, 0, 0, 0, 0, 0, 0, 0, 0),
            error: .lengthNotMinimal(0)
        ),
        HostileFrames(
            name: "64th bit of a length",
            bytes: head(0x82, 127, 0x80, 0, 0, 0, 0, 0, 0, 0),
            error: .lengthAbove63Bits
        ),
        HostileFrames(
            name: "all bits of a length, masked",
            role: .server,
            bytes: [0x82, 0xFF] + [UInt8](repeating: 0xFF, count: 8),
            error: .lengthAbove63Bits
        ),
        HostileFrames(
            name: "the largest length",
            bytes: [0x82, 127, 0x7F] + [UInt8](repeating: 0xFF, count: 7),
            error: .frameTooLarge(size: (1 << 63) - 1, limit: 70_000)
        ),
        HostileFrames(
            name: "one byte above the frame's limit",
            bytes: head(0x82, 127, 0, 0, 0, 0, 0, 1, 0x11, 0x71),
            error: .frameTooLarge(size: 70_001, limit: 70_000)
        ),
        HostileFrames(
            name: "above a small limit of frames",
            limits: WebSocketLimits(maxFrameSize: 10, maxMessageSize: 100),
            bytes: head(0x82, 11),
            error: .frameTooLarge(size: 11, limit: 10)
        ),
        HostileFrames(
            name: "one frame above the message's limit",
            limits: WebSocketLimits(maxFrameSize: 100, maxMessageSize: 10),
            bytes: head(0x82, 11),
            error: .messageTooLarge(size: 11, limit: 10)
        ),
        HostileFrames(
            name: "a fragment's head above the message's limit",
            limits: WebSocketLimits(maxFrameSize: 100, maxMessageSize: 100),
            bytes: frame(2, [UInt8](repeating: 0, count: 60), isFinal: false) + head(0x80, 41),
            error: .messageTooLarge(size: 101, limit: 100)
        ),
        HostileFrames(
            name: "many small fragments above the message's limit",
            limits: WebSocketLimits(maxFrameSize: 100, maxMessageSize: 100),
            bytes: frame(1, [0x61], isFinal: false)
                + (0..<99).flatMap { _ in frame(0, [0x61], isFinal: false) } + head(0x00, 0x01),
            error: .messageTooLarge(size: 101, limit: 100)
        ),
        HostileFrames(
            name: "above the limit and masked",
            role: .server,
            limits: WebSocketLimits(maxFrameSize: 10, maxMessageSize: 10),
            bytes: head(0x81, 0x8B),
            error: .frameTooLarge(size: 11, limit: 10)
        ),
        HostileFrames(
            name: "ping of 126",
            bytes: head(0x89, 126, 0, 126),
            error: .controlFrameTooLarge(.ping, size: 126, limit: 125)
        ),
        HostileFrames(
            name: "pong of 65,536",
            bytes: head(0x8A, 127, 0, 0, 0, 0, 0, 1, 0, 0),
            error: .controlFrameTooLarge(.pong, size: 65_536, limit: 125)
        ),
        HostileFrames(
            name: "close of 126",
            bytes: head(0x88, 126, 0, 126),
            error: .controlFrameTooLarge(.close, size: 126, limit: 125)
        ),
        HostileFrames(
            name: "close above the lenient limit",
            limits: WebSocketLimits(maxCloseSize: 1 << 20),
            bytes: head(0x88, 127, 0, 0, 0, 0, 0, 0x10, 0, 1),
            error: .controlFrameTooLarge(.close, size: (1 << 20) + 1, limit: 1 << 20)
        ),
        HostileFrames(
            name: "ping of 126 to a lenient end",
            limits: WebSocketLimits(maxCloseSize: 1 << 20),
            bytes: head(0x89, 126, 0, 126),
            error: .controlFrameTooLarge(.ping, size: 126, limit: 125)
        ),

        // Fragments.
        HostileFrames(
            name: "a continuation at first",
            bytes: frame(0, isFinal: false),
            error: .continuationWithoutMessage
        ),
        HostileFrames(
            name: "a continuation behind a whole message",
            bytes: frame(2, [1]) + frame(0),
            before: [.deliverBinary(ByteChunk([1]))],
            error: .continuationWithoutMessage
        ),
        HostileFrames(
            name: "a continuation behind the last fragment",
            bytes: frame(2, [1], isFinal: false) + frame(0, [2]) + frame(0),
            before: [.deliverBinary(ByteChunk([1, 2]))],
            error: .continuationWithoutMessage
        ),
        HostileFrames(
            name: "a long continuation at first fails at its head",
            bytes: head(0x80, 100),
            error: .continuationWithoutMessage
        ),
        HostileFrames(
            name: "text within text",
            bytes: frame(1, isFinal: false) + frame(1),
            error: .messageInsideMessage(.text)
        ),
        HostileFrames(
            name: "binary within text, behind a ping",
            bytes: frame(1, isFinal: false) + frame(9) + frame(2),
            before: [.sendPong(ByteChunk())],
            error: .messageInsideMessage(.binary)
        ),
        HostileFrames(
            name: "a first fragment within binary fails at its head",
            bytes: frame(2, isFinal: false) + head(0x01, 9),
            error: .messageInsideMessage(.text)
        ),

        // Text.
        HostileFrames(name: "a lone continuation byte", bytes: text([0x80]), error: .textNotUTF8),
        HostileFrames(name: "an overlong slash", bytes: text([0xC0]), error: .textNotUTF8),
        HostileFrames(name: "an overlong form of three bytes", bytes: head(0x81, 9, 0xE0, 0x9F), error: .textNotUTF8),
        HostileFrames(name: "an overlong form of four bytes", bytes: head(0x81, 9, 0xF0, 0x8F), error: .textNotUTF8),
        HostileFrames(name: "a surrogate", bytes: head(0x81, 9, 0xED, 0xA0), error: .textNotUTF8),
        HostileFrames(name: "above U+10FFFF", bytes: head(0x81, 9, 0xF4, 0x90), error: .textNotUTF8),
        HostileFrames(name: "a lead of five bytes", bytes: head(0x81, 9, 0xF8), error: .textNotUTF8),
        HostileFrames(
            name: "a sequence broken by ASCII",
            bytes: head(0x81, 9, 0x61, 0xE2, 0x82, 0x41),
            error: .textNotUTF8
        ),
        HostileFrames(name: "a sequence cut by the end", bytes: text([0x61, 0xE2, 0x82]), error: .textNotUTF8),
        HostileFrames(
            name: "a sequence cut by the end of the last fragment",
            bytes: frame(1, [0xF0, 0x9F], isFinal: false) + frame(0, [0x98]),
            error: .textNotUTF8
        ),
        HostileFrames(
            name: "a sequence left open by an empty last fragment",
            bytes: frame(1, [0xC3], isFinal: false) + frame(0),
            error: .textNotUTF8
        ),
        HostileFrames(
            name: "a bad byte in a later fragment that is still arriving",
            bytes: frame(1, [0x61], isFinal: false) + head(0x80, 50, 0x62, 0xFF),
            error: .textNotUTF8
        ),
        HostileFrames(
            name: "a bad byte, masked, in a frame still arriving",
            role: .server,
            bytes: Array(frame(1, [0x61, 0xFF, 0x61], mask: mask).dropLast()),
            error: .textNotUTF8
        ),

        // Close frames.
        HostileFrames(name: "a close of one byte", bytes: frame(8, [3]), error: .closePayloadOfOneByte),
        HostileFrames(name: "close code 0", bytes: close(0), error: .closeCodeNotAllowed(0)),
        HostileFrames(name: "close code 1005", bytes: close(1005), error: .closeCodeNotAllowed(1005)),
        HostileFrames(name: "close code 2999", bytes: close(2999), error: .closeCodeNotAllowed(2999)),
        HostileFrames(
            name: "a reason that is not UTF-8",
            bytes: frame(8, [3, 0xE8, 0xFF]),
            error: .closeReasonNotUTF8
        ),
        HostileFrames(
            name: "a reason cut in a character",
            bytes: frame(8, [3, 0xE8, 0x61, 0xE2, 0x82]),
            error: .closeReasonNotUTF8
        ),
    ]
}
