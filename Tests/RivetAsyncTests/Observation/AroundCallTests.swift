// SPDX-License-Identifier: Apache-2.0
import RivetAsync
import RivetAsyncLocal
import Synchronization
import Testing

/// The hook around a call: in the caller's task, once, and what it throws is what the caller gets.
@Suite(.leavesNothing, .timeLimit(.minutes(3)))
struct AroundCallTests {
    @TaskLocal static var request: String = ""

    struct Veto: Error {}

    private static func withClient(
        _ around: (@Sendable (CallInfo, () async throws -> Void) async throws -> Void)?,
        _ body: (RivetClient) async throws -> Void
    ) async throws {
        try await TokenEngine.run(.none) { engine in
            try await TokenEngine.withClient(engine, .none) {
                $0.aroundCall = around
            } _: {
                try await body($0)
            }
        }
    }

    private final class Seen: Sendable {
        private let lines = Mutex<[String]>([])
        var all: [String] { lines.withLock { $0 } }
        func add(_ line: String) { lines.withLock { $0.append(line) } }
    }

    @Test("B259: it runs in the caller's task, once around each kind of call")
    func kinds() async throws {
        let seen = Seen()
        try await Self.withClient { info, call in
            let kind = info.overConnection ? "\(info.kind) over a connection" : "\(info.kind)"
            seen.add("\(kind) \(info.actorName) \(info.name) for \(Self.request)")
            try await call()
            seen.add("after")
        } _: { client in
            try await Self.$request.withValue("me") {
                let counter = client.getOrCreate(Counter.self)
                _ = try await counter.resolve()
                _ = try await counter.send(Count())
                _ = try await counter.action("count", as: Int.self)
                _ = try await counter.fetch(ActorRequest("/a/b?c=hunter2"))
                try await counter.withWebSocket("w") { try await $0.send(.text("a")) }
                try await counter.withConnection { connection in
                    try await connection.waitUntilConnected()
                    _ = try await connection.send(Count())
                }
                try await counter.enqueue("jobs", 1)
                _ = try await client.create(Counter.self, ["new"])
            }
        }
        #expect(
            seen.all == [
                "resolve counter  for me", "after", "action counter count for me", "after",
                "action counter count for me", "after", "request counter /a/b for me", "after",
                "webSocket counter w for me", "after", "connect over a connection counter  for me", "after",
                "action over a connection counter count for me", "after", "enqueue counter jobs for me", "after",
                "resolve counter  for me", "after",
            ]
        )
    }

    @Test("B259: what it throws, before or after, is what the caller gets; an error that it keeps comes all the same")
    func throwing() async throws {
        let after = Mutex(false)
        try await Self.withClient { _, call in
            if after.withLock({ $0 }) { try await call() }
            throw Veto()
        } _: { client in
            let counter = client.getOrCreate(Counter.self)
            await #expect(throws: Veto.self) { try await counter.send(Increment(amount: 1)) }
            after.withLock { $0 = true }
            await #expect(throws: Veto.self) { try await counter.send(Increment(amount: 1)) }
        }
        try await Self.withClient { _, call in
            try? await call()
        } _: { client in
            let error = await #expect(throws: RivetError.self) { try await client.get(Counter.self).send(Count()) }
            #expect(error?.matches("actor", "not_found") == true)
        }
    }

    @Test("B260: not at all, and twice, are mistakes; a cancelled caller is cancelled as ever")
    func misuse() async throws {
        try await Self.withClient { _, _ in
        } _: { client in
            let error = await #expect(throws: RivetError.self) {
                try await client.getOrCreate(Counter.self).send(Increment(amount: 1))
            }
            #expect(error?.code == .invalidArgument && error?.execution == .notSent)
            #expect(error?.message == "aroundCall returned without running the call of action")
        }
        let second = Mutex<RivetError?>(nil)
        try await Self.withClient { _, call in
            try await call()
            do { try await call() } catch let error as RivetError { second.withLock { $0 = error } }
        } _: { client in
            let value = try await client.getOrCreate(Counter.self).send(Increment(amount: 1))
            #expect(value == 1)
            #expect(second.withLock { $0 }?.code == .invalidArgument)
        }
        try await Self.withClient { _, call in
            try await call()
        } _: { client in
            let task = Task {
                withUnsafeCurrentTask { $0?.cancel() }
                return try await client.getOrCreate(Counter.self).send(Increment(amount: 1))
            }
            await #expect(throws: CancellationError.self) { try await task.value }
        }
    }

    @Test("B318: a hook may use the client that it is around")
    func calls() async throws {
        let box = Mutex<RivetClient?>(nil)
        try await Self.withClient { info, call in
            if info.name == "increment", let client = box.withLock({ $0 }) {
                #expect(try await client.getOrCreate(Counter.self).send(Count()) == 0)
            }
            try await call()
        } _: { client in
            box.withLock { $0 = client }
            let value = try await client.getOrCreate(Counter.self).send(Increment(amount: 3))
            #expect(value == 3)
            box.withLock { $0 = nil }
        }
    }
}
