// SPDX-License-Identifier: Apache-2.0

/// A fixed block of raw memory that slices (``ByteChunk``) share by reference.
///
/// `@unchecked Sendable`: whoever fills it writes only bytes that no slice covers yet, and hands a slice out after
/// they are written; from then on those bytes never change until `ByteStorage` is referenced by its filler alone.
package final class ByteStorage: @unchecked Sendable {
    package let base: UnsafeMutableRawPointer
    package let capacity: Int

    package init(capacity: Int) {
        self.capacity = max(capacity, 1)
        base = .allocate(byteCount: self.capacity, alignment: 16)
    }

    deinit { base.deallocate() }
}
