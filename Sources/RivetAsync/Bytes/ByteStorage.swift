// SPDX-License-Identifier: Apache-2.0

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
        return unsafeDowncast(memory.buffer, to: ByteStorage.self)
    }

    @inline(__always)
    package var base: UnsafeMutableRawPointer {
        Memory(unsafeBufferObject: self).withUnsafeMutablePointerToElements { UnsafeMutableRawPointer($0) }
    }

    @inline(__always)
    package var capacity: Int { Memory(unsafeBufferObject: self).header }
}
