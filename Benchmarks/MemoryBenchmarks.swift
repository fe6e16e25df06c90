// SPDX-License-Identifier: Apache-2.0
import Glibc

/// What the machine itself can do: the yardstick for the lines below it.
enum MemoryBenchmarks {
    static var all: [Benchmark] { [copy(32), copy(4_096)] }

    /// Copies pieces of `size` bytes one after another through 16 MiB, more than the second-level cache holds.
    private static func copy(_ size: Int) -> Benchmark {
        .repeated("memcpy, \(size) bytes", .framing, of: "copy") {
            let total = 16 << 20
            let source = UnsafeMutableRawBufferPointer.allocate(byteCount: total, alignment: 64)
            let destination = UnsafeMutableRawBufferPointer.allocate(byteCount: total, alignment: 64)
            source.initializeMemory(as: UInt8.self, repeating: 0xA5)
            destination.initializeMemory(as: UInt8.self, repeating: 0)
            let expected = UInt64(0xA5) * UInt64(total / size)
            return Benchmark.Pass(
                operations: total / size,
                bytes: total,
                run: {
                    copyPieces(of: size, from: source, to: destination)
                    return Checksum.firstBytes(of: destination, every: size)
                },
                expected: expected
            )
        }
    }

    /// Copies the whole of `source` in pieces, as a loop over frames would.
    static func copyPieces(
        of size: Int,
        from source: UnsafeMutableRawBufferPointer,
        to destination: UnsafeMutableRawBufferPointer
    ) {
        guard let from = source.baseAddress, let to = destination.baseAddress else { return }
        var offset = 0
        while offset + size <= source.count {
            memcpy(to + offset, from + offset, size)
            offset += size
        }
    }
}

enum Checksum {
    /// Adds up the first byte of each piece: cheap beside the work, and wrong if a piece was left out.
    static func firstBytes(of bytes: UnsafeMutableRawBufferPointer, every size: Int) -> UInt64 {
        var sum: UInt64 = 0
        var offset = 0
        while offset + size <= bytes.count {
            sum &+= UInt64(bytes[offset])
            offset += size
        }
        return sum
    }
}
