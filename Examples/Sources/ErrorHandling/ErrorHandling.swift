// SPDX-License-Identifier: Apache-2.0
import ExampleSupport
import RivetAsync

/// What goes wrong, and how a program tells.
@main
struct ErrorHandling: Example {
    static let summary = "catches errors: an actor's own with its metadata, a hidden one, and Rivet's"
    static let actors: [any ActorDefinition.Type] = [Errors.self]

    static func run(_ setup: Setup) async throws {
        try await withRivetClient(setup.configuration) { client in
            let errors = client.getOrCreate(Errors.self, setup.key("error-handling"))

            // The actor's own error: group `user`, with a code, a message and metadata for programs.
            do {
                try await errors.send(Fail(kind: "userCode"))
            } catch let error as RivetError where error.matches("user", "declined") {
                let details = try error.remote?.metadata(as: DeclinedDetails.self)
                print("declined:", error.message, details?.limit ?? 0, details?.why ?? [])
            }

            // Over a connection it is the same, and the connection lives on.
            try await errors.withConnection { connection in
                do {
                    try await connection.send(Fail(kind: "userCode"))
                } catch let error as RivetError {
                    print("declined:", error.message, "survives: \(error.connectionSurvives)")
                }
                print("answer:", try await connection.send(Fail(kind: "nothing fails")))
            }

            // Any other error of the actor's code stays its secret.
            await report { try await errors.send(Fail(kind: "plain")) }
            // Rivet's own.
            await report { try await errors.send(Missing()) }
            await report { try await client.get(Errors.self, setup.key("nobody")).send(Fail(kind: "plain")) }
        }
    }

    /// What every error says: what happened, whose fault it is, and whether the call may have run.
    private static func report(_ call: () async throws -> Void) async {
        do {
            try await call()
            print("no error")
        } catch let error as RivetError {
            let name = error.remote.map { "\($0.group).\($0.code)" } ?? error.code.name
            print("\(name): \(error.message) (fault: \(error.fault), execution: \(error.execution))")
        } catch {
            print("cancelled")
        }
    }
}
