// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import RivetAsync

/// No error tells a value or a key that is the user's; and its path is what `Codable` promises.
@Suite(.leavesNothing, .timeLimit(.minutes(3)))
struct ErrorTextTests {
    struct Account: Codable { var secrets: [String: Int] }
    struct Refusing: Decodable {
        init(from decoder: any Decoder) throws {
            let path = decoder.codingPath
            throw DecodingError.dataCorrupted(.init(codingPath: path, debugDescription: "never"))
        }
    }

    struct Row: CustomTestStringConvertible, Sendable {
        var testDescription: String
        var run: @Sendable () throws -> Void

        init<T: Decodable & SendableMetatype>(_ json: String, _: T.Type) {
            testDescription = "\(json) as \(T.self)"
            run = { _ = try ValueFormat.json.decode(T.self, from: ByteChunk(json.utf8)) }
        }

        init(writing name: String, _ value: some Encodable & Sendable) {
            testDescription = "writing \(name)"
            run = { _ = try ValueFormat.json.encode(value) }
        }
    }

    struct Invalid: Encodable {
        func encode(to encoder: any Encoder) throws {
            throw EncodingError.invalidValue("pw-hunter2", .init(codingPath: [], debugDescription: "no"))
        }
    }

    @Test(
        "B308: no payload and no dictionary key stands in an error",
        arguments: [
            Row(#"["$pw-hunter2",1]"#, [Int].self), Row(#"["$pw-hunter2",1]"#, RivetValue.self),
            Row(#"[["$pw-hunter2",1]]"#, [String].self), Row(#"["pw-hunter2"]"#, [Color].self),
            Row(#""pw-hunter2""#, Color.self), Row(#"{"pw-hunter2":"a"}"#, [String: Int].self),
            Row(#"{"secrets":{"pw-hunter2":"a"}}"#, Account.self), Row(#"{"pw-hunter2":{"x":[tru]}}"#, RivetValue.self),
            Row(#"{"pw-hunter2":{"pw-hunter2":5}}"#, [String: [String: Color]].self),
            Row(#"{"pw-hunter2":{}}"#, [String: Refusing].self), Row(#"{"pw-hunter2":{}}"#, [String: Account].self),
            Row(#"{"pw-hunter2":1}"#, [Int: Int].self), Row(#"{"a":{"pw-hunter2":1}}"#, [String: [Int: Int]].self),
            Row(#"["$BigInt","pw-hunter2"]"#, Int.self), Row(#"["$Uint8Array","pw-hunter2"]"#, [UInt8].self),
            Row(#"["pw-hunter2"]"#, [Duration].self), Row(#""pw-hunter2""#, Double.self),
            Row(writing: "NaN", ["pw-hunter2": Double.nan]),
            Row(writing: "a map in a map", ["pw-hunter2": ["pw-hunter2": Double.nan]]),
            Row(writing: "what its type refuses", ["pw-hunter2": Invalid()]),
            Row(writing: "digits", RivetValue.bigInteger("pw-hunter2")),
        ]
    )
    func noPayload(_ row: Row) {
        let failure = #expect(throws: CodingError.self) { try row.run() }
        for text in ["\(failure as Any)", failure.debugDescription, "\(failure?.underlying as Any)"] {
            #expect(!text.contains("hunter2"))
        }
        #expect(failure?.path.contains("hunter2") == false)
        var dumped = ""
        dump(failure, to: &dumped)
        #expect(!dumped.contains("hunter2"))
    }

    @Test("B308: a raw value or a range that does not fit is told without it")
    func standardErrors() {
        for (json, type) in [("[987654,3]", Range<Int>.self as any Decodable.Type), ("987654", Level.self)] {
            let failure = #expect(throws: CodingError.self) {
                _ = try ValueFormat.json.decode(type, from: ByteChunk(json.utf8)) as Any
            }
            #expect(failure?.kind == .refusedByType)
            let text = "\(failure?.underlying as Any)"
            #expect(text.contains("Cannot initialize"))
            #expect(!text.contains("987654"))
        }
    }

    private static func text(_ path: [any CodingKey]) -> String {
        path.map { $0.intValue.map { "[\($0)]" } ?? $0.stringValue }.joined(separator: "/")
    }

    /// Tells the path of its decoder and of its containers.
    struct Teller: Decodable {
        var paths: [String]
        enum CodingKeys: CodingKey { case inner, list, missing }

        init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: CodingKeys.self)
            paths = [ErrorTextTests.text(decoder.codingPath), ErrorTextTests.text(container.codingPath)]
            let inner = try container.nestedContainer(keyedBy: CodingKeys.self, forKey: .inner)
            paths.append(ErrorTextTests.text(inner.codingPath))
            var list = try container.nestedUnkeyedContainer(forKey: .list)
            paths.append(ErrorTextTests.text(list.codingPath))
            let element = try list.nestedContainer(keyedBy: CodingKeys.self)
            paths.append(ErrorTextTests.text(element.codingPath))
            paths.append(ErrorTextTests.text(try list.superDecoder().codingPath))
            do { _ = try element.decode(Int.self, forKey: .inner) } catch DecodingError.typeMismatch(_, let context) {
                paths.append(ErrorTextTests.text(context.codingPath))
            }
            do { _ = try element.decode(Int.self, forKey: .missing) } catch DecodingError.keyNotFound(_, let context) {
                paths.append(ErrorTextTests.text(context.codingPath))
            }
        }
    }

    @Test("B308: while reading the coding path is the whole path, a key for each step, and empty at the root")
    func codingPaths() throws {
        let json = #"{"inner":{},"list":[{"inner":"x"},2]}"#
        let expected = ["", "", "inner", "list", "list/[0]", "list/[1]", "list/[0]/inner", "list/[0]"]
        let prefixed = { (prefix: String) in
            expected.map { $0.isEmpty ? prefix : prefix + "/" + $0 }
        }
        for format in ValueFormat.allCases {
            let value = try ValueFormat.json.decode(RivetValue.self, from: ByteChunk(json.utf8))
            #expect(try format.decode(Teller.self, from: format.encode(value)).paths == expected)
            let list = try format.decode([Teller].self, from: format.encode([value, value]))
            #expect(list[1].paths == prefixed("[1]"))
            let map = try format.decode([String: Teller].self, from: format.encode(["hunter2": value] as RivetValue))
            #expect(map["hunter2"]?.paths == prefixed("*"))
            let argument: Teller = try format.decodeArgument(from: format.encodeArgument(value))
            #expect(argument.paths == prefixed("[0]"))
        }
        let set = try ValueFormat.json.decode([[Teller]].self, from: ByteChunk(#"[["$Set",[\#(json)]]]"#.utf8))
        #expect(set[0][0].paths == prefixed("[0]/[0]"))
    }

    /// Writes the same, and tells the paths while it does.
    struct Scribe: Encodable, Sendable {
        let paths = Paths()
        var fails = false
        enum CodingKeys: CodingKey { case inner, list, last, nan }

        final class Paths: @unchecked Sendable {
            var list: [String] = []
            func note(_ path: [any CodingKey]) { list.append(ErrorTextTests.text(path)) }
        }

        func encode(to encoder: any Encoder) throws {
            var container = encoder.container(keyedBy: CodingKeys.self)
            var inner = container.nestedContainer(keyedBy: CodingKeys.self, forKey: .inner)
            var list = container.nestedUnkeyedContainer(forKey: .list)
            try list.encode("x")
            var element = list.nestedContainer(keyedBy: CodingKeys.self)
            for path in [encoder.codingPath, container.codingPath, inner.codingPath, list.codingPath] {
                paths.note(path)
            }
            paths.note(element.codingPath)
            paths.note(list.superEncoder().codingPath)
            try container.encode(Leaf(paths: paths), forKey: .last)
            try element.encode(Leaf(paths: paths), forKey: .last)
            paths.note(container.superEncoder().codingPath)
            do { try inner.encode(Double.nan, forKey: .nan) } catch EncodingError.invalidValue(_, let context) {
                paths.note(context.codingPath)
            }
            if fails { try element.encode([0, .infinity], forKey: .nan) }
        }

        struct Leaf: Encodable {
            let paths: Paths
            func encode(to encoder: any Encoder) throws {
                paths.note(encoder.codingPath)
                var container = encoder.unkeyedContainer()
                try container.encode(true)
                paths.note(container.codingPath)
                paths.note(container.nestedContainer(keyedBy: CodingKeys.self).codingPath)
            }
        }
    }

    static let written = [
        "", "", "inner", "list", "list/[1]", "list/[2]", "last", "last", "last/[1]", "list/[1]/last", "list/[1]/last",
        "list/[1]/last/[1]", "super",
    ]

    @Test("B308: while writing the coding path is the whole path, a key for each step, and empty at the root")
    func codingPathsOfWriting() throws {
        let prefixed = { (prefix: String, paths: [String]) in paths.map { $0.isEmpty ? prefix : prefix + "/" + $0 } }
        for format in ValueFormat.allCases {
            let expected = Self.written + (format.isJSON ? ["inner/nan"] : [])
            var scribe = Scribe()
            _ = try format.encode(scribe)
            #expect(scribe.paths.list == expected)
            scribe = Scribe()
            let list: [[String: Scribe]] = [[:], ["hunter2": scribe]]
            _ = try format.encode(list)
            #expect(scribe.paths.list == prefixed("[1]/*", expected))
            scribe = Scribe()
            _ = try format.encodeArguments([1, 2], "x", scribe)
            #expect(scribe.paths.list == prefixed("[2]", expected))
            scribe = Scribe()
            _ = try format.encodeArgument(scribe)
            #expect(scribe.paths.list == prefixed("[0]", expected))
        }
    }

    @Test("B308: what cannot be written is told with the whole path", arguments: [ValueFormat.json, .plainJSON])
    func pathsOfFailures(_ format: ValueFormat) {
        struct Refused: Encodable {
            var gives: [String]
            struct Key: CodingKey {
                var stringValue: String
                var intValue: Int? { nil }
                init?(stringValue: String) { self.stringValue = stringValue }
                init?(intValue: Int) { nil }
            }
            enum Given: CodingKey { case a, b }
            func encode(to encoder: any Encoder) throws {
                _ = encoder.container(keyedBy: Given.self)
                let path = gives == ["whole"] ? encoder.codingPath : gives.compactMap(Key.init)
                throw EncodingError.invalidValue("hunter2", .init(codingPath: path, debugDescription: "no"))
            }
        }
        struct Outer: Encodable { var a: [Refused] }
        let rows: [(any Encodable, String)] = [
            (Scribe(fails: true), "list[1].nan[1]"), (["hunter2": [Scribe(fails: true)]], "*[0].list[1].nan[1]"),
            ([[Double.nan]], "[0][0]"), (Double.nan, ""), (Outer(a: [Refused(gives: [])]), "a[0]"),
            (Outer(a: [Refused(gives: ["whole"])]), "a[0]"), (Outer(a: [Refused(gives: ["b"])]), "a[0].b"),
            (Refused(gives: ["hunter2"]), "*"), (Refused(gives: []), ""),
        ]
        for (value, path) in rows {
            let failure = #expect(throws: CodingError.self) { try format.encode(value) }
            #expect(failure?.kind == .notRepresentable)
            #expect(failure?.path == path)
            var dumped = "\(failure as Any) \(failure?.underlying as Any)"
            dump(failure, to: &dumped)
            #expect(!dumped.contains("hunter2"))
        }
    }

    @Test("B308: an encoder that is kept tells no path of another value, and keeps nothing alive")
    func keptEncoders() throws {
        final class Keeper: Encodable {
            var encoder: (any Encoder)?
            enum Key: CodingKey { case a }
            func encode(to encoder: any Encoder) throws {
                var container = encoder.container(keyedBy: Key.self)
                var list = container.nestedUnkeyedContainer(forKey: .a)
                self.encoder = list.superEncoder()
                var map = list.nestedContainer(keyedBy: Key.self)
                try map.encode(Double.nan, forKey: .a)
            }
        }
        for format in ValueFormat.allCases {
            let keeper = Keeper()
            _ = try? format.encode(["hunter2": [keeper]])
            _ = try format.encode([User(name: "x", age: 1, tags: ["a"], home: nil, color: .red)])
            let path = keeper.encoder?.codingPath ?? []
            #expect(path.isEmpty)
            weak let session = (keeper.encoder as? ValueEncoder)?.session
            #expect(session != nil)
            keeper.encoder = nil
            #expect(session == nil)
        }
    }
}
