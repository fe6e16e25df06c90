// SPDX-License-Identifier: Apache-2.0
import RivetAsync

/// Random ids.
enum FreshID {
    static let label: UInt16 = 1

    /// Of an actor, a ray or a namespace (PROTOCOL b7).
    static func engineID() -> String {
        EngineID(random: UInt128.random(in: 0 ... .max), label: label).text
    }

    /// Of a connection: a version 4 UUID in lower case.
    static func connectionID() -> String {
        let digits = String(EngineID(random: UInt128.random(in: 0 ... .max), label: label).uuid, radix: 16)
        var text = String(repeating: "0", count: 32 - digits.count) + digits
        for place in [20, 16, 12, 8] { text.insert("-", at: text.index(text.startIndex, offsetBy: place)) }
        return text
    }
}
