// SPDX-License-Identifier: Apache-2.0
import RivetAsync
import RivetAsyncLocal

/// Gives back what it gets.
enum Echo: ActorDefinition {
    struct Identity: ActorAction {
        typealias Target = Echo
        typealias Output = RivetValue
        static let argumentStyle = ArgumentStyle.positional
        var value: RivetValue
    }
    struct Slash: ActorAction {
        typealias Target = Echo
        typealias Output = String
        static let actionName = "a/b"
    }
    struct Blank: ActorAction {
        typealias Target = Echo
        typealias Output = String
        static let actionName = "a b"
    }
    struct Umlaut: ActorAction {
        typealias Target = Echo
        typealias Output = String
        static let actionName = "ä"
    }

    static func define(_ kind: inout ActorKind<Echo, NoValue>) {
        kind.on(Identity.self) { identity, _ in identity.value }
        kind.on(Slash.self) { _, _ in "a/b" }
        kind.on(Blank.self) { _, _ in "a b" }
        kind.on(Umlaut.self) { _, _ in "ä" }
    }
}

/// Remembers what it was created with.
enum WithInput: ActorDefinition {
    struct Input: ActorAction {
        typealias Target = WithInput
        typealias Output = Seen
    }
    struct Seen: Codable, Sendable {
        struct Description: Codable, Sendable {
            /// JavaScript's `typeof`.
            var type: String
            var text: String
        }
        var seen: Description
    }

    static func define(_ kind: inout ActorKind<WithInput, Seen>) {
        kind.on(Input.self) { _, actor in actor.state }
    }

    static func seen(_ input: CreationInput) throws -> Seen {
        let description: Seen.Description =
            switch try input.decode(RivetValue.self) {
            case .integer(let number): .init(type: "number", text: "\(number)")
            case .bool(let value): .init(type: "boolean", text: "\(value)")
            case .string(let text): .init(type: "string", text: text)
            case nil: .init(type: "undefined", text: "undefined")
            default: .init(type: "object", text: "[object Object]")
            }
        return Seen(seen: description)
    }
}
