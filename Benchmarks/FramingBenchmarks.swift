// SPDX-License-Identifier: Apache-2.0
import Glibc
import RivetAsync

/// Frames of mixed lengths out of and into more memory than the second-level cache holds.
enum FramingBenchmarks {
    static var all: [Benchmark] {
        [
            decode("decode, 32 bytes, unmasked", sizes: 16...48, goal: .timeAtMost(2)),
            decode("decode, 4 KiB, unmasked", sizes: 3_800...4_392, goal: nil),
            encode("encode, 32 bytes, masked", sizes: 16...48, goal: .timeAtMost(3)),
            encode("encode, 4 KiB, masked", sizes: 3_800...4_392, goal: nil),
            mask(size: 32, goal: nil),
            mask(size: 4_096, goal: .speedAtLeast(0.5)),
            validate(size: 64),
            validate(size: 4_096),
        ]
    }

    /// Frames that fill 16 MiB, their sizes spread evenly over `sizes`, whose mean the case is named after.
    private struct Frames {
        let sizes: [Int]
        let bytes: [UInt8]
        /// Of the sizes and of each payload's first byte.
        let checksum: UInt64

        init(sizes range: ClosedRange<Int>) {
            var generator = SplitMix(seed: 6_455)
            var sizes: [Int] = []
            var bytes: [UInt8] = []
            bytes.reserveCapacity((16 << 20) + range.upperBound + 4)
            var checksum: UInt64 = 0
            while bytes.count < 16 << 20 {
                let size = Int.random(in: range, using: &generator)
                let first = UInt8(truncatingIfNeeded: sizes.count)
                bytes += ReferenceFrames.head(size: size)
                bytes.append(first)
                bytes += repeatElement(0x5A, count: size - 1)
                sizes.append(size)
                checksum &+= UInt64(size) &+ UInt64(first)
            }
            (self.sizes, self.bytes, self.checksum) = (sizes, bytes, checksum)
        }

        /// The same frames copied one by one.
        func copying() -> () -> UInt64 {
            let sizes = sizes.map { $0 + ReferenceFrames.head(size: $0).count }
            let destination = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes.count, alignment: 64)
            destination.initializeMemory(as: UInt8.self, repeating: 0)
            let source = ByteChunk(bytes)
            return {
                source.withUnsafeBytes { source in
                    guard let from = source.baseAddress, let to = destination.baseAddress else { return 0 }
                    var offset = 0
                    for size in sizes {
                        memcpy(to + offset, from + offset, size)
                        offset += size
                    }
                    return UInt64(offset)
                }
            }
        }
    }

    private static func decode(_ name: String, sizes: ClosedRange<Int>, goal: Benchmark.Goal?) -> Benchmark {
        .repeated(name, .framing, of: "frame", goal: goal, maxAllocations: 0.001) {
            let frames = Frames(sizes: sizes)
            // Chunks as a socket brings them: whole frames of about 64 KiB.
            var chunks: [ByteChunk] = []
            var start = 0
            var end = 0
            for size in frames.sizes {
                let frameSize = ReferenceFrames.head(size: size).count + size
                if end - start + frameSize > 65_536 {
                    chunks.append(ByteChunk(frames.bytes[start..<end]))
                    start = end
                }
                end += frameSize
            }
            chunks.append(ByteChunk(frames.bytes[start..<end]))
            return Benchmark.Pass(
                operations: frames.sizes.count,
                bytes: frames.bytes.count,
                run: { [chunks] in try decodeAll(chunks) },
                baseline: frames.copying(),
                expected: frames.checksum
            )
        }
    }

    @inline(never)
    private static func decodeAll(_ chunks: [ByteChunk]) throws -> UInt64 {
        var decoder = WebSocketFrameDecoder(role: .client, limits: WebSocketLimits())
        var sum: UInt64 = 0
        for chunk in chunks {
            decoder.receive(chunk)
            while let messages = decoder.takeMessages(maxSize: 1 << 20) {
                for message in messages {
                    sum &+= UInt64(message.payload.count)
                    message.payload.withUnsafeBytes { sum &+= UInt64($0[0]) }
                }
            }
            guard try decoder.next() == nil else { throw BenchmarkError("a frame was not a whole message") }
        }
        return sum
    }

    private static func encode(_ name: String, sizes: ClosedRange<Int>, goal: Benchmark.Goal?) -> Benchmark {
        .repeated(name, .framing, of: "frame", goal: goal, maxAllocations: 0.001) {
            let frames = Frames(sizes: sizes)
            let payloads = ByteChunk(frames.bytes)
            let output = Output(capacity: frames.bytes.count + 4 * frames.sizes.count + 64)
            let sizes = frames.sizes
            return Benchmark.Pass(
                operations: sizes.count,
                bytes: frames.bytes.count,
                run: { output.encode(sizes, from: payloads) },
                baseline: frames.copying()
            )
        }
    }

    /// A buffer for a closure that runs again and again.
    private final class Output {
        private var buffer: ByteBuffer

        init(capacity: Int) {
            buffer = ByteBuffer(capacity: capacity)
        }

        /// Encodes payloads taken one behind the other; returns the sum of all heads' and payloads' sizes.
        @inline(never)
        func encode(_ sizes: [Int], from payloads: ByteChunk) -> UInt64 {
            // Its cost belongs to the frame, so the batch is asked as it is in use.
            var keys = WebSocketMaskingKeys(fill: RandomSource.kernel.stream())
            Self.encode(sizes, from: payloads, &keys, into: &buffer)
            return UInt64(buffer.count)
        }

        /// The buffer is no class's property here, whose every use would be checked at run time.
        private static func encode(
            _ sizes: [Int],
            from payloads: ByteChunk,
            _ keys: inout WebSocketMaskingKeys,
            into buffer: inout ByteBuffer
        ) {
            buffer.removeAll()
            payloads.withUnsafeBytes { bytes in
                var offset = 0
                for size in sizes {
                    let payload = UnsafeRawBufferPointer(rebasing: bytes[offset..<(offset + size)])
                    WebSocketFrameEncoder.encode(.binary, payload, maskingKey: keys.next(), into: &buffer)
                    offset += size
                }
            }
        }
    }

    private static func mask(size: Int, goal: Benchmark.Goal?) -> Benchmark {
        .repeated("mask, \(size) bytes", .framing, of: "payload", goal: goal, maxAllocations: 0) {
            let total = 16 << 20
            let source = UnsafeMutableRawBufferPointer.allocate(byteCount: total, alignment: 64)
            let destination = UnsafeMutableRawBufferPointer.allocate(byteCount: total, alignment: 64)
            source.initializeMemory(as: UInt8.self, repeating: 0xA5)
            destination.initializeMemory(as: UInt8.self, repeating: 0)
            let key = UInt32(littleEndian: 0x0403_0201)
            return Benchmark.Pass(
                operations: total / size,
                bytes: total,
                run: {
                    maskPieces(of: size, key: key, from: source, to: destination)
                    return Checksum.firstBytes(of: destination, every: size)
                },
                baseline: {
                    MemoryBenchmarks.copyPieces(of: size, from: source, to: destination)
                    return Checksum.firstBytes(of: destination, every: size)
                },
                expected: UInt64(0xA5 ^ 0x01) * UInt64(total / size)
            )
        }
    }

    @inline(never)
    private static func maskPieces(
        of size: Int,
        key: UInt32,
        from source: UnsafeMutableRawBufferPointer,
        to destination: UnsafeMutableRawBufferPointer
    ) {
        guard let from = source.baseAddress, let to = destination.baseAddress else { return }
        var offset = 0
        while offset + size <= source.count {
            WebSocketMasking.apply(key: key, from: from + offset, to: to + offset, count: size)
            offset += size
        }
    }

    private static func validate(size: Int) -> Benchmark {
        .repeated("UTF-8, \(size) bytes of mixed text", .framing, of: "text", maxAllocations: 0) {
            let unit = Array("Grüße, 世界: a line of text. ".utf8)
            let text = Array((0...(size / unit.count)).flatMap { _ in unit }.prefix(size)).map { $0 }
            // Ends with a whole character.
            let piece = Array(
                String(decoding: text, as: UTF8.self).unicodeScalars.dropLast().map(String.init).joined().utf8
            )
            let count = (4 << 20) / size
            let bytes = ByteChunk((0..<count).flatMap { _ in piece })
            let length = piece.count
            return Benchmark.Pass(
                operations: count,
                bytes: bytes.count,
                run: { countValid(length, in: bytes) { UTF8Validator.isValid($0) } },
                baseline: {
                    countValid(length, in: bytes) { text in
                        (try? UTF8Span(validating: text.assumingMemoryBound(to: UInt8.self).span)) != nil
                    }
                },
                baselineName: "UTF8Span",
                expected: UInt64(count)
            )
        }
    }

    @inline(__always)
    private static func countValid(
        _ length: Int,
        in bytes: ByteChunk,
        _ isValid: (UnsafeRawBufferPointer) -> Bool
    ) -> UInt64 {
        bytes.withUnsafeBytes { bytes in
            var valid: UInt64 = 0
            var offset = 0
            while offset + length <= bytes.count {
                if isValid(UnsafeRawBufferPointer(rebasing: bytes[offset..<(offset + length)])) { valid += 1 }
                offset += length
            }
            return valid
        }
    }
}

/// A generator with a seed, so that every run has the same sizes.
struct SplitMix: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
