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
    package init?(_ reason: String) {
        let hash = reason.lastIndex(of: "#") ?? reason.endIndex
        let name = reason[..<hash]
        guard let dot = name.firstIndex(of: ".") else { return nil }
        let code = name[name.index(after: dot)...]
        guard dot > name.startIndex, !code.isEmpty else { return nil }
        let ray = reason[hash...].dropFirst()
        self.init(group: String(name[..<dot]), code: String(code), rayID: ray.isEmpty ? nil : String(ray))
    }

    /// The reason as written, cut to the 123 bytes that a close frame holds, as the engine cuts it.
    package var text: String {
        let whole = "\(group).\(code)" + (rayID.map { "#" + $0 } ?? "")
        var cut = Substring(whole)
        while cut.utf8.count > 123 { cut.removeLast() }
        return String(cut)
    }
}
