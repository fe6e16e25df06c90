// SPDX-License-Identifier: Apache-2.0

/// What a frame carries (RFC 6455 §5.2).
package enum WebSocketOpcode: UInt8, Sendable {
    case continuation = 0x0
    case text = 0x1
    case binary = 0x2
    case close = 0x8
    case ping = 0x9
    case pong = 0xA

    package var isControl: Bool { rawValue & 0x8 != 0 }
}

/// One frame of RFC 6455 §5.2, its payload unmasked.
package struct WebSocketFrame: Sendable, Equatable {
    package var isFinal: Bool
    package var opcode: WebSocketOpcode
    package var payload: ByteChunk

    package init(_ opcode: WebSocketOpcode, _ payload: ByteChunk, isFinal: Bool = true) {
        self.isFinal = isFinal
        self.opcode = opcode
        self.payload = payload
    }
}

/// Which end of the connection we are: a client masks what it sends, a server does not (RFC 6455 §5.1).
package enum WebSocketRole: Sendable {
    case client
    case server
}

/// What we accept from the peer, in bytes.
package struct WebSocketLimits: Sendable, Equatable {
    /// The largest payload of one data frame.
    package var maxFrameSize: Int
    /// The largest message, all its fragments together.
    package var maxMessageSize: Int
    /// The largest payload of a close frame: 125 by RFC 6455 §5.5, more only for a peer known to send more.
    package var maxCloseSize: Int

    /// What RFC 6455 §5.5 allows every control frame.
    package static let strictControlSize = 125

    package init(maxFrameSize: Int = 32 << 20, maxMessageSize: Int = 32 << 20, maxCloseSize: Int = strictControlSize) {
        self.maxFrameSize = maxFrameSize
        self.maxMessageSize = maxMessageSize
        self.maxCloseSize = max(maxCloseSize, Self.strictControlSize)
    }
}
