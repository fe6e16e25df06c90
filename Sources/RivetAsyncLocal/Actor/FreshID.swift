// SPDX-License-Identifier: Apache-2.0
import RivetAsync

/// Random ids.
enum FreshID {
    static let label: UInt16 = 1
    private static let source = RandomSource.stretchedKernel()

    private static var fresh: EngineID {
        EngineID(
            random: unsafe source.bytes(16).withUnsafeBytes { unsafe $0.loadUnaligned(as: UInt128.self) },
            label: label
        )
    }

    /// Of an actor, a ray or a namespace (PROTOCOL b7).
    static func engineID() -> String { fresh.text }

    /// Of a connection: a version 4 UUID in lower case.
    static func connectionID() -> String {
        let uuid = fresh.uuid
        let digits = Array("0123456789abcdef".utf8)
        var text: [UInt8] = []
        text.reserveCapacity(36)
        for shift in stride(from: 124, through: 0, by: -4) {
            text.append(digits[Int(truncatingIfNeeded: uuid >> UInt128(shift)) & 15])
            if [8, 13, 18, 23].contains(text.count) { text.append(UInt8(ascii: "-")) }
        }
        return String(decoding: text, as: UTF8.self)
    }
}
