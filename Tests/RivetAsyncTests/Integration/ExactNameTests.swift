// SPDX-License-Identifier: Apache-2.0
import Foundation
import RivetAsyncLocal
import Testing

@testable import RivetAsync

/// Names with other bytes are other names, also where a `String` takes them for one.
@Suite(.leavesNothing, .timeLimit(.minutes(3)))
struct ExactNameTests {
    static let one = "caf\u{e9}"
    static let two = "cafe\u{301}"

    enum CafeOne: ActorDefinition {
        static var actorName: String { ExactNameTests.one }
        struct ActionOne: ActorAction {
            typealias Target = CafeOne
            typealias Output = String
            static var actionName: String { ExactNameTests.one }
        }
        struct ActionTwo: ActorAction {
            typealias Target = CafeOne
            typealias Output = String
            static var actionName: String { ExactNameTests.two }
        }
        struct Say: ActorAction { typealias Target = CafeOne }
        struct EventOne: ActorEvent {
            typealias Source = CafeOne
            static var eventName: String { ExactNameTests.one }
            var text = "one"
        }
        struct EventTwo: ActorEvent {
            typealias Source = CafeOne
            static var eventName: String { ExactNameTests.two }
            var text = "two"
        }
        struct QueueOne: ActorQueueMessage {
            typealias Target = CafeOne
            typealias Reply = String
            static var queueName: String { ExactNameTests.one }
        }
        struct QueueTwo: ActorQueueMessage {
            typealias Target = CafeOne
            typealias Reply = String
            static var queueName: String { ExactNameTests.two }
        }
    }
    enum CafeTwo: ActorDefinition {
        static var actorName: String { ExactNameTests.two }
        struct ActionOne: ActorAction {
            typealias Target = CafeTwo
            typealias Output = String
            static var actionName: String { ExactNameTests.one }
        }
    }

    static func run(_ body: (RivetClient) async throws -> Void) async throws {
        try await withEngine(clock: ContinuousClock()) { registry in
            registry.actor(CafeOne.self, state: 0) { kind in
                kind.on(CafeOne.ActionOne.self) { _, actor in
                    actor.state += 1
                    return "one \(actor.state)"
                }
                kind.on(CafeOne.ActionTwo.self) { _, _ in "two" }
                kind.on(CafeOne.Say.self) { _, actor in
                    actor.broadcast(CafeOne.EventOne())
                    actor.broadcast(CafeOne.EventTwo())
                    return NoValue()
                }
                kind.onQueue(CafeOne.QueueOne.self) { _, _ in "one" }
                kind.onQueue(CafeOne.QueueTwo.self) { _, _ in "two" }
            }
            registry.actor(CafeTwo.self, state: 0) { kind in
                kind.on(CafeTwo.ActionOne.self) { _, _ in "the other actor" }
            }
        } _: { engine in
            let client = RivetClient(try RivetConfiguration(endpoint: engine.endpoint), transport: engine.transport)
            try await scoped(closing: { await client.close(within: .zero) }) { try await body(client) }
        }
    }

    @Test("B302: two kinds of actors, two actions, two queues, two keys")
    func calls() async throws {
        #expect(Self.one == Self.two, "the two names are one as texts")
        try await Self.run { client in
            let handle = client.getOrCreate(CafeOne.self, ["k"])
            let actionOne = try await handle.send(CafeOne.ActionOne())
            let actionTwo = try await handle.send(CafeOne.ActionTwo())
            #expect([actionOne, actionTwo] == ["one 1", "two"])
            let other = try await client.getOrCreate(CafeTwo.self, ["k"]).send(CafeTwo.ActionOne())
            #expect(other == "the other actor")
            guard
                case .completed("one") = try await handle.enqueueAndWait(CafeOne.QueueOne(), timeout: .seconds(10)),
                case .completed("two") = try await handle.enqueueAndWait(CafeOne.QueueTwo(), timeout: .seconds(10))
            else {
                Issue.record("the queues are mixed up")
                return
            }
            let keyOne = client.getOrCreate(CafeOne.self, [Self.one])
            let keyTwo = client.getOrCreate(CafeOne.self, [Self.two])
            for expected in ["one 1", "one 2"] {
                let first = try await keyOne.send(CafeOne.ActionOne())
                let second = try await keyTwo.send(CafeOne.ActionOne())
                #expect([first, second] == [expected, expected])
            }
            let (idOne, idTwo) = (try await keyOne.resolve(), try await keyTwo.resolve())
            #expect(idOne != idTwo)
            let found = try await client.get(CafeOne.self, [Self.two]).resolve()
            #expect(found == idTwo)
        }
    }

    @Test("B302: two events on one connection, and the end of one leaves the other")
    func events() async throws {
        try await Self.run { client in
            try await client.getOrCreate(CafeOne.self).withConnection { connection in
                var one = connection.events(of: CafeOne.EventOne.self).makeAsyncIterator()
                func hearTwo() async throws {
                    var two = connection.events(of: CafeOne.EventTwo.self).makeAsyncIterator()
                    try await connection.send(CafeOne.Say())
                    let heard = await two.next()?.text
                    #expect(heard == "two")
                }
                try await hearTwo()
                try await connection.send(CafeOne.Say())
                let heard = [await one.next()?.text, await one.next()?.text]
                #expect(heard == ["one", "one"])
            }
        }
    }

    @Test("B302: keys, ids and fields compare and hash by bytes")
    func values() {
        #expect(ActorKey([Self.one]) != ActorKey([Self.two]))
        #expect(Set([ActorKey([Self.one]), ActorKey([Self.two]), ActorKey([Self.one])]).count == 2)
        #expect(ActorKey(["a", "b"]) != ActorKey(["ab"]))
        #expect(ActorKey(["a", "b"]).hashValue != ActorKey(["ab", ""]).hashValue)
        #expect(ActorID(rawValue: Self.one) != ActorID(rawValue: Self.two))
        #expect(Set([ActorID(rawValue: Self.one), ActorID(rawValue: Self.two)]).count == 2)
        #expect(ActorID(rawValue: "\u{212a}") != ActorID(rawValue: "K"), "the sign for kelvin is K as a text")
        #expect(HTTPFields.Field("a", Self.one) != HTTPFields.Field("A", Self.two))
        #expect(HTTPFields.Field("a", Self.one) == HTTPFields.Field("A", Self.one))
        #expect(Set([HTTPFields.Field("a", Self.one), .init("A", Self.one), .init("a", Self.two)]).count == 2)
    }

    @Test("B302: each name is subscribed once, and by itself")
    func subscriptions() {
        let feeds = [SubscriptionTableTests.feed(Self.one), SubscriptionTableTests.feed(Self.two)]
        var table = SubscriptionTable()
        table.add(feeds[0])
        #expect(table.contains(Self.one) && !table.contains(Self.two))
        table.add(feeds[1])
        #expect(table.names.map { Array($0.utf8) } == [Array(Self.one.utf8), Array(Self.two.utf8)])
        #expect(SubscriptionTableTests.found(Self.two, table, feeds) == [1])
        table.remove(feeds[0])
        #expect(!table.contains(Self.one) && table.contains(Self.two))
    }

    @Test("B302, B36: an actor of another name in the list is not the one that was looked up")
    func lookup() async throws {
        try await CauseTests.run { client, server in
            let calling = Task { try await client.get(Self.one, ["k"]).resolve() }
            let peer = try await server.accept()
            _ = try await peer.readHead()
            let body =
                #"{"actors":[{"actor_id":"5jxlv5boumuljx2d2nvyat0o2edl00","name":"\#(Self.two)","key":"k","#
                + #""namespace_id":"n","create_ts":1,"runner_name_selector":"default","crash_policy":"sleep","#
                + #""datacenter":"d"}],"pagination":{"cursor":null}}"#
            peer.write("HTTP/1.1 200 OK\r\ncontent-length: \(body.utf8.count)\r\n\r\n\(body)")
            let error = await #expect(throws: RivetError.self) { _ = try await calling.value }
            #expect(error?.matches("actor", "not_found") == true, "\(error.map { "\($0)" } ?? "")")
        }
    }

    /// Files whose dictionaries and sets by `String` hold no name that a user or a peer chose.
    static let literalNames: Set<String> = [
        "Protocol/Gateway/GatewayRoute.swift", "Errors/ErrorClass.swift", "Configuration/UserFields.swift",
        "Configuration/RivetConfiguration.swift", "Transport/TLS/TLSSessionCache.swift",
        "Encoding/Codable/Decoding/MapDecoder.swift", "Encoding/Codable/Decoding/UnkeyedDecoder.swift",
        "Encoding/Codable/Encoding/SpecialType+Encoding.swift", "Server/Router+Gateway.swift",
        // By the ids of connections, which are the engine's own.
        "Actor/HostedActor.swift",
        "LocalEngine+Limits.swift",
    ]

    @Test("B302: no other source keeps anything by a String, which compares as text")
    func sources() throws {
        for module in ["RivetAsync", "RivetAsyncLocal"] {
            let folder = Repository.root.appending(path: "Sources/\(module)")
            for file in try Repository.files(below: folder, withExtension: "swift") {
                let name = String(file.path.dropFirst(folder.path.count + 1))
                let text = try String(contentsOf: file, encoding: .utf8)
                guard !Self.literalNames.contains(name) else { continue }
                let found =
                    text.contains("[String: ") || text.contains("Set<String>") || text.contains("Dictionary<String")
                #expect(!found, "\(module)/\(name): use ExactName, or say in the list why not")
            }
        }
    }
}
