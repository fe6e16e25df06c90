// SPDX-License-Identifier: Apache-2.0

/// A close reason of the form `group.code` or `group.code#ray` (PROTOCOL h9, B207).
package struct CloseReasonText: Sendable, Equatable {
    package let group: String
    package let code: String
    /// Only the engine's own reasons have one.
    package let rayID: String?

    package init(group: String, code: String, rayID: String? = nil) {
        self.group = group
        self.code = code
        self.rayID = rayID
    }

    /// Splits at the first dot and the last hash; nil for any other text, which stays text.
    ///
    /// The code ends at a blank, `:` or `;`. In bytes, so that no combining mark hides a sign.
    package init?(_ reason: String) {
        let bytes = reason.utf8
        let hash = bytes.lastIndex(of: UInt8(ascii: "#")) ?? bytes.endIndex
        let name = bytes[..<hash]
        guard let dot = name.firstIndex(of: UInt8(ascii: ".")) else { return nil }
        let code = name[name.index(after: dot)...].prefix { !" :;".utf8.contains($0) }
        guard dot > name.startIndex, !code.isEmpty else { return nil }
        let ray = bytes[hash...].dropFirst()
        self.init(
            group: String(Substring(name[..<dot])),
            code: String(Substring(code)),
            rayID: ray.isEmpty ? nil : String(Substring(ray))
        )
    }

    /// The reason as written, cut to the 123 bytes that a close frame holds, as the engine cuts it.
    package var text: String {
        let whole = "\(group).\(code)" + (rayID.map { "#" + $0 } ?? "")
        var cut = Substring(whole)
        while cut.utf8.count > 123 { cut.removeLast() }
        return String(cut)
    }
}
