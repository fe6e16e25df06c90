// SPDX-License-Identifier: Apache-2.0
import RivetAsync

typealias Action = WebSocketStateMachine.Action

/// Frames made by hand, apart from the encoder under test.
func frame(
    _ opcode: UInt8,
    _ payload: [UInt8] = [],
    isFinal: Bool = true,
    reserved: UInt8 = 0,
    mask: [UInt8]? = nil
) -> [UInt8] {
    var bytes: [UInt8] = [(isFinal ? 0x80 : 0) | reserved << 4 | opcode]
    let maskBit: UInt8 = mask == nil ? 0 : 0x80
    switch payload.count {
    case ...125: bytes.append(maskBit | UInt8(payload.count))
    case ...65_535: bytes += [maskBit | 126, UInt8(payload.count >> 8), UInt8(payload.count & 255)]
    default: bytes += [maskBit | 127] + (0..<8).map { UInt8(truncatingIfNeeded: payload.count >> (56 - 8 * $0)) }
    }
    guard let mask else { return bytes + payload }
    return bytes + mask + payload.enumerated().map { $0.element ^ mask[$0.offset % 4] }
}

func chunk(_ text: String) -> ByteChunk { ByteChunk(Array(text.utf8)) }

extension WebSocketStateMachine {
    /// Feeds bytes and takes all actions.
    mutating func actions(for bytes: [UInt8], now: TimePoint = TimePoint(.zero)) -> [Action] {
        received(ByteChunk(bytes), now: now)
        return takeActions()
    }

    mutating func takeActions() -> [Action] {
        var actions: [Action] = []
        while let action = nextAction() { actions += action.separated }
        return actions
    }
}

extension WebSocketStateMachine.Action {
    static func deliverText(_ payload: ByteChunk) -> Self { deliver(isText: true, payload) }
    static func deliverBinary(_ payload: ByteChunk) -> Self { deliver(isText: false, payload) }

    private static func deliver(isText: Bool, _ payload: ByteChunk) -> Self {
        .deliver(WebSocketReceivedMessages(WebSocketReceivedMessage(isText: isText, payload: payload)))
    }

    /// With one action for each message, however the bytes came.
    var separated: [Self] {
        guard case .deliver(let messages) = self else { return [self] }
        return messages.map { Self.deliver(isText: $0.isText, $0.payload) }
    }
}
