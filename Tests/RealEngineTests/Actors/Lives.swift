// SPDX-License-Identifier: Apache-2.0
import RivetAsync
import RivetAsyncLocal

/// Sleeps when it is told to.
enum Sleeper: ActorDefinition {
    struct Info: ActorAction {
        typealias Target = Sleeper
        typealias Output = Result
        struct Result: Codable, Sendable {
            /// How often it was started.
            var wakes: Int
            /// How many connections it has.
            var conns: Int
            var connId: String?
        }
    }
    struct Tell: ActorAction {
        typealias Target = Sleeper
        typealias Output = Int
        static let argumentStyle = ArgumentStyle.positional
        var text: String
    }
    struct Nap: ActorAction {
        typealias Target = Sleeper
        typealias Output = Bool
    }
    /// Tells after so many milliseconds, asleep or not.
    struct TellLater: ActorAction {
        typealias Target = Sleeper
        typealias Output = Bool
        static let argumentStyle = ArgumentStyle.positional
        var milliseconds: Int
        var text: String
    }
    struct Told: ActorEvent, Equatable {
        typealias Source = Sleeper
        static let argumentStyle = ArgumentStyle.positional
        var text: String
        var wakes: Int
    }

    static func define(_ kind: inout ActorKind<Sleeper, Int>) {
        kind.onWake { actor in actor.state += 1 }
        kind.on(Info.self) { _, actor, connection in
            Info.Result(wakes: actor.state, conns: actor.connections.count, connId: connection.id)
        }
        kind.on(Tell.self) { tell, actor in
            actor.broadcast(Told(text: tell.text, wakes: actor.state))
            return actor.state
        }
        kind.on(Nap.self) { _, actor in
            actor.sleep()
            return true
        }
        kind.on(TellLater.self) { later, actor in
            actor.schedule(Tell(text: later.text), after: .milliseconds(later.milliseconds))
            return true
        }
    }
}

/// Ends itself, or the connection that asks.
enum Doomed: ActorDefinition {
    struct Ping: ActorAction {
        typealias Target = Doomed
        typealias Output = String
    }
    struct End: ActorAction {
        typealias Target = Doomed
        typealias Output = String
    }
    struct Kick: ActorAction {
        typealias Target = Doomed
        typealias Output = Bool
        static let argumentStyle = ArgumentStyle.positional
        var reason: String
    }

    static func define(_ kind: inout ActorKind<Doomed, NoValue>) {
        kind.on(Ping.self) { _, _ in "pong" }
        kind.on(End.self) { _, actor in
            actor.destroy()
            return "going"
        }
        kind.on(Kick.self) { kick, _, connection in
            await connection.disconnect(reason: kick.reason)
            return true
        }
    }
}

/// Gives its actions one second.
enum Hasty: ActorDefinition {
    struct Work: ActorAction {
        typealias Target = Hasty
        typealias Output = Int
        static let argumentStyle = ArgumentStyle.positional
        var milliseconds: Int
    }

    static var limits: LocalEngine.Limits {
        var limits = LocalEngine.Limits()
        limits.actionTimeout = .seconds(1)
        return limits
    }

    static func define(_ kind: inout ActorKind<Hasty, NoValue>) {
        kind.on(Work.self) { work, _ in
            try await Task.sleep(for: .milliseconds(work.milliseconds))
            return work.milliseconds
        }
    }
}

/// Never starts.
enum Unstartable: ActorDefinition {
    struct Ping: ActorAction {
        typealias Target = Unstartable
        typealias Output = String
    }
    struct Mistake: Error {}

    static func define(_ kind: inout ActorKind<Unstartable, NoValue>) {
        kind.onWake { _ in throw Mistake() }
        kind.on(Ping.self) { _, _ in "pong" }
    }
}
