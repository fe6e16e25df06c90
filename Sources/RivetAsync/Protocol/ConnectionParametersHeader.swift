// SPDX-License-Identifier: Apache-2.0

/// `x-rivet-conn-params`: connection parameters as JSON in printable ASCII (PROTOCOL d, B49).
package enum ConnectionParametersHeader {
    /// JSON text with every character beyond printable ASCII as `\uXXXX`; these stand only inside its strings.
    package static func value(json: String) -> String {
        if json.utf8.allSatisfy({ $0 < 0x7F }) { return json }
        var out: [UInt8] = []
        for unit in json.utf16 {
            if unit < 0x7F {
                out.append(UInt8(truncatingIfNeeded: unit))
            } else {
                let digits = String(unit, radix: 16)
                out.append(contentsOf: #"\u"#.utf8)
                out.append(contentsOf: repeatElement(UInt8(ascii: "0"), count: 4 - digits.utf8.count))
                out.append(contentsOf: digits.utf8)
            }
        }
        return String(decoding: out, as: UTF8.self)
    }
}
