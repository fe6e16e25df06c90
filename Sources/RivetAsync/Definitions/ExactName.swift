// SPDX-License-Identifier: Apache-2.0

/// A name of the protocol: two are the same where their bytes are.
///
/// A `String` compares as text, to which "\u{e9}" and "e\u{301}" are one; to a server they are two names (B302).
package struct ExactName: Sendable, Hashable {
    package let text: String

    package init(_ text: String) { self.text = text }

    package static func == (a: Self, b: Self) -> Bool { a.text.hasSameBytes(as: b.text) }

    package func hash(into hasher: inout Hasher) {
        var text = text
        text.withUTF8 { unsafe hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
        hasher.combine(UInt8.max)
    }
}

extension String {
    /// Whether both are the same to whoever reads bytes.
    package func hasSameBytes(as other: String) -> Bool {
        utf8.count == other.utf8.count && utf8.elementsEqual(other.utf8)
    }
}
