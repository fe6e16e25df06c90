// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import RivetAsync

/// What serves for one document serves for the next, unless a type kept a part of it.
@Suite(.leavesNothing, .timeLimit(.minutes(3)))
struct ContainerReuseTests {
    private struct Point: Codable, Equatable { var x: Int, y: Int }

    /// Reads itself only when asked.
    private struct Late: Decodable {
        private enum Key: String, CodingKey { case a, b }
        private let decoder: any Decoder
        private let container: KeyedDecodingContainer<Key>

        init(from decoder: any Decoder) throws {
            self.decoder = decoder
            container = try decoder.container(keyedBy: Key.self)
        }

        func read() throws -> [Int] {
            let again = try decoder.container(keyedBy: Key.self)
            return [
                try container.decode(Int.self, forKey: .b), try container.decode(Point.self, forKey: .a).x,
                try again.decode(Int.self, forKey: .b), try again.decode(Point.self, forKey: .a).y,
            ]
        }
    }

    @Test("containers are used again unless that is switched off")
    func containersAreRemembered() throws {
        enum Key: CodingKey { case a }
        try DecodingSession.decode(ByteChunk([0xa0]), .cbor) { root in
            let map = MapDecoder(root.session)
            try map.enter(root)
            var cache = ContainerCache<MapDecoder>()
            let container = KeyedDecodingContainer(KeyedDecoder<Key>(map: map))
            #expect(cache.remember(container, map, for: Key.self) == !LeavesNothing.containersAnew)
        }
    }

    @Test("a decoder and a container that are kept go on reading their document", arguments: ValueFormat.allCases)
    func keptDecoderReadsItsDocument(_ format: ValueFormat) throws {
        func document(_ number: Int) throws -> ByteChunk {
            try format.encode(["a": ["x": .integer(number), "y": 2], "b": .integer(-number)] as RivetValue)
        }
        let kept = try (1...20).map { try format.decode(Late.self, from: document($0)) }
        let both: [Late] = try format.decode(from: format.encode([RivetValue](repeating: ["a": 1, "b": 2], count: 2)))
        for (number, late) in zip(1..., kept) {
            #expect(try late.read() == [-number, number, -number, 2])
        }
        #expect(throws: DecodingError.self) { try both[1].read() }
    }

    @Test("a document's bytes are let go of when it is decoded, or when nothing kept is left of it")
    func bytesAreLetGoOf() throws {
        weak var storage: ByteStorage?
        func decode<T: Decodable>(_: T.Type) throws -> T {
            let text = Array(#"{"a":{"x":1,"y":2},"b":3}"#.utf8)
            let bytes = ByteStorage.allocate(capacity: text.count)
            bytes.base.copyMemory(from: text, byteCount: text.count)
            storage = bytes
            return try ValueFormat.json.decode(T.self, from: ByteChunk(storage: bytes, offset: 0, count: text.count))
        }
        struct Plain: Decodable { var a: Point, b: Int }
        #expect(try decode(Plain.self).b == 3)
        #expect(storage == nil)
        var kept: Late? = try decode(Late.self)
        #expect(storage != nil)
        #expect(try kept?.read() == [3, 1, 3, 2])
        kept = nil
        #expect(storage == nil)
        #expect(throws: CodingError.self) { try decode([String: Bool].self) }
        #expect(storage == nil)
        let positional = try ValueFormat.json.decodePositionalArguments(Point.self, from: ByteChunk("[1,2]".utf8))
        #expect(positional == Point(x: 1, y: 2))
    }

    private enum Key<Tag>: String, CodingKey { case x }

    /// Keeps its decoder, and of containers for as many types of keys as told the last.
    private final class Hoarder: Decodable {
        @TaskLocal static var count = 0
        private(set) var decoder: (any Decoder)?
        private(set) var reads: [() throws -> Int] = []

        init(from decoder: any Decoder) throws {
            self.decoder = decoder
            try keep(Never.self, Self.count)
            // Used and let go of.
            _ = try decoder.container(keyedBy: Key<Int>.self).decode(Int.self, forKey: .x)
        }

        private func keep<Tag>(_: Tag.Type, _ count: Int) throws {
            guard count > 0, let container = try decoder?.container(keyedBy: Key<Tag>.self) else { return }
            if count == 1 { reads.append { try container.decode(Int.self, forKey: .x) } }
            try keep([Tag].self, count - 1)
        }

        /// From now on a container alone keeps the document.
        func letGoOfDecoder(afterKeeping count: Int) throws {
            try keep(Int.self, count)
            decoder = nil
        }
    }

    @Test(
        "a container keeps its document, however many there are and whenever it was made",
        arguments: [(during: 1, after: 0), (during: 40, after: 0), (during: 0, after: 1), (during: 0, after: 40)]
    )
    func containerKeepsItsDocument(_ during: Int, _ after: Int) throws {
        weak var storage: ByteStorage?
        var hoarder: Hoarder? = try {
            let bytes = try ByteChunk(Array(ValueFormat.nativeCBOR.encode(["x": 7])))
            storage = bytes.storage
            return try Hoarder.$count.withValue(during) { try ValueFormat.nativeCBOR.decode(from: bytes) }
        }()
        try hoarder?.letGoOfDecoder(afterKeeping: after)
        #expect(storage != nil)
        #expect(try hoarder?.reads.map { try $0() } == [7])
        hoarder = nil
        #expect(storage == nil)
    }

    private final class Keeper: Encodable {
        private enum Key: String, CodingKey { case x }
        var encoder: (any Encoder)?
        private var container: KeyedEncodingContainer<Key>?

        func encode(to encoder: any Encoder) throws {
            self.encoder = encoder
            var container = encoder.container(keyedBy: Key.self)
            try container.encode(1, forKey: .x)
            self.container = container
        }

        func writeLate() throws {
            try container?.encode(2, forKey: .x)
        }
    }

    @Test("an encoder and a container that are kept write into no other value", arguments: ValueFormat.allCases)
    func keptEncoderWritesNowhere(_ format: ValueFormat) throws {
        let keeper = Keeper()
        let bytes = try format.encode(keeper)
        #expect(try format.decode(from: bytes) == ["x": 1])
        #expect(try format.decode(from: format.encode(Point(x: 1, y: 2))) == Point(x: 1, y: 2))
        #expect(throws: EncodingError.self) { try keeper.writeLate() }
        var late = keeper.encoder?.unkeyedContainer()
        #expect(throws: EncodingError.self) { try late?.encode(1) }
        // The value of before, now inside another.
        let pair = try format.encode([keeper, keeper])
        #expect(try format.decode(from: pair) == [["x": 1], ["x": 1]])
        #expect(throws: EncodingError.self) { try keeper.writeLate() }
    }

    /// As `Hoarder`, writing.
    private final class LateWriter: Encodable {
        @TaskLocal static var count = 0
        private(set) var encoder: (any Encoder)?
        private(set) var writes: [() throws -> Void] = []

        func encode(to encoder: any Encoder) throws {
            self.encoder = encoder
            keep(Never.self, Self.count)
            // Used and let go of.
            var container = encoder.container(keyedBy: Key<Int>.self)
            try container.encode(1, forKey: .x)
        }

        private func keep<Tag>(_: Tag.Type, _ count: Int) {
            guard count > 0, var container = encoder?.container(keyedBy: Key<Tag>.self) else { return }
            if count == 1 { writes.append { try container.encode(2, forKey: .x) } }
            keep([Tag].self, count - 1)
        }

        func letGoOfEncoder(afterKeeping count: Int) {
            keep(Int.self, count)
            encoder = nil
        }
    }

    @Test(
        "a container keeps what it would write into, however many there are and whenever it was made",
        arguments: [(during: 1, after: 0), (during: 40, after: 0), (during: 0, after: 1), (during: 0, after: 40)]
    )
    func containerKeepsItsOutput(_ during: Int, _ after: Int) throws {
        var writer: LateWriter? = LateWriter()
        let bytes = try LateWriter.$count.withValue(during) { try ValueFormat.json.encode(writer) }
        #expect(String(decoding: bytes, as: UTF8.self) == #"{"x":1}"#)
        weak let session = (writer?.encoder as? ValueEncoder)?.session
        writer?.letGoOfEncoder(afterKeeping: after)
        #expect(session != nil)
        #expect(writer?.writes.count == 1)
        for write in writer?.writes ?? [] { #expect(throws: EncodingError.self) { try write() } }
        writer = nil
        #expect(session == nil)
    }

    @Test("small results share memory, and none changes when others are written")
    func resultsDoNotChange() throws {
        let results = try (0..<5_000).map { try ValueFormat.json.encode([$0, $0 * 7]) }
        for (number, bytes) in results.enumerated() {
            #expect(String(decoding: bytes, as: UTF8.self) == "[\(number),\(number * 7)]")
        }
    }

    private enum Large: Encodable, CaseIterable {
        case text, containers
        struct Failed: Error {}

        func encode(to encoder: any Encoder) throws {
            var list = encoder.unkeyedContainer()
            switch self {
            case .text: try list.encode(String(repeating: "x", count: 1_000_000))
            case .containers: for _ in 0..<10_000 { _ = list.nestedUnkeyedContainer() }
            }
        }
    }

    @Test("a session keeps no memory that has grown for one large value", arguments: ValueFormat.allCases)
    func grownMemoryIsNotKept(_ format: ValueFormat) throws {
        let session = EncodingSession(format, options: .init())
        for large in Large.allCases {
            for fails in [false, true] {
                _ = try? session.encode(format, options: .init()) { output in
                    try output.write(large)
                    #expect(output.retainedSize > EncodingSession.maxKeptCapacity)
                    if fails { throw Large.Failed() }
                }
                #expect(session.output.retainedSize <= EncodingSession.maxKeptCapacity)
            }
        }
        _ = try session.encode(format, options: .init()) { $0.write(String(repeating: "x", count: 10_000)) }
        #expect(session.output.retainedSize >= 10_000, "what is not large is kept")
    }

    @Test("tasks that encode and decode at the same time do not meet")
    func tasksDoNotMeet() async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for task in 0..<8 {
                group.addTask {
                    for number in 0..<TestScale.count(full: 20_000, byDefault: 300) {
                        let format = ValueFormat.allCases[number % 4]
                        let value = ["task": [Point(x: task, y: number)], "other": []]
                        let back = try format.decode([String: [Point]].self, from: format.encode(value))
                        guard back == value else { throw CodingError(.malformed, at: number) }
                    }
                }
            }
            try await group.waitForAll()
        }
    }
}
