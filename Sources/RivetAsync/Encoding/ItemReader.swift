// SPDX-License-Identifier: Apache-2.0

/// The most containers and tags around one item (PROTOCOL j6).
package let maxNestingDepth = 128

/// A strict pull reader over one document: what reading CBOR and reading JSON have in common.
///
/// It reads one item after another from raw bytes, which must outlive it. A length is checked against what is left
/// before anything is done with it, and nothing recurses deeper than `maxNestingDepth`.
package protocol ItemReader {
    init(_ bytes: UnsafeRawBufferPointer, position: Int)

    /// The next byte to read, counted from the start of the document.
    var position: Int { get set }

    /// What stands at the position; reads nothing but blanks.
    mutating func peekKind() throws(CodingFailure) -> ItemKind
    /// Checks the next item and steps over it.
    mutating func skipItem(depth: Int) throws(CodingFailure)
    /// As `skipItem`, with the commonest items first: small numbers and strings.
    mutating func skipElement(depth: Int) throws(CodingFailure)
    /// Fails if anything but blanks is left.
    mutating func readEnd() throws(CodingFailure)

    /// Steps into an array: the number of elements, negative where only the end tells.
    mutating func beginArray() throws(CodingFailure) -> Int
    /// Steps into a map: the number of members, negative where only the end tells.
    mutating func beginMap() throws(CodingFailure) -> Int
    /// Steps to the next element or key, or behind the end of the container. Between two calls with the same
    /// `remaining` exactly one element, or one key and its value, must be read.
    mutating func hasNext(_ remaining: inout Int) throws(CodingFailure) -> Bool
    /// A map's key as text, integers in decimal; nil for what can name no field.
    mutating func readKey() throws(CodingFailure) -> String?
    /// Steps over a key, and says whether it is this one.
    mutating func readKey(equals name: UnsafeRawBufferPointer) throws(CodingFailure) -> Bool

    mutating func readBool() throws(CodingFailure) -> Bool
    mutating func readText() throws(CodingFailure) -> String
    /// An integer in any form: integer heads, floats without fraction, big integers, pairs (j5).
    mutating func readInteger<T: FixedWidthInteger>(as: T.Type) throws(CodingFailure) -> T
    mutating func readDouble() throws(CodingFailure) -> Double
    mutating func readBytes() throws(CodingFailure) -> [UInt8]
    /// Reads null, undefined, or the pair `$Undefined` if one is next.
    mutating func readNil() throws(CodingFailure) -> Bool
}

/// What an item is, before it is read.
package enum ItemKind: Sendable {
    case null, undefined, bool, integer, float, text, bytes, array, map, tag, simple

    package var name: String {
        switch self {
        case .null: "null"
        case .undefined: "undefined"
        case .bool: "a boolean"
        case .integer: "an integer"
        case .float: "a floating-point number"
        case .text: "text"
        case .bytes: "bytes"
        case .array: "an array"
        case .map: "a map"
        case .tag: "a tag"
        case .simple: "a simple value"
        }
    }
}

extension ItemReader {
    package init(_ bytes: UnsafeRawBufferPointer) {
        self.init(bytes, position: 0)
    }

    @inline(__always)
    package mutating func skipElement(depth: Int) throws(CodingFailure) {
        try skipItem(depth: depth)
    }

    /// Checks the next item and gives its bytes' place.
    package mutating func readItem() throws(CodingFailure) -> Range<Int> {
        _ = try peekKind()  // Steps over blanks.
        let start = position
        try skipItem(depth: 0)
        return start..<position
    }

    /// Calls `body` for each member of a map, with its key; `body` reads the value.
    package mutating func readMembers(
        _ body: (String, inout Self) throws(CodingFailure) -> Void
    ) throws(CodingFailure) {
        var remaining = try beginMap()
        while try hasNext(&remaining) {
            if let key = try readKey() { try body(key, &self) } else { try skipItem(depth: 0) }
        }
    }

    package mutating func readUnsigned() throws(CodingFailure) -> UInt64 {
        try readInteger(as: UInt64.self)
    }
}
