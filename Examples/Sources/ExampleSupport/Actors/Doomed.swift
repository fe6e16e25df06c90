// SPDX-License-Identifier: Apache-2.0
package import RivetAsync
import RivetAsyncLocal

/// An actor that closes connections.
package enum Doomed: ActorDefinition {}

/// Closes the connection that asks.
package struct Kick: ActorAction {
    package typealias Target = Doomed
    package typealias Output = Bool
    package static var argumentStyle: ArgumentStyle { .ofThisRun }

    package var reason: String

    package init(reason: String) { self.reason = reason }
}

extension LocalEngine.Registry {
    mutating func addDoomed() {
        actor(Doomed.self, state: NoValue()) { doomed in
            doomed.on(Kick.self) { kick, _, connection in
                await connection.disconnect(reason: kick.reason)
                return true
            }
        }
    }
}
