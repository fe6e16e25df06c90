// SPDX-License-Identifier: Apache-2.0
package import RivetAsync
import RivetAsyncLocal

/// A number that everyone who is connected sees change.
package enum Counter: ActorDefinition {
    /// `counter`, as the type's name says, unless `--actor` names another one.
    package static var actorName: String { Options.ofThisProcess.counterName }
}

/// Adds to the number and answers the new one.
package struct Increment: ActorAction {
    package typealias Target = Counter
    package typealias Output = Int
    package static var argumentStyle: ArgumentStyle { .ofThisRun }

    package var amount: Int

    package init(amount: Int) { self.amount = amount }
}

/// Answers the number, and tells nobody.
package struct Get: ActorAction {
    package typealias Target = Counter
    package typealias Output = Int
    package static var argumentStyle: ArgumentStyle { .ofThisRun }

    package init() {}
}

/// Sends so many ticks, numbered from 0, and answers how many.
package struct Burst: ActorAction {
    package typealias Target = Counter
    package typealias Output = Int
    package static var argumentStyle: ArgumentStyle { .ofThisRun }

    package var n: Int

    package init(n: Int) { self.n = n }
}

/// The number has changed.
package struct NewCount: ActorEvent {
    package typealias Source = Counter
    package static var argumentStyle: ArgumentStyle { .ofThisRun }

    package var count: Int
}

/// One of a burst.
package struct Tick: ActorEvent {
    package typealias Source = Counter
    package static var argumentStyle: ArgumentStyle { .ofThisRun }

    package var n: Int
}

extension LocalEngine.Registry {
    mutating func addCounter() {
        actor(Counter.self, state: 0) { counter in
            counter.on(Increment.self) { increment, actor in
                actor.state += increment.amount
                actor.broadcast(NewCount(count: actor.state))
                return actor.state
            }
            counter.on(Get.self) { _, actor in actor.state }
            counter.on(Burst.self) { burst, actor in
                for n in 0..<burst.n { actor.broadcast(Tick(n: n)) }
                return burst.n
            }
        }
    }
}
