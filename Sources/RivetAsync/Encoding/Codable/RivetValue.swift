// SPDX-License-Identifier: Apache-2.0

/// A value of any shape, for what has no Swift type.
///
/// It holds what CBOR and JSON hold, with JavaScript's tagged pairs already read: `["$BigInt","7"]` is an integer,
/// `["$Uint8Array","AA=="]` bytes, `["$Set",[…]]` an array.
public enum RivetValue: Sendable, Hashable {
    /// CBOR's and JSON's `null`.
    case null
    /// JavaScript's `undefined`, which other languages have not.
    case undefined
    /// `true` or `false`.
    case bool(Bool)
    /// An integer of at most 64 bits with sign; from JSON a number without fraction and exponent.
    case integer(Int)
    /// An integer beyond 64 bits with sign, in decimal digits; at most 1,024 of them are read.
    case bigInteger(String)
    /// Any other number, infinities and NaN among them, which JSON has not.
    case double(Double)
    /// A text.
    case string(String)
    /// A byte string. JSON has none, so there it is the pair of `"$Uint8Array"` and base64.
    case bytes([UInt8])
    /// Values in their order.
    case array([RivetValue])
    /// A map's members in their order. From JSON all keys are strings.
    case map([Member])
    /// A CBOR tag that nothing here interprets, a date for example (tags 0 and 1). JSON has none.
    indirect case tag(UInt64, RivetValue)
    /// A CBOR simple value without a meaning of its own. JSON has none.
    case simple(UInt8)

    /// One member of a map.
    public struct Member: Sendable, Hashable {
        /// The key, a string nearly always.
        public var key: RivetValue
        /// What stands under the key.
        public var value: RivetValue

        /// Makes a member.
        public init(_ key: RivetValue, _ value: RivetValue) {
            self.key = key
            self.value = value
        }
    }

    /// The last member of that name, or nil if there is none or this is no map.
    public subscript(name: String) -> RivetValue? {
        guard case .map(let members) = self else { return nil }
        return members.last { $0.key == .string(name) }?.value
    }

    /// The element at that position, or nil if there is none or this is no array.
    public subscript(position: Int) -> RivetValue? {
        guard case .array(let elements) = self, elements.indices.contains(position) else { return nil }
        return elements[position]
    }
}

extension RivetValue: ExpressibleByNilLiteral, ExpressibleByBooleanLiteral, ExpressibleByIntegerLiteral,
    ExpressibleByFloatLiteral, ExpressibleByStringLiteral, ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral
{
    /// Null.
    public init(nilLiteral: ()) { self = .null }
    /// True or false.
    public init(booleanLiteral value: Bool) { self = .bool(value) }
    /// An integer.
    public init(integerLiteral value: Int) { self = .integer(value) }
    /// A floating-point number.
    public init(floatLiteral value: Double) { self = .double(value) }
    /// A string.
    public init(stringLiteral value: String) { self = .string(value) }
    /// An array.
    public init(arrayLiteral elements: RivetValue...) { self = .array(elements) }
    /// A map with its members in the order of the literal.
    public init(dictionaryLiteral elements: (RivetValue, RivetValue)...) {
        self = .map(elements.map { Member($0, $1) })
    }
}
