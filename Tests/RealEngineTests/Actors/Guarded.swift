// SPDX-License-Identifier: Apache-2.0
import RivetAsync

/// Lets nobody listen to `secret` nor put anything into `shut`.
enum Guarded: ActorDefinition {
    struct Tell: ActorAction {
        typealias Target = Guarded
        typealias Output = Bool
    }
    struct Open: ActorEvent {
        typealias Source = Guarded
        static let argumentStyle = ArgumentStyle.positional
        var number: Int
    }
    struct Secret: ActorEvent {
        typealias Source = Guarded
        static let argumentStyle = ArgumentStyle.positional
        var number: Int
    }
    struct Shut: ActorQueueMessage {
        typealias Target = Guarded
        var name: String
    }
}
