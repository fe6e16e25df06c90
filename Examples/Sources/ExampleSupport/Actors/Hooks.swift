// SPDX-License-Identifier: Apache-2.0
package import RivetAsync
import RivetAsyncLocal

/// An actor that looks at the parameters of whoever connects.
package enum Hooks: ActorDefinition {}

/// The parameters that it looks at.
package struct HookParameters: Codable, Sendable {
    /// Kept for as long as the connection lasts.
    package var label: String?
    /// Makes the actor refuse the connection with an error of this kind.
    package var refuse: String?

    package init(label: String? = nil, refuse: String? = nil) {
        self.label = label
        self.refuse = refuse
    }
}

/// Answers what the actor keeps about the connection that asks.
package struct Me: ActorAction {
    package typealias Target = Hooks
    package static var argumentStyle: ArgumentStyle { .ofThisRun }

    package struct Output: Codable, Sendable {
        package struct State: Codable, Sendable {
            package var label: String?
        }

        package var state: State
    }

    package init() {}
}

extension LocalEngine.Registry {
    mutating func addHooks() {
        actor(Hooks.self, state: NoValue()) { hooks in
            hooks.onBeforeConnect { connection, _ in
                if let kind = try connection.parameters(as: HookParameters.self)?.refuse { _ = try failing(as: kind) }
            }
            hooks.createConnectionState { connection, _ in
                Me.Output.State(label: try connection.parameters(as: HookParameters.self)?.label)
            }
            hooks.on(Me.self) { _, _, connection in
                Me.Output(state: connection.state(as: Me.Output.State.self) ?? .init())
            }
        }
    }
}
