// SPDX-License-Identifier: Apache-2.0
import Foundation
import RivetAsync

/// Users' values to bytes and back, through `Codable`, in the three forms they have on the wire; each beside
/// Foundation's JSON coders, made once, on the same value and in the same run.
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

    struct FoundationBlob: Codable {
        var bytes: Data
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
            let small = Benchmark.Goal.speedAtLeast(format == .json ? 3 : 8)
            let newCount = NewCount(count: 1_234)
            let bytes = (0..<65_536).map { UInt8(truncatingIfNeeded: $0) }
            return cases(format, "NewCount", newCount, operations: 1_000, goal: small, maxAllocations: 1) {
                UInt64(truncatingIfNeeded: $0.count)
            }
                + cases(format, "chat message", chatMessage, operations: 1_000, goal: small) {
                    UInt64($0.text.utf8.count &+ $0.author.utf8.count &+ $0.room.utf8.count)
                        &+ UInt64(truncatingIfNeeded: $0.sentAt)
                }
                + cases(format, "100 structs", readings, operations: 20) {
                    $0.reduce(0) { $0 &+ UInt64(truncatingIfNeeded: $1.id) }
                }
                + cases(
                    format,
                    "64 KiB of bytes",
                    Blob(bytes: ByteChunk(bytes)),
                    besides: FoundationBlob(bytes: Data(bytes)),
                    operations: 20
                ) { UInt64($0.bytes.count) &+ UInt64($0.bytes[77]) }
        } + arguments
    }

    /// As an action's arguments travel, and an event's: a list of the one value.
    private static var arguments: [Benchmark] {
        let format = ValueFormat.nativeCBOR
        let value = NewCount(count: 1_234)
        let operations = 1_000
        return [
            .repeated("decode NewCount as argument, CBOR in BARE", .codecs, of: "value", maxAllocations: 1) {
                let bytes = try format.encodeArgument(value)
                return Benchmark.Pass(
                    operations: operations,
                    bytes: bytes.count * operations,
                    run: {
                        var sum: UInt64 = 0
                        for _ in 0..<operations {
                            let value = try format.decodeArgument(NewCount.self, from: bytes)
                            sum &+= UInt64(truncatingIfNeeded: value.count)
                        }
                        return sum
                    },
                    expected: 1_234 &* UInt64(operations)
                )
            },
            .repeated("encode NewCount as argument, CBOR in BARE", .codecs, of: "value", maxAllocations: 1) {
                let size = try format.encodeArgument(value).count
                return Benchmark.Pass(
                    operations: operations,
                    bytes: size * operations,
                    run: {
                        var sum: UInt64 = 0
                        for _ in 0..<operations { sum &+= UInt64(try format.encodeArgument(value).count) }
                        return sum
                    },
                    expected: UInt64(size) &* UInt64(operations)
                )
            },
        ]
    }

    private static func cases<T: Codable & Sendable>(
        _ format: ValueFormat,
        _ name: String,
        _ value: T,
        operations: Int,
        goal: Benchmark.Goal? = nil,
        maxAllocations: Double? = nil,
        _ checksum: @escaping @Sendable (T) -> UInt64
    ) -> [Benchmark] {
        cases(
            format,
            name,
            value,
            besides: value,
            operations: operations,
            goal: goal,
            maxAllocations: maxAllocations,
            checksum
        )
    }

    private static func cases<T: Codable & Sendable, Same: Codable & Sendable>(
        _ format: ValueFormat,
        _ name: String,
        _ value: T,
        besides same: Same,
        operations: Int,
        goal: Benchmark.Goal? = nil,
        maxAllocations: Double? = nil,
        _ checksum: @escaping @Sendable (T) -> UInt64
    ) -> [Benchmark] {
        let title =
            switch format {
            case .nativeCBOR: "CBOR in BARE"
            case .cbor: "CBOR"
            case .json: "JSON"
            case .plainJSON: "plain JSON"
            }
        return [
            .repeated(
                "decode \(name), \(title)",
                .codecs,
                of: "value",
                goal: goal,
                maxAllocations: maxAllocations
            ) {
                let bytes = try format.encode(value)
                let decoder = JSONDecoder()
                let data = try JSONEncoder().encode(same)
                return Benchmark.Pass(
                    operations: operations,
                    bytes: bytes.count * operations,
                    run: {
                        var sum: UInt64 = 0
                        for _ in 0..<operations { sum &+= checksum(try format.decode(T.self, from: bytes)) }
                        return sum
                    },
                    baseline: {
                        var done: UInt64 = 0
                        for _ in 0..<operations where (try? decoder.decode(Same.self, from: data)) != nil { done &+= 1 }
                        return done
                    },
                    baselineName: "Foundation's JSON",
                    expected: checksum(value) &* UInt64(operations)
                )
            },
            .repeated(
                "encode \(name), \(title)",
                .codecs,
                of: "value",
                goal: goal,
                maxAllocations: maxAllocations
            ) {
                let size = try format.encode(value).count
                let encoder = JSONEncoder()
                return Benchmark.Pass(
                    operations: operations,
                    bytes: size * operations,
                    run: {
                        var sum: UInt64 = 0
                        for _ in 0..<operations { sum &+= UInt64(try format.encode(value).count) }
                        return sum
                    },
                    baseline: {
                        var sum: UInt64 = 0
                        for _ in 0..<operations { sum &+= UInt64((try? encoder.encode(same))?.count ?? 0) }
                        return sum
                    },
                    baselineName: "Foundation's JSON",
                    expected: UInt64(size) &* UInt64(operations)
                )
            },
        ]
    }
}
