// SPDX-License-Identifier: Apache-2.0
import Foundation
import Testing

@testable import RivetAsync

@Suite(.leavesNothing, .timeLimit(.minutes(10)))
struct RandomTests {
    private static let seed: UInt64 = 0x5249_5645_5431

    @Test(arguments: ValueFormat.rivets)
    func generatedValueComesBack(_ format: ValueFormat) throws {
        print("seed \(Self.seed)")
        var random = RandomValues(seed: Self.seed)
        for number in 0..<TestScale.count(full: 300_000, byDefault: 3_000) {
            let value = random.value(format)
            let bytes = try format.encode(value)
            let back = try format.decode(RivetValue.self, from: bytes)
            // The bytes as well: equal strings may differ in theirs.
            let isSame = try TypedValue(back) == TypedValue(value) && format.encode(back) == bytes
            guard !isSame else { continue }
            Issue.record("value \(number) of seed \(Self.seed) changed: \(value) became \(back)")
            return
        }
    }

    /// Types of every kind of container, so that damage meets each way of reading.
    private static let readers: [@Sendable (ValueFormat, ByteChunk) throws -> Int] = [
        { format, bytes in try format.decode(RivetValue.self, from: bytes).nodes },
        { format, bytes in try format.decode([User].self, from: bytes).count },
        { format, bytes in try format.decode([String: Either].self, from: bytes).count },
        { format, bytes in try format.decode(Everything.self, from: bytes).bytes.count },
        { format, bytes in try format.decode(Tree.self, from: bytes) == .leaf ? 1 : 1 },
        { format, bytes in try format.decode([Int: [UInt8]].self, from: bytes).count },
        { format, bytes in try format.decode(Interleaved.self, from: bytes).a.count },
        { format, bytes in try format.decodePositionalArguments(Widths.self, from: bytes).n ? 1 : 1 },
        { format, bytes in try format.decodeArgument(Optionals.self, from: bytes).list?.count ?? 0 },
        { format, bytes in
            let (_, list) = try format.decodeArguments(as: (String?, [RivetValue]?).self, from: bytes)
            return list?.count ?? 0
        },
    ]

    /// Documents that the readers take, as a start for damage.
    private static func samples(_ format: ValueFormat) throws -> [ByteChunk] {
        let everything = Everything(
            data: Data([1]),
            date: Shape.moment,
            url: Shape.url,
            uuid: Shape.uuid,
            decimal: 0.5,
            chunk: ByteChunk([2]),
            bytes: [3],
            optionalDate: Shape.moment,
            dates: [Shape.moment],
            byName: ["x": Data([4])]
        )
        return [
            try format.encode([Shape.user, Shape.user]), try format.encode(everything),
            try format.encode(["a": Either.list([.number(1), .text("$x")])]),
            try format.encode(Tree.branch(left: .value(1), right: .named(name: "$", nil))),
            try format.encode([1: [1, 2] as [UInt8]]), try format.encode(Interleaved(a: [1], b: ["x"], c: 2)),
            try format.encodeArguments("$x", 1), try format.encode(["$", ["$BigInt", "5"], .undefined] as RivetValue),
        ]
    }

    @Test("B120: damaged and random bytes never trap, nor cost more than they are", arguments: ValueFormat.allCases)
    func damagedBytesAreHarmless(_ format: ValueFormat) throws {
        print("seed \(Self.seed)")
        var random = RandomValues(seed: Self.seed)
        let samples = try Self.samples(format)
        for _ in 0..<TestScale.count(full: 400_000, byDefault: 3_000) {
            let bytes: [UInt8]
            switch Int.random(in: 0..<4, using: &random) {
            case 0:
                bytes = (0..<Int.random(in: 0...40, using: &random)).map { _ in
                    UInt8.random(in: 0...255, using: &random)
                }
            case 1:
                let value = random.value(format)
                // Plain JSON has no NaN and no infinity.
                guard let encoded = try? format.encode(value) else {
                    #expect(format == .plainJSON)
                    continue
                }
                bytes = Array(encoded)
            default:
                var damaged = Array(samples[Int.random(in: 0..<samples.count, using: &random)])
                for _ in 0..<Int.random(in: 1...3, using: &random) {
                    let place = Int.random(in: 0..<damaged.count, using: &random)
                    switch Int.random(in: 0..<4, using: &random) {
                    case 0: damaged[place] = UInt8.random(in: 0...255, using: &random)
                    case 1: damaged[place] ^= 1 << UInt8.random(in: 0...7, using: &random)
                    case 2: damaged.insert(UInt8.random(in: 0...255, using: &random), at: place)
                    default: damaged.remove(at: place)
                    }
                    if damaged.isEmpty { damaged = [0] }
                }
                bytes = damaged
            }
            let reader = Self.readers[Int.random(in: 0..<Self.readers.count, using: &random)]
            // Foreign bytes around the document: a read beyond it would see them.
            let around = ByteChunk([0xff, 0x5d] + bytes + [0xff, 0x7d, 0x22])
            do {
                let size = try reader(format, around.slice(2..<2 + bytes.count))
                guard size <= bytes.count + 1 else {
                    Issue.record("\(size) values of \(bytes.count) bytes: \(hex(bytes))")
                    return
                }
            } catch let failure as CodingError {
                guard failure.offset <= bytes.count else {
                    Issue.record("failed beyond the end: \(failure), \(hex(bytes))")
                    return
                }
            }
        }
    }

    @Test("B120: hostile lengths and depths are refused at once")
    func hostileDocumentsAreRefused() throws {
        // A million keys, each asked for: looking for them does not start over.
        let wide = Dictionary(uniqueKeysWithValues: (0..<20_000).map { ("k\($0)", $0) })
        for format in ValueFormat.allCases {
            let bytes = try format.encode(wide)
            #expect(try format.decode([String: Int].self, from: bytes) == wide)
        }
        // As many tries that fail as there are elements: a failure does not walk the document.
        let texts = try ValueFormat.json.encode((0..<20_000).map { "\($0)" })
        #expect(try ValueFormat.json.decode([Either].self, from: texts).count == 20_000)
        // Digits without end.
        let digits = ByteChunk(("[\"$BigInt\",\"" + String(repeating: "9", count: 1_000_000) + "\"]").utf8)
        #expect(throws: CodingError.self) { try ValueFormat.json.decode(Int.self, from: digits) }
        #expect(throws: CodingError.self) { try ValueFormat.json.decode(RivetValue.self, from: digits) }
        let number = ByteChunk(String(repeating: "9", count: 1_000_000).utf8)
        #expect(throws: CodingError.self) { try ValueFormat.json.decode(Int128.self, from: number) }
        let exponent = ByteChunk("1e999999999999999999999".utf8)
        #expect(throws: CodingError.self) { try ValueFormat.json.decode(Double.self, from: exponent) }
        #expect(throws: CodingError.self) { try ValueFormat.json.decode(Decimal.self, from: exponent) }
    }
}

extension RivetValue {
    /// How many values it is made of.
    fileprivate var nodes: Int {
        switch self {
        case .array(let elements): elements.reduce(1) { $0 + $1.nodes }
        case .map(let members): members.reduce(1) { $0 + $1.key.nodes + $1.value.nodes }
        case .tag(_, let content): 1 + content.nodes
        default: 1
        }
    }
}
