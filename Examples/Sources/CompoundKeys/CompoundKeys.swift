// SPDX-License-Identifier: Apache-2.0
import ExampleSupport
import RivetAsync

/// Keys of several parts.
@main
struct CompoundKeys: Example {
    static let summary = "addresses actors by keys of several parts, which nothing typed by a user can confuse"
    static let actors: [any ActorDefinition.Type] = [Counter.self]

    static func run(_ setup: Setup) async throws {
        try await withRivetClient(setup.configuration) { client in
            // In a program of your own: `client.getOrCreate(Counter.self, ["org-acme", "general"])`.
            let general = client.getOrCreate(Counter.self, setup.key("org-acme", "general"))
            let random = client.getOrCreate(Counter.self, setup.key("org-acme", "random"))
            print("general:", try await general.send(Increment(amount: 1)))
            print("general:", try await general.send(Increment(amount: 1)))
            print("random:", try await random.send(Increment(amount: 1)))

            // Parts are kept apart whatever is in them, so these are four actors and not one.
            for key in [
                setup.key("org", "a", "b"), setup.key("org", "a/b"), setup.key("org", "a:b"), setup.key("org/a", "b"),
            ] {
                print("new:", try await client.getOrCreate(Counter.self, key).send(Increment(amount: 1)))
            }

            // An array works too. A text with an interpolation does not compile: "org:\(name)".
            let parts = ["org-acme", "general"]
            let path = ActorKey(setup.key().parts + parts)
            print("general:", try await client.get(Counter.self, path).send(Increment(amount: 1)))
        }
    }
}
