// SPDX-License-Identifier: Apache-2.0

/// Why bytes are not a value, or a value cannot be bytes.
///
/// Readers know only the byte where they stopped; who decodes a whole document adds the path and what was found there.
/// It never holds a value: only kinds, lengths and names of types, fields and tags.
package struct CodingError: Error, Sendable, CustomStringConvertible {
    package enum Kind: String, Sendable {
        case truncated, lengthExceedsInput, trailingBytes, overlongInteger, integerOverflow, invalidBool, invalidUTF8
        case unknownUnionTag, unsupportedVersion, depthLimit, reservedAdditionalInfo, unexpectedBreak, invalidChunk
        case invalidSimpleValue, unknownCompatTag, invalidCompatValue, malformed, missingField, typeMismatch, unknownTag
        /// The format has no form for the value: NaN in JSON, a tag where tags are refused.
        case notRepresentable
        /// The user's type refused what it was given (`DecodingError.dataCorrupted` of an `init(from:)`).
        case refusedByType
    }

    package var kind: Kind
    /// The byte in the document, counted from its start; -1 when writing.
    package var offset: Int
    /// The place as text: `[2].user.name`; empty for the document itself.
    package var path = ""
    package var wanted = ""
    package var found = ""
    /// What the user's type threw, if it was not one of ours.
    package var underlying: (any Error)?

    package init(_ kind: Kind, at offset: Int, wanted: String = "", found: String = "") {
        self.kind = kind
        self.offset = offset
        self.wanted = wanted
        self.found = found
    }

    package static func tooDeep(at offset: Int) -> CodingError {
        CodingError(
            .depthLimit,
            at: offset,
            wanted: "at most \(maxNestingDepth) arrays, maps and tags in one another",
            found: "more"
        )
    }

    static func tooManyValues(at offset: Int) -> CodingError {
        CodingError(
            .depthLimit,
            at: offset,
            wanted: "at most \(maxValuesInOneAnother) values in one another",
            found: "more"
        )
    }

    /// Puts the name of a member, or an element's position in brackets, in front of the path.
    mutating func prepend(_ step: String) {
        path = step + (path.isEmpty || path.first == "[" || step.isEmpty ? "" : ".") + path
    }

    package var description: String {
        var text = kind.rawValue
        if !path.isEmpty { text += " at \(path)" }
        if offset >= 0 { text += " (byte \(offset))" }
        if !wanted.isEmpty { text += ": wanted \(wanted)" }
        if !found.isEmpty { text += wanted.isEmpty ? ": found \(found)" : ", found \(found)" }
        return text
    }
}
