// SPDX-License-Identifier: Apache-2.0
package import RivetAsync
import RivetAsyncLocal

/// An actor whose action fails on demand.
package enum Errors: ActorDefinition {}

/// Fails in the way that `kind` names; answers it where it names none.
package struct Fail: ActorAction {
    package typealias Target = Errors
    package typealias Output = String
    package static var argumentStyle: ArgumentStyle { .ofThisRun }

    package var kind: String

    package init(kind: String) { self.kind = kind }
}

/// An action that the actor does not have.
package struct Missing: ActorAction {
    package typealias Target = Errors

    package init() {}
}

/// What comes with the error of kind `userCode`.
package struct DeclinedDetails: Codable, Sendable {
    package var limit: Int
    package var why: [String]
}

func failing(as kind: String) throws -> String {
    struct SecretOfTheAuthor: Error {}

    switch kind {
    case "userCode":
        throw UserError(
            "declined by hand",
            code: "declined",
            metadata: DeclinedDetails(limit: 32, why: ["a", "b"])
        )
    case "plain": throw SecretOfTheAuthor()
    default: return kind
    }
}

extension LocalEngine.Registry {
    mutating func addErrors() {
        actor(Errors.self, state: NoValue()) { errors in
            errors.on(Fail.self) { action, _ in try failing(as: action.kind) }
        }
    }
}
