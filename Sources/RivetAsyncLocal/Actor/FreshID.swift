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
        let uuid = EngineID(random: UInt128.random(in: 0 ... .max), label: label).uuid
        let digits = String(uuid, radix: 16)
        var text = ""
        for (index, digit) in (String(repeating: "0", count: 32 - digits.count) + digits).enumerated() {
            if [8, 12, 16, 20].contains(index) { text += "-" }
            text.append(digit)
        }
        return text
    }
}
