// SPDX-License-Identifier: Apache-2.0
package import RivetAsync
import RivetAsyncLocal

/// A room in which everyone hears what is said.
package enum ChatRoom: ActorDefinition {
    package static var argumentStyle: ArgumentStyle { .ofThisRun }
}

/// Who connects: the parameters of a connection.
package struct Visitor: Codable, Sendable {
    package var name: String

    package init(name: String) { self.name = name }
}

/// Says something to everyone in the room, to oneself too.
package struct Say: ActorAction {
    package typealias Target = ChatRoom

    package var text: String

    package init(text: String) { self.text = text }
}

/// What happened in the room: one kind of event for all of it, so that it has one order.
package struct Happening: ActorEvent {
    package typealias Source = ChatRoom

    package enum Kind: String, Codable, Sendable { case joined, left, said }

    package var kind: Kind
    package var name: String
    /// What was said.
    package var text: String?
    /// Who is in the room, for the one who joined.
    package var present: [String]?
}

/// A line that is too long for the room.
package struct LineTooLong: ActorFailure {
    package var most: Int
}

extension LocalEngine.Registry {
    mutating func addChatRoom() {
        actor(ChatRoom.self, state: NoValue()) { room in
            room.createConnectionState { connection, _ in
                try connection.parameters(as: Visitor.self) ?? Visitor(name: "somebody")
            }
            room.onConnect { connection, actor in
                let name = connection.visitor.name
                // Others are subscribed; the newcomer is not yet, and is told alone.
                actor.broadcast(Happening(kind: .joined, name: name))
                await connection.send(
                    Happening(kind: .joined, name: name, present: actor.connections.map { $0.visitor.name })
                )
            }
            room.onDisconnect { connection, actor in
                actor.broadcast(Happening(kind: .left, name: connection.visitor.name))
            }
            room.on(Say.self) { say, actor, connection in
                guard say.text.count <= 1_000 else { throw LineTooLong(most: 1_000) }
                actor.broadcast(Happening(kind: .said, name: connection.visitor.name, text: say.text))
                return NoValue()
            }
        }
    }
}

extension LocalConnection<ChatRoom> {
    fileprivate var visitor: Visitor { state(as: Visitor.self) ?? Visitor(name: "somebody") }
}
