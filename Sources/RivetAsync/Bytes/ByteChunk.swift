// SPDX-License-Identifier: Apache-2.0

/// Immutable bytes: a reference-counted slice of a receive buffer.
///
/// Copying one copies a reference. A slice keeps its whole buffer (up to 64 KiB) alive, so code that keeps a few
/// bytes for long should copy them out, as `Array(chunk)`.
public struct ByteChunk: Sendable, Hashable, RandomAccessCollection {
    let storage: ByteStorage?
    let offset: Int
    /// The number of bytes.
    public let count: Int

    /// Copies `bytes` into a new buffer.
    public init(_ bytes: some Sequence<UInt8>) {
        let copied = bytes.withContiguousStorageIfAvailable { unsafe ByteChunk(copying: UnsafeRawBufferPointer($0)) }
        self = unsafe copied ?? Array(bytes).withUnsafeBytes { unsafe ByteChunk(copying: $0) }
    }

    /// The bytes of `other` in a buffer of their own, so that its large one can go.
    package init(copyOf other: ByteChunk) {
        self = other.withUnsafeBytes { unsafe ByteChunk(copying: $0) }
    }

    package init(copying bytes: UnsafeRawBufferPointer) {
        guard let source = bytes.baseAddress, bytes.count > 0 else {
            self.init()
            return
        }
        let storage = ByteStorage.allocate(capacity: bytes.count)
        unsafe storage.base.copyMemory(from: source, byteCount: bytes.count)
        self.init(storage: storage, offset: 0, count: bytes.count)
    }

    package init() {
        storage = nil
        offset = 0
        count = 0
    }

    /// A slice of `storage`; the caller vouches that the range lies within it and is filled.
    package init(storage: ByteStorage, offset: Int, count: Int) {
        assert(offset >= 0 && count >= 0 && offset + count <= storage.capacity)
        self.storage = storage
        self.offset = offset
        self.count = count
    }

    /// Always 0.
    public var startIndex: Int { 0 }
    /// The same as `count`.
    public var endIndex: Int { count }

    /// The byte at `position`, which must be in `0 ..< count`.
    public subscript(position: Int) -> UInt8 {
        precondition(position >= 0 && position < count, "ByteChunk index out of range")
        return withUnsafeBytes { unsafe $0[position] }
    }

    /// The same bytes from `range`, sharing the buffer; `range` is clamped to the chunk.
    @inline(__always)
    package func slice(_ range: Range<Int>) -> ByteChunk {
        let start = Swift.max(range.lowerBound, 0)
        let end = Swift.min(range.upperBound, count)
        guard let storage, start < end else { return ByteChunk() }
        return ByteChunk(storage: storage, offset: offset &+ start, count: end &- start)
    }

    /// Which buffer this slice is of; equal for slices of one buffer, nil for no bytes.
    package var bufferID: ObjectIdentifier? { storage.map { ObjectIdentifier($0) } }

    /// The size of the buffer that this slice keeps alive, in bytes.
    package var retainedSize: Int { storage?.capacity ?? 0 }

    /// Calls `body` with the bytes, each access to which is checked.
    @inline(__always)
    package func withSpan<R, E: Error>(_ body: (Span<UInt8>) throws(E) -> R) throws(E) -> R {
        defer { withExtendedLifetime(storage) {} }
        return try unsafe body(Span(_unsafeElements: unsafeBytes.assumingMemoryBound(to: UInt8.self)))
    }

    /// Calls `body` with the bytes.
    ///
    /// The pointer is valid only during the call.
    @inlinable
    @safe public func withUnsafeBytes<R>(_ body: (UnsafeRawBufferPointer) throws -> R) rethrows -> R {
        try unsafe body(unsafeBytes)
    }

    /// Calls `body` with the bytes, which always are contiguous.
    @safe
    public func withContiguousStorageIfAvailable<R>(_ body: (UnsafeBufferPointer<UInt8>) throws -> R) rethrows -> R? {
        try unsafe body(unsafeBytes.assumingMemoryBound(to: UInt8.self))
    }

    @usableFromInline var unsafeBytes: UnsafeRawBufferPointer {
        guard let storage else { return unsafe UnsafeRawBufferPointer(start: nil, count: 0) }
        return unsafe UnsafeRawBufferPointer(start: storage.base + offset, count: count)
    }

    /// Compares the bytes, wherever they lie.
    public static func == (a: ByteChunk, b: ByteChunk) -> Bool {
        guard a.count == b.count else { return false }
        return a.withUnsafeBytes { left in b.withUnsafeBytes { right in unsafe left.elementsEqual(right) } }
    }

    /// Hashes the bytes, wherever they lie.
    public func hash(into hasher: inout Hasher) {
        withUnsafeBytes { unsafe hasher.combine(bytes: $0) }
    }
}

/// A fixed block of raw memory that slices (``ByteChunk``) share by reference: its counter and its bytes are one
/// allocation.
///
/// `@unchecked Sendable`: whoever fills it writes only bytes that no slice covers yet, and hands a slice out after
/// they are written; from then on those bytes never change until `ByteStorage` is referenced by its filler alone.
package final class ByteStorage: @unchecked Sendable {
    /// The capacity, and behind it the bytes, aligned to 16 as `UInt128` is.
    private typealias Memory = ManagedBufferPointer<Int, UInt128>

    /// Memory comes from `allocate`.
    private init() {}

    package static func allocate(capacity: Int) -> ByteStorage {
        let capacity = max(capacity, 1)
        let blocks = capacity / 16 &+ (capacity % 16 > 0 ? 1 : 0)
        let memory = Memory(bufferClass: ByteStorage.self, minimumCapacity: blocks) { _, _ in capacity }
        return unsafe unsafeDowncast(memory.buffer, to: ByteStorage.self)
    }

    @inline(__always)
    package var base: UnsafeMutableRawPointer {
        unsafe Memory(unsafeBufferObject: self).withUnsafeMutablePointerToElements { UnsafeMutableRawPointer($0) }
    }

    @inline(__always)
    package var capacity: Int { Memory(unsafeBufferObject: self).header }
}
