// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import RivetAsync

/// How deep a value may be; nothing that is deeper uses the stack up.
@Suite(.leavesNothing, .timeLimit(.minutes(3)))
struct DepthTests {
    struct Nest: CustomTestStringConvertible, Sendable {
        var testDescription: String
        /// A value of so many containers in one another.
        var value: @Sendable (Int) -> any Encodable & Sendable
    }

    indirect enum Chain: Encodable, Sendable {
        enum Key: CodingKey { case next }
        enum Way: CaseIterable, Sendable { case member, list, nestedMap, nestedList, superEncoder, wrapper }
        case end
        case more(Chain, Way)

        /// So many containers around the end, which is a container itself.
        static func make(_ count: Int, _ way: Way) -> Chain {
            var chain = Chain.end
            for _ in 1..<count { chain = .more(chain, way) }
            return chain
        }

        func encode(to encoder: any Encoder) throws {
            switch self {
            case .end: _ = encoder.unkeyedContainer()
            case .more(let next, .member):
                var container = encoder.container(keyedBy: Key.self)
                try container.encode(next, forKey: .next)
            case .more(let next, .list):
                var container = encoder.unkeyedContainer()
                try container.encode(next)
            case .more(let next, .nestedMap):
                var container = encoder.container(keyedBy: Key.self)
                // Twice as deep as its type says.
                var inner = container.nestedContainer(keyedBy: Key.self, forKey: .next)
                try inner.encode(next, forKey: .next)
            case .more(let next, .nestedList):
                var container = encoder.unkeyedContainer()
                var inner = container.nestedUnkeyedContainer()
                try inner.encode(next)
            case .more(let next, .superEncoder):
                var container = encoder.unkeyedContainer()
                try container.encode(1)
                try next.encode(to: container.superEncoder())
            case .more(let next, .wrapper):
                var container = encoder.singleValueContainer()
                try container.encode([next])
            }
        }
    }

    static let nests: [Nest] = [
        Nest(testDescription: "an untyped array") { count in
            (1..<count).reduce([] as RivetValue) { value, _ in [value] }
        },
        Nest(testDescription: "an untyped map") { count in
            (1..<count).reduce([:] as RivetValue) { value, _ in ["a": value] }
        },
        Nest(testDescription: "members") { Chain.make($0, .member) },
        Nest(testDescription: "elements") { Chain.make($0, .list) },
        Nest(testDescription: "nested maps") { Chain.make($0 / 2 + 1, .nestedMap) },
        Nest(testDescription: "nested lists") { Chain.make($0 / 2 + 1, .nestedList) },
        Nest(testDescription: "super encoders") { Chain.make($0, .superEncoder) },
        Nest(testDescription: "wrappers") { Chain.make($0, .wrapper) },
    ]

    @Test("B306: a value of 128 containers in one another is written and read, a deeper one is not", arguments: nests)
    func limit(_ nest: Nest) throws {
        // The nested ones are of an odd number always.
        let isOdd = nest.testDescription.hasPrefix("nested")
        for format in ValueFormat.allCases {
            let bytes = try format.encode(nest.value(isOdd ? 126 : 128))
            _ = try format.decode(RivetValue.self, from: bytes)
            for count in [isOdd ? 128 : 129, 1_000, 10_000] {
                let failure = #expect(throws: CodingError.self) { try format.encode(nest.value(count)) }
                #expect(failure?.kind == .depthLimit)
                #expect(failure?.description.contains("at most 128 arrays, maps and tags in one another") == true)
            }
        }
    }

    @Test("B306: bytes and large integers count where they are written as an array", arguments: ValueFormat.allCases)
    func pairs(_ format: ValueFormat) throws {
        let leaves: [(RivetValue, isContainer: Bool)] = [
            (.bytes([1]), format != .nativeCBOR), (.undefined, format != .plainJSON), (.integer(.max), format == .json),
            (.bigInteger(String(repeating: "9", count: 60)), format != .plainJSON),
        ]
        for (leaf, isContainer) in leaves {
            let value = { (count: Int) in (0..<count).reduce(leaf) { value, _ in [value] } }
            let most = isContainer ? 127 : 128
            _ = try format.decode(RivetValue.self, from: format.encode(value(most)))
            let failure = #expect(throws: CodingError.self) { try format.encode(value(most + 1)) }
            #expect(failure?.kind == .depthLimit)
        }
    }

    @Test("B306: tags count in native CBOR")
    func tags() throws {
        let value = { (count: Int) in (0..<count).reduce(1 as RivetValue) { value, _ in .tag(9, value) } }
        #expect(
            try ValueFormat.nativeCBOR.decode(RivetValue.self, from: .init(ValueFormat.nativeCBOR.encode(value(128))))
                == value(128)
        )
        let failure = #expect(throws: CodingError.self) { try ValueFormat.nativeCBOR.encode(value(129)) }
        #expect(failure?.kind == .depthLimit)
    }

    @Test("B306: nested containers made without end are refused where the first is too many")
    func endlessContainers() {
        struct Endless: Encodable {
            enum Key: CodingKey { case next }
            func encode(to encoder: any Encoder) throws {
                var map = encoder.container(keyedBy: Key.self)
                for _ in 0..<2_000 { map = map.nestedContainer(keyedBy: Key.self, forKey: .next) }
                #expect(throws: EncodingError.self) { try map.encode(1, forKey: .next) }
                var last = map.superEncoder()
                for _ in 0..<2_000 {
                    var list = last.unkeyedContainer()
                    last = list.superEncoder()
                }
            }
        }
        for format in ValueFormat.allCases {
            let failure = #expect(throws: CodingError.self) { try format.encode(Endless()) }
            #expect(failure?.kind == .depthLimit)
        }
    }

    /// Reads and writes itself as another of itself, for ever.
    struct Mirrored: Codable {
        init() {}
        init(from decoder: any Decoder) throws {
            self = try decoder.singleValueContainer().decode(Mirrored.self)
        }
        func encode(to encoder: any Encoder) throws {
            var container = encoder.singleValueContainer()
            try container.encode(self)
        }
    }

    @Test("B306: a type that reads or writes itself as itself is refused", arguments: ValueFormat.allCases)
    func mirrored(_ format: ValueFormat) throws {
        let bytes = try format.encode([1])
        let read = #expect(throws: CodingError.self) { try format.decode([Mirrored].self, from: bytes) }
        #expect(read?.kind == .depthLimit)
        let written = #expect(throws: CodingError.self) { try format.encode([Mirrored()]) }
        #expect(written?.kind == .depthLimit)
        #expect(written?.path == "[0]")
        // What follows is not touched by it.
        #expect(try format.decode([Int?].self, from: bytes) == [1])
    }

    @Test("B306: a document that is deeper is refused, however deep", arguments: [129, 1_000, 1_000_000])
    func deepDocuments(_ count: Int) {
        let documents: [(ValueFormat, [UInt8])] = [
            (.json, [UInt8](repeating: UInt8(ascii: "["), count: count)),
            (.json, Array(String(repeating: #"{"a":"#, count: count).utf8)),
            (.plainJSON, [UInt8](repeating: UInt8(ascii: "["), count: count)),
            (.json, Array(String(repeating: #"["$Set","#, count: count).utf8)),
            (.nativeCBOR, [UInt8](repeating: 0x81, count: count) + [0]),
            (.cbor, [UInt8](repeating: 0x9f, count: count)),
            (.nativeCBOR, [UInt8](repeating: 0xc9, count: count) + [0]),
        ]
        for (format, bytes) in documents {
            let failure = #expect(throws: CodingError.self) {
                try format.decode(RivetValue.self, from: ByteChunk(bytes))
            }
            #expect(failure?.kind == .depthLimit)
            #expect(failure?.description.contains("at most 128 arrays, maps and tags in one another") == true)
        }
    }
}
