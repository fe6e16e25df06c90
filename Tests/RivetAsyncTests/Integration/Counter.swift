// SPDX-License-Identifier: Apache-2.0
import RivetAsync
import RivetAsyncLocal

/// The actor of README and API, with what tests need beside it.
enum Counter: ActorDefinition {}

struct Increment: ActorAction {
    typealias Target = Counter
    typealias Output = Int
    var amount: Int
}

struct Count: ActorAction {
    typealias Target = Counter
    typealias Output = Int
}

/// Throws `user.declined` with metadata.
struct Decline: ActorAction {
    typealias Target = Counter
    var reason: String
}

/// Never answers by itself.
struct Hang: ActorAction {
    typealias Target = Counter
}

struct NewCount: ActorEvent, Equatable {
    typealias Source = Counter
    var count: Int
}

extension Counter {
    static func define(_ counter: inout ActorKind<Counter, Int>) {
        counter.on(Increment.self) { increment, actor in
            actor.state += increment.amount
            actor.broadcast(NewCount(count: actor.state))
            return actor.state
        }
        counter.on(Count.self) { _, actor in actor.state }
        counter.on(Decline.self) { decline, _ in
            throw UserError("no", code: "declined", metadata: ["reason": decline.reason])
        }
        counter.on(Hang.self) { _, _ in
            while !Task.isCancelled { try await Task.sleep(for: .seconds(3_600)) }
            return NoValue()
        }
    }
}

extension LocalEngine {
    /// An engine with a counter, on real sockets unless said otherwise.
    static func withCounter(transport: Transport = .loopback(port: 0)) async throws -> LocalEngine {
        try await start(transport: transport) { $0.actor(Counter.self, state: 0, Counter.define) }
    }
}
