// SPDX-License-Identifier: Apache-2.0
import Foundation
import Testing

@testable import RivetAsync

/// A value of a user's type, and what must hold of it in each format.
struct Shape: Sendable, CustomTestStringConvertible {
    var testDescription: String
    /// Output, argument, one of several arguments: encoded, decoded, equal.
    var roundTrip: @Sendable (ValueFormat) throws -> Void
    /// The formats it cannot travel in, with the kind of error.
    var refused: [ValueFormat: CodingError.Kind] = [:]

    init<T: Codable & Sendable>(
        _ name: String,
        _ value: T,
        refused: [ValueFormat: CodingError.Kind] = [:],
        equal: @escaping @Sendable (T, T) -> Bool
    ) {
        testDescription = name
        self.refused = refused
        roundTrip = { format in
            let output = try format.encode(value)
            let back = try format.decode(T.self, from: output)
            #expect(equal(back, value), "output")
            let argument = try format.encodeArgument(value)
            #expect(equal(try format.decodeArgument(T.self, from: argument), value), "argument")
            let several = try format.encodeArguments(1, value, "end")
            let (one, same, end) = try format.decodeArguments(as: (Int, T, String).self, from: several)
            #expect(one == 1 && equal(same, value) && end == "end", "one of several arguments")
        }
    }

    init<T: Codable & Sendable & Equatable>(_ value: T, _ name: String? = nil) {
        self.init(name ?? "\(T.self) \(String(describing: value).prefix(60))", value) { $0 == $1 }
    }
}

enum Color: String, Codable, Sendable, Hashable, CaseIterable { case red, green }
enum Level: Int, Codable, Sendable, Hashable { case low = 1, high = 2 }
enum CodableKey: String, Codable, Sendable, Hashable, CodingKeyRepresentable { case a, b }
struct Empty: Codable, Sendable, Equatable {}
struct Point: Codable, Sendable, Equatable { var x: Double, y: Double }
struct Optionals: Codable, Sendable, Equatable {
    var number: Int?, text: String?, point: Point?, list: [Int]?, flag: Bool?
}
struct User: Codable, Sendable, Equatable { var name: String, age: Int, tags: [String], home: Point?, color: Color }
struct Renamed: Codable, Sendable, Equatable {
    var first: Int, second: Int
    enum CodingKeys: String, CodingKey { case first = "a-b", second = "" }
}
struct Numbered: Codable, Sendable, Equatable {
    var first: Int, second: String
    enum CodingKeys: Int, CodingKey { case first = 7, second = 3 }
}
struct Wrapper: Codable, Sendable, Equatable {
    var value: Int
    init(_ value: Int) { self.value = value }
    init(from decoder: any Decoder) throws { value = try decoder.singleValueContainer().decode(Int.self) }
    func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(value)
    }
}
struct Generic<T: Codable & Sendable & Equatable>: Codable, Sendable, Equatable { var value: T, more: [T] }
indirect enum Tree: Codable, Sendable, Equatable {
    case leaf
    case value(Int)
    case branch(left: Tree, right: Tree)
    case named(name: String, Point?)
}
enum Message: Codable, Sendable, Equatable {
    case text(String), joined(user: User, at: Date), both(Message.Part, Message.Part), left
    enum Part: Codable, Sendable, Equatable { case bytes([UInt8]), none }
}
class Animal: Codable, Equatable, @unchecked Sendable {
    var legs: Int
    init(legs: Int) { self.legs = legs }
    static func == (a: Animal, b: Animal) -> Bool { a.isEqual(to: b) }
    func isEqual(to other: Animal) -> Bool { legs == other.legs }
}
/// Writes into its superclass's container.
final class Bird: Animal, @unchecked Sendable {
    var wings: Int
    init(legs: Int, wings: Int) {
        self.wings = wings
        super.init(legs: legs)
    }
    private enum CodingKeys: CodingKey { case wings }
    required init(from decoder: any Decoder) throws {
        wings = try decoder.container(keyedBy: CodingKeys.self).decode(Int.self, forKey: .wings)
        try super.init(from: decoder)
    }
    override func encode(to encoder: any Encoder) throws {
        try super.encode(to: encoder)
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(wings, forKey: .wings)
    }
    override func isEqual(to other: Animal) -> Bool { (other as? Bird)?.wings == wings && super.isEqual(to: other) }
}
/// Gives its superclass an encoder of its own.
final class Dog: Animal, @unchecked Sendable {
    var name: String
    var isNamed: Bool
    init(legs: Int, name: String, isNamed: Bool) {
        (self.name, self.isNamed) = (name, isNamed)
        super.init(legs: legs)
    }
    private enum CodingKeys: CodingKey { case name, animal }
    required init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        name = try container.decode(String.self, forKey: .name)
        isNamed = container.contains(.animal)
        try super.init(from: isNamed ? container.superDecoder(forKey: .animal) : container.superDecoder())
    }
    override func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try super.encode(to: isNamed ? container.superEncoder(forKey: .animal) : container.superEncoder())
        try container.encode(name, forKey: .name)
    }
    override func isEqual(to other: Animal) -> Bool { (other as? Dog)?.name == name && super.isEqual(to: other) }
}
/// Fills nested containers in an order that no stream has, and its superclass's last.
struct Interleaved: Codable, Sendable, Equatable {
    var a: [Int], b: [String], c: Int
    private enum CodingKeys: CodingKey { case a, b, c }
    init(a: [Int], b: [String], c: Int) { (self.a, self.b, self.c) = (a, b, c) }
    init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        c = try container.decode(Int.self, forKey: .c)
        var first = try container.nestedUnkeyedContainer(forKey: .a)
        var second = try container.nestedUnkeyedContainer(forKey: .b)
        (a, b) = ([], [])
        while !first.isAtEnd || !second.isAtEnd {
            if !second.isAtEnd { b.append(try second.decode(String.self)) }
            if !first.isAtEnd { a.append(try first.decode(Int.self)) }
        }
    }
    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        var first = container.nestedUnkeyedContainer(forKey: .a)
        var second = container.nestedUnkeyedContainer(forKey: .b)
        for index in 0..<max(a.count, b.count) {
            if index < b.count { try second.encode(b[index]) }
            if index == 0 { try container.encode(c, forKey: .c) }
            if index < a.count { try first.encode(a[index]) }
        }
    }
}
/// Arrays in arrays in arrays, by hand, with a map at the bottom.
struct Nested: Codable, Sendable, Equatable {
    var number: Int
    private enum CodingKeys: CodingKey { case number }
    init(number: Int) { self.number = number }
    init(from decoder: any Decoder) throws {
        var outer = try decoder.unkeyedContainer()
        guard try outer.decodeNil() else {
            throw DecodingError.valueNotFound(Int.self, .init(codingPath: [], debugDescription: ""))
        }
        var middle = try outer.nestedUnkeyedContainer()
        let inner = try middle.nestedContainer(keyedBy: CodingKeys.self)
        number = try inner.decode(Int.self, forKey: .number)
    }
    func encode(to encoder: any Encoder) throws {
        var outer = encoder.unkeyedContainer()
        try outer.encodeNil()
        var middle = outer.nestedUnkeyedContainer()
        var inner = middle.nestedContainer(keyedBy: CodingKeys.self)
        try inner.encode(number, forKey: .number)
    }
}
/// One of several types, found out by trying: what many users write.
enum Either: Codable, Sendable, Equatable {
    case number(Int), text(String), list([Either])
    init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if let number = try? container.decode(Int.self) {
            self = .number(number)
        } else if let text = try? container.decode(String.self) {
            self = .text(text)
        } else {
            self = .list(try container.decode([Either].self))
        }
    }
    func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        switch self {
        case .number(let number): try container.encode(number)
        case .text(let text): try container.encode(text)
        case .list(let list): try container.encode(list)
        }
    }
}
/// As many values of as many types as one likes.
struct Pack<each Value: Codable & Sendable & Equatable>: Codable, Sendable, Equatable {
    var values: (repeat each Value)
    init(_ value: repeat each Value) { values = (repeat each value) }
    init(from decoder: any Decoder) throws {
        var container = try decoder.unkeyedContainer()
        values = (repeat try container.decode((each Value).self))
    }
    func encode(to encoder: any Encoder) throws {
        var container = encoder.unkeyedContainer()
        repeat try container.encode(each values)
    }
    static func == (a: Pack, b: Pack) -> Bool {
        for (left, right) in repeat (each a.values, each b.values) {
            guard left == right else { return false }
        }
        return true
    }
}
struct Everything: Codable, Sendable, Equatable {
    var data: Data, date: Date, url: URL, uuid: UUID, decimal: Decimal, chunk: ByteChunk, bytes: [UInt8]
    var optionalDate: Date?, dates: [Date], byName: [String: Data]
}
struct Widths: Codable, Sendable, Equatable {
    var a: Int8, b: Int16, c: Int32, d: Int64, e: UInt8, f: UInt16, g: UInt32, h: UInt64, i: UInt, j: Float, k: Double
    var l: Int128, m: UInt128, n: Bool
}

extension Shape {
    static let moment = Date(timeIntervalSince1970: 1_754_512_646.123)
    static let user = User(name: "Ada", age: 36, tags: ["math", ""], home: Point(x: 1.5, y: -0.25), color: .green)
    static let url = URL(string: "https://example.org/a%20b?c=d#e").unsafelyUnwrapped
    static let uuid = UUID(uuidString: "E621E1F8-C36C-495A-93FC-0C247A3E6E5F").unsafelyUnwrapped

    static let all: [Shape] = [
        // Scalars
        Shape(true), Shape(false), Shape(0), Shape(-1), Shape(Int.min), Shape(Int.max), Shape(UInt64.max),
        Shape(Int8.min), Shape(UInt8.max), Shape(Int16.min), Shape(UInt32.max), Shape((1 << 53) - 1), Shape(1 << 53),
        Shape(-(1 << 53)), Shape(Int128.max), Shape(Int128.min), Shape(UInt128.max),
        Shape(Int128(UInt64.max) + 1), Shape(Int128(Int64.min) - 1),
        Shape(0.0), Shape(0.1), Shape(1e300), Shape(Double.leastNonzeroMagnitude),
        Shape(Double.greatestFiniteMagnitude),
        Shape("-0.0", -0.0) { $0.bitPattern == $1.bitPattern },
        Shape("NaN", Double.nan, refused: [.json: .notRepresentable]) { $0.isNaN && $1.isNaN },
        Shape("infinity", -Double.infinity, refused: [.json: .notRepresentable], equal: ==),
        Shape(Float(0.1)), Shape(Float.greatestFiniteMagnitude),
        Shape("NaN as Float", Float.nan, refused: [.json: .notRepresentable]) { $0.isNaN && $1.isNaN },
        Shape(""), Shape("plain"), Shape("quote \" slash \\ / tab \t nul \u{0} bell \u{7} del \u{7f}"),
        Shape(String(repeating: "水\u{10151}é👩‍👩‍👧 ", count: 2_000), "long Unicode"), Shape("$"), Shape("$BigInt"),
        Shape("\u{2028}\u{FEFF}e\u{301}", "odd Unicode"),
        // Arrays and pairs
        Shape([Int]()), Shape([1, 2, 3]), Shape(Array(0..<1_000), "a thousand integers"), Shape([[1], [], [2, 3]]),
        Shape(["$x", "y"], "a pair to be escaped"), Shape(["$BigInt", "5"], "an array that looks like a BigInt"),
        Shape(["$$", "y"], "two dollars"), Shape([["$a", "b"], ["$c", "d"]], "pairs in a pair"),
        Shape(["$\u{301}", "y"], "a dollar with an accent"), Shape(["$$\u{301}", "y"], "two of them"),
        Shape(["$x"], "one dollar alone"), Shape(["$x", "y", "z"], "three with a dollar"),
        Shape(["$" + String(repeating: "x", count: 22), "y"], "a pair whose head grows"),
        Shape(["$" + String(repeating: "x", count: 254), "y"], "a pair whose head grows again"),
        Shape([nil, 1, nil] as [Int?]), Shape(Set([1, 2, 3])), Shape(Set<String>()),
        Shape((0..<300).map { "\($0)" }, "an array whose head grows"),
        // Dictionaries
        Shape(["a": 1, "": 2]), Shape([String: Int]()), Shape([1: "one", -2: "two"]), Shape([UInt8(1): 2]),
        Shape([Color.red: 1, .green: 2], "keys of an enum, not representable as text"),
        Shape([CodableKey.a: 1, .b: 2], "keys of an enum, representable"), Shape([Level.low: "x"]),
        Shape(Dictionary(uniqueKeysWithValues: (0..<500).map { ("key\($0)", $0) }), "500 members"),
        Shape(["a": ["b": ["c": [1]]]]), Shape(["a": nil, "b": 1] as [String: Int?]),
        // Optionals and nothing
        Shape(Int?.none), Shape(Int?.some(5)), Shape(Optionals()),
        Shape(Optionals(number: 0, text: "", point: Point(x: 0, y: 0), list: [], flag: false)), Shape(NoValue()),
        // Structs, enums, classes
        Shape(Empty()), Shape([Empty(), Empty()]), Shape(user), Shape([user, user]),
        Shape(Renamed(first: 1, second: 2)),
        Shape(Numbered(first: 1, second: "b")), Shape(Wrapper(7)), Shape([Wrapper(1), Wrapper(2)]),
        Shape(Generic(value: user, more: [user])), Shape(Color.red), Shape(Level.high), Shape([Color.red, .green]),
        Shape(Tree.leaf), Shape(Tree.value(1)),
        Shape(Tree.branch(left: .branch(left: .leaf, right: .value(2)), right: .named(name: "$", Point(x: 1, y: 2)))),
        Shape(Tree.named(name: "a", nil)), Shape(Message.left), Shape(Message.text("$")),
        Shape(Message.joined(user: user, at: moment)), Shape(Message.both(.bytes([1, 2]), .none)),
        Shape(Animal(legs: 3), "a class"), Shape(Bird(legs: 2, wings: 2), "a subclass in the same container"),
        Shape(Dog(legs: 4, name: "Rex", isNamed: false), "a subclass with a super encoder"),
        Shape(Dog(legs: 4, name: "Rex", isNamed: true), "a subclass with a named super encoder"),
        Shape(Interleaved(a: [1, 2, 3], b: ["x"], c: 9), "nested containers out of order"),
        Shape(Interleaved(a: Array(0..<40), b: [], c: 9), "nested containers out of order, long"),
        Shape(Pack(1, "a", user, [nil, 2.5], Color.red), "a pack"), Shape(Pack(), "an empty pack"),
        Shape(Pack("$x", 1), "a pack to be escaped"), Shape(Nested(number: 5)),
        Shape(Either.list([.number(1), .text("a"), .list([])])),
        Shape(
            Widths(
                a: -1,
                b: -300,
                c: .min,
                d: .max,
                e: 255,
                f: 256,
                g: .max,
                h: .max,
                i: .max,
                j: 1.5,
                k: 0.1,
                l: .min,
                m: .max,
                n: true
            )
        ),
        // Bytes, dates and Foundation's
        Shape([UInt8]()), Shape([1, 2, 255] as [UInt8]), Shape([[1], [2, 3]] as [[UInt8]]), Shape([UInt8]?.some([1])),
        Shape(ByteChunk([9, 8, 7])), Shape(ByteChunk([UInt8]())), Shape(Data([0, 1, 255])), Shape(Data()),
        Shape([Data([1]), Data()]), Shape(["a": Data([1])]), Shape(moment), Shape(Date(timeIntervalSince1970: 0)),
        Shape(Date(timeIntervalSince1970: -62_135_596_800.001)), Shape([moment, moment]), Shape(Date?.some(moment)),
        Shape(["a": moment]), Shape(url), Shape([url]), Shape(URL?.some(url)), Shape(uuid), Shape([uuid: 1]),
        Shape(Decimal(12.5)), Shape(Decimal(string: "0.1").unsafelyUnwrapped),
        Shape(Decimal(string: "-12345678901234567890.123456789").unsafelyUnwrapped),
        Shape(Decimal.greatestFiniteMagnitude), Shape(Decimal(0)), Shape(Decimal(Int.max)),
        Shape(Decimal(string: "1e-100").unsafelyUnwrapped),
        Shape(
            Everything(
                data: Data([1]),
                date: moment,
                url: url,
                uuid: uuid,
                decimal: 0.5,
                chunk: ByteChunk([2]),
                bytes: [3],
                optionalDate: moment,
                dates: [moment],
                byName: ["x": Data([4])]
            )
        ),
        Shape(
            "the end of time",
            Date.distantFuture.addingTimeInterval(1e13),
            refused: [.json: .notRepresentable, .cbor: .notRepresentable, .nativeCBOR: .notRepresentable],
            equal: ==
        ),
        Shape(
            "Decimal.nan",
            Decimal.nan,
            refused: [.json: .notRepresentable, .cbor: .notRepresentable, .nativeCBOR: .notRepresentable],
            equal: { $0.isNaN && $1.isNaN }
        ),
        Shape(
            "a relative URL",
            URL(string: "b", relativeTo: url).unsafelyUnwrapped,
            refused: [.json: .notRepresentable, .cbor: .notRepresentable, .nativeCBOR: .notRepresentable],
            equal: ==
        ),
        // Untyped
        Shape(RivetValue.null), Shape(RivetValue.undefined), Shape(.string("$x") as RivetValue),
        Shape(["a": [1, 2.5, nil, true, .bytes([1]), .undefined], "$": ["$x", 1]] as RivetValue),
        Shape(.bigInteger("123456789012345678901234567890") as RivetValue),
        Shape(.bigInteger(String(repeating: "9", count: 200)) as RivetValue),
        Shape(
            "a tag",
            RivetValue.tag(32, "x"),
            refused: [.json: .notRepresentable, .cbor: .notRepresentable],
            equal: ==
        ),
        Shape(
            "a simple value",
            RivetValue.simple(255),
            refused: [.json: .notRepresentable, .cbor: .notRepresentable],
            equal: ==
        ),
        Shape(
            "a map with an array as key",
            RivetValue.map([.init([1], 2)]),
            refused: [.json: .notRepresentable, .cbor: .notRepresentable],
            equal: ==
        ),
    ]
}
