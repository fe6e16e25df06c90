// SPDX-License-Identifier: Apache-2.0
import Foundation

// The values of `Benchmarks/CodecBenchmarks.swift` through Foundation's JSON, with coders that are made once.

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
    var bytes: Data
}

/// The median of 31 samples, in nanoseconds for each of `operations`.
func median(_ operations: Int, _ body: () throws -> Void) rethrows -> Double {
    var samples: [Double] = []
    for _ in 0..<31 {
        let start = ContinuousClock.now
        for _ in 0..<operations { try body() }
        let time = (ContinuousClock.now - start) / operations
        samples.append(Double(time.components.attoseconds) / 1e9)
    }
    return samples.sorted()[15]
}

func measure<T: Codable>(_ name: String, _ value: T, operations: Int, isSame: (T) -> Bool) throws {
    let encoder = JSONEncoder()
    let decoder = JSONDecoder()
    let data = try encoder.encode(value)
    guard isSame(try decoder.decode(T.self, from: data)) else { fatalError("\(name) came back changed") }
    let decoding = try median(operations) { _ = try decoder.decode(T.self, from: data) }
    let encoding = try median(operations) { _ = try encoder.encode(value) }
    print("codecs/decode \(name), Foundation JSON  \(Int(decoding)) ns")
    print("codecs/encode \(name), Foundation JSON  \(Int(encoding)) ns")
}

try measure("NewCount", NewCount(count: 1_234), operations: 2_000) { $0.count == 1_234 }
let message = ChatMessage(
    room: "general",
    author: "ada.lovelace",
    text: "The engine might compose elaborate pieces of music.",
    sentAt: 1_754_512_646_123,
    replyTo: nil
)
try measure("chat message", message, operations: 2_000) { $0.sentAt == message.sentAt && $0.text == message.text }
let readings = (0..<100).map {
    Reading(id: $0, name: "sensor-\($0)", value: Double($0) * 1.25, isValid: $0 % 3 > 0)
}
try measure("100 structs", readings, operations: 50) { $0.count == 100 && $0[7].name == "sensor-7" }
let blob = Blob(bytes: Data((0..<65_536).map { UInt8(truncatingIfNeeded: $0) }))
try measure("64 KiB of bytes", blob, operations: 50) { $0.bytes == blob.bytes }
