// SPDX-License-Identifier: Apache-2.0
import Synchronization
import Testing

@testable import RivetAsync

/// A member that is written twice.
@Suite(.leavesNothing, .timeLimit(.minutes(3)))
struct RepeatedMemberTests {
    struct Name: CodingKey, ExpressibleByStringLiteral {
        var stringValue: String
        var intValue: Int? { nil }

        init(stringLiteral value: String) { stringValue = value }
        init(stringValue: String) { self.stringValue = stringValue }
        init?(intValue: Int) { nil }
    }

    // MARK: Writing

    /// Not `Encodable` itself, or the testing library would encode it, too.
    struct Written: CustomTestStringConvertible, Sendable {
        var testDescription: String
        var json: String
        var value: Value

        struct Value: Encodable, Sendable {
            var write: @Sendable (inout KeyedEncodingContainer<Name>) throws -> Void
            func encode(to encoder: any Encoder) throws {
                var container = encoder.container(keyedBy: Name.self)
                try write(&container)
            }
        }

        init(
            _ name: String,
            _ json: String,
            _ write: @escaping @Sendable (inout KeyedEncodingContainer<Name>) throws -> Void
        ) {
            (testDescription, self.json) = (name, json)
            value = Value(write: write)
        }
    }

    /// `k0` to `k39` without those named, each with its number.
    static func numbered(without left: Int? = nil) -> String {
        (0..<40).filter { $0 != left }.map { #""k\#($0)":\#($0)"# }.joined(separator: ",")
    }

    static let rows: [Written] = [
        Written("a scalar", #"{"b":2,"a":3}"#) { container in
            try container.encode(1, forKey: "a")
            try container.encode(2, forKey: "b")
            try container.encode(3, forKey: "a")
        },
        Written("one member only", #"{"a":3}"#) { container in
            for number in 1...3 { try container.encode(number, forKey: "a") }
        },
        Written("null, a text, a list, a map", #"{"a":{"x":[1,"}\",{"]}}"#) { container in
            try container.encodeNil(forKey: "a")
            try container.encode("a\":1,", forKey: "a")
            try container.encode([1, 2], forKey: "a")
            try container.encode(["x": [1, "}\",{"] as RivetValue], forKey: "a")
        },
        Written("equivalent characters are another name", #"{"é":1,"e\#u{301}":2}"#) { container in
            try container.encode(1, forKey: "\u{e9}")
            try container.encode(2, forKey: "e\u{301}")
        },
        Written("the one of many", #"{\#(numbered(without: 7)),"k7":99}"#) { container in
            for number in 0..<40 { try container.encode(number, forKey: Name(stringValue: "k\(number)")) }
            try container.encode(99, forKey: "k7")
        },
        Written("nested members", #"{"a":{"x":1,"y":2},"b":0}"#) { container in
            var first = container.nestedContainer(keyedBy: Name.self, forKey: "a")
            try first.encode(1, forKey: "x")
            try container.encode(0, forKey: "b")
            var second = container.nestedContainer(keyedBy: Name.self, forKey: "a")
            try second.encode(2, forKey: "y")
        },
        Written("the same nested member", #"{"a":{"x":2}}"#) { container in
            for number in 1...2 {
                var nested = container.nestedContainer(keyedBy: Name.self, forKey: "a")
                try nested.encode(number, forKey: "x")
            }
        },
        Written("nested elements", #"{"a":[1,2]}"#) { container in
            var first = container.nestedUnkeyedContainer(forKey: "a")
            try first.encode(1)
            var second = container.nestedUnkeyedContainer(forKey: "a")
            try second.encode(2)
        },
        Written("a nested container in place of a list", #"{"a":{"x":1}}"#) { container in
            var list = container.nestedUnkeyedContainer(forKey: "a")
            try list.encode(1)
            var map = container.nestedContainer(keyedBy: Name.self, forKey: "a")
            try map.encode(1, forKey: "x")
        },
        Written("a scalar in place of a nested container", #"{"a":5}"#) { container in
            var map = container.nestedContainer(keyedBy: Name.self, forKey: "a")
            try map.encode(1, forKey: "x")
            try container.encode(5, forKey: "a")
        },
        Written("a long name", #"{"b":2,"a name of more than fifteen bytes":3}"#) { container in
            try container.encode(1, forKey: "a name of more than fifteen bytes")
            try container.encode(2, forKey: "b")
            try container.encode(
                3,
                forKey: Name(stringValue: ["a name of", "more than", "fifteen bytes"].joined(separator: " "))
            )
        },
        Written("names that share their bits", "{\(numbered())}") { container in
            for number in 0..<40 { try container.encode(number, forKey: Name(stringValue: "k\(number)")) }
        },
        Written("one whose value cannot be written leaves the first", #"{"a":1,"b":2}"#) { container in
            try container.encode(1, forKey: "a")
            try? container.encode(["x": FailsToEncode()], forKey: "a")
            try container.encode(2, forKey: "b")
        },
    ]

    struct FailsToEncode: Encodable {
        struct Failure: Error {}
        func encode(to encoder: any Encoder) throws {
            var container = encoder.container(keyedBy: Name.self)
            try container.encode(1, forKey: "a")
            throw Failure()
        }
    }

    @Test("B307: a member that is written twice stands once, with its last value", arguments: rows)
    func writtenOnce(_ row: Written) throws {
        #expect(String(decoding: try ValueFormat.json.encode(row.value), as: UTF8.self) == row.json)
        let list = try ValueFormat.json.encode([row.value, row.value])
        #expect(String(decoding: list, as: UTF8.self) == "[\(row.json),\(row.json)]")
        // The same in CBOR, whose head counts the members.
        let same = try ValueFormat.json.decode(RivetValue.self, from: ByteChunk(row.json.utf8))
        for format in [ValueFormat.cbor, .nativeCBOR] {
            #expect(hex(try format.encode(row.value)) == hex(try format.encode(same)))
        }
    }

    private class Base: Encodable {
        var name = "base"
        private enum CodingKeys: CodingKey { case name }
        func encode(to encoder: any Encoder) throws {
            var container = encoder.container(keyedBy: CodingKeys.self)
            try container.encode(name, forKey: .name)
        }
    }

    private final class Derived: Base {
        private enum CodingKeys: CodingKey { case name }
        override func encode(to encoder: any Encoder) throws {
            try super.encode(to: encoder)
            var container = encoder.container(keyedBy: CodingKeys.self)
            try container.encode("derived", forKey: .name)
        }
    }

    @Test("B307: a class and its superclass write one member")
    func subclassAndSuperclass() throws {
        #expect(String(decoding: try ValueFormat.json.encode(Derived()), as: UTF8.self) == #"{"name":"derived"}"#)
        #expect(hex(try ValueFormat.cbor.encode(Derived())) == "a1646e616d656764657269766564")
        let map = RivetValue.map([.init("a", 1), .init("b", 2), .init("a", 3)])
        #expect(String(decoding: try ValueFormat.json.encode(map), as: UTF8.self) == #"{"b":2,"a":3}"#)
        #expect(hex(try ValueFormat.nativeCBOR.encode(map)) == "a2616202616103")
    }

    struct Extras: Encodable {
        func encode(to encoder: any Encoder) throws {
            try ["a": 1].encode(to: encoder)
            var container = encoder.container(keyedBy: Name.self)
            try container.encode(2, forKey: "a")
        }
    }

    /// Its own container is asked for before the dictionary writes, and written to behind it.
    struct ExtrasBetween: Encodable {
        func encode(to encoder: any Encoder) throws {
            var container = encoder.container(keyedBy: Name.self)
            try ["a": 1].encode(to: encoder)
            try container.encode(2, forKey: "a")
        }
    }

    /// Fails to write a member first, where it is told to; the names are the same.
    struct Again: Encodable {
        var fails: Bool
        func encode(to encoder: any Encoder) throws {
            var container = encoder.container(keyedBy: Name.self)
            if fails {
                try? container.encode(FailsToEncode(), forKey: "again")
            } else {
                try container.encode(1, forKey: "again")
            }
            try container.encode(2, forKey: "again")
            try container.encode(3, forKey: "other")
        }
    }

    @Test("B307: what was seen of names before does not hide that one is there twice")
    func seenBefore() throws {
        for fails in [true, false, true, false] {
            let text = String(decoding: try ValueFormat.json.encode(Again(fails: fails)), as: UTF8.self)
            #expect(text == #"{"again":2,"other":3}"#)
        }
        #expect(String(decoding: try ValueFormat.json.encode(Extras()), as: UTF8.self) == #"{"a":2}"#)
        #expect(String(decoding: try ValueFormat.json.encode(ExtrasBetween()), as: UTF8.self) == #"{"a":2}"#)
    }

    // MARK: Reading

    struct Both: Decodable, Equatable {
        var a: Int
        var b: Int
    }

    /// Asks in another order, and more than once.
    struct Asking: Decodable, Equatable {
        var answers: [Int] = []
        enum CodingKeys: CodingKey { case a, b }

        init(_ answers: Int...) { self.answers = answers }
        init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: CodingKeys.self)
            for key in [CodingKeys.b, .a, .a] { answers.append(try container.decode(Int.self, forKey: key)) }
            let other = try decoder.container(keyedBy: Name.self)
            for key in other.allKeys { answers.append(try other.decode(Int.self, forKey: key)) }
        }
    }

    struct First: Decodable, Equatable { var a: Int }

    /// Asks for one before it asks for all.
    struct Listing: Decodable, Equatable {
        var answers: [String] = []
        init(_ answers: String...) { self.answers = answers }
        init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: Name.self)
            answers.append("\(try container.decode(Int.self, forKey: "a"))")
            answers += container.allKeys.map(\.stringValue)
        }
    }

    struct Nested: Decodable, Equatable {
        var a: Both
        var list: [Both]
    }

    /// Its containers are not used again: each needs one within another.
    final class Tree: Decodable, Equatable {
        let a: Int
        let child: Tree?
        init(_ a: Int, _ child: Tree? = nil) { (self.a, self.child) = (a, child) }
        static func == (left: Tree, right: Tree) -> Bool { left.a == right.a && left.child == right.child }
    }

    /// Keeps what it was given beyond its document.
    struct Keeping: Decodable {
        enum CodingKeys: CodingKey { case a, b }
        let container: KeyedDecodingContainer<CodingKeys>
        init(from decoder: any Decoder) throws { container = try decoder.container(keyedBy: CodingKeys.self) }
    }

    /// The document in CBOR, each of its members written.
    static func cbor(_ value: RivetValue) -> [UInt8] {
        switch value {
        case .integer(let number): [UInt8(number)]
        case .string(let text): [0x60 | UInt8(text.utf8.count)] + text.utf8
        case .array(let elements): [0x80 | UInt8(elements.count)] + elements.flatMap(cbor)
        case .map(let members): [0xa0 | UInt8(members.count)] + members.flatMap { cbor($0.key) + cbor($0.value) }
        default: [0xf6]
        }
    }

    static func documents(_ json: String) throws -> [(format: ValueFormat, bytes: ByteChunk)] {
        let text = ByteChunk(json.utf8)
        let cbor = cbor(try ValueFormat.json.decode(RivetValue.self, from: text))
        return [(.json, text), (.plainJSON, text), (.cbor, ByteChunk(cbor))]
    }

    static func read<T: Decodable & Equatable>(
        _ json: String,
        _ value: T,
        at location: SourceLocation = #_sourceLocation
    ) throws {
        for (format, bytes) in try documents(json) {
            #expect(try format.decode(T.self, from: bytes) == value, "\(format)", sourceLocation: location)
        }
    }

    @Test("B307: of members of one name the last is read, whatever is asked for, and in which order")
    func lastIsRead() throws {
        let text = #"{"a":1,"b":2,"a":3}"#
        try Self.read(text, Both(a: 3, b: 2))
        try Self.read(#"{"a":"no","b":2,"a":3}"#, Both(a: 3, b: 2))
        try Self.read(#"{"a":1,"a":3}"#, First(a: 3))
        try Self.read(#"{"a":1,"more":{"a":2},"a":3,"rest":[]}"#, First(a: 3))
        try Self.read(text, ["a": 3, "b": 2])
        try Self.read(text, Asking(2, 3, 3, 2, 3))
        try Self.read(#"{"a":1,"b":2}"#, Asking(2, 1, 1, 1, 2))
        try Self.read(text, Listing("3", "b", "a"))
        try Self.read(
            #"{"list":[{"a":1,"b":2},{"b":1,"a":5,"b":6},{"a":7,"b":8}],"a":{"a":1,"b":1},"a":{"b":3,"a":4}}"#,
            Nested(a: Both(a: 4, b: 3), list: [Both(a: 1, b: 2), Both(a: 5, b: 6), Both(a: 7, b: 8)])
        )
        try Self.read(
            #"{"a":1,"child":{"a":2,"child":{"a":3,"a":4},"a":5},"a":6}"#,
            Tree(6, Tree(5, Tree(4)))
        )
        for (format, bytes) in try Self.documents(text) {
            let value = try format.decode(RivetValue.self, from: bytes)
            #expect(value["a"] == 3)
            let kept = try format.decode(Keeping.self, from: bytes).container
            #expect(try kept.decode(Int.self, forKey: .a) == 3)
        }
    }

    @Test("B307: a document is read again only where a name is there twice")
    func readOnce() throws {
        final class Counted: Decodable {
            static let count = Atomic(0)
            var a: Int
            init(from decoder: any Decoder) throws {
                Self.count.add(1, ordering: .relaxed)
                a = try decoder.container(keyedBy: Name.self).decode(Int.self, forKey: "a")
            }
        }
        for json in [#"{"a":1}"#, #"{"b":2,"a":1}"#, #"{"a":1,"b":[1,{"c":2}],"d":4,"aa":5}"#] {
            for (format, bytes) in try Self.documents(json) {
                #expect(try format.decode(Counted.self, from: bytes).a == 1)
            }
        }
        #expect(Counted.count.load(ordering: .relaxed) == 9)
    }

    @Test("B307: names of any length and number", arguments: [2, 16, 17, 200])
    func many(_ count: Int) throws {
        for length in [1, 15, 16, 40] {
            let names = (0..<count).map { "\($0)" + String(repeating: "x", count: max(0, length - 3)) }
            let whole = names.map { #""\#($0)":1"# }.joined(separator: ",")
            let last = try #require(names.last)
            struct Value: Decodable {
                var asked: Int
                init(from decoder: any Decoder) throws {
                    let container = try decoder.container(keyedBy: Name.self)
                    let name = container.allKeys.last?.stringValue ?? ""
                    asked = try container.decode(Int.self, forKey: Name(stringValue: name))
                }
            }
            let text = ByteChunk("{\(whole),\"\(last)\":2}".utf8)
            #expect(try ValueFormat.json.decode(Value.self, from: text).asked == 2)
            #expect(try ValueFormat.json.decode([String: Int].self, from: text).count == count)
        }
    }

    @Test("B307: a hundred thousand members, one of them twice, take no longer than they should")
    func noQuadraticTime() throws {
        struct Counted: Decodable {
            var count = 0
            init(from decoder: any Decoder) throws {
                let container = try decoder.container(keyedBy: Name.self)
                for key in container.allKeys { count += try container.decode(Int.self, forKey: key) }
            }
        }
        struct Nested: Encodable {
            func encode(to encoder: any Encoder) throws {
                var container = encoder.container(keyedBy: Name.self)
                for number in (0..<20_000).map({ $0 % 10_000 }) {
                    var nested = container.nestedContainer(keyedBy: Name.self, forKey: Name(stringValue: "\(number)"))
                    try nested.encode(1, forKey: "a")
                }
            }
        }
        // Each member compared with each other one would be ten billion steps, which the suite's time limit is for.
        let members = (0..<100_000).map { #""\#($0)":1"# }.joined(separator: ",")
        let text = ByteChunk(#"{\#(members),"7":2}"#.utf8)
        #expect(try ValueFormat.json.decode(Counted.self, from: text).count == 100_001)
        #expect(try ValueFormat.json.decode([String: Int].self, from: text)["7"] == 2)
        #expect(try ValueFormat.json.encode(Nested()).count == 148_891)
    }
}
