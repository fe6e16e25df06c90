// SPDX-License-Identifier: Apache-2.0
import RivetAsync
import Testing

/// The fast paths beside naive ones that cannot be wrong.
@Suite(.leavesNothing, .timeLimit(.minutes(3)))
struct WebSocketTwinTests {
    @Test func maskingIsTheByteLoop() {
        var generator = SeededGenerator(seed: 6455)
        let source = (0..<700).map { _ in UInt8.random(in: 0...255, using: &generator) }
        for count in Array(0...140) + [255, 256, 300, 640] {
            for phase in 0..<5 {
                let start = Int.random(in: 0..<50, using: &generator)
                let mask = (0..<4).map { _ in UInt8.random(in: 0...255, using: &generator) }
                let expected = (0..<count).map { source[start + $0] ^ mask[(phase + $0) % 4] }
                let key = mask.withUnsafeBytes { $0.loadUnaligned(as: UInt32.self) }
                var output = [UInt8](repeating: 0xAA, count: count + 1)
                source.withUnsafeBytes { source in
                    output.withUnsafeMutableBytes { output in
                        guard let from = source.baseAddress, let to = output.baseAddress else { return }
                        WebSocketMasking.apply(key: key, phase: phase, from: from + start, to: to, count: count)
                    }
                }
                #expect(output == expected + [0xAA], "count \(count), phase \(phase): nothing behind the end")
            }
        }
    }

    /// The first index at which no valid text can go on, or nil; `isComplete` says whether it may end.
    private static func naive(_ bytes: [UInt8]) -> (badAt: Int?, isComplete: Bool) {
        var index = 0
        while index < bytes.count {
            let lead = bytes[index]
            let (count, lower, upper): (Int, UInt8, UInt8) =
                switch lead {
                case 0...0x7F: (0, 0, 0)
                case 0xC2...0xDF: (1, 0x80, 0xBF)
                case 0xE0: (2, 0xA0, 0xBF)
                case 0xED: (2, 0x80, 0x9F)
                case 0xE1...0xEF: (2, 0x80, 0xBF)
                case 0xF0: (3, 0x90, 0xBF)
                case 0xF4: (3, 0x80, 0x8F)
                case 0xF1...0xF3: (3, 0x80, 0xBF)
                default: (-1, 0, 0)
                }
            if count < 0 { return (index, false) }
            for step in stride(from: 1, through: count, by: 1) {
                guard index + step < bytes.count else { return (nil, false) }
                let byte = bytes[index + step]
                let isGood = step == 1 ? byte >= lower && byte <= upper : byte >= 0x80 && byte <= 0xBF
                if !isGood { return (index + step, false) }
            }
            index += count + 1
        }
        return (nil, true)
    }

    private static let pieces: [[UInt8]] = [
        [0x61], [0xC3, 0xA9], [0xE2, 0x82, 0xAC], [0xF0, 0x9F, 0x98, 0x80], [0xEE, 0x80, 0x80],
        [0xF4, 0x8F, 0xBF, 0xBF],
        [0xED, 0x9F, 0xBF], [0xE0, 0xA0, 0x80], [0xF0, 0x90, 0x80, 0x80], [0xC2, 0x80], [0x80], [0xC0], [0xE0, 0x80],
        [0xED, 0xA0], [0xF4, 0x90], [0xF8], [0xFF], [0xE2, 0x82], [0xF0, 0x9F, 0x98], [0xC3],
    ]

    @Test func utf8InPartsFailsAtTheFirstBadByte() {
        var generator = SeededGenerator(seed: 3629)
        for round in 0..<1_500 {
            let goodOnly = round % 3 == 0
            let choice = goodOnly ? Self.pieces[..<10] : Self.pieces[...]
            let bytes = (0..<Int.random(in: 0...20, using: &generator)).flatMap { _ in
                choice.randomElement(using: &generator) ?? []
            }
            let expected = Self.naive(bytes)
            #expect(
                bytes.withUnsafeBytes { UTF8Validator.isValid($0) } == (expected.badAt == nil && expected.isComplete)
            )

            var validator = UTF8Validator()
            var badAt: Int?
            for (index, byte) in bytes.enumerated() where badAt == nil {
                if !withUnsafeBytes(of: byte, { validator.accepts($0) }) { badAt = index }
            }
            #expect(badAt == expected.badAt, "\(bytes) byte by byte")
            if badAt == nil { #expect(validator.isComplete == expected.isComplete, "\(bytes)") }

            let split = Int.random(in: 0...bytes.count, using: &generator)
            var halves = UTF8Validator()
            let first = Array(bytes[..<split]).withUnsafeBytes { halves.accepts($0) }
            #expect(first == (expected.badAt.map { $0 >= split } ?? true), "\(bytes) until \(split)")
            guard first else { continue }
            let second = Array(bytes[split...]).withUnsafeBytes { halves.accepts($0) }
            #expect(second == (expected.badAt == nil), "\(bytes) from \(split)")
        }
    }

    @Test func maskingKeysComeFromTheirSourceInBatches() {
        let calls = Calls()
        var keys = WebSocketMaskingKeys { buffer in
            calls.count += 1
            for index in buffer.indices { buffer[index] = UInt8(truncatingIfNeeded: index) }
        }
        let drawn = (0..<65).map { _ in keys.next() }
        #expect(drawn[0].littleEndian == 0x0302_0100)
        #expect(drawn[1].littleEndian == 0x0706_0504)
        #expect(drawn[64] == drawn[0])
        #expect(calls.count == 2)
    }

    private final class Calls: @unchecked Sendable { var count = 0 }

    @Test func theKernelsBytesDiffer() {
        #expect(RandomSource.kernel.bytes(1_000).count == 1_000)
        #expect(RandomSource.kernel.bytes(16) != RandomSource.kernel.bytes(16))
        #expect(RandomSource.kernel.bytes(0).isEmpty)
    }
}
