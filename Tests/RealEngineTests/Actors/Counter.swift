// SPDX-License-Identifier: Apache-2.0
import RivetAsync
import RivetAsyncLocal

/// A count that everyone who is connected sees change, as an actor written in JavaScript: arguments by position.
enum Counter: ActorDefinition {
    struct Increment: ActorAction {
        typealias Target = Counter
        typealias Output = Int
        static let argumentStyle = ArgumentStyle.positional
        var amount: Int
    }
    struct Get: ActorAction {
        typealias Target = Counter
        typealias Output = Int
    }
    struct Nothing: ActorAction { typealias Target = Counter }
    /// Sends so many events `tick`, numbered from 0.
    struct Burst: ActorAction {
        typealias Target = Counter
        typealias Output = Int
        static let argumentStyle = ArgumentStyle.positional
        var count: Int
    }
    struct NewCount: ActorEvent, Equatable {
        typealias Source = Counter
        static let argumentStyle = ArgumentStyle.positional
        var count: Int
    }
    struct Tick: ActorEvent {
        typealias Source = Counter
        static let argumentStyle = ArgumentStyle.positional
        var number: Int
    }

    static func define(_ kind: inout ActorKind<Counter, Int>) {
        kind.on(Increment.self) { increment, actor in
            actor.state += increment.amount
            actor.broadcast(NewCount(count: actor.state))
            return actor.state
        }
        kind.on(Get.self) { _, actor in actor.state }
        kind.on(Nothing.self) { _, _ in NoValue() }
        kind.on(Burst.self) { burst, actor in
            for number in 0..<burst.count { actor.broadcast(Tick(number: number)) }
            return burst.count
        }
    }
}

/// The same as an actor written in Rust, in a pool of its own: a struct is one argument.
enum RustCounter: ActorDefinition {
    struct Increment: ActorAction {
        typealias Target = RustCounter
        typealias Output = Int
        var amount: Int
    }
    struct Get: ActorAction {
        typealias Target = RustCounter
        typealias Output = Int
    }
    struct Reset: ActorAction { typealias Target = RustCounter }
    /// A tuple in Rust: two arguments.
    struct Add: ActorAction {
        typealias Target = RustCounter
        typealias Output = Int
        static let argumentStyle = ArgumentStyle.positional
        var first: Int
        var second: Int
    }
    struct NewCount: ActorEvent, Equatable {
        typealias Source = RustCounter
        var count: Int
    }

    static let pool = "rust"

    static func define(_ kind: inout ActorKind<RustCounter, Int>) {
        kind.on(Increment.self) { increment, actor in
            actor.state += increment.amount
            actor.broadcast(NewCount(count: actor.state))
            return actor.state
        }
        kind.on(Get.self) { _, actor in actor.state }
        kind.on(Reset.self) { _, actor in
            actor.state = 0
            return NoValue()
        }
        kind.on(Add.self) { add, _ in add.first + add.second }
    }
}
