// SPDX-License-Identifier: Apache-2.0
import RivetAsync
import RivetAsyncLocal

/// Fails in every way that an actor's author has.
enum Errors: ActorDefinition {
    struct Fail: ActorAction {
        typealias Target = Errors
        typealias Output = String
        static let argumentStyle = ArgumentStyle.positional
        var kind: String
    }

    /// An error without a code of its own, which is masked.
    struct Plain: Error, CustomStringConvertible {
        let description = "a secret of the author"
    }
    struct Limit: Codable, Sendable, Equatable {
        var limit: Int
        var why: [String]
    }

    static func define(_ kind: inout ActorKind<Errors, NoValue>) {
        kind.on(Fail.self) { action, _ in try fail(action.kind) }
    }

    static func fail(_ kind: String) throws -> String {
        switch kind {
        case "user": throw UserError("plain user error")
        case "userCode":
            throw UserError("declined by hand", code: "declined", metadata: Limit(limit: 32, why: ["a", "b"]))
        case "plain", "text", "nothing": throw Plain()
        default: return kind
        }
    }
}
