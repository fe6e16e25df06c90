// SPDX-License-Identifier: Apache-2.0
import RivetAsyncLocal

@testable import RivetAsync

/// A counter as Rivet's own engine has one for tests: `Tests/RealEngineTests/Host`.
enum ChaosCounter: ActorDefinition {
    static let actorName = "counter"
    static let argumentStyle = ArgumentStyle.positional

    struct Increment: ActorAction {
        typealias Target = ChaosCounter
        typealias Output = Int
        var amount: Int
    }
    struct Get: ActorAction {
        typealias Target = ChaosCounter
        typealias Output = Int
    }
    struct NewCount: ActorEvent {
        typealias Source = ChaosCounter
        var count: Int
    }

    static func define(_ kind: inout ActorKind<ChaosCounter, Int>) {
        kind.on(Increment.self) { increment, actor in
            actor.state += increment.amount
            actor.broadcast(NewCount(count: actor.state))
            return actor.state
        }
        kind.on(Get.self) { _, actor in actor.state }
    }
}

/// An actor whose calls are written down where they run, as `slow` is there.
enum ChaosWorker: ActorDefinition {
    static let actorName = "slow"
    static let argumentStyle = ArgumentStyle.positional

    struct Work: ActorAction {
        typealias Target = ChaosWorker
        typealias Output = Int
        var milliseconds: Int
        var tag: String
    }

    static func define(_ kind: inout ActorKind<ChaosWorker, Int>, _ log: Recorder<String>) {
        kind.on(Work.self) { work, _ in
            log.add(work.tag)
            return 1
        }
    }
}
