// SPDX-License-Identifier: Apache-2.0
import RivetAsyncLocal
import Testing

@testable import RivetAsync

/// Values with `$` in them, and values that are too deep, through a client and an engine.
@Suite(.leavesNothing, .timeLimit(.minutes(3)))
struct ValueTests {
    enum Mirror: ActorDefinition {}
    struct Reflect: ActorAction, Equatable {
        typealias Target = Mirror
        typealias Output = RivetValue
        var value: RivetValue
    }
    struct Reflected: ActorEvent, Equatable {
        typealias Source = Mirror
        var value: RivetValue
    }
    struct Parameters: ActorAction {
        typealias Target = Mirror
        typealias Output = String
    }
    struct Letter: ActorQueueMessage {
        typealias Target = Mirror
        var value: RivetValue
    }
    /// Connection parameters and bodies.
    struct Own: Codable, Equatable, Sendable {
        var pairs: [[String]] = [["$a", "b"], ["$$a", "b"], ["$BigInt", "7"], ["$Undefined", "0"]]
        var map = ["$set": 1, "$": 2]
        var largest = UInt64.max
        var bytes: [UInt8] = [0, 255]

        static let json =
            #"{"pairs":[["$a","b"],["$$a","b"],["$BigInt","7"],["$Undefined","0"]],"map":MAP,"#
            + #""largest":18446744073709551615,"bytes":[0,255]}"#
        /// The order of a dictionary is another one each time.
        static func isWritten(_ text: String) -> Bool {
            [#"{"$set":1,"$":2}"#, #"{"$":2,"$set":1}"#].contains { map in
                text.utf8.elementsEqual(json.replacing("MAP", with: map).utf8)
            }
        }
    }

    static func run(
        _ encoding: RivetConfiguration.Encoding = .bare,
        _ options: HandleOptions = .init(),
        _ body: (RivetClient, ActorHandle<Mirror>) async throws -> Void
    ) async throws {
        let engine = try await LocalEngine.start { engine in
            engine.actor(Mirror.self, state: 0) { mirror in
                mirror.on(Reflect.self) { reflect, actor in
                    actor.broadcast(Reflected(value: reflect.value))
                    return reflect.value
                }
                mirror.on(Parameters.self) { (_, _, connection) in
                    let own = try connection.parameters(as: Own.self)
                    return own == Own() ? "unchanged" : "\(own as Any)"
                }
                mirror.onQueue(Letter.self) { _, _ in NoValue() }
                mirror.onRequest { request, _ in
                    if request.path == "/mark" { return LocalResponse(body: [0xef, 0xbb, 0xbf] + request.body) }
                    return LocalResponse(body: request.body)
                }
            }
        }
        var configuration = try RivetConfiguration(endpoint: engine.endpoint)
        configuration.encoding = encoding
        let client = RivetClient(configuration, transport: engine.transport)
        try await scoped {
            await client.close(within: .zero)
            await engine.stop()
        } _: {
            try await body(client, client.getOrCreate(Mirror.self, ["k"], options))
        }
    }

    static let encodings: [RivetConfiguration.Encoding] = [.bare, .cbor, .json]

    @Test(
        "B304: objects with keys that begin with $ are no pairs, and pairs of texts are escaped",
        arguments: encodings,
        [
            ["$set": 1], ["$": ["$BigInt": "7"]], [["$a": 1], ["$$b": [["$c": nil]]]], ["a": ["$set": [1, 2]]],
            ["$a", "b"], ["$$a", "b"], ["$Undefined", 0], [["$Set", ["$x", "y"]]],
        ] as [RivetValue]
    )
    func dollars(_ encoding: RivetConfiguration.Encoding, _ value: RivetValue) async throws {
        try await Self.run(encoding) { _, mirror in
            let overHTTP = try await mirror.send(Reflect(value: value))
            #expect(overHTTP == value)
            try await mirror.withConnection { connection in
                var events = connection.events(of: Reflected.self).makeAsyncIterator()
                let output = try await connection.send(Reflect(value: value))
                #expect(output == value)
                let event = await events.next()
                #expect(event == Reflected(value: value))
            }
        }
    }

    @Test("B303: bodies are plain JSON both ways", arguments: encodings)
    func bodies(_ encoding: RivetConfiguration.Encoding) async throws {
        try await Self.run(encoding) { _, mirror in
            let body = try RequestBody.json(Own())
            let sent = try await mirror.fetch(ActorRequest("plain", method: "POST", body: body)).body.collect()
            #expect(Own.isWritten(String(decoding: sent, as: UTF8.self)))
            for path in ["plain", "mark"] {
                let answer = try await mirror.fetch(ActorRequest(path, method: "POST", body: body))
                let back = try await answer.decodeJSON(Own.self)
                #expect(back == Own(), "\(path)")
            }
        }
    }

    @Test(
        "B303: connection parameters are plain JSON, over HTTP and on a connection",
        arguments: encodings,
        [ConnectionParameters.fixed(Own()), .provided { Own() }].enumerated().map { $0 }
    )
    func parameters(
        _ encoding: RivetConfiguration.Encoding,
        _ parameters: (offset: Int, element: ConnectionParameters)
    ) async throws {
        try await Self.run(encoding, HandleOptions(parameters: parameters.element)) { _, mirror in
            let overHTTP = try await mirror.send(Parameters())
            #expect(overHTTP == "unchanged")
            let onConnection = try await mirror.withConnection { try await $0.send(Parameters()) }
            #expect(onConnection == "unchanged")
        }
    }

    static func nest(_ count: Int) -> RivetValue { (0..<count).reduce(1) { value, _ in [value] } }

    @Test("B306: our own value that is too deep is encodingFailed at once, with the limit", arguments: encodings)
    func tooDeep(_ encoding: RivetConfiguration.Encoding) async throws {
        let deep = Self.nest(200)
        let ways: [(String, @Sendable (RivetClient, ActorHandle<Mirror>) async throws -> Void)] = [
            ("an action", { _, mirror in try await mirror.send(Reflect(value: deep)) }),
            ("by name", { _, mirror in try await mirror.action("reflect", deep) }),
            (
                "on a connection",
                { _, mirror in _ = try await mirror.withConnection { try await $0.send(Reflect(value: deep)) } }
            ),
            ("a queue", { _, mirror in try await mirror.enqueue(Letter(value: deep)) }),
            ("create input", { client, _ in _ = try await client.create(Mirror.self, create: .init(input: deep)) }),
            (
                "an input of getOrCreate",
                { client, _ in
                    _ = try await client.getOrCreate(Mirror.self, ["n"], create: .init(input: deep)).resolve()
                }
            ),
            (
                "query input",
                { client, _ in
                    _ = try await client.getOrCreate(Mirror.self, ["n"], create: .init(input: deep)).gatewayURL()
                }
            ),
            (
                "a body",
                { _, mirror in
                    _ = try await mirror.fetch(ActorRequest("plain", method: "POST", body: try .json(deep)))
                }
            ),
            (
                "parameters",
                { client, _ in
                    try await client.getOrCreate(Mirror.self, ["k"], .init(parameters: .fixed(deep))).send(Parameters())
                }
            ),
            (
                "a connection's parameters",
                { client, _ in
                    try await client.getOrCreate(Mirror.self, ["k"], .init(parameters: .provided { deep })).connect()
                        .waitUntilConnected()
                }
            ),
        ]
        try await Self.run(encoding) { client, mirror in
            for (name, way) in ways {
                let error = await #expect(throws: RivetError.self) { try await way(client, mirror) }
                #expect(error?.code == .encodingFailed, "\(name): \(error as Any)")
                #expect(error?.fault == .caller && error?.execution == .notSent, "\(name)")
                #expect(error?.message.contains("at most 128 arrays, maps and tags") == true, "\(name)")
            }
            let output = try await mirror.send(Reflect(value: Self.nest(100)))
            #expect(output == Self.nest(100))
        }
    }
}
