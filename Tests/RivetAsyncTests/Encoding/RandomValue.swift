// SPDX-License-Identifier: Apache-2.0
@testable import RivetAsync

extension ValueFormat {
    /// Those that have a form for every value.
    static let rivets: [ValueFormat] = [.json, .cbor, .nativeCBOR]
}

/// Values of every kind, the same ones for the same seed.
struct RandomValues: RandomNumberGenerator {
    private var generator: SeededGenerator

    init(seed: UInt64) { generator = SeededGenerator(seed: seed) }

    mutating func next() -> UInt64 { generator.next() }

    /// Any value that `format` has a form for.
    mutating func value(_ format: ValueFormat, depth: Int = 0) -> RivetValue {
        let kinds = depth < 6 ? 14 : 10
        switch Int.random(in: 0..<kinds, using: &self) {
        case 0: return .null
        case 1: return .bool(Bool.random(using: &self))
        case 2: return .integer(Int.random(in: -30...300, using: &self))
        case 3: return .integer(integer())
        case 4: return big()
        case 5: return .double(double(format))
        case 6, 7: return .string(text())
        case 8:
            return .bytes(
                (0..<Int.random(in: 0...40, using: &self)).map { _ in UInt8.random(in: 0...255, using: &self) }
            )
        case 9:
            guard format == .nativeCBOR else { return .undefined }
            return .simple(
                Bool.random(using: &self)
                    ? UInt8.random(in: 0...19, using: &self) : UInt8.random(in: 32...255, using: &self)
            )
        case 10, 11:
            return .array((0..<Int.random(in: 0...5, using: &self)).map { _ in value(format, depth: depth + 1) })
        case 12:
            guard format == .nativeCBOR else {
                return .array([.string("$" + text()), value(format, depth: depth + 1)])
            }
            return .tag(
                [6, 9, 1_000, 65_536, 1 << 40].randomElement(using: &self) ?? 6,
                value(format, depth: depth + 1)
            )
        default:
            var keys: Set<RivetValue> = []
            for _ in 0..<Int.random(in: 0...5, using: &self) {
                let isNumber = format == .nativeCBOR && Bool.random(using: &self)
                keys.insert(isNumber ? .integer(integer()) : .string(text()))
            }
            return .map(keys.sorted { "\($0)" < "\($1)" }.map { .init($0, value(format, depth: depth + 1)) })
        }
    }

    /// Around the widths of heads and types.
    private mutating func integer() -> Int {
        let magnitude = 1 &<< Int.random(in: 0...63, using: &self)
        return Bool.random(using: &self)
            ? magnitude &+ Int.random(in: -2...2, using: &self) : Int(truncatingIfNeeded: next())
    }

    private mutating func big() -> RivetValue {
        let high = Int128(Int64(truncatingIfNeeded: next())) << 64
        let wide = high >> Int128(Int.random(in: 0...63, using: &self)) | Int128(next())
        return RivetValue(integer: wide)
    }

    private mutating func double(_ format: ValueFormat) -> Double {
        switch Int.random(in: 0..<4, using: &self) {
        case 0: return Double(Int.random(in: -1_000...1_000, using: &self)) / 8
        case 1: return Double(integer())
        case 2:
            return [0, -0.0, 0.1, Double.leastNonzeroMagnitude, 1.7976931348623157e308].randomElement(using: &self) ?? 0
        default:
            let any = Double(bitPattern: next())
            return format == .json && !any.isFinite ? 0.5 : any
        }
    }

    mutating func text() -> String {
        let scalars: [ClosedRange<UInt32>] = [0x20...0x7e, 0...0x1f, 0x80...0x7ff, 0x800...0xd7ff, 0x10000...0x10ffff]
        let range = scalars[min(Int.random(in: 0..<10, using: &self), 8) % 5]
        var text = Int.random(in: 0..<8, using: &self) == 0 ? "$" : ""
        for _ in 0..<Int.random(in: 0...30, using: &self) {
            text.unicodeScalars.append(Unicode.Scalar(UInt32.random(in: range, using: &self)) ?? "x")
        }
        return text
    }
}
