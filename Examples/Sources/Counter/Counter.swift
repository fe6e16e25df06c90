// SPDX-License-Identifier: Apache-2.0
import RivetAsync
import RivetAsyncLocal

/// The actor: a number that everyone who is connected sees change.
enum Counter: ActorDefinition {}

struct Increment: ActorAction {
    typealias Target = Counter
    typealias Output = Int
    var amount: Int

    // An actor written in JavaScript takes its arguments by position, one written in Rust takes one object.
    static var argumentStyle: ArgumentStyle { Options.arguments }
}

struct NewCount: ActorEvent {
    typealias Source = Counter
    var count: Int

    static var argumentStyle: ArgumentStyle { Options.arguments }
}

/// The same actor in Swift, for the engine in this process.
func startLocalEngine() async throws -> LocalEngine {
    try await LocalEngine.start { engine in
        engine.actor(Counter.self, state: 0) { counter in
            counter.on(Increment.self) { increment, actor in
                actor.state += increment.amount
                actor.broadcast(NewCount(count: actor.state))
                return actor.state
            }
        }
    }
}
