// SPDX-License-Identifier: Apache-2.0

/// Writes frames (RFC 6455 §5.2) straight into the buffer that will be sent.
package enum WebSocketFrameEncoder {
    /// The largest frame head: two bytes, a length of eight, a masking key of four.
    private static let maxHeadSize = 14

    /// Appends one frame.
    ///
    /// A client passes a fresh, unpredictable `maskingKey` for each (§5.3), a server passes nil. `reservedBits` are
    /// RSV1 to RSV3 as the low three bits, set only by tests and by faults on demand.
    @inline(__always)
    package static func encode(
        _ opcode: WebSocketOpcode,
        _ payload: UnsafeRawBufferPointer,
        isFinal: Bool = true,
        maskingKey: UInt32?,
        reservedBits: UInt8 = 0,
        into buffer: inout ByteBuffer
    ) {
        let count = payload.count
        unsafe buffer.appendDirectly(maxHeadSize &+ count) { output in
            guard let start = output.baseAddress else { return 0 }
            let first = (isFinal ? 0x80 : 0) | (reservedBits & 7) << 4 | opcode.rawValue
            let maskBit: UInt8 = maskingKey == nil ? 0 : 0x80
            unsafe start.storeBytes(of: first, as: UInt8.self)
            var headSize = 2
            if count < 126 {
                unsafe start.storeBytes(of: maskBit | UInt8(truncatingIfNeeded: count), toByteOffset: 1, as: UInt8.self)
            } else if count <= 0xFFFF {
                unsafe start.storeBytes(of: maskBit | 126, toByteOffset: 1, as: UInt8.self)
                unsafe start.storeBytes(
                    of: UInt16(truncatingIfNeeded: count).bigEndian,
                    toByteOffset: 2,
                    as: UInt16.self
                )
                headSize = 4
            } else {
                unsafe start.storeBytes(of: maskBit | 127, toByteOffset: 1, as: UInt8.self)
                unsafe start.storeBytes(
                    of: UInt64(truncatingIfNeeded: count).bigEndian,
                    toByteOffset: 2,
                    as: UInt64.self
                )
                headSize = 10
            }
            if let maskingKey {
                unsafe start.storeBytes(of: maskingKey, toByteOffset: headSize, as: UInt32.self)
                headSize &+= 4
            }
            guard count > 0, let source = payload.baseAddress else { return headSize }
            if let maskingKey {
                unsafe WebSocketMasking.apply(key: maskingKey, from: source, to: start + headSize, count: count)
            } else {
                unsafe (start + headSize).copyMemory(from: source, byteCount: count)
            }
            return headSize &+ count
        }
    }

    package static func encode(
        _ opcode: WebSocketOpcode,
        _ payload: [UInt8],
        maskingKey: UInt32?,
        into buffer: inout ByteBuffer
    ) {
        unsafe payload.withUnsafeBytes { unsafe encode(opcode, $0, maskingKey: maskingKey, into: &buffer) }
    }

    /// Appends a close frame (§5.5.1).
    ///
    /// No closing, no payload; a reason is cut to whole characters within 125 bytes.
    package static func encodeClose(_ closing: WebSocketClosing?, maskingKey: UInt32?, into buffer: inout ByteBuffer) {
        var payload: [UInt8] = []
        if let closing {
            payload = [UInt8(closing.code.rawValue >> 8), UInt8(truncatingIfNeeded: closing.code.rawValue)]
            for scalar in closing.reason.unicodeScalars {
                let bytes = UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter
                guard payload.count + bytes.count <= WebSocketLimits.strictControlSize else { break }
                payload.append(contentsOf: bytes)
            }
        }
        encode(.close, payload, maskingKey: maskingKey, into: &buffer)
    }
}
