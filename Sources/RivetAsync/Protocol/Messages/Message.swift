// SPDX-License-Identifier: Apache-2.0

/// What a client says on a connection (PROTOCOL g1).
///
/// Names and values are slices of the received message.
package enum ClientMessage: Sendable, Equatable {
    case actionRequest(id: UInt64, name: ByteChunk, arguments: ByteChunk)
    case subscriptionRequest(eventName: ByteChunk, subscribe: Bool)
}

/// What the actor says on a connection (PROTOCOL g2).
///
/// Names and values are slices of the received message: nothing is copied and no text made for an event that nobody
/// wants.
package enum ServerMessage: Sendable {
    case initial(actorID: ActorID, connectionID: String)
    /// Without `actionID`: about the connection, and a close follows.
    indirect case error(ErrorMessage)
    /// No bytes mean no value (B119).
    case actionResponse(id: UInt64, output: ByteChunk)
    case event(EventMessage)
}

/// An event of the actor: one reference to its message, and where the name and the arguments lie in it.
package struct EventMessage: Sendable {
    /// What it keeps alive.
    private(set) var message: ByteChunk
    private let namePlace: Range<Int>
    private let argumentsPlace: Range<Int>

    /// The ranges lie in `message`.
    init(_ message: ByteChunk, name: Range<Int>, arguments: Range<Int>) {
        self.message = message
        namePlace = name
        argumentsPlace = arguments
    }

    /// Slices of one message, or a name that stands there in another form, in memory of its own.
    package init(name: ByteChunk, arguments: ByteChunk) {
        guard let storage = arguments.storage, name.bufferID == arguments.bufferID else {
            let size = name.count
            self.init(ByteChunk(Array(name) + arguments), name: 0..<size, arguments: size..<(size + arguments.count))
            return
        }
        func place(of slice: ByteChunk) -> Range<Int> { (slice.offset - start)..<(slice.offset - start + slice.count) }
        let start = min(name.offset, arguments.offset)
        let end = max(name.offset + name.count, arguments.offset + arguments.count)
        let message = ByteChunk(storage: storage, offset: start, count: end - start)
        self.init(message, name: place(of: name), arguments: place(of: arguments))
    }

    /// Lets go of a receive buffer that is larger than the event.
    mutating func copyOut() { message.copyOut() }

    package var name: ByteChunk { message.slice(namePlace) }
    package var arguments: ByteChunk { message.slice(argumentsPlace) }

    /// The bytes of the name; valid as long as the event is.
    var nameBytes: UnsafeRawBufferPointer { unsafe UnsafeRawBufferPointer(rebasing: message.unsafeBytes[namePlace]) }
    var argumentsBytes: UnsafeRawBufferPointer {
        unsafe UnsafeRawBufferPointer(rebasing: message.unsafeBytes[argumentsPlace])
    }
    var argumentsSize: Int { argumentsPlace.count }
    /// How much of its message it keeps.
    var size: Int { message.count }
}

/// An error as the actor or the engine reports it, over a connection or over HTTP (PROTOCOL i1).
package struct ErrorMessage: Sendable {
    package var group: String
    package var code: String
    package var message: String
    package var metadata: EncodedValue?
    /// On a connection: the action that failed; nil where the error is about the connection.
    package var actionID: UInt64?
    package var actor: ActorReference?

    package init(
        group: String,
        code: String,
        message: String,
        metadata: EncodedValue? = nil,
        actionID: UInt64? = nil,
        actor: ActorReference? = nil
    ) {
        self.group = group
        self.code = code
        self.message = message
        self.metadata = metadata
        self.actionID = actionID
        self.actor = actor
    }
}

/// The actor that an error came from (since protocol version 4).
package struct ActorReference: Sendable, Equatable {
    package var actorID: ActorID
    package var generation: UInt64
    /// The key's text, where no parts is the empty text (PROTOCOL b1); nil where there is none.
    package var keyText: String?

    package init(actorID: ActorID, generation: UInt64, keyText: String?) {
        self.actorID = actorID
        self.generation = generation
        self.keyText = keyText
    }

    package var key: ActorKey? { keyText.map { ActorKey(text: $0) } }
}
