// SPDX-License-Identifier: Apache-2.0

/// The most containers and tags around one item (PROTOCOL j6).
package let maxNestingDepth = 128

/// The most values inside one another, containers or not: a bound for what reads or writes itself as another value.
let maxValuesInOneAnother = 4 * maxNestingDepth

/// A strict pull reader over one document: what reading CBOR and reading JSON have in common.
///
/// It reads one item after another from raw bytes, which must outlive it. A length is checked against what is left
/// before anything is done with it, and nothing recurses deeper than `maxNestingDepth`.
package protocol ItemReader {
    init(_ bytes: UnsafeRawBufferPointer, position: Int)

    /// The next byte to read, counted from the start of the document.
    var position: Int { get set }
    /// Whether an array may be a tagged pair (PROTOCOL j4).
    var hasPairs: Bool { get }

    /// What stands at the position; reads nothing but blanks.
    mutating func peekKind() throws(CodingError) -> ItemKind
    /// Checks the next item and steps over it.
    mutating func skipItem(depth: Int) throws(CodingError)
    /// As `skipItem`, with the commonest items first: small numbers and strings.
    mutating func skipElement(depth: Int) throws(CodingError)
    /// Fails if anything but blanks is left.
    mutating func readEnd() throws(CodingError)

    /// Steps into an array: the number of elements, negative where only the end tells.
    mutating func beginArray() throws(CodingError) -> Int
    /// Steps into a map: the number of members, negative where only the end tells.
    mutating func beginMap() throws(CodingError) -> Int
    /// Steps to the next element or key, or behind the end of the container. Between two calls with the same
    /// `remaining` exactly one element, or one key and its value, must be read.
    mutating func hasNext(_ remaining: inout Int) throws(CodingError) -> Bool
    /// A map's key as text, integers in decimal; nil for what can name no field.
    mutating func readKey() throws(CodingError) -> String?
    /// Steps over a key, and says whether it is this one.
    mutating func readKey(equals name: UnsafeRawBufferPointer) throws(CodingError) -> Bool

    mutating func readBool() throws(CodingError) -> Bool
    mutating func readText() throws(CodingError) -> String
    /// An integer in any form: integer heads, floats without fraction, big integers, pairs (j5).
    mutating func readInteger<T: FixedWidthInteger>(as: T.Type) throws(CodingError) -> T
    /// The value nearest to a number in any form; one beyond the type's range is an error.
    mutating func readDouble() throws(CodingError) -> Double
    mutating func readFloat() throws(CodingError) -> Float
    mutating func readBytes() throws(CodingError) -> [UInt8]
    /// Reads null, undefined, or the pair `$Undefined` if one is next.
    mutating func readNil() throws(CodingError) -> Bool
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
        unsafe self.init(bytes, position: 0)
    }

    @inline(__always)
    package mutating func skipElement(depth: Int) throws(CodingError) {
        try skipItem(depth: depth)
    }

    /// Checks the next item and gives its bytes' place.
    package mutating func readItem() throws(CodingError) -> Range<Int> {
        _ = try peekKind()  // Steps over blanks.
        let start = position
        try skipItem(depth: 0)
        return start..<position
    }

    /// Calls `body` for each member of a map, with its key; `body` reads the value.
    package mutating func readMembers(_ body: (String, inout Self) throws(CodingError) -> Void) throws(CodingError) {
        var remaining = try beginMap()
        while try hasNext(&remaining) {
            if let key = try readKey() { try body(key, &self) } else { try skipItem(depth: 0) }
        }
    }

    package mutating func readUnsigned() throws(CodingError) -> UInt64 {
        try readInteger(as: UInt64.self)
    }
}
