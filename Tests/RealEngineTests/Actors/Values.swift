// SPDX-License-Identifier: Apache-2.0
import RivetAsync
import RivetAsyncLocal

/// Answers and tells values of every kind that JavaScript has, by name.
enum Values: ActorDefinition {
    struct Get: ActorAction {
        typealias Target = Values
        typealias Output = RivetValue
        static let argumentStyle = ArgumentStyle.positional
        var name: String
    }
    /// Sends the value as the event `value` to whoever is subscribed.
    struct Tell: ActorAction {
        typealias Target = Values
        typealias Output = Bool
        static let argumentStyle = ArgumentStyle.positional
        var name: String
    }
    /// A text of this length.
    struct Big: ActorAction {
        typealias Target = Values
        typealias Output = String
        static let argumentStyle = ArgumentStyle.positional
        var length: Int
    }
    struct TellBig: ActorAction {
        typealias Target = Values
        typealias Output = Bool
        static let argumentStyle = ArgumentStyle.positional
        var length: Int
    }

    struct Value: ActorEvent {
        typealias Source = Values
        static let argumentStyle = ArgumentStyle.positional
        var value: RivetValue
    }
    struct BigText: ActorEvent {
        typealias Source = Values
        static var eventName: String { "big" }
        static let argumentStyle = ArgumentStyle.positional
        var text: String
    }
}

extension Values {
    static func define(_ kind: inout ActorKind<Values, NoValue>) {
        kind.on(Get.self) { get, _ in Sample.named(get.name) }
        kind.on(Tell.self) { tell, actor in
            actor.broadcast(Value(value: Sample.named(tell.name)))
            return true
        }
        kind.on(Big.self) { big, _ in String(repeating: "x", count: big.length) }
        kind.on(TellBig.self) { tell, actor in
            actor.broadcast(BigText(text: String(repeating: "x", count: tell.length)))
            return true
        }
    }
}
