// SPDX-License-Identifier: Apache-2.0

/// A growable queue of bytes: appended at the end, consumed at the front.
///
/// It keeps its memory when it empties, so a buffer that is filled and drained over and over allocates once.
///
/// `@safe`: it owns its memory, and writes nowhere before `reserve` has made room.
@safe package struct ByteBuffer: ~Copyable, @unchecked Sendable {
    private var base: UnsafeMutableRawPointer
    package private(set) var capacity: Int
    private var head = 0
    private var tail = 0

    package init(capacity: Int = 0) {
        self.capacity = max(capacity, 64)
        unsafe base = .allocate(byteCount: self.capacity, alignment: 16)
    }

    deinit { unsafe base.deallocate() }

    package var count: Int { tail &- head }
    package var isEmpty: Bool { head == tail }

    @safe package borrowing func withUnsafeBytes<R, E: Error>(
        _ body: (UnsafeRawBufferPointer) throws(E) -> R
    ) throws(E) -> R {
        try unsafe body(UnsafeRawBufferPointer(start: base + head, count: count))
    }

    package mutating func append(_ bytes: UnsafeRawBufferPointer) {
        guard let source = bytes.baseAddress, bytes.count > 0 else { return }
        reserve(bytes.count)
        unsafe (base + tail).copySmallMemory(from: source, count: bytes.count)
        tail &+= bytes.count
    }

    @inline(__always)
    package mutating func append(_ head: UInt8, _ bytes: UnsafeRawBufferPointer) {
        reserve(bytes.count &+ 1)
        unsafe base.storeBytes(of: head, toByteOffset: tail, as: UInt8.self)
        if let source = bytes.baseAddress { unsafe (base + tail + 1).copySmallMemory(from: source, count: bytes.count) }
        tail &+= bytes.count &+ 1
    }

    package mutating func append(_ bytes: some Sequence<UInt8>) {
        let done: Void? = bytes.withContiguousStorageIfAvailable { unsafe append(UnsafeRawBufferPointer($0)) }
        if done == nil { unsafe Array(bytes).withUnsafeBytes { unsafe append($0) } }
    }

    package mutating func append(_ other: borrowing ByteBuffer) {
        other.withUnsafeBytes { unsafe append($0) }
    }

    package mutating func append(_ byte: UInt8) {
        reserve(1)
        unsafe base.storeBytes(of: byte, toByteOffset: tail, as: UInt8.self)
        tail &+= 1
    }

    /// Gives `body` at least `count` writable bytes behind the last one; it returns how many of them it filled.
    package mutating func appendDirectly<E: Error>(
        _ count: Int,
        _ body: (UnsafeMutableRawBufferPointer) throws(E) -> Int
    ) throws(E) {
        reserve(count)
        let filled = try unsafe body(UnsafeMutableRawBufferPointer(start: base + tail, count: capacity &- tail))
        precondition(filled >= 0 && filled <= capacity &- tail)
        tail &+= filled
    }

    package mutating func removeFirst(_ count: Int) {
        precondition(count >= 0 && count <= self.count)
        head &+= count
        if head == tail { (head, tail) = (0, 0) }
    }

    /// Takes back what was appended last: `count` bytes stay.
    package mutating func truncate(to count: Int) {
        precondition(count >= 0 && count <= self.count)
        tail = head &+ count
    }

    package subscript(index: Int) -> UInt8 {
        precondition(index >= 0 && index < count)
        return unsafe base.load(fromByteOffset: head &+ index, as: UInt8.self)
    }

    /// Overwrites the byte at `index`.
    package mutating func replaceByte(at index: Int, with byte: UInt8) {
        precondition(index >= 0 && index < count)
        unsafe base.storeBytes(of: byte, toByteOffset: head &+ index, as: UInt8.self)
    }

    /// Moves what stands from `index` on, and puts `bytes` in between.
    package mutating func insert(_ bytes: some Collection<UInt8>, at index: Int) {
        let gap = bytes.count
        precondition(index >= 0 && index <= count)
        reserve(gap)
        let place = unsafe base + head + index
        unsafe (place + gap).copyMemory(from: place, byteCount: count &- index)
        unsafe UnsafeMutableRawBufferPointer(start: place, count: gap).copyBytes(from: bytes)
        tail &+= gap
    }

    package mutating func removeAll() {
        (head, tail) = (0, 0)
    }

    /// Makes room for `additional` more bytes, moving or growing at need.
    @inline(__always)
    package mutating func reserve(_ additional: Int) {
        if capacity &- tail < additional { makeRoom(additional) }
    }

    private mutating func makeRoom(_ additional: Int) {
        let used = count
        if capacity &- used >= additional, head >= used {
            unsafe base.copyMemory(from: base + head, byteCount: used)
        } else {
            let newCapacity = max(capacity * 2, used + additional)
            let grown = UnsafeMutableRawPointer.allocate(byteCount: newCapacity, alignment: 16)
            unsafe grown.copyMemory(from: base + head, byteCount: used)
            unsafe base.deallocate()
            unsafe base = grown
            capacity = newCapacity
        }
        (head, tail) = (0, used)
    }
}

extension UnsafeMutableRawPointer {
    /// Copies, without a call where it is a few bytes: names, short texts.
    @inline(__always)
    func copySmallMemory(from source: UnsafeRawPointer, count: Int) {
        if count > 16 { return unsafe copyMemory(from: source, byteCount: count) }
        // The first and the last word, or half of one, overlap in the middle.
        func copy<Word: FixedWidthInteger & BitwiseCopyable>(_: Word.Type) {
            let last = count &- MemoryLayout<Word>.size
            let words = unsafe (
                source.loadUnaligned(as: Word.self), source.loadUnaligned(fromByteOffset: last, as: Word.self)
            )
            unsafe storeBytes(of: words.0, as: Word.self)
            unsafe storeBytes(of: words.1, toByteOffset: last, as: Word.self)
        }
        switch count {
        case 8...: copy(UInt64.self)
        case 4...: copy(UInt32.self)
        case 2...: copy(UInt16.self)
        case 1: copy(UInt8.self)
        default: break
        }
    }
}

extension [UInt8] {
    /// The bytes of a buffer, copied.
    package init(_ buffer: borrowing ByteBuffer) {
        self = buffer.withUnsafeBytes { unsafe [UInt8]($0) }
    }
}

extension ByteChunk {
    /// What `write` appends to an empty buffer.
    package init(writing write: (inout ByteBuffer) -> Void) {
        var buffer = ByteBuffer()
        write(&buffer)
        self = buffer.withUnsafeBytes { unsafe ByteChunk(copying: $0) }
    }
}
