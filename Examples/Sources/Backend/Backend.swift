// SPDX-License-Identifier: Apache-2.0
import ExampleSupport
import RivetAsync

/// A web server that calls an actor for each request; one client serves them all.
@main
struct Backend: Example {
    static let summary = "calls an actor from the request handler of a web server, and sends that a few requests"
    static let actors: [any ActorDefinition.Type] = [Counter.self]

    static func run(_ setup: Setup) async throws {
        try await withRivetClient(setup.configuration) { client in
            // Whether the actor is there shows at the start and not with the first request.
            try await client.getOrCreate(Counter.self, setup.key("backend")).send(Increment(amount: 0))

            try await HTTPListener.serve { request in
                guard request.method == "POST", request.path.hasPrefix("/increment/") else {
                    return .init(404, "try POST /increment/NAME")
                }
                // What a user typed is one part of a key, where it cannot become another.
                let name = String(request.path.dropFirst("/increment/".count))
                do {
                    let counter = client.getOrCreate(Counter.self, setup.key("backend", name))
                    return .init(200, "\(name): \(try await counter.send(Increment(amount: 1)))")
                } catch let error as RivetError where error.fault == .actor {
                    return .init(422, error.message)
                } catch {
                    return .init(502, "the counter cannot be reached")
                }
            } while: { listener in
                print(try await listener.request("POST", "/increment/apples"))
                print(try await listener.request("POST", "/increment/apples"))
                print(try await listener.request("POST", "/increment/pears"))
                print(try await listener.request("GET", "/"))
            }
        }
    }
}
