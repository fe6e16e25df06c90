// SPDX-License-Identifier: Apache-2.0
import RivetAsync

/// Users' values to bytes and back, through `Codable`, in the three forms they have on the wire.
enum CodecBenchmarks {
    struct NewCount: Codable {
        var count: Int
    }

    struct ChatMessage: Codable {
        var room: String, author: String, text: String
        var sentAt: Int
        var replyTo: String?
    }

    struct Reading: Codable {
        var id: Int, name: String, value: Double, isValid: Bool
    }

    struct Blob: Codable {
        var bytes: ByteChunk
    }

    static let chatMessage = ChatMessage(
        room: "general",
        author: "ada.lovelace",
        text: "The engine might compose elaborate pieces of music.",
        sentAt: 1_754_512_646_123,
        replyTo: nil
    )
    static let readings = (0..<100).map {
        Reading(id: $0, name: "sensor-\($0)", value: Double($0) * 1.25, isValid: $0 % 3 > 0)
    }

    static var all: [Benchmark] {
        [ValueFormat.nativeCBOR, .cbor, .json].flatMap { format in
            cases(
                format,
                "NewCount",
                NewCount(count: 1_234),
                operations: 1_000,
                maxAllocations: 1
            ) { UInt64(truncatingIfNeeded: $0.count) }
                + cases(format, "chat message", chatMessage, operations: 1_000) {
                    UInt64($0.text.utf8.count &+ $0.author.utf8.count &+ $0.room.utf8.count)
                        &+ UInt64(truncatingIfNeeded: $0.sentAt)
                }
                + cases(format, "100 structs", readings, operations: 20) {
                    $0.reduce(0) { $0 &+ UInt64(truncatingIfNeeded: $1.id) }
                }
                + cases(
                    format,
                    "64 KiB of bytes",
                    Blob(bytes: ByteChunk((0..<65_536).map { UInt8(truncatingIfNeeded: $0) })),
                    operations: 20
                ) { UInt64($0.bytes.count) &+ UInt64($0.bytes[77]) }
        }
    }

    private static func cases<T: Codable & Sendable>(
        _ format: ValueFormat,
        _ name: String,
        _ value: T,
        operations: Int,
        maxAllocations: Double? = nil,
        _ checksum: @escaping @Sendable (T) -> UInt64
    ) -> [Benchmark] {
        let title =
            switch format {
            case .nativeCBOR: "CBOR in BARE"
            case .cbor: "CBOR"
            case .json: "JSON"
            }
        return [
            .repeated("decode \(name), \(title)", .codecs, of: "value", maxAllocations: maxAllocations) {
                let bytes = ByteChunk(try format.encode(value))
                return Benchmark.Pass(
                    operations: operations,
                    bytes: bytes.count * operations,
                    run: {
                        var sum: UInt64 = 0
                        for _ in 0..<operations { sum &+= checksum(try format.decode(T.self, from: bytes)) }
                        return sum
                    },
                    expected: checksum(value) &* UInt64(operations)
                )
            },
            .repeated("encode \(name), \(title)", .codecs, of: "value", maxAllocations: maxAllocations) {
                let size = try format.encode(value).count
                let encoder = ReusableEncoder(format)
                return Benchmark.Pass(
                    operations: operations,
                    bytes: size * operations,
                    run: {
                        var sum: UInt64 = 0
                        for _ in 0..<operations { sum &+= try encoder.encode(value) { UInt64($0.count) } }
                        return sum
                    },
                    expected: UInt64(size) &* UInt64(operations)
                )
            },
        ]
    }
}
