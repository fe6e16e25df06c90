// SPDX-License-Identifier: Apache-2.0
package import RivetAsync
import RivetAsyncLocal

/// An actor that remembers what it was created with.
package enum WithInput: ActorDefinition {}

/// Answers how the actor saw its input.
package struct Input: ActorAction {
    package typealias Target = WithInput
    package static var argumentStyle: ArgumentStyle { .ofThisRun }

    package struct Output: Codable, Sendable {
        package struct Seen: Codable, Sendable {
            package var kind: String
            package var text: String
        }

        package var seen: Seen
    }

    package init() {}
}

extension LocalEngine.Registry {
    mutating func addWithInput() {
        actor(WithInput.self, state: { input, _ in try input.decode(String.self) }) { withInput in
            withInput.on(Input.self) { _, actor in
                let seen =
                    if let input = actor.state { Input.Output.Seen(kind: "String", text: input) } else {
                        Input.Output.Seen(kind: "undefined", text: "undefined")
                    }
                return Input.Output(seen: seen)
            }
        }
    }
}
