// SPDX-License-Identifier: Apache-2.0

/// The memory that a lane's sockets receive into, shared by all of them, so that an idle socket holds none.
///
/// A block whose slices are all gone is used again from its start, otherwise behind what is in use; so a reader that
/// keeps up makes the lane run in one block that stays in the cache.
struct ReceivePool {
    /// As much as one `recv` takes, and the most that one kept slice can keep alive.
    static let blockSize = 65_536
    /// With less room than this behind the slices in use a fresh block is better than a short read.
    private static let smallestRoom = 8_192
    /// More blocks than this in the hands of slow readers are left to them.
    private static let mostBlocks = 8

    private var blocks: [ByteStorage] = []
    private var current = 0
    private var offset = 0

    /// Where the next bytes go; `take` must follow before the next `room`, unless nothing was received.
    mutating func room() -> UnsafeMutableRawBufferPointer {
        if offset > 0 || blocks.isEmpty { prepare() }
        return unsafe UnsafeMutableRawBufferPointer(
            start: blocks[current].base + offset,
            count: Self.blockSize &- offset
        )
    }

    /// The first `count` bytes of the `room`, which the caller has filled.
    mutating func take(_ count: Int) -> ByteChunk {
        let chunk = ByteChunk(storage: blocks[current], offset: offset, count: count)
        // Slices start where words do, for those who read them in words.
        offset = (offset &+ count &+ 15) & ~15
        return chunk
    }

    private mutating func prepare() {
        if !blocks.isEmpty {
            if isKnownUniquelyReferenced(&blocks[current]) {
                offset = 0
                return
            }
            if Self.blockSize &- offset >= Self.smallestRoom { return }
        }
        offset = 0
        for index in blocks.indices where isKnownUniquelyReferenced(&blocks[index]) {
            current = index
            return
        }
        let block = ByteStorage.allocate(capacity: Self.blockSize)
        if blocks.count < Self.mostBlocks {
            blocks.append(block)
            current = blocks.count - 1
        } else {
            current = (current + 1) % blocks.count
            blocks[current] = block
        }
    }
}
