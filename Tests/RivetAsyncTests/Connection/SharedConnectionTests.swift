// SPDX-License-Identifier: Apache-2.0
import RivetAsyncLocal
import Testing

@testable import RivetAsync

/// Who shares a connection with whom.
@Suite(.leavesNothing, .timeLimit(.minutes(3)))
struct SharedConnectionTests {
    enum Other: ActorDefinition {}

    struct Row: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let isShared: Bool
        /// A handle that may or may not share the connection of `first`, whose actor has this id.
        let make: @Sendable (_ client: RivetClient, _ first: ActorHandle<Untyped>, ActorID) -> ActorHandle<Untyped>

        init(
            _ name: String,
            shared: Bool,
            _ make: @escaping @Sendable (RivetClient, ActorHandle<Untyped>, ActorID) -> ActorHandle<Untyped>
        ) {
            (testDescription, isShared, self.make) = (name, shared, make)
        }
    }

    static let options = HandleOptions(parameters: .fixed(["a": 1]))

    static func options(_ parameters: ConnectionParameters, skipsReadyWait: Bool? = nil) -> HandleOptions {
        HandleOptions(parameters: parameters, skipsReadyWait: skipsReadyWait)
    }

    static let rows = [
        Row("the same handle", shared: true) { _, first, _ in first },
        Row("an equal handle", shared: true) { client, _, _ in client.getOrCreate("counter", ["k"], options) },
        Row("parameters with the same JSON", shared: true) { client, _, _ in
            struct Same: Encodable { let a = Int8(1) }
            return client.getOrCreate("counter", ["k"], options(.fixed(Same())))
        },
        Row("an option that is what it is without", shared: true) { client, first, _ in
            client.getOrCreate("counter", ["k"], options(first.core.options.parameters, skipsReadyWait: false))
        },
        Row("another way to make the actor", shared: true) { client, _, _ in
            client.getOrCreate("counter", ["k"], create: CreateOptions(input: 5), options)
        },
        Row("another key", shared: false) { client, _, _ in client.getOrCreate("counter", ["l"], options) },
        Row("another name", shared: false) { client, _, _ in client.getOrCreate("other", ["k"], options) },
        Row("get, where a missing actor is an error", shared: false) { client, _, _ in
            client.get("counter", ["k"], options)
        },
        Row("the id of the same actor", shared: false) { client, _, id in client.getForID("counter", id, options) },
        Row("other parameters", shared: false) { client, _, _ in
            client.getOrCreate("counter", ["k"], options(.fixed(["a": 2])))
        },
        Row("no parameters", shared: false) { client, _, _ in client.getOrCreate("counter", ["k"]) },
        Row("a provider of the same parameters", shared: false) { client, _, _ in
            client.getOrCreate("counter", ["k"], options(.provided { ["a": 1] }))
        },
        Row("another wait", shared: false) { client, first, _ in
            client.getOrCreate("counter", ["k"], options(first.core.options.parameters, skipsReadyWait: true))
        },
    ]

    static func run(
        _ encoding: RivetConfiguration.Encoding = .bare,
        _ body: (RivetClient, LocalEngine) async throws -> Void
    ) async throws {
        let engine = try await LocalEngine.start { engine in
            engine.actor(Counter.self, state: 0, Counter.define)
            engine.actor(Other.self, state: 0) { _ in }
        }
        var configuration = try RivetConfiguration(endpoint: engine.endpoint)
        configuration.encoding = encoding
        let client = RivetClient(configuration)
        try await scoped {
            await client.close(within: .zero)
            await engine.stop()
        } _: {
            try await body(client, engine)
        }
    }

    /// They have the same socket, or two that live at the same time.
    static func expect(
        _ first: ActorHandle<Untyped>,
        _ second: ActorHandle<Untyped>,
        share isShared: Bool
    ) async throws {
        try await first.withSharedConnection { first in
            let here = try await first.waitUntilConnected()
            try await second.withSharedConnection { second in
                let there = try await second.waitUntilConnected()
                #expect((here.connectionID == there.connectionID) == isShared)
            }
        }
    }

    @Test("B285: what two have to agree on to share a socket and its Init", arguments: rows)
    func sameOrNot(_ row: Row) async throws {
        try await Self.run { client, _ in
            let first = client.getOrCreate("counter", ["k"], Self.options)
            let second = row.make(client, first, try await first.resolve())
            try await Self.expect(first, second, share: row.isShared)
        }
    }

    @Test("B285: a provider is the same for copies of its handle, typed or not, and for no other handle")
    func providers() async throws {
        try await Self.run { client, _ in
            let options = Self.options(.provided { ["a": 1] })
            let first = client.getOrCreate(Counter.self, ["k"], options)
            try await Self.expect(first.untyped, first.untyped, share: true)
            try await Self.expect(first.untyped, client.getOrCreate("counter", ["k"], options), share: false)
        }
    }

    @Test("B285: null is a parameter, and so not the same as none")
    func null() async throws {
        try await Self.run { client, _ in
            let none = client.getOrCreate("counter", ["k"])
            let null = client.getOrCreate("counter", ["k"], Self.options(.fixed(Int?.none)))
            try await Self.expect(none, null, share: false)
            try await Self.expect(null, null, share: true)
        }
    }

    @Test("B285: keys with the same text in other bytes are two actors")
    func exactKeys() async throws {
        try await Self.run { client, _ in
            let keys = ["caf\u{e9}", "cafe\u{301}"]
            let handles = keys.map { client.getOrCreate("counter", ActorKey([$0])) }
            try await Self.expect(handles[0], handles[1], share: false)
        }
    }

    @Test("B285: clients share nothing, whatever their encoding", arguments: AnsweringServer.encodings)
    func clients(_ encoding: RivetConfiguration.Encoding) async throws {
        try await Self.run(encoding) { client, engine in
            let other = RivetClient(try RivetConfiguration(endpoint: engine.endpoint))
            let handles = [client, other].map { $0.getOrCreate("counter", ["k"]) }
            try await Self.expect(handles[0], handles[1], share: false)
            await other.close(within: .zero)
        }
    }

    @Test("B285: events of one name are subscribed once for all who share, until the last of them is done")
    func subscribedOnce() async throws {
        try await SharingClient.run { fixture in
            let (first, second) = (try await fixture.join(), try await fixture.join())
            let socket = try await fixture.open(for: first, second)
            #expect(fixture.server.connectionCount == 1)
            var one: NamedEventSequence<Int>.AsyncIterator? =
                first.connection.events(named: "e", as: Int.self).makeAsyncIterator()
            #expect(try await socket.next() == "subscribe e")
            var two: NamedEventSequence<Int>.AsyncIterator? =
                second.connection.events(named: "e", as: Int.self).makeAsyncIterator()
            #expect(try await socket.isSilent())
            socket.event("1")
            #expect(await one?.next() == 1)
            #expect(await two?.next() == 1)
            one = nil
            #expect(try await socket.isSilent())
            two = nil
            #expect(try await socket.next() == "unsubscribe e")
            await first.end()
            await second.end()
        }
    }

    @Test("B285: parameters that do not encode are told as those of any connection")
    func unencodable() async throws {
        struct Trouble: Error {}
        struct Failing: Encodable { func encode(to encoder: any Encoder) throws { throw Trouble() } }
        try await Self.run { client, _ in
            let handle = client.getOrCreate("counter", ["k"], Self.options(.fixed(Failing())))
            let shared = await #expect(throws: RivetError.self) {
                try await handle.withSharedConnection { _ = try await $0.waitUntilConnected() }
            }
            let plain = await #expect(throws: RivetError.self) {
                try await handle.withConnection { _ = try await $0.waitUntilConnected() }
            }
            #expect(shared?.code == plain?.code)
        }
    }

    @Test("B286: what stays unused is over after the last user's idle time, unless somebody comes")
    func use() {
        var use = SharedUse()
        let now = TimePoint(.seconds(10))
        use.joined()
        use.joined()
        use.left(idle: .zero, now: now)
        #expect(use.nextDeadline == nil)
        #expect(!use.isOver(now: now.advanced(by: .longest)))
        use.left(idle: .seconds(5), now: now)
        #expect(use.nextDeadline == TimePoint(.seconds(15)))
        #expect(!use.isOver(now: TimePoint(.seconds(14))))
        #expect(use.isOver(now: TimePoint(.seconds(15))))
        use.joined()
        #expect(use.nextDeadline == nil)
        #expect(!use.isOver(now: TimePoint(.seconds(15))))
        for idle in [Duration.zero, .seconds(-1), .seconds(Int64.min)] {
            use.left(idle: idle, now: now)
            #expect(use.isOver(now: now))
            use.joined()
        }
        use.left(idle: .seconds(Int64.max), now: now)
        #expect(!use.isOver(now: now.advanced(by: .seconds(1_000_000_000))))
    }
}
