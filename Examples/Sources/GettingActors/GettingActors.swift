// SPDX-License-Identifier: Apache-2.0
import ExampleSupport
import RivetAsync

/// The ways to an actor: by key, by key or new, new, by id.
@main
struct GettingActors: Example {
    static let summary = "gets actors by key and by id, and creates them with and without input"
    static let actors: [any ActorDefinition.Type] = [WithInput.self]

    static func run(_ setup: Setup) async throws {
        try await withRivetClient(setup.configuration) { client in
            // `get`: the actor must be there. A handle costs nothing; the first call finds out.
            let room = client.get(WithInput.self, setup.key("room"))
            do {
                try await room.send(Input())
            } catch let error as RivetError where error.matches("actor", "not_found") {
                print("get: there is no such actor yet")
            }

            // `getOrCreate`: the first call creates it if need be. Then `get` finds it too.
            let created = client.getOrCreate(WithInput.self, setup.key("room"))
            print("getOrCreate: its input is", try await created.send(Input()).seen.kind)
            print("get: its input is", try await room.send(Input()).seen.kind)

            // With input, which counts only where the actor is new.
            let game = client.getOrCreate(WithInput.self, setup.key("game"), create: CreateOptions(input: "ranked"))
            print("getOrCreate: its input is", try await game.send(Input()).seen.text)
            let again = client.getOrCreate(WithInput.self, setup.key("game"), create: CreateOptions(input: "casual"))
            print("getOrCreate: its input is still", try await again.send(Input()).seen.text)

            // `create`: the actor must be new.
            let match = try await client.create(
                WithInput.self,
                setup.key("match"),
                create: CreateOptions(input: "final")
            )
            print("create: its input is", try await match.send(Input()).seen.text)
            do {
                _ = try await client.create(WithInput.self, setup.key("match"))
            } catch let error as RivetError where error.matches("actor", "duplicate_key") {
                print("create: there is such an actor already")
            }

            // `resolve` tells the id, and `getForID` finds the actor by it.
            let id = try await game.resolve()
            let byID = client.getForID(WithInput.self, id)
            print("getForID: its input is", try await byID.send(Input()).seen.text)
            print("the same actor:", try await byID.resolve() == again.resolve())
        }
    }
}
