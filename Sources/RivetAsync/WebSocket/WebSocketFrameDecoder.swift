// SPDX-License-Identifier: Apache-2.0

/// Cuts received bytes into frames (RFC 6455 §5.2).
///
/// A frame that lies whole in one chunk comes out as a slice of it; nothing is copied or allocated. (A client's
/// frames are masked, so a server unmasks them into an arena that is used again once nobody holds a slice of it.)
/// A frame that crosses chunks is assembled. Memory grows with what arrives, never with what a head announces.
package struct WebSocketFrameDecoder: Sendable {
    /// The first two to fourteen bytes of a frame, checked.
    package struct Head: Sendable, Equatable {
        package let isFinal: Bool
        package let opcode: WebSocketOpcode
        package let payloadSize: Int
        fileprivate let maskingKey: UInt32?
        fileprivate let size: Int
    }

    private struct Assembly {
        let head: Head
        var storage: ByteStorage
        /// Where the payload begins in `storage`.
        let offset: Int
        var filled = 0

        var payload: ByteChunk { ByteChunk(storage: storage, offset: offset, count: filled) }

        /// Memory for `needed` bytes in all, growing by as much again at least.
        mutating func makeRoom(for needed: Int) {
            guard storage.capacity &- offset < needed else { return }
            let larger = ByteStorage.allocate(capacity: min(head.payloadSize, max(needed, storage.capacity * 2)))
            unsafe larger.base.copyMemory(from: storage.base + offset, byteCount: filled)
            // Only memory of its own grows, so the offset is zero on both sides.
            storage = larger
        }
    }

    /// Larger payloads get memory of their own.
    private static let largestInArena = 4_096
    private static let arenaSize = 65_536
    /// What a frame in several chunks may get at once, before more than half of it has arrived.
    private static let firstAssemblySize = 1 << 20

    private let role: WebSocketRole
    private let limits: WebSocketLimits
    private var chunk = ByteChunk()
    private var position = 0
    /// The beginning of a head that the last chunk cut.
    private var headBytes: InlineArray<14, UInt8> = .init(repeating: 0)
    private var headCount = 0
    private var assembly: Assembly?
    private var arena: ByteStorage?
    private var arenaUsed = 0

    package init(role: WebSocketRole, limits: WebSocketLimits) {
        self.role = role
        self.limits = limits
    }

    /// Adds bytes; `next` must have returned nil before.
    package mutating func receive(_ bytes: ByteChunk) {
        assert(position == chunk.count, "the last chunk was not read to its end")
        chunk = bytes
        position = 0
    }

    /// Where the rest of an unmasked frame's payload had best be received, where it is too much for one chunk.
    ///
    /// `next` must have returned nil before. The room is within the payload, and grows as memory does for chunks.
    package mutating func receiveRoom() -> UnsafeMutableRawBufferPointer? {
        guard var growing = assembly, growing.head.maskingKey == nil,
            growing.head.payloadSize &- growing.filled > Self.arenaSize
        else { return nil }
        assembly = nil
        growing.makeRoom(for: growing.filled &+ 1)
        assembly = growing
        return unsafe UnsafeMutableRawBufferPointer(
            start: growing.storage.base + growing.filled,
            count: growing.storage.capacity &- growing.filled
        )
    }

    /// The first `count` bytes of `receiveRoom` are filled.
    package mutating func received(inRoom count: Int) {
        assert(position == chunk.count, "the last chunk was not read to its end")
        assembly?.filled &+= count
    }

    /// The next whole frame; nil when more bytes are needed, and the chunk is let go.
    package mutating func next() throws(WebSocketProtocolError) -> WebSocketFrame? {
        if assembly == nil {
            guard let head = try takeHead() else {
                release()
                return nil
            }
            let available = chunk.count &- position
            if head.maskingKey == nil, available >= head.payloadSize {
                let payload = chunk.slice(position..<position &+ head.payloadSize)
                position &+= head.payloadSize
                return WebSocketFrame(head.opcode, payload, isFinal: head.isFinal)
            }
            let (storage, offset) = makeRoom(for: head.payloadSize, available: available)
            assembly = Assembly(head: head, storage: storage, offset: offset)
        }
        fillAssembly()
        guard let finished = assembly, finished.filled == finished.head.payloadSize else {
            release()
            return nil
        }
        assembly = nil
        return WebSocketFrame(finished.head.opcode, finished.payload, isFinal: finished.head.isFinal)
    }

    /// The whole messages of one frame each that lie at the beginning of what is unread, as far as they are beyond
    /// doubt; nil where there is none.
    ///
    /// Whatever follows is for `next`, which knows what is wrong with it. A caller in the middle of a message must not
    /// ask.
    package mutating func takeMessages(maxSize: Int) -> WebSocketReceivedMessages? {
        guard role == .client, headCount == 0, assembly == nil else { return nil }
        let bytes = unsafe chunk.unsafeBytes
        let largest = min(maxSize, limits.maxFrameSize)
        var end = position
        while let frame = unsafe WebSocketMessageFrame(bytes, at: end), frame.end &- frame.start <= largest {
            if frame.isText {
                guard unsafe UTF8Validator.isValid(UnsafeRawBufferPointer(rebasing: bytes[frame.start..<frame.end]))
                else {
                    break
                }
            }
            end = frame.end
        }
        guard end > position else { return nil }
        defer { position = end }
        return WebSocketReceivedMessages(frames: chunk.slice(position..<end))
    }

    /// The frame whose head is complete and whose payload is not, with what has arrived of it.
    package var partialFrame: (head: Head, payload: ByteChunk)? {
        assembly.map { ($0.head, $0.payload) }
    }

    /// The memory that is kept between calls, for tests of its bound.
    package var retainedSize: Int {
        let assembled = assembly.map { $0.storage === arena ? 0 : $0.storage.capacity } ?? 0
        return chunk.retainedSize + (arena?.capacity ?? 0) + assembled
    }

    /// What of the chunk is to be read; valid while the chunk is kept.
    @inline(__always)
    private var unread: UnsafeRawBufferPointer {
        let bytes = unsafe chunk.unsafeBytes
        guard let base = bytes.baseAddress else { return unsafe bytes }
        return unsafe UnsafeRawBufferPointer(start: base + position, count: bytes.count &- position)
    }

    /// Lets the chunk go, so that an idle connection keeps no receive buffer.
    private mutating func release() {
        chunk = ByteChunk()
        position = 0
    }

    // MARK: Heads

    private mutating func takeHead() throws(WebSocketProtocolError) -> Head? {
        if headCount == 0, let head = try unsafe parseHead(unread) {
            position &+= head.size
            return head
        }
        while position < chunk.count, headCount < headBytes.count {
            headBytes[headCount] = chunk[position]
            headCount &+= 1
            position &+= 1
            if let head = try parseStoredHead() {
                headCount = 0
                return head
            }
        }
        return nil
    }

    private func parseStoredHead() throws(WebSocketProtocolError) -> Head? {
        try unsafe withUnsafeBytes(of: headBytes) { bytes throws(WebSocketProtocolError) in
            try unsafe parseHead(UnsafeRawBufferPointer(rebasing: bytes[..<headCount]))
        }
    }

    /// The head at the beginning of `bytes`, or nil when they are too few.
    ///
    /// What can be refused is refused at once.
    @inline(__always)
    private func parseHead(_ bytes: UnsafeRawBufferPointer) throws(WebSocketProtocolError) -> Head? {
        guard bytes.count > 0 else { return nil }
        let first = unsafe bytes[0]
        guard let opcode = WebSocketOpcode(rawValue: first & 0xF), first & 0x70 == 0 else {
            throw first & 0x70 != 0 ? .reservedBits(first >> 4 & 7) : .reservedOpcode(first & 0xF)
        }
        let isFinal = first & 0x80 != 0
        guard isFinal || !opcode.isControl else { throw .fragmentedControlFrame(opcode) }

        guard bytes.count > 1 else { return nil }
        let isMasked = unsafe bytes[1] & 0x80 != 0
        guard isMasked == (role == .server) else {
            throw isMasked ? .maskedFrameFromServer : .unmaskedFrameFromClient
        }
        var payloadSize = unsafe UInt64(bytes[1] & 0x7F)
        var headSize = 2
        if payloadSize >= 126 {
            let isShort = payloadSize == 126
            headSize = isShort ? 4 : 10
            guard bytes.count >= headSize else { return nil }
            payloadSize =
                unsafe isShort
                ? UInt64(UInt16(bigEndian: bytes.loadUnaligned(fromByteOffset: 2, as: UInt16.self)))
                : UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 2, as: UInt64.self))
            guard payloadSize >> 63 == 0 else { throw .lengthAbove63Bits }
            guard payloadSize > (isShort ? 125 : 0xFFFF) else { throw .lengthNotMinimal(payloadSize) }
        }
        try checkSize(payloadSize, of: opcode)
        var maskingKey: UInt32?
        if isMasked {
            guard bytes.count >= headSize &+ 4 else { return nil }
            maskingKey = unsafe bytes.loadUnaligned(fromByteOffset: headSize, as: UInt32.self)
            headSize &+= 4
        }
        return Head(
            isFinal: isFinal,
            opcode: opcode,
            payloadSize: Int(truncatingIfNeeded: payloadSize),
            maskingKey: maskingKey,
            size: headSize
        )
    }

    @inline(__always)
    private func checkSize(_ size: UInt64, of opcode: WebSocketOpcode) throws(WebSocketProtocolError) {
        if opcode.isControl {
            let limit = opcode == .close ? limits.maxCloseSize : WebSocketLimits.strictControlSize
            guard size <= UInt64(limit) else { throw .controlFrameTooLarge(opcode, size: size, limit: limit) }
        } else {
            let limit = limits.maxFrameSize
            guard size <= UInt64(limit) else { throw .frameTooLarge(size: size, limit: limit) }
        }
    }

    // MARK: Payloads in parts

    private mutating func fillAssembly() {
        guard var growing = assembly else { return }
        let count = min(growing.head.payloadSize &- growing.filled, chunk.count &- position)
        guard count > 0, let source = unsafe unread.baseAddress else { return }
        assembly = nil
        let needed = growing.filled &+ count
        growing.makeRoom(for: needed)
        let destination = unsafe growing.storage.base + growing.offset + growing.filled
        if let key = growing.head.maskingKey {
            unsafe WebSocketMasking.apply(key: key, phase: growing.filled, from: source, to: destination, count: count)
        } else {
            unsafe destination.copyMemory(from: source, byteCount: count)
        }
        growing.filled = needed
        position &+= count
        assembly = growing
    }

    private mutating func makeRoom(for count: Int, available: Int) -> (ByteStorage, offset: Int) {
        guard count <= Self.largestInArena else {
            return (ByteStorage.allocate(capacity: min(count, max(available * 2, Self.firstAssemblySize))), 0)
        }
        if arena == nil || isKnownUniquelyReferenced(&arena) { arenaUsed = 0 }
        if let arena, arena.capacity &- arenaUsed >= count {
            defer { arenaUsed &+= count }
            return (arena, arenaUsed)
        }
        let fresh = ByteStorage.allocate(capacity: Self.arenaSize)
        arena = fresh
        arenaUsed = count
        return (fresh, 0)
    }
}
