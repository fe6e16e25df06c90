// SPDX-License-Identifier: Apache-2.0
import RivetAsync
import RivetAsyncLocal

/// The actor of the rate program, as Rivet's own engine has it too: `increment` with an event, `get`, `burst`.
enum RateActor: ActorDefinition {
    static let actorName = "counter"
    static let argumentStyle = ArgumentStyle.positional

    struct Increment: ActorAction {
        typealias Target = RateActor
        typealias Output = Int
        var amount: Int
    }

    struct Get: ActorAction {
        typealias Target = RateActor
        typealias Output = Int
    }

    /// Answered after `count` events.
    struct Burst: ActorAction {
        typealias Target = RateActor
        typealias Output = Int
        var count: Int
    }

    struct NewCount: ActorEvent {
        typealias Source = RateActor
        var count: Int
    }

    struct Tick: ActorEvent {
        typealias Source = RateActor
        var number: Int
    }
}

/// The local engine with this actor, in a process of its own, so that its time is not ours.
enum RateEngine {
    /// Prints its port, and serves until its input ends; on the first core.
    static func serve() async throws {
        try Cores.takeFirst()
        let engine = try await LocalEngine.start { engine in
            engine.actor(RateActor.self, state: 0) { actor in
                actor.on(RateActor.Increment.self) { action, instance in
                    instance.state += action.amount
                    instance.broadcast(RateActor.NewCount(count: instance.state))
                    return instance.state
                }
                actor.on(RateActor.Get.self) { _, instance in instance.state }
                actor.on(RateActor.Burst.self) { action, instance in
                    for number in 0..<action.count { instance.broadcast(RateActor.Tick(number: number)) }
                    return action.count
                }
            }
        }
        print(String(engine.endpoint.split(separator: ":").last ?? ""))
        ReferenceServer.serveUntilInputEnds()
        await engine.stop()
    }
}
