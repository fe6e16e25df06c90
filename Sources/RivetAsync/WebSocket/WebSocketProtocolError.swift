// SPDX-License-Identifier: Apache-2.0

/// How the peer broke RFC 6455 or a limit of ours; the connection fails with `closeCode`.
package enum WebSocketProtocolError: Error, Sendable, Equatable {
    case reservedBits(UInt8)
    case reservedOpcode(UInt8)
    case fragmentedControlFrame(WebSocketOpcode)
    case controlFrameTooLarge(WebSocketOpcode, size: UInt64, limit: Int)
    case lengthNotMinimal(UInt64)
    case lengthAbove63Bits
    case maskedFrameFromServer
    case unmaskedFrameFromClient
    case frameTooLarge(size: UInt64, limit: Int)
    case messageTooLarge(size: UInt64, limit: Int)
    case continuationWithoutMessage
    case messageInsideMessage(WebSocketOpcode)
    case textNotUTF8
    case closePayloadOfOneByte
    case closeCodeNotAllowed(UInt16)
    case closeReasonNotUTF8

    /// What we tell the peer (RFC 6455 §7.4.1).
    package var closeCode: WebSocketCloseCode {
        switch self {
        case .textNotUTF8, .closeReasonNotUTF8: .invalidFramePayloadData
        case .frameTooLarge, .messageTooLarge: .messageTooBig
        case .reservedBits, .reservedOpcode, .fragmentedControlFrame, .controlFrameTooLarge, .lengthNotMinimal,
            .lengthAbove63Bits, .maskedFrameFromServer, .unmaskedFrameFromClient, .continuationWithoutMessage,
            .messageInsideMessage, .closePayloadOfOneByte, .closeCodeNotAllowed:
            .protocolError
        }
    }
}

extension WebSocketProtocolError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .reservedBits(let bits): "reserved bits 0b\(String(bits, radix: 2)) are set and no extension was agreed"
        case .reservedOpcode(let opcode): "opcode \(opcode) is reserved"
        case .fragmentedControlFrame(let opcode): "a \(opcode) frame is fragmented"
        case .controlFrameTooLarge(let opcode, let size, let limit):
            "a \(opcode) frame of \(size) bytes is above the limit of \(limit)"
        case .lengthNotMinimal(let length): "the length \(length) is written in more bytes than it needs"
        case .lengthAbove63Bits: "a frame's length is above 63 bits"
        case .maskedFrameFromServer: "the server masked a frame"
        case .unmaskedFrameFromClient: "the client did not mask a frame"
        case .frameTooLarge(let size, let limit): "a frame of \(size) bytes is above the limit of \(limit)"
        case .messageTooLarge(let size, let limit): "a message of at least \(size) bytes is above the limit of \(limit)"
        case .continuationWithoutMessage: "a continuation frame came while no message was open"
        case .messageInsideMessage(let opcode): "a \(opcode) frame came before the last message was finished"
        case .textNotUTF8: "a text message is not UTF-8"
        case .closePayloadOfOneByte: "a close frame's payload is one byte long"
        case .closeCodeNotAllowed(let code): "close code \(code) may not be sent"
        case .closeReasonNotUTF8: "a close reason is not UTF-8"
        }
    }
}
