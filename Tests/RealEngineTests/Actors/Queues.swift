// SPDX-License-Identifier: Apache-2.0
import RivetAsync
import RivetAsyncLocal

/// Completes its messages: those of `jobs` with a reply.
enum Queues: ActorDefinition {
    struct Jobs: ActorQueueMessage {
        typealias Target = Queues
        typealias Reply = Done
        struct Done: Codable, Sendable { var got: Jobs }
        var name: String
    }
    struct Quiet: ActorQueueMessage {
        typealias Target = Queues
        var name: String
    }
    struct Seen: ActorAction {
        typealias Target = Queues
        typealias Output = [Message]
        struct Message: Codable, Sendable { var name: String }
    }

    static func define(_ kind: inout ActorKind<Queues, [Seen.Message]>) {
        kind.onQueue(Jobs.self) { job, actor in
            actor.state.append(.init(name: "jobs"))
            return .init(got: job)
        }
        kind.onQueue(Quiet.self) { _, actor in
            actor.state.append(.init(name: "quiet"))
            return NoValue()
        }
        kind.on(Seen.self) { _, actor in actor.state }
    }
}

/// Never takes a message.
enum Silent: ActorDefinition {
    struct Jobs: ActorQueueMessage {
        typealias Target = Silent
        var name: String
    }

    static func define(_ kind: inout ActorKind<Silent, NoValue>) {
        kind.onQueue(Jobs.self) { _, _ in try await forever() }
    }

    /// Until it is cancelled.
    static func forever() async throws -> NoValue {
        while true { try await Task.sleep(for: .seconds(3_600)) }
    }
}

/// Never takes a message, and has room for three of 1,024 bytes.
enum Narrow: ActorDefinition {
    struct Jobs: ActorQueueMessage {
        typealias Target = Narrow
        var name: String
    }

    static var limits: LocalEngine.Limits {
        var limits = LocalEngine.Limits()
        limits.maxQueuedMessages = 3
        limits.maxQueuedMessageSize = 1_024
        return limits
    }

    static func define(_ kind: inout ActorKind<Narrow, NoValue>) {
        kind.onQueue(Jobs.self) { _, _ in try await Silent.forever() }
    }
}
